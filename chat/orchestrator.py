"""One conversation turn as one stream of events: the WebSocket forwards it, ``POST /chat`` collects it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, aclosing

from django.conf import settings

from accounts.models import User
from agents.events import AgentEvent, TextDelta
from agents.llm.meter import Meter
from agents.run_context import ClientTools, RunContext
from chat.agent_routing import DEFAULT_AGENT, choose_agents
from chat.pipeline import route_pipeline, route_single
from chat.plans.playbooks import make_plan
from chat.sanitizer.output import MAX_ON_THE_LOOP, AllowedAnswers, OutputSanitizer
from chat.speculation import Speculation
from chat.turns import ChatTurn, PartialTurn, PlanMade, TurnDone, TurnEvent, capacity, measure_turn, problem_of


async def orchestrate(*, turn: ChatTurn, user: User, meter: Meter) -> TurnDone:
    """Runs the whole turn. Raises what ``orchestrate_stream`` raises."""
    async with aclosing(orchestrate_stream(turn=turn, user=user, meter=meter, whole=True)) as events:
        async for event in events:
            if isinstance(event, TurnDone):
                return event
    raise AssertionError("a turn ends with TurnDone or an exception")


async def orchestrate_stream(
    *, turn: ChatTurn, user: User, meter: Meter, client_tools: ClientTools | None = None, whole: bool = False
) -> AsyncGenerator[TurnEvent, None]:
    """The sanitized events of ``turn``, then one ``TurnDone``; with ``whole`` all its text comes at the end.

    Raises only ``Problem``; ``UpstreamTimeout`` after ``LLM_TIMEOUT_SECONDS`` for the whole turn. Closing the iterator
    closes the provider's connection. ``meter`` has the usage however the turn ends. ``user`` comes from
    ``accounts.authentication``: no query is made here.
    """
    deadline = asyncio.get_running_loop().time() + settings.LLM_TIMEOUT_SECONDS
    partial = PartialTurn()
    with measure_turn(turn.execution_mode) as clock, capacity.turn(user.id):
        output = await OutputSanitizer.for_request(turn.message, turn.context, whole=whole)
        run = RunContext.of(
            turn.context,
            client_tools=client_tools and AllowedAnswers(client_tools, output),
            model=turn.model,
            provider=turn.provider,
            deadline=deadline,
            meter=meter,
        )
        try:
            async with aclosing(_steps(turn, user, run, deadline)) as steps:
                async for step in steps:
                    shown: AgentEvent | PlanMade | None
                    if isinstance(step, TextDelta) and len(step.text) <= MAX_ON_THE_LOOP:
                        text = output.feed(step.text)
                        shown = TextDelta(text) if text else None
                    else:
                        shown = await output.sanitize_event(step)
                    if shown is not None:
                        partial.add(shown)
                        clock.observe(shown)
                        yield shown
        except Exception as error:  # noqa: BLE001 - the caller gets a problem, whatever the error
            raise output.sanitize_problem(problem_of(error)) from None
        rest = output.finish()
        if rest is not None:
            partial.add(rest)
            clock.observe(rest)
            yield rest
    yield partial.finish(meter)


async def _steps(
    turn: ChatTurn, user: User, run: RunContext, deadline: float
) -> AsyncGenerator[AgentEvent | PlanMade, None]:
    async with AsyncExitStack() as stack:
        guess = None
        if settings.LLM_SPECULATE and turn.execution_mode == "direct":
            likely = route_single(DEFAULT_AGENT, turn.message, run, user_id=user.id)
            guess = await stack.enter_async_context(Speculation(likely))
        names = await choose_agents(turn, user=user, deadline=deadline, meter=run.meter)
        if turn.execution_mode == "plan":
            yield PlanMade(await make_plan(turn, names, user_id=user.id))
            return
        if names != (DEFAULT_AGENT,):
            await stack.aclose()  # the guess was wrong: it shall cost no more
        if guess is not None and names == (DEFAULT_AGENT,):
            work = guess.take()
        elif len(names) == 1:
            work = route_single(names[0], turn.message, run, user_id=user.id)
        else:
            work = route_pipeline(names, turn.message, run, user_id=user.id)
        async with aclosing(work) as events:
            async for event in events:
                yield event

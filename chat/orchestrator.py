"""One conversation turn as one stream of events: the WebSocket forwards it, ``POST /chat`` collects it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from django.conf import settings

from accounts.models import User
from adiuva.api.errors import UpstreamTimeout
from agents.events import AgentEvent
from agents.llm.meter import Meter
from agents.run_context import ClientTools, RunContext
from chat.agent_routing import choose_agents
from chat.pipeline import route_pipeline, route_single
from chat.plans.playbooks import make_plan
from chat.sanitizer.output import AllowedAnswers, OutputSanitizer
from chat.turns import ChatTurn, PartialTurn, PlanMade, TurnDone, TurnEvent, capacity, measure_turn, problem_of


async def orchestrate(*, turn: ChatTurn, user: User, meter: Meter) -> TurnDone:
    """Runs the whole turn. Raises what ``orchestrate_stream`` raises."""
    async with aclosing(orchestrate_stream(turn=turn, user=user, meter=meter)) as events:
        async for event in events:
            if isinstance(event, TurnDone):
                return event
    raise AssertionError("a turn ends with TurnDone or an exception")


async def orchestrate_stream(
    *, turn: ChatTurn, user: User, meter: Meter, client_tools: ClientTools | None = None
) -> AsyncGenerator[TurnEvent, None]:
    """The sanitized events of ``turn``, then one ``TurnDone``.

    Raises only ``Problem``; ``UpstreamTimeout`` after ``LLM_TIMEOUT_SECONDS`` for the whole turn. Closing the iterator
    closes the provider's connection. ``meter`` has the usage however the turn ends. ``user`` comes from
    ``accounts.authentication``: no query is made here.
    """
    deadline = asyncio.get_running_loop().time() + settings.LLM_TIMEOUT_SECONDS
    partial = PartialTurn()
    with measure_turn(turn.execution_mode) as clock, capacity.turn():
        output = await OutputSanitizer.for_request(turn.message, turn.context)
        run = RunContext.of(
            turn.context,
            client_tools=client_tools and AllowedAnswers(client_tools, output),
            model=turn.model,
            deadline=deadline,
            meter=meter,
        )
        async with aclosing(_steps(turn, user, run, deadline)) as steps:
            while (step := await _next(steps, deadline, output)) is not None:
                shown = await output.sanitize_event(step)
                if shown is not None:
                    partial.add(shown)
                    clock.observe(shown)
                    yield shown
        rest = output.finish()
        if rest is not None:
            partial.add(rest)
            clock.observe(rest)
            yield rest
    yield partial.finish(meter.usage)


async def _next(
    steps: AsyncGenerator[AgentEvent | PlanMade, None], deadline: float, output: OutputSanitizer
) -> AgentEvent | PlanMade | None:
    """The next of ``steps``, None after the last. Every exception becomes a ``Problem``."""
    # Around each step rather than all of them: a timeout that spans a `yield` would cancel the consumer.
    limit = asyncio.timeout_at(deadline)
    try:
        async with limit:
            return await anext(steps, None)
    except TimeoutError as error:
        raise (UpstreamTimeout() if limit.expired() else output.sanitize_problem(problem_of(error))) from None
    except Exception as error:  # noqa: BLE001 - the caller gets a problem, whatever the error
        raise output.sanitize_problem(problem_of(error)) from None


async def _steps(
    turn: ChatTurn, user: User, run: RunContext, deadline: float
) -> AsyncGenerator[AgentEvent | PlanMade, None]:
    names = await choose_agents(turn, user=user, deadline=deadline, meter=run.meter)
    if turn.execution_mode == "plan":
        yield PlanMade(await make_plan(turn, names, user_id=user.id))
        return
    if len(names) == 1:
        work = route_single(names[0], turn.message, run, user_id=user.id)
    else:
        work = route_pipeline(names, turn.message, run, user_id=user.id)
    async with aclosing(work) as events:
        async for event in events:
            yield event

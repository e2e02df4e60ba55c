"""One conversation turn as one stream of events: the WebSocket forwards them, ``POST /chat`` collects them."""

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
    """The whole turn at once; raises what ``orchestrate_stream`` raises."""
    async with aclosing(orchestrate_stream(turn=turn, user=user, meter=meter)) as events:
        async for event in events:
            if isinstance(event, TurnDone):
                return event
    raise AssertionError("a turn ends with TurnDone or an exception")


async def orchestrate_stream(
    *, turn: ChatTurn, user: User, meter: Meter, client_tools: ClientTools | None = None
) -> AsyncGenerator[TurnEvent, None]:
    """Everything that happens in ``turn`` as its user may see it, and one ``TurnDone`` at its end.

    Raises only ``Problem``. The whole turn has ``LLM_TIMEOUT_SECONDS``, after which it is ``UpstreamTimeout``. Closing
    the iterator closes the provider's connection. ``meter`` knows the cost whatever became of the turn. ``user`` comes
    from ``accounts.authentication``: no query is made here.
    """
    deadline = asyncio.get_running_loop().time() + settings.LLM_TIMEOUT_SECONDS
    so_far = PartialTurn()
    with measure_turn(turn.execution_mode) as clock, capacity.turn():
        speech = await OutputSanitizer.about(turn.message, turn.context)
        run = RunContext.of(
            turn.context,
            client_tools=client_tools and AllowedAnswers(client_tools, speech),
            model=turn.model,
            deadline=deadline,
            meter=meter,
        )
        async with aclosing(_steps(turn, user, run, deadline)) as steps:
            while (step := await _next(steps, deadline, speech)) is not None:
                shown = await speech.event(step)
                if shown is not None:
                    so_far.add(shown)
                    clock.shows(shown)
                    yield shown
        rest = speech.rest()
        if rest is not None:
            so_far.add(rest)
            clock.shows(rest)
            yield rest
    yield so_far.done(meter.usage)


async def _next(
    steps: AsyncGenerator[AgentEvent | PlanMade, None], deadline: float, speech: OutputSanitizer
) -> AgentEvent | PlanMade | None:
    """The next of ``steps``, None after the last; whatever goes wrong becomes a ``Problem``."""
    # Around each step and not all of them: a timeout that spans a `yield` would cancel whoever reads.
    limit = asyncio.timeout_at(deadline)
    try:
        async with limit:
            return await anext(steps, None)
    except TimeoutError as error:
        raise (UpstreamTimeout() if limit.expired() else speech.problem(problem_of(error))) from None
    except Exception as error:  # noqa: BLE001 - whatever it was, the caller gets a problem
        raise speech.problem(problem_of(error)) from None


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

"""One conversation turn as one stream of events: the WebSocket forwards them, ``POST /chat`` collects them."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing

from django.conf import settings

from accounts.models import User
from adiuva.http.problems import UpstreamTimeout
from agents.events import AgentEvent, UsageReport
from agents.registry import registry
from agents.run import ClientTools, RunContext
from chat.failures import problem_of
from chat.intent import choose_agent
from chat.turns import ChatTurn, TurnDone, TurnEvent, TurnSoFar

logger = logging.getLogger(__name__)


async def orchestrate_stream(
    *, turn: ChatTurn, user: User, client_tools: ClientTools | None = None
) -> AsyncGenerator[TurnEvent, None]:
    """Everything that happens in ``turn``, and one ``TurnDone`` at its end.

    Raises only ``Problem``. The whole turn has ``LLM_TIMEOUT_SECONDS``, after which it is ``UpstreamTimeout``. Closing
    the iterator closes the provider's connection. ``user`` comes from ``accounts.access``: no query is made here.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + settings.LLM_TIMEOUT_SECONDS
    so_far = TurnSoFar()
    async with aclosing(_agent_events(turn, user, client_tools, deadline)) as events:
        while True:
            # Around each step and not the loop: a timeout that spans a `yield` would cancel whoever reads.
            step = asyncio.timeout_at(deadline)
            try:
                async with step:
                    event = await anext(events, None)
            except TimeoutError as error:
                raise (UpstreamTimeout() if step.expired() else problem_of(error)) from None
            except Exception as error:  # noqa: BLE001 - whatever it was, the caller gets a problem
                raise problem_of(error) from None
            if event is None:
                break
            so_far.add(event)
            yield event
    yield so_far.done()


async def run_turn(*, turn: ChatTurn, user: User) -> TurnDone:
    """The whole turn at once; raises what ``orchestrate_stream`` raises."""
    async with aclosing(orchestrate_stream(turn=turn, user=user)) as events:
        async for event in events:
            if isinstance(event, TurnDone):
                return event
    raise AssertionError("a turn ends with TurnDone or an exception")


async def _agent_events(
    turn: ChatTurn, user: User, client_tools: ClientTools | None, deadline: float
) -> AsyncGenerator[AgentEvent, None]:
    name, router_usage = await choose_agent(turn, user=user, deadline=deadline)
    if router_usage.input_tokens or router_usage.output_tokens:
        yield UsageReport(router_usage.input_tokens, router_usage.output_tokens)
    context = RunContext.of(turn.context, client_tools=client_tools, model=turn.model, deadline=deadline)
    async with aclosing(registry.call_agent(name, turn.message, context, user_id=user.id)) as events:
        async for event in events:
            yield event

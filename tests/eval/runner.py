"""Puts the cases to the assistant over the path of a real request: routing, agent, loop, provider."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from unittest.mock import patch

from django.utils import timezone

from accounts.models import User
from adiuva.api.errors import Problem
from agents.events import AgentEvent
from agents.llm import factory
from agents.llm.meter import Meter
from agents.registry import registry
from billing.models import Subscription
from billing.tiers import Tier
from chat.orchestrator import orchestrate
from chat.turns import ChatTurn
from tests.eval.golden import NOW, Case, tools_by_agent
from tests.eval.scoring import Answer, Scores, Verdict, judge

# Few at a time: a provider's rate limit is not what is measured.
AT_ONCE = 6

_called: ContextVar[list[str]] = ContextVar("_called")


async def evaluate(cases: Sequence[Case], *, at_once: int = AT_ONCE) -> Scores:
    """Every case once, on ``settings.LLM_MODEL``."""
    gate = asyncio.Semaphore(at_once)

    async def judged(case: Case) -> Verdict:
        async with gate:
            return judge(case, await answer(case))

    with freeze_day(), _watch_agents():
        verdicts = await asyncio.gather(*(judged(case) for case in cases))
    await factory.close()
    owners = {tool: agent for agent, tools in tools_by_agent().items() for tool in tools}
    return Scores.of(verdicts, owners)


async def answer(case: Case) -> Answer:
    called: list[str] = []
    _called.set(called)
    try:
        turn = ChatTurn(message=case.say, context=case.data)
        done = await orchestrate(turn=turn, user=_user(), meter=Meter())
    except Problem as problem:
        return Answer(tuple(called), problem=problem.code)
    return Answer(tuple(called), done.actions, done.response)


def _user() -> User:
    """Somebody whose tier has every agent; nothing of them is in the database."""
    user = User(id=uuid.uuid4(), email="eval@example.com")
    user.subscription = Subscription(user=user, tier=Tier.TEAM)
    return user


@contextmanager
def freeze_day() -> Iterator[None]:
    """The cases speak of days: it is always the same one."""
    with patch.object(timezone, "now", lambda: NOW):
        yield


@contextmanager
def _watch_agents() -> Iterator[None]:
    """Notes which agents a turn calls, whoever calls them."""
    call_agent = registry.call_agent

    def watched(name: str, *args: Any, **kwargs: Any) -> AsyncGenerator[AgentEvent, None]:
        _called.get().append(name)
        return call_agent(name, *args, **kwargs)

    with patch.object(registry, "call_agent", watched):
        yield

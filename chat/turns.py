"""How turns end, how long they take and when they begin to speak (`docs/metrics.md`)."""

import asyncio
import logging
import threading
import time
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

from django.conf import settings

from adiuva.api.error_handler import as_problem
from adiuva.api.errors import InternalError, Problem, UpstreamUnavailable
from adiuva.observability.metrics import FIRST_TOKEN_SECONDS, TURN_SECONDS, TURNS, TURNS_RUNNING
from agents.actions import Action
from agents.events import ActionEmitted, AgentEvent, ClientToolCall, TextDelta
from agents.llm.replies import Usage
from chat.plans.execution_plan import ExecutionPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatTurn:
    """A validated ChatRequest. ``model`` is None for the default; ``client_tools`` is set over the WebSocket only."""

    message: str
    context: Mapping[str, Any] = field(default_factory=dict)
    execution_mode: Literal["direct", "plan"] = "direct"
    model: str | None = None
    client_tools: bool = False


@dataclass(frozen=True, slots=True)
class PlanMade:
    """All that happens in plan mode."""

    plan: ExecutionPlan


@dataclass(frozen=True, slots=True)
class TurnDone:
    """The end of a turn. ``response`` is the concatenation of its text deltas; ``plan`` is set in plan mode only."""

    response: str
    actions: tuple[Action, ...]
    usage: Usage
    plan: ExecutionPlan | None = None

    def as_dict(self) -> dict[str, Any]:
        """The ChatResponse of the wire contract: ``{response, actions, usage}``."""
        return {
            "response": self.response,
            "actions": [action.as_dict() for action in self.actions],
            "usage": self.usage.as_dict(),
        }


TurnEvent = AgentEvent | PlanMade | TurnDone


class PartialTurn:
    """Adds up the events of a turn, so that it can be told complete or, when cancelled, as far as it came."""

    __slots__ = ("_actions", "_plan", "_texts")

    def __init__(self) -> None:
        self._texts: list[str] = []
        self._actions: list[Action] = []
        self._plan: ExecutionPlan | None = None

    def add(self, event: AgentEvent | PlanMade) -> None:
        match event:
            case TextDelta(text):
                self._texts.append(text)
            case ActionEmitted(action):
                self._actions.append(action)
            case PlanMade(plan):
                self._plan = plan
            case ClientToolCall():
                pass  # a question to the client, no part of the answer

    def done(self, usage: Usage) -> TurnDone:
        return TurnDone("".join(self._texts), tuple(self._actions), usage, self._plan)


class TurnClock:
    """Of one turn, from now on."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self._has_spoken = False

    def shows(self, event: AgentEvent | PlanMade) -> None:
        if not self._has_spoken and isinstance(event, TextDelta):
            self._has_spoken = True
            FIRST_TOKEN_SECONDS.observe(time.perf_counter() - self.started)


@contextmanager
def measure_turn(mode: Literal["direct", "plan", "template"]) -> Iterator[TurnClock]:
    """Counts the turn in the block by how it leaves it. A generator that is closed in mid-turn is a cancelled turn."""
    clock = TurnClock()
    outcome = "done"
    try:
        yield clock
    except Problem as problem:
        outcome = problem.code
        raise
    except (asyncio.CancelledError, GeneratorExit):
        outcome = "cancelled"
        raise
    except BaseException:
        outcome = InternalError.code
        raise
    finally:
        TURNS.labels(mode, outcome).inc()
        TURN_SECONDS.labels(mode).observe(time.perf_counter() - clock.started)


logger = logging.getLogger(__name__)


def problem_of(error: Exception) -> Problem:
    """The problem to answer with.

    What nobody foresaw is logged: its type and where, never its text, which may quote what the user or the model wrote.
    """
    problem = as_problem(error)
    if problem is not error and problem.status >= 500:  # noqa: PLR2004
        stack = "".join(traceback.format_tb(error.__traceback__))
        logger.error("a chat turn failed: %s\n%s", type(error).__qualname__, stack, extra={"code": problem.code})
    return problem


RETRY_AFTER_SECONDS = 2


class Capacity:
    """A turn over the bound is refused at once: one that waited would only spend its client's patience."""

    def __init__(self) -> None:
        self._running = 0
        self._lock = threading.Lock()  # under WSGI (the test client) each request has an event loop of its own

    @property
    def running(self) -> int:
        return self._running

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Raises ``UpstreamUnavailable`` when ``LLM_MAX_RUNNING_TURNS`` run already."""
        with self._lock:
            if self._running >= settings.LLM_MAX_RUNNING_TURNS:
                raise UpstreamUnavailable(
                    "Too many conversations are being answered right now.", retry_after=RETRY_AFTER_SECONDS
                )
            self._running += 1
        TURNS_RUNNING.inc()
        try:
            yield
        finally:
            TURNS_RUNNING.dec()
            with self._lock:
                self._running -= 1


capacity = Capacity()

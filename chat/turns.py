"""A conversation turn: its request, its events and result, its metrics (docs/metrics.md) and how many run at once."""

import asyncio
import logging
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

from django.conf import settings

from adiuva.api.error_handler import as_problem
from adiuva.api.errors import InternalError, Problem, UpstreamUnavailable
from adiuva.observability.metrics import FIRST_TOKEN_SECONDS, TURN_SECONDS, TURNS, TURNS_RUNNING
from adiuva.observability.spans import begin_span
from agents.actions import Action
from agents.events import ActionEmitted, AgentEvent, ClientToolCall, TextDelta
from agents.llm.meter import Meter
from agents.llm.own_keys import OwnProvider
from agents.llm.port import FinishReason, Usage
from chat.plans.execution_plan import ExecutionPlan

logger = logging.getLogger(__name__)

RETRY_AFTER_SECONDS = 2
MIN_SHARE = 16  # turns that one user may have at once, however few places there are


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatTurn:
    """A validated ChatRequest. ``model`` is None for the default and where the user brings a ``provider`` of their own;
    ``client_tools`` is set over the WebSocket only.
    """

    message: str
    context: Mapping[str, Any] = field(default_factory=dict)
    execution_mode: Literal["direct", "plan"] = "direct"
    model: str | None = None
    provider: OwnProvider | None = None
    client_tools: bool = False


@dataclass(frozen=True, slots=True)
class PlanMade:
    """The only event of a turn in plan mode."""

    plan: ExecutionPlan


@dataclass(frozen=True, slots=True)
class TurnDone:
    """The end of a turn. ``response`` is the concatenation of its text deltas; ``plan`` is set in plan mode only."""

    response: str
    actions: tuple[Action, ...]
    usage: Usage
    plan: ExecutionPlan | None = None
    finish_reason: FinishReason = "stop"

    def as_dict(self) -> dict[str, Any]:
        """The ChatResponse of docs/api.md: ``{response, actions, usage, finish_reason}``."""
        return {
            "response": self.response,
            "actions": [action.as_dict() for action in self.actions],
            "usage": self.usage.as_dict(),
            "finish_reason": self.finish_reason,
        }


TurnEvent = AgentEvent | PlanMade | TurnDone


class PartialTurn:
    """Collects the events of a turn: its result is complete at the end, or what there is when it is cancelled."""

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
                pass  # a question to the client is not part of the answer

    def finish(self, meter: Meter) -> TurnDone:
        return TurnDone("".join(self._texts), tuple(self._actions), meter.usage, self._plan, meter.finish_reason)


class TurnClock:
    """Measures one turn from now on, the time to its first token included."""

    def __init__(self) -> None:
        self.started = time.perf_counter()
        self._has_text = False

    def observe(self, event: AgentEvent | PlanMade) -> None:
        if not self._has_text and isinstance(event, TextDelta):
            self._has_text = True
            FIRST_TOKEN_SECONDS.observe(time.perf_counter() - self.started)


@contextmanager
def measure_turn(mode: Literal["direct", "plan", "template", "map", "build"]) -> Iterator[TurnClock]:
    """Counts the turn in the block by its outcome. A generator that is closed in the middle is a cancelled turn."""
    clock, trace = TurnClock(), begin_span("chat.turn", adiuva__mode=mode)
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
        trace.end(adiuva__outcome=outcome)
        TURNS.labels(mode, outcome).inc()
        TURN_SECONDS.labels(mode).observe(time.perf_counter() - clock.started)


def problem_of(error: Exception) -> Problem:
    """The problem to answer ``error`` with.

    An unexpected error is logged with its type and stack but never its text, which may quote the user or the model.
    """
    problem = as_problem(error)
    if problem is not error and problem.status >= 500:  # noqa: PLR2004
        stack = "".join(traceback.format_tb(error.__traceback__))
        logger.error("a chat turn failed: %s\n%s", type(error).__qualname__, stack, extra={"code": problem.code})
    return problem


class Capacity:
    """Bounds what runs for users in this process. A turn or template run beyond it is refused at once, not queued.

    Map items (``chat.ws.map.places``) wait instead, and leave a part of the places to turns, which people wait for.
    One user has at most half of the places of a process that has many: a provider of their own that hangs must not
    hold them all.
    """

    def __init__(self) -> None:
        self._turns: Counter[UUID] = Counter()
        self._items = 0
        self._on_free: Callable[[], None] | None = None
        self._lock = threading.Lock()  # under WSGI (the test client) each request has an event loop of its own

    @property
    def running(self) -> int:
        return self._turns.total() + self._items

    @contextmanager
    def turn(self, user_id: UUID) -> Iterator[None]:
        """Raises ``UpstreamUnavailable`` when ``LLM_MAX_RUNNING_TURNS`` are running, or half of them for this user."""
        limit = settings.LLM_MAX_RUNNING_TURNS
        with self._lock:
            # Where there is a single place, the one map item has one of its own: it would take every turn's.
            is_full = self._turns.total() + (self._items if limit > 1 else 0) >= limit
            if is_full or self._turns[user_id] >= max(MIN_SHARE, limit // 2):
                raise UpstreamUnavailable(
                    "Too many conversations are being answered right now.", retry_after=RETRY_AFTER_SECONDS
                )
            self._turns[user_id] += 1
        TURNS_RUNNING.inc()
        try:
            yield
        finally:
            TURNS_RUNNING.dec()
            with self._lock:
                self._turns[user_id] -= 1
                if not self._turns[user_id]:
                    del self._turns[user_id]
            self._tell()

    def take_for_item(self) -> bool:
        """A place for a map item, if a quarter of all, at least one, would still be free. ``give_back`` ends it."""
        limit = settings.LLM_MAX_RUNNING_TURNS
        with self._lock:
            taken, available = (self.running, limit - max(1, limit // 4)) if limit > 1 else (self._items, limit)
            if taken >= available:
                return False
            self._items += 1
        TURNS_RUNNING.inc()
        return True

    def give_back(self) -> None:
        TURNS_RUNNING.dec()
        with self._lock:
            self._items -= 1
        self._tell()

    def on_free(self, callback: Callable[[], None]) -> None:
        """Calls ``callback``, in whatever thread it is, after each place that was given back."""
        self._on_free = callback

    def _tell(self) -> None:
        if self._on_free is not None:
            self._on_free()


capacity = Capacity()

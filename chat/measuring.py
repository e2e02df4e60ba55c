"""How turns end, how long they take and when they begin to speak (`docs/metrics.md`)."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

from adiuva.api.errors import InternalError, Problem
from adiuva.observability.metrics import FIRST_TOKEN_SECONDS, TURN_SECONDS, TURNS
from agents.events import AgentEvent, TextDelta
from chat.turns import PlanMade


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
def measured(mode: Literal["direct", "plan", "template"]) -> Iterator[TurnClock]:
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
        TURNS.inc(mode, outcome)
        TURN_SECONDS.observe(time.perf_counter() - clock.started, mode)

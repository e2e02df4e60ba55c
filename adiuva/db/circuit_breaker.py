"""When to stop asking a Redis that does not answer, and when to ask it again."""

import logging
import time
from collections.abc import Callable
from threading import Lock

logger = logging.getLogger(__name__)

PROBE_SECONDS = 1.0


class CircuitBreaker:
    """One WARNING when an outage begins, one INFO when it ends, and in between one request a second that tries.

    ``acquire()`` answers None or a ticket, and whoever got a ticket reports an answer or a failure with it. Even
    tickets are of healthy times, odd ones of an outage; a report that comes in after the times have changed is void,
    so that a slow request neither ends an outage nor begins a second one. Thread-safe.

    ``without`` says in the log what an outage means.
    """

    def __init__(self, *, without: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._without = without
        self._clock = clock
        self._lock = Lock()
        self._generation = 0
        self._probe_at = 0.0

    def acquire(self) -> int | None:
        with self._lock:
            if self._generation % 2:
                now = self._clock()
                if now < self._probe_at:
                    return None
                self._probe_at = now + PROBE_SECONDS
            return self._generation

    def record_failure(self, ticket: int, error: Exception | str) -> None:
        """``error`` is written to the log."""
        with self._lock:
            if ticket != self._generation:
                return
            self._probe_at = self._clock() + PROBE_SECONDS
            begins = ticket % 2 == 0
            self._generation += begins
        if begins:
            logger.warning("Redis does not answer (%s): until it does, %s", error, self._without)

    def record_answer(self, ticket: int) -> None:
        if ticket % 2 == 0:
            return
        with self._lock:
            ends = ticket == self._generation
            self._generation += ends
        if ends:
            logger.info("Redis answers again: no longer true that %s", self._without)

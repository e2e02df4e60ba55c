"""When to stop asking a Redis that does not answer, and when to ask again."""

import logging
import time
from collections.abc import Callable
from threading import Lock

logger = logging.getLogger(__name__)

PROBE_SECONDS = 1.0


class Outage:
    """One WARNING when an outage begins, one INFO when it ends, and in between one request a second that tries.

    ``ask()`` answers None or a ticket, and whoever got a ticket reports ``answered`` or ``failed`` with it. Even
    tickets are of healthy times, odd ones of an outage; a report that comes in after the times have changed is void,
    so that a slow request neither ends an outage nor begins a second one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._times = 0
        self._probe_at = 0.0

    def ask(self) -> int | None:
        with self._lock:
            if self._times % 2:
                now = self._clock()
                if now < self._probe_at:
                    return None
                self._probe_at = now + PROBE_SECONDS
            return self._times

    def failed(self, ticket: int, error: Exception) -> None:
        with self._lock:
            if ticket != self._times:
                return
            self._probe_at = self._clock() + PROBE_SECONDS
            begins = ticket % 2 == 0
            self._times += begins
        if begins:
            logger.warning("Redis does not answer (%s): until it does, rate limits count per process", error)

    def answered(self, ticket: int) -> None:
        if ticket % 2 == 0:
            return
        with self._lock:
            ends = ticket == self._times
            self._times += ends
        if ends:
            logger.info("Redis answers again: rate limits are shared by all processes")

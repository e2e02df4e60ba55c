"""Clocks of the services we talk to, which doctor compares with ours. Their owners register them."""

import http.client
import time
from collections.abc import Callable
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

SECONDS = 5.0

# What the clock showed (Unix time), or None where it cannot be told.
Clock = Callable[[], float | None]

_clocks: dict[str, Callable[[], Clock | None]] = {}


def register(name: str, chosen: Callable[[], Clock | None]) -> None:
    """``chosen`` gives None where the service is not configured."""
    _clocks[name] = chosen


def configured() -> dict[str, Clock]:
    chosen = {name: choose() for name, choose in _clocks.items()}
    return {name: clock for name, clock in chosen.items() if clock is not None}


def http_date(url: str) -> float | None:
    """The ``Date`` of the answer to HEAD, whatever its status: whole seconds, so half a second is added."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=SECONDS)
    try:
        connection.request("HEAD", parts.path or "/")
        date = connection.getresponse().getheader("Date")
    finally:
        connection.close()
    return parsedate_to_datetime(date).timestamp() + 0.5 if date else None


def skew(clock: Clock) -> float | None:
    """Seconds by which ours is ahead, measured against the middle of the question."""
    before = time.time()
    theirs = clock()
    return None if theirs is None else (before + time.time()) / 2 - theirs

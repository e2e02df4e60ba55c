"""How many packages are inspected at once in this process: each takes a core while it is unpacked, and memory."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import BoundedSemaphore

from adiuva.api.errors import UpstreamUnavailable

MAX_AT_ONCE = 4
WAIT_SECONDS = 5.0  # an inspection takes fractions of a second: a burst is queued, a flood is not
RETRY_AFTER_SECONDS = 5

_places = BoundedSemaphore(MAX_AT_ONCE)


@contextmanager
def place_to_inspect() -> Iterator[None]:
    """Raises ``UpstreamUnavailable`` when none gets free in time."""
    if not _places.acquire(timeout=WAIT_SECONDS):
        raise UpstreamUnavailable("Too many packages are being inspected right now.", retry_after=RETRY_AFTER_SECONDS)
    try:
        yield
    finally:
        _places.release()

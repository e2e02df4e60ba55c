"""How many large bodies are in memory: of each user one at a time, in a process.

An upsert of 64 MiB takes several times that while it is parsed and stored, and a user's upserts wait for each other's
lock in any case: here they wait before the body is read.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition
from uuid import UUID

from adiuva.api.errors import UpstreamUnavailable

LARGE_BYTES = 8 * 1024 * 1024
WAIT_SECONDS = 5.0
RETRY_AFTER_SECONDS = 5

_changed = Condition()
_busy: set[UUID] = set()


@contextmanager
def admit(user_id: UUID, *, declared: int | None) -> Iterator[None]:
    """``declared``: the body's size in bytes where the client tells it.

    Raises ``UpstreamUnavailable`` when another large one of the user's takes too long.
    """
    if declared is not None and declared < LARGE_BYTES:
        yield
        return
    with _changed:
        if not _changed.wait_for(lambda: user_id not in _busy, WAIT_SECONDS):
            raise UpstreamUnavailable(
                "Another large upsert of yours is still being stored.", retry_after=RETRY_AFTER_SECONDS
            )
        _busy.add(user_id)
    try:
        yield
    finally:
        with _changed:
            _busy.discard(user_id)
            _changed.notify_all()

"""Places for map items in this process: bounded for each user, shared evenly between them, behind all turns."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from uuid import UUID

from adiuva.api.errors import UpstreamUnavailable
from chat.turns import RETRY_AFTER_SECONDS, Capacity, capacity

# Several items' time: other runs of the same user may have all of theirs.
MOST_WAITING_SECONDS = 300.0


@dataclass(eq=False, slots=True)
class _Waiting:
    user_id: UUID
    at_once: int
    loop: asyncio.AbstractEventLoop
    place: asyncio.Future[None]
    has_place: bool = False

    def hand_over(self) -> None:
        with suppress(RuntimeError):  # its loop has ended, which takes the place back
            self.loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        if not self.place.done():
            self.place.set_result(None)


class Places:
    """The lock is for turns that end in a thread: they wake who waits here."""

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self._lock = threading.RLock()
        self._running: Counter[UUID] = Counter()
        self._waiting: list[_Waiting] = []
        capacity.on_free(self._hand_out)

    @asynccontextmanager
    async def place(self, *, user_id: UUID, at_once: int) -> AsyncIterator[None]:
        """Waits for one; no user ever has more than ``at_once``, on all their sockets together.

        Raises ``UpstreamUnavailable`` after ``MOST_WAITING_SECONDS``.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(user_id, at_once, loop, loop.create_future())
        try:
            with self._lock:
                self._waiting.append(waiting)
            self._hand_out()
            await self._wait(waiting)
            yield
        finally:
            self._take_back(waiting)

    async def _wait(self, waiting: _Waiting) -> None:
        try:
            async with asyncio.timeout(MOST_WAITING_SECONDS):
                await waiting.place
        except TimeoutError:
            raise UpstreamUnavailable("Too much is being done right now.", retry_after=RETRY_AFTER_SECONDS) from None

    def _hand_out(self) -> None:
        """Who has the fewest running items is first, and of those who has waited longest."""
        with self._lock:
            while self._waiting:
                free = [one for one in self._waiting if self._running[one.user_id] < one.at_once]
                first = min(free, key=lambda one: self._running[one.user_id], default=None)
                if first is None or not self._capacity.take_for_item():
                    return
                self._waiting.remove(first)
                self._running[first.user_id] += 1
                first.has_place = True
                first.hand_over()

    def _take_back(self, waiting: _Waiting) -> None:
        with self._lock:
            if not waiting.has_place:
                self._waiting.remove(waiting)
                return
            self._running[waiting.user_id] -= 1
            if not self._running[waiting.user_id]:
                del self._running[waiting.user_id]
        self._capacity.give_back()  # which hands out again


places = Places(capacity)

"""Ending well: what runs when SIGTERM comes, and who wants to know.

``adiuva.server.graceful`` sets the drain off; WebSocket consumers register to hear of it and mark their running turns,
and the server waits for those before it closes sockets. Just before it cancels what still runs there is a last call:
an upload in the middle is answered then, by its view.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from adiuva.observability.metrics import DRAINING


class Drain:
    """The state of one process. Used from the event loop only, so it needs no lock."""

    def __init__(self) -> None:
        self.draining = False
        self._running = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._callbacks: set[Callable[[], None]] = set()
        self._last_calls: set[Callable[[], None]] = set()

    def on_drain(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Calls ``callback`` once when draining begins. Returns what takes the registration back."""
        self._callbacks.add(callback)
        return lambda: self._callbacks.discard(callback)

    def on_last_call(self, callback: Callable[[], None]) -> Callable[[], None]:
        """The same for the last call."""
        self._last_calls.add(callback)
        return lambda: self._last_calls.discard(callback)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Marks work that the server should wait for."""
        self._running += 1
        self._idle.clear()
        try:
            yield
        finally:
            self._running -= 1
            if not self._running:
                self._idle.set()

    def begin(self) -> None:
        self.draining = True
        DRAINING.set(1)
        callbacks, self._callbacks = self._callbacks, set()
        for callback in callbacks:
            callback()

    def last_call(self) -> None:
        callbacks, self._last_calls = self._last_calls, set()
        for callback in callbacks:
            callback()

    async def wait(self, *, seconds: float) -> bool:
        """True when all marked work ended within ``seconds``."""
        try:
            async with asyncio.timeout(seconds):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True


drain = Drain()

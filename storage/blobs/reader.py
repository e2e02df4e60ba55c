"""A blob that was opened for a download: its bytes, read in threads and never on the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Self

READ_BYTES = 1024 * 1024

# Threads of their own: a store that stalls must not take those that the loop resolves names with.
_readers = ThreadPoolExecutor(max_workers=32, thread_name_prefix="blob-reader")


def _nothing() -> bytes:
    return b""


class BlobReader:
    """``read`` gives the next bytes and ``b""`` at the end, or raises when the store cannot go on; ``close`` ends it.

    A close that comes while a thread reads (the client went away) is left to that thread: a file number or a
    connection closed under it might already be somebody else's.
    """

    def __init__(self, *, read: Callable[[], bytes] = _nothing, close: Callable[[], object] = _nothing) -> None:
        self._read = read
        self._close = close
        self._lock = Lock()
        self._reading = False
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        part = await asyncio.get_running_loop().run_in_executor(_readers, self._next)
        if not part:
            raise StopAsyncIteration
        return part

    def _next(self) -> bytes:
        if not self._begin():
            return b""
        part = b""
        try:
            part = self._read()
        finally:
            if self._done(more=bool(part)):
                self._close()
        return part

    def _begin(self) -> bool:
        with self._lock:
            self._reading = not self._closed
            return self._reading

    def _done(self, *, more: bool) -> bool:
        """Whether it is this thread that has to close: at the end, after a failure, or asked to while it read."""
        with self._lock:
            self._reading = False
            self._closed |= not more
            return self._closed

    def close(self) -> None:
        """Again is fine."""
        with self._lock:
            ours = not (self._closed or self._reading)
            self._closed = True
        if ours:
            self._close()

    async def aclose(self) -> None:
        self.close()

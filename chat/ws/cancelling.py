"""The part of a request that its client can end."""

import asyncio
from types import TracebackType


class CancelScope:
    """Entered once. ``cancel`` may be called at any time: before the scope is entered it ends it on entry, after it was
    left it does nothing. A scope that is cancelled raises ``TimeoutError``; the task that it runs in is not cancelled.
    """

    __slots__ = ("_is_open", "_is_wanted", "_timeout")

    def __init__(self) -> None:
        self._timeout = asyncio.timeout(None)  # without a deadline, until there is a reason for one
        self._is_open = False
        self._is_wanted = False

    @property
    def was_cancelled(self) -> bool:
        """Whether ``cancel`` is what ended it."""
        return self._timeout.expired()

    def cancel(self) -> None:
        self._is_wanted = True
        if self._is_open:
            self._expire()

    def _expire(self) -> None:
        self._is_open = False  # once is enough
        self._timeout.reschedule(asyncio.get_running_loop().time())

    async def __aenter__(self) -> None:
        await self._timeout.__aenter__()
        self._is_open = True
        if self._is_wanted:
            self._expire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_open = False
        await self._timeout.__aexit__(kind, error, traceback)

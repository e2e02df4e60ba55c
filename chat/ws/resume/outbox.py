"""The frames of one resumable turn, numbered from 1 and kept in memory (docs/api.md § 5)."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from typing import Protocol

from adiuva.api.errors import ResumeLost, ValidationFailed

MAX_BYTES = 1024 * 1024
AHEAD_BYTES = 64 * 1024  # of what a reader has not taken; then the turn waits for it, as for a socket


class OutboxFullError(OSError):
    """More than ``MAX_BYTES`` are waiting and nobody reads."""


class Reader(Protocol):
    def on_taken_over(self) -> None:
        """Another reader has the turn from now on: nothing more comes."""


class Outbox:
    """Written by its turn, read by one reader at a time: the newest. Belongs to one event loop.

    What was read stays as long as there is room, since a reader may be lost with what it took.
    """

    __slots__ = (
        "_failure",
        "_frames",
        "_kept",
        "_max",
        "_news",
        "_room",
        "_taken",
        "_untaken",
        "ended",
        "last",
        "reader",
    )

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self.last = 0
        self.ended = False
        self.reader: Reader | None = None
        self._max = max_bytes
        self._frames: deque[tuple[str, int]] = deque()
        self._kept = 0
        self._taken = 0
        self._untaken = 0
        self._failure: Exception | None = None
        self._news: asyncio.Future[None] | None = None
        self._room: asyncio.Future[None] | None = None

    @property
    def kept_bytes(self) -> int:
        return self._kept

    @property
    def first(self) -> int:
        """The number of the oldest frame that is kept, or of the next one."""
        return self.last - len(self._frames) + 1

    async def put(self, text: str) -> None:
        """Add frame ``last + 1``, as soon as the reader, if there is one, has nearly caught up.

        Raises ``OutboxFullError``. A call that is cancelled has added nothing.
        """
        while self.reader is not None and self._untaken > AHEAD_BYTES:
            self._room = asyncio.get_running_loop().create_future()
            await self._room
        size = len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        self.last += 1
        self._frames.append((text, size))
        self._kept += size
        self._untaken += size
        self._trim()
        _wake(self._news)

    def end(self, failure: Exception | None = None) -> None:
        """No frame comes any more: readers get what there is, then ``failure``. The first end counts."""
        if not self.ended:
            self.ended = True
            self._failure = failure
            _wake(self._news)
            _wake(self._room)

    def attach(self, reader: Reader, *, after: int) -> None:
        """Make ``reader`` the one that reads, from the frame after number ``after``, which it has.

        Raises ``ValidationFailed`` for a number that was never sent, ``ResumeLost`` when frames are gone.
        """
        if after > self.last:
            raise ValidationFailed({"after": ["No frame of this turn has had this number yet."]})
        if after < self.first - 1:
            raise ResumeLost
        before, self.reader = self.reader, reader
        self._taken = after
        self._untaken = sum(size for number, (_, size) in enumerate(self._frames, self.first) if number > after)
        _wake(self._news)
        _wake(self._room)
        if before is not None and before is not reader:
            before.on_taken_over()

    def detach(self, reader: Reader) -> bool:
        """False when another one reads meanwhile. Raises ``OutboxFullError``."""
        if self.reader is not reader:
            return False
        self.reader = None
        _wake(self._room)
        self._trim()
        return True

    async def frames(self, reader: Reader, *, after: int) -> AsyncGenerator[str, None]:
        """What comes after frame ``after``, for as long as ``reader`` is the one that reads.

        Raises the failure that the outbox has ended with.
        """
        number = after
        while self.reader is reader:
            if number < self.last:
                number += 1
                text, size = self._frames[number - self.first]
                yield text
                if self.reader is reader:
                    self._take(number, size)
            elif self._failure is not None:
                raise self._failure
            elif self.ended:
                return
            else:
                self._news = asyncio.get_running_loop().create_future()
                await self._news

    def _take(self, number: int, size: int) -> None:
        self._taken = number
        self._untaken -= size
        self._trim()
        if self._room is not None and self._untaken <= AHEAD_BYTES:
            _wake(self._room)

    def _trim(self) -> None:
        while self._kept > self._max and self.first <= self._taken:
            self._kept -= self._frames.popleft()[1]
        if self._kept > self._max and self.reader is None:
            raise OutboxFullError


def _wake(waiting: asyncio.Future[None] | None) -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)

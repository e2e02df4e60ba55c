"""A request body that is read while it arrives.

Django's ASGI handler spools a whole body, to disk when it is long, before any view runs. On the routes that
``body_limits`` marks for streaming it hands the view this file instead: nothing is read until the view asks, so a
refusal (401, 402, 404 …) comes before the body, and memory holds ``READ_AHEAD_BYTES`` whatever the body's size.
"""

import asyncio
import io
from collections import deque
from collections.abc import Awaitable, Callable, MutableMapping
from threading import Condition
from typing import Any

from adiuva.api.errors import Problem
from adiuva.server.slow_clients import TransferRate

STREAMING_BODY = "adiuva.streaming_body"  # the ASGI scope's key that body_limits sets for a body to be streamed

READ_AHEAD_BYTES = 1024 * 1024
REFILL_BELOW_BYTES = READ_AHEAD_BYTES // 2  # so that the two threads wake each other for several parts, not for each

LOOK_SECONDS = 5.0

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]


class BodyIncomplete(Problem):
    """Nobody is left to read this: the client went away in the middle of its body."""

    status = 400
    code = "validation_error"
    title = "Validation error"
    default_detail = "The connection ended before the body did."


def _look_at_nothing() -> None:
    """Most readers only wait."""


class StreamingBody(io.RawIOBase):
    """The file a view's thread reads, and the ``receive`` that Django listens to for a disconnect meanwhile.

    ``declared_size``: the Content-Length in bytes, None where the client names none.

    Reading raises ``BodyIncomplete`` when the client goes away, ``RequestTimeout`` when it stops sending, and whatever
    problem ``receive`` raises (``PayloadTooLarge``).
    """

    def __init__(self, receive: Receive, *, declared_size: int | None) -> None:
        super().__init__()
        self.declared_size = declared_size
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._ended = asyncio.Event()  # the body is over: what comes next can only be a disconnect
        self._pump_task: asyncio.Task[None] | None = None
        self._room = asyncio.Event()
        self._arrived = Condition()  # guards what follows
        self._parts: deque[bytes] = deque()
        self._taken = 0  # of the first part
        self._buffered = 0
        self._pump_waits = False
        self._complete = False
        self._outcome: BaseException | None = None
        self._look: Callable[[], None] = _look_at_nothing

    async def __call__(self) -> Message:
        """Django's ``listen_for_disconnect`` reads this; before the body is over it would take parts of it."""
        await self._ended.wait()
        return await self._receive()

    # --- the event loop's side ---

    async def _pump(self) -> None:
        rate = TransferRate()
        try:
            more = True
            while more:
                message = await rate.receive(self._receive)
                if message["type"] == "http.disconnect":
                    self._finish(BodyIncomplete())
                    return
                more = message.get("more_body", False)
                if self._add(message.get("body", b""), last=not more):
                    await self._room.wait()
            self._ended.set()
        except asyncio.CancelledError:
            self._finish(BodyIncomplete())
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the reader raises it; it must not wait for ever
            self._finish(error)

    def _add(self, part: bytes, *, last: bool) -> bool:
        """True when there is enough now: ``_room`` says when to go on."""
        with self._arrived:
            if part:
                self._parts.append(part)
                self._buffered += len(part)
            self._complete = last
            self._pump_waits = not last and self._buffered > READ_AHEAD_BYTES
            if self._pump_waits:
                self._room.clear()
            self._arrived.notify()
            return self._pump_waits

    def _finish(self, outcome: BaseException) -> None:
        """The first outcome stays: what comes later only follows from it."""
        with self._arrived:
            if self._outcome is None:
                self._outcome = outcome
            self._arrived.notify()

    def _start(self) -> None:
        if self._pump_task is None and self._outcome is None:
            self._pump_task = self._loop.create_task(self._pump())

    def give_up(self, outcome: BaseException) -> None:
        """Receives no more. A thread that reads, or will, gets ``outcome`` after what had arrived."""
        self._finish(outcome)
        if self._pump_task is not None:
            self._pump_task.cancel()

    async def aclose(self) -> None:
        """Receives no more; a thread that still reads must not wait for ever."""
        self.give_up(BodyIncomplete())
        if self._pump_task is not None:
            await asyncio.wait([self._pump_task])

    # --- the view's side, in its thread ---

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        """At least one byte and at most ``size``, as they arrive; ``b""`` at the end. -1 reads to the end."""
        if size < 0:
            return b"".join(iter(lambda: self.read(READ_AHEAD_BYTES), b""))
        if self._pump_task is None:
            self._loop.call_soon_threadsafe(self._start)
        while not self._wait():
            self._look()
        with self._arrived:
            part = self._take(size)
            wakes = self._pump_waits and self._buffered <= REFILL_BELOW_BYTES
            if wakes:
                self._pump_waits = False
        if wakes:
            self._loop.call_soon_threadsafe(self._room.set)
        return part

    def watch(self, look: Callable[[], None]) -> None:
        """``look`` is called in the reading thread every few seconds while nothing arrives, and may raise."""
        self._look = look

    def _wait(self) -> bool:
        """Whether something is there now."""
        with self._arrived:
            return self._arrived.wait_for(
                lambda: bool(self._parts) or self._complete or self._outcome is not None, timeout=LOOK_SECONDS
            )

    def _take(self, size: int) -> bytes:
        if not self._parts:
            if self._outcome is not None and not self._complete:
                raise self._outcome
            return b""
        first, begin = self._parts[0], self._taken
        if len(first) - begin <= size:
            self._parts.popleft()
            self._taken = 0
            part = first[begin:]
        else:
            self._taken += size
            part = first[begin : begin + size]
        self._buffered -= len(part)
        return part

"""A turn that outlives its socket: it runs by itself, its frames wait in an outbox (docs/api.md § 5)."""

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import Any
from uuid import UUID

from django.conf import settings

from accounts.authentication import Identity
from adiuva.api.errors import ResumeLost, Unauthorized
from adiuva.background import spawn
from adiuva.server.drain import drain
from chat.ws import frames
from chat.ws.client_tools import ClientAnswers
from chat.ws.frames import ChatFrame, ToolResultFrame
from chat.ws.resume.outbox import Outbox, OutboxFullError, Reader
from chat.ws.turn import SocketClosedError, SocketTurn

KEPT_SECONDS = 60.0  # docs/api.md § 5


class NumberedOutlet:
    """Each frame with ``turn_id`` and its number, into an outbox."""

    def __init__(self, outbox: Outbox, *, turn_id: str, own_id: str | None) -> None:
        self.open_calls: dict[str, tuple[int, str]] = {}
        self._outbox = outbox
        self._turn_id = turn_id
        self._own_id = own_id
        self._tail = f'{frames.chunk_tail(own_id)[:-1]},"turn_id":"{turn_id}","seq":'

    def begin(self) -> Awaitable[None]:
        """The first frame says where to go on, long before the model has said anything."""
        return self.send({"type": "ping"})

    def send(self, frame: dict[str, Any]) -> Awaitable[None]:
        number = self._outbox.last + 1
        text = frames.encode({**frame, "turn_id": self._turn_id, "seq": number}, self._own_id)
        if frame["type"] == "tool_call":
            self.open_calls[frame["id"]] = (number, text)
        return self._outbox.put(text)

    def send_chunk(self, text: str) -> Awaitable[None]:
        return self._outbox.put(frames.chunk(text, f"{self._tail}{self._outbox.last + 1}}}"))


class ResumableTurn:
    """``start`` it once. It is kept for ``KEPT_SECONDS`` after its reader was lost, or after its end; then ``free``.

    Its session's end (``accounts.sockets.connections``) ends it too. ``on_kept`` is called when nobody reads it any
    more or it has ended, ``on_freed`` once, when nothing is left of it.
    """

    def __init__(
        self,
        frame: ChatFrame,
        *,
        identity: Identity,
        answer_seconds: float,
        kept_seconds: float,
        on_kept: Callable[["ResumableTurn"], None],
        on_freed: Callable[["ResumableTurn"], None],
    ) -> None:
        self.id = str(uuid.uuid4())
        self.user_id: UUID = identity.user.id
        self.session_id: UUID = identity.session_id
        self.outbox = Outbox()
        self.is_freed = False
        self._outlet = NumberedOutlet(self.outbox, turn_id=self.id, own_id=frame.request_id)
        self._answers = ClientAnswers(seconds=answer_seconds)
        self._turn = SocketTurn(frame, identity=identity, outlet=self._outlet, answers=self._answers)
        self._kept_seconds = kept_seconds
        self._on_kept = on_kept
        self._on_freed = on_freed
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[None] | None = None

    @property
    def is_read(self) -> bool:
        return self.outbox.reader is not None and not self.outbox.ended

    def start(self) -> None:
        self._task = spawn(self._run())

    def cancel(self, own_id: str | None) -> None:
        self._turn.cancel(own_id)

    def take(self, answer: ToolResultFrame) -> None:
        self._turn.take(answer)

    async def frames(self, reader: Reader, *, after: int) -> AsyncGenerator[str, None]:
        """The frames after number ``after`` as text, those of open tool calls before them; ``reader`` has the turn now.

        Raises ``ValidationFailed``, ``ResumeLost``, and ``Unauthorized`` where the session is over.
        """
        if self.outbox.ended and after == self.outbox.last:
            after -= 1  # every resume frame is answered by a final one
        try:
            self.outbox.attach(reader, after=after)
        except ResumeLost:
            self.free()  # who was to have it has lost it
            raise
        if not self.outbox.ended:
            self._stop_timer()
        try:
            for text in self._open_calls(after):
                yield text
            async with aclosing(self.outbox.frames(reader, after=after)) as waiting:
                async for text in waiting:
                    yield text
        finally:
            self._detach(reader)

    def end(self, code: int, reason: str) -> None:
        self.free()

    def drain(self) -> None:
        """Only over Redis can it still be fetched from this process, which takes no socket any more."""
        if self.outbox.reader is None and not settings.REDIS_URL:
            self.free()

    def free(self) -> None:
        """Close the model call, if it runs; whoever reads is told that the rest is lost."""
        if self.is_freed:
            return
        self.is_freed = True
        self._stop_timer()
        self.outbox.end(ResumeLost())
        if self._task is not None and self._task is not asyncio.current_task():
            self._task.cancel()
        self._on_freed(self)

    async def wait(self) -> None:
        """Until the turn itself has ended, its usage recorded."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        failure: Exception | None = None
        try:
            with drain.running():
                await self._outlet.begin()
                await self._turn.run()
        except Unauthorized as error:
            failure = error
        except SocketClosedError:
            self.free()  # too much is waiting
        finally:
            self.outbox.end(failure)
            if not self.is_freed:
                self._keep()

    def _detach(self, reader: Reader) -> None:
        try:
            if self.outbox.detach(reader) and not self.is_freed:
                self._keep()
        except OutboxFullError:
            self.free()

    def _keep(self) -> None:
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._kept_seconds, self.free)
        if drain.draining:
            self.drain()
        else:
            self._on_kept(self)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _open_calls(self, after: int) -> Iterator[str]:
        """Those that were sent before, perhaps to a socket that was lost with its answer: their time goes on."""
        for call_id, (number, text) in tuple(self._outlet.open_calls.items()):
            if not self._answers.is_open(call_id):
                del self._outlet.open_calls[call_id]
            elif number <= after:
                yield text

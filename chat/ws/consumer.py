"""``WS /api/v1/chat/stream`` (docs/api.md § 5): the consumer and its route."""

import asyncio
from contextlib import aclosing
from typing import Any

from django.urls import path

from accounts.sockets.connections import SESSION_OVER
from accounts.sockets.consumer import RESTARTING, TOO_BIG, SocketConsumer
from accounts.sockets.ping import PING_SECONDS
from adiuva.api.errors import Conflict, Unauthorized, ValidationFailed
from adiuva.background import spawn
from adiuva.observability import request_id
from adiuva.observability.spans import span
from adiuva.server.drain import drain
from chat.ws import frames
from chat.ws.client_tools import ANSWER_SECONDS, ClientAnswers
from chat.ws.frames import (
    BadFrame,
    CancelFrame,
    ChatFrame,
    ClientFrame,
    PongFrame,
    ResumeFrame,
    ToolResultFrame,
    WaitingFrame,
    WaitingFrames,
)
from chat.ws.map.frames import ItemsFrame, MapFrame
from chat.ws.map.run import ITEM_SECONDS, SocketMap
from chat.ws.resume.answer import ResumableAnswer, asks_to_be_resumable
from chat.ws.turn import SocketClosedError, SocketOutlet, SocketTurn

MAX_FRAME_BYTES = 1024 * 1024  # uvicorn closes at the same size before we see the frame; daphne does not
TAKEN_OVER = 4409
_PARSE_INLINE_CHARACTERS = 64 * 1024  # about 1 ms; a larger frame is parsed off the loop


class ChatStream(SocketConsumer):
    """Frames are answered in order, each ChatRequest and map run (and each invalid frame) with one final frame;
    ``cancel``, ``tool_result`` and ``items`` act on what is running at once.
    """

    kind = "chat"

    def __init__(
        self,
        *,
        ping_seconds: float = PING_SECONDS,
        answer_seconds: float = ANSWER_SECONDS,
        item_seconds: float = ITEM_SECONDS,
    ) -> None:
        super().__init__(ping_seconds=ping_seconds)
        self._answer_seconds = answer_seconds
        self._item_seconds = item_seconds
        self._waiting = WaitingFrames()
        self._worker: asyncio.Task[None] | None = None
        self._turn: SocketTurn | SocketMap | ResumableAnswer | None = None
        self._late_items = 0

    async def take(self, message: dict[str, Any]) -> None:
        text = message.get("text")  # None stands for a binary frame
        size = len(text or "")
        if text is None or size <= _PARSE_INLINE_CHARACTERS:
            await self._take(frames.parse(text), size)
        elif len(text.encode()) <= MAX_FRAME_BYTES:
            await self._take(await asyncio.to_thread(frames.parse, text), size)
        else:
            self.end(TOO_BIG, "frame too big")

    async def _take(self, frame: ClientFrame, size: int) -> None:
        match frame:
            case ToolResultFrame():
                if self._turn is not None:
                    self._turn.take(frame)
            case CancelFrame(own_id):
                if self._turn is not None:
                    self._turn.cancel(own_id)
            case PongFrame():
                pass
            case ItemsFrame():
                await self._take_items(frame, size)
            case BadFrame(problem, is_unreadable=True) if isinstance(self._turn, SocketMap) and self._turn.outstanding:
                # Most likely those that were asked for: the run would wait for them in vain.
                self._turn.take_items(ItemsFrame((), problem))
            case ChatFrame() | MapFrame() | ResumeFrame() | BadFrame():
                await self._enqueue(frame, size)

    async def _take_items(self, frame: ItemsFrame, size: int) -> None:
        """Those that a run had asked for may cross its last frame, and are ignored."""
        if isinstance(self._turn, SocketMap) and self._turn.is_for(frame):
            self._turn.take_items(frame)
        elif frame.problem is None and len(frame.items) <= self._late_items:
            self._late_items -= len(frame.items)
        else:
            problem = frame.problem or ValidationFailed({"type": ["No map run has asked for items."]})
            await self._enqueue(BadFrame(problem, frame.request_id), size)

    async def _enqueue(self, frame: WaitingFrame, size: int) -> None:
        if self.is_closing:
            return
        if not self._waiting.push(frame, size):
            problem = Conflict("Too many frames are already waiting on this socket; wait for a done frame.")
            text = frames.encode(frames.error(problem, own_id=frame.request_id), frame.request_id)
            await self.send_text(text)
            return
        if self._worker is None:
            self._worker = spawn(self._work())
            # Let the turn begin: a cancel that came in the same packet must find it running.
            await asyncio.sleep(0)

    async def _work(self) -> None:
        """Answers the waiting frames; an idle socket has no worker. It has a context (request id) of its own."""
        try:
            with drain.running():
                while self._waiting and not self.is_closing and not drain.draining:
                    with span("websocket frame"):
                        await self._answer(self._waiting.pop())
                self._worker = None
                if drain.draining:
                    self.end(RESTARTING, "server restarts")
        except SocketClosedError:
            pass  # the socket's own task gets a disconnect from the server
        except Unauthorized:
            self._worker = None
            self.end(SESSION_OVER, "session is over")

    async def _answer(self, frame: WaitingFrame) -> None:
        request_id.bind(frame.request_id)
        try:
            if isinstance(frame, ResumeFrame) or asks_to_be_resumable(frame):
                await self._show(frame)
                return
            outlet = SocketOutlet(self._send, frame.request_id)
            if isinstance(frame, MapFrame):
                await self._run_map(frame, outlet)
                return
            answers = ClientAnswers(seconds=self._answer_seconds)
            self._turn = turn = SocketTurn(frame, identity=self.identity, outlet=outlet, answers=answers)
            await turn.run()
        finally:
            self._turn = None

    async def _run_map(self, frame: MapFrame, outlet: SocketOutlet) -> None:
        run = SocketMap(frame, identity=self.identity, outlet=outlet, item_seconds=self._item_seconds)
        self._turn = run
        try:
            await run.run()
        finally:
            self._late_items = run.outstanding

    async def _show(self, frame: ChatFrame | ResumeFrame) -> None:
        answer = ResumableAnswer(frame, identity=self.identity, answer_seconds=self._answer_seconds)
        self._turn = answer
        async with aclosing(answer.frames(self)) as texts:
            async for text in texts:
                try:
                    await self.send_text(text)
                except OSError as error:
                    raise SocketClosedError from error

    def on_taken_over(self) -> None:
        """A newer socket has the running turn: this one is most likely dead, and has nothing more to say of it."""
        self.end(TAKEN_OVER, "turn taken over")

    def drain(self) -> None:
        if self._worker is None:
            super().drain()

    async def stop(self) -> None:
        self._waiting.clear()
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.wait([self._worker])


websocket_urlpatterns = [
    path("api/v1/chat/stream", ChatStream.as_asgi()),  # type: ignore[no-untyped-call]
]

"""``WS /api/v1/chat/stream`` (docs/api.md § 5): the consumer and the WebSocket routes."""

import asyncio
import logging
from contextlib import aclosing, suppress
from typing import Any
from uuid import UUID

from channels.consumer import AsyncConsumer
from django.urls import path, re_path

from accounts.authentication import Identity, seconds_left
from accounts.sockets import authentication
from accounts.sockets.authentication import Scope, Send
from accounts.sockets.connections import SESSION_OVER, connections
from accounts.sockets.ping import PING_SECONDS, Heartbeat
from adiuva.api.errors import Conflict, NotFound, Unauthorized, UpstreamUnavailable
from adiuva.background import spawn
from adiuva.observability import request_id
from adiuva.observability.metrics import HANDSHAKES, SOCKETS_OPEN
from adiuva.server.drain import drain
from chat.turns import problem_of
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
from chat.ws.resume.answer import ResumableAnswer, asks_to_be_resumable
from chat.ws.turn import SocketClosedError, SocketOutlet, SocketTurn

logger = logging.getLogger(__name__)

MAX_FRAME_BYTES = 1024 * 1024  # uvicorn closes at the same size before we see the frame; daphne does not
TOO_BIG = 1009
RESTARTING = 1012
TAKEN_OVER = 4409
_PARSE_INLINE_CHARACTERS = 64 * 1024  # about 1 ms; a larger frame is parsed off the loop
_CLOSE_SECONDS = 5.0


class ChatStream(AsyncConsumer):
    """One socket. While idle it costs no task of its own: the server's task reads frames, and timers do the rest.

    Channels' loop over a channel layer is not used, because ``accounts.sockets.connections`` listens once for the whole
    process. Frames are answered in order, each ChatRequest (and each invalid frame) with one final frame; ``cancel``
    and ``tool_result`` act on the running turn at once.
    """

    def __init__(self, *, ping_seconds: float = PING_SECONDS, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._answer_seconds = answer_seconds
        self._heartbeat = Heartbeat(seconds=ping_seconds, ping=self._ping, on_stall=self._abort)
        self._waiting = WaitingFrames()
        self._worker: asyncio.Task[None] | None = None
        self._turn: SocketTurn | ResumableAnswer | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._closing = False
        self._aborted = False

    @property
    def session_id(self) -> UUID:
        return self._identity.session_id

    async def __call__(self, scope: Scope, receive: Any, send: Send) -> None:
        self._send = send
        request_id.bind(authentication.header(scope, request_id.HEADER.lower()))
        await receive()  # websocket.connect
        try:
            if drain.draining:
                raise UpstreamUnavailable("The server is shutting down.", retry_after=1)  # noqa: TRY301
            self._identity: Identity = await authentication.authenticate(scope)
            connections.admit(self._identity.user.id)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the client gets a refusal
            problem = problem_of(error)
            HANDSHAKES.labels(problem.code).inc()
            await authentication.refuse(scope, send, problem)
            return
        self._task = asyncio.current_task()
        HANDSHAKES.labels("accepted").inc()
        SOCKETS_OPEN.inc()
        try:
            await connections.add(self)
            await self._serve(receive)
        except OSError:  # what a server raises when it sends to a client that is gone
            pass
        except asyncio.CancelledError:
            if not self._aborted:
                raise
        finally:
            SOCKETS_OPEN.dec()
            connections.release(self._identity.user.id)
            await self._clean_up()

    async def _serve(self, receive: Any) -> None:
        await self._send(
            {
                "type": "websocket.accept",
                "headers": [(request_id.HEADER.lower().encode(), request_id.current_request_id().encode())],
            }
        )
        loop = asyncio.get_running_loop()
        self._expiry = loop.call_later(seconds_left(self._identity), self.end, SESSION_OVER, "token expired")
        self._heartbeat.start()
        if drain.draining:
            self.drain()
        while (message := await receive())["type"] != "websocket.disconnect":
            text = message.get("text")
            size = len(text or "")
            if size <= _PARSE_INLINE_CHARACTERS:
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
            case ChatFrame() | ResumeFrame() | BadFrame():
                await self._enqueue(frame, size)

    async def _enqueue(self, frame: WaitingFrame, size: int) -> None:
        if self._closing:
            return
        if not self._waiting.push(frame, size):
            problem = Conflict("Too many frames are already waiting on this socket; wait for a done frame.")
            text = frames.encode(frames.error(problem, own_id=frame.request_id), frame.request_id)
            await self._send({"type": "websocket.send", "text": text})
            return
        if self._worker is None:
            self._worker = spawn(self._work())
            # Let the turn begin: a cancel that came in the same packet must find it running.
            await asyncio.sleep(0)

    async def _work(self) -> None:
        """Answers the waiting frames; an idle socket has no worker. It has a context (request id) of its own."""
        try:
            with drain.running():
                while self._waiting and not self._closing and not drain.draining:
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
            answers = ClientAnswers(seconds=self._answer_seconds)
            self._turn = turn = SocketTurn(frame, identity=self._identity, outlet=outlet, answers=answers)
            await turn.run()
        finally:
            self._turn = None

    async def _show(self, frame: ChatFrame | ResumeFrame) -> None:
        answer = ResumableAnswer(frame, identity=self._identity, answer_seconds=self._answer_seconds)
        self._turn = answer
        async with aclosing(answer.frames(self)) as texts:
            async for text in texts:
                try:
                    await self._send({"type": "websocket.send", "text": text})
                except OSError as error:
                    raise SocketClosedError from error

    def on_taken_over(self) -> None:
        """A newer socket has the running turn: this one is most likely dead, and has nothing more to say of it."""
        self.end(TAKEN_OVER, "turn taken over")

    def drain(self) -> None:
        if self._worker is None:
            self.end(RESTARTING, "server restarts")

    def end(self, code: int, reason: str) -> None:
        if not self._closing:
            self._closing = True
            spawn(self._close(code, reason))

    async def _close(self, code: int, reason: str) -> None:
        """The server answers a close with ``websocket.disconnect``, which ends the socket's own task."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._stop_worker()
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
        except TimeoutError:
            self._abort()
        except OSError:
            pass

    async def _stop_worker(self) -> None:
        self._waiting.clear()
        if self._worker is not None:
            self._worker.cancel()
            await asyncio.wait([self._worker])

    async def _ping(self) -> None:
        if not self._closing:
            with suppress(OSError):
                await self._send({"type": "websocket.send", "text": frames.PING})

    def _abort(self) -> None:
        """For a client that does not read: no frame would reach it, not even a close."""
        self._aborted = True
        if self._task is not None:
            self._task.cancel()

    async def _clean_up(self) -> None:
        self._closing = True
        self._heartbeat.stop()
        if self._expiry is not None:
            self._expiry.cancel()
        await self._stop_worker()
        await connections.remove(self)


async def not_found(scope: Scope, receive: Any, send: Send) -> None:
    """Refuses every other path: without this route a server answers 500 to an unknown one."""
    request_id.bind(None)
    await receive()  # websocket.connect
    HANDSHAKES.labels(NotFound.code).inc()
    await authentication.refuse(scope, send, NotFound())


websocket_urlpatterns = [
    path("api/v1/chat/stream", ChatStream.as_asgi()),  # type: ignore[no-untyped-call]
    re_path(r"", not_found),  # type: ignore[arg-type]  # Django types its routes for HTTP views
]

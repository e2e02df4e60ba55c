"""What every WebSocket of the service does, whatever is said on it: handshake, pings, its end."""

import asyncio
import logging
import traceback
from contextlib import suppress
from typing import Any, ClassVar
from uuid import UUID

from channels.consumer import AsyncConsumer

from accounts.authentication import Identity, seconds_left
from accounts.sockets import authentication
from accounts.sockets.authentication import Scope, Send
from accounts.sockets.connections import SESSION_OVER, connections
from accounts.sockets.ping import PING, PING_SECONDS, Heartbeat
from adiuva.api.error_handler import as_problem
from adiuva.api.errors import NotFound, Problem, UpstreamUnavailable
from adiuva.background import spawn
from adiuva.broadcast.port import Listener
from adiuva.observability import request_id
from adiuva.observability.metrics import HANDSHAKES, SOCKETS_OPEN
from adiuva.server.drain import drain

logger = logging.getLogger(__name__)

TOO_BIG = 1009
RESTARTING = 1012
_CLOSE_SECONDS = 5.0


class SocketConsumer(AsyncConsumer):
    """One socket of an authenticated user. While idle it costs no task of its own: the server's task reads frames, and
    timers do the rest.

    Channels' loop over a channel layer is not used, because ``accounts.sockets.connections`` listens once for the whole
    process.
    """

    kind: ClassVar[str]  # whose places it takes, and a label of metrics
    identity: Identity

    def __init__(self, *, ping_seconds: float = PING_SECONDS) -> None:
        self.is_closing = False
        self._heartbeat = Heartbeat(seconds=ping_seconds, ping=self._ping, on_stall=self.abort)
        self._expiry: asyncio.TimerHandle | None = None
        self._aborted = False

    @property
    def user_id(self) -> UUID:
        return self.identity.user.id

    @property
    def session_id(self) -> UUID:
        return self.identity.session_id

    def listener(self) -> Listener | None:
        """Asked once: what hears what this socket's user is told (``accounts.sockets.messages``)."""
        return None

    async def begin(self) -> None:
        """The socket is open and hears messages; pings come after this."""

    async def take(self, message: dict[str, Any]) -> None:
        """A frame of the client, as ASGI has it: ``text`` or ``bytes``."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Ends whatever runs for the socket; may be called twice."""

    async def say_goodbye(self, reason: str) -> None:
        """Before the close frame."""

    async def send_text(self, text: str) -> None:
        """Waits for a client that does not read. Raises ``OSError`` where it is gone."""
        await self._send({"type": "websocket.send", "text": text})

    def drain(self) -> None:
        self.end(RESTARTING, "server restarts")

    def end(self, code: int, reason: str) -> None:
        if not self.is_closing:
            self.is_closing = True
            spawn(self._close(code, reason))

    def abort(self) -> None:
        """For a client that does not read: no frame would reach it, not even a close."""
        self._aborted = True
        if self._task is not None:
            self._task.cancel()

    async def __call__(self, scope: Scope, receive: Any, send: Send) -> None:
        self._send = send
        request_id.bind(authentication.header(scope, request_id.HEADER.lower()))
        await receive()  # websocket.connect
        try:
            if drain.draining:
                raise UpstreamUnavailable("The server is shutting down.", retry_after=1)  # noqa: TRY301
            self.identity = await authentication.authenticate(scope)
            connections.admit(self.kind, self.user_id)
        except Exception as error:  # noqa: BLE001 - whatever went wrong, the client gets a refusal
            problem = _problem_of(error)
            HANDSHAKES.labels(problem.code).inc()
            await authentication.refuse(scope, send, problem)
            return
        self._task = asyncio.current_task()
        HANDSHAKES.labels("accepted").inc()
        SOCKETS_OPEN.labels(self.kind).inc()
        try:
            await connections.add(self, self.listener())
            await self._serve(receive)
        except OSError:  # what a server raises when it sends to a client that is gone
            pass
        except asyncio.CancelledError:
            if not self._aborted:
                raise
        finally:
            SOCKETS_OPEN.labels(self.kind).dec()
            connections.release(self.kind, self.user_id)
            await self._clean_up()

    async def _serve(self, receive: Any) -> None:
        await self._send(
            {
                "type": "websocket.accept",
                "headers": [(request_id.HEADER.lower().encode(), request_id.current_request_id().encode())],
            }
        )
        loop = asyncio.get_running_loop()
        self._expiry = loop.call_later(seconds_left(self.identity), self.end, SESSION_OVER, "token expired")
        if drain.draining:
            self.drain()
        await self.begin()
        self._heartbeat.start()
        while (message := await receive())["type"] != "websocket.disconnect":
            await self.take(message)

    async def _close(self, code: int, reason: str) -> None:
        """The server answers a close with ``websocket.disconnect``, which ends the socket's own task."""
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.stop()
                await self.say_goodbye(reason)
                await self._send({"type": "websocket.close", "code": code, "reason": reason})
        except TimeoutError:
            self.abort()
        except OSError:
            pass

    async def _ping(self) -> None:
        if not self.is_closing:
            with suppress(OSError):
                await self.send_text(PING)

    async def _clean_up(self) -> None:
        self.is_closing = True
        self._heartbeat.stop()
        if self._expiry is not None:
            self._expiry.cancel()
        await self.stop()
        await connections.remove(self)


async def not_found(scope: Scope, receive: Any, send: Send) -> None:
    """Refuses every other path: without this route a server answers 500 to an unknown one."""
    request_id.bind(None)
    await receive()  # websocket.connect
    HANDSHAKES.labels(NotFound.code).inc()
    await authentication.refuse(scope, send, NotFound())


def _problem_of(error: Exception) -> Problem:
    """An unexpected error is logged with its type and stack, but without its text, which may quote a token."""
    problem = as_problem(error)
    if problem is not error and problem.status >= 500:  # noqa: PLR2004
        stack = "".join(traceback.format_tb(error.__traceback__))
        logger.error("a handshake failed: %s\n%s", type(error).__qualname__, stack, extra={"code": problem.code})
    return problem

"""The open sockets of this process: how many there may be, and how revocation and shutdown close them.

They hear of the end of their session by a message (``accounts.sockets.messages``), of which the process listens to one
topic for each user it has a socket of. Since messages may be lost, the database is asked as well: every
``SWEEP_SECONDS``, and when messages are known to have been lost.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from channels.db import database_sync_to_async
from django.conf import settings

from accounts.sessions import live_session_ids
from accounts.sockets.messages import topic_of
from adiuva.api.errors import RateLimited, UpstreamUnavailable
from adiuva.background import spawn
from adiuva.broadcast.factory import get_broadcast
from adiuva.broadcast.port import Listener, Message
from adiuva.server.drain import drain

logger = logging.getLogger(__name__)

SESSION_OVER = 4401
REVOKED = "session revoked"
RETRY_AFTER_SECONDS = 5
SWEEP_SECONDS = 30.0


class Socket(Protocol):
    @property
    def user_id(self) -> UUID: ...

    @property
    def session_id(self) -> UUID: ...

    def end(self, code: int, reason: str) -> None:
        """Stop the running turn and close."""

    def drain(self) -> None:
        """Close as soon as no turn is running."""


class UserSockets:
    """Of one user; what each wants to hear besides the end of its session is said to its listener, if it has one."""

    __slots__ = ("_on_gap", "sockets")

    def __init__(self, on_gap: Callable[[], None]) -> None:
        self.sockets: dict[Socket, Listener | None] = {}
        self._on_gap = on_gap

    def on_message(self, message: Message) -> None:
        if "revoked" in message:
            self.end({UUID(session_id) for session_id in message["revoked"]})
            return
        for listener in self._listeners():
            listener.on_message(message)

    def on_gap(self) -> None:
        self._on_gap()
        for listener in self._listeners():
            listener.on_gap()

    def end(self, session_ids: set[UUID]) -> None:
        for socket in tuple(self.sockets):
            if socket.session_id in session_ids:
                socket.end(SESSION_OVER, REVOKED)

    def _listeners(self) -> list[Listener]:
        return [listener for listener in self.sockets.values() if listener is not None]


class Connections:
    """To be used on the event loop. The sweep and the drain callback exist only while there is a socket.

    Each ``kind`` of socket has places of its own: those of the synchronisation, which stay open all day, never stand in
    the way of the chat's.
    """

    def __init__(self, *, sweep_seconds: float = SWEEP_SECONDS) -> None:
        self.sweep_seconds = sweep_seconds
        self._users: dict[UUID, UserSockets] = {}
        self._admitted: Counter[str] = Counter()
        self._admitted_of_user: Counter[tuple[str, UUID]] = Counter()
        self._wake = asyncio.Event()
        self._sweeping: asyncio.Task[None] | None = None
        self._unregister_drain: Callable[[], None] = lambda: None

    @property
    def admitted(self) -> int:
        return self._admitted.total()

    def admit(self, kind: str, user_id: UUID) -> None:
        """Take a place; ``release`` gives it back.

        Raises:
            RateLimited: the user has ``CHAT_MAX_SOCKETS_PER_USER`` of this kind open.
            UpstreamUnavailable: this process has ``CHAT_MAX_SOCKETS`` of this kind open.
        """
        if self._admitted_of_user[kind, user_id] >= settings.CHAT_MAX_SOCKETS_PER_USER:
            raise RateLimited(retry_after=RETRY_AFTER_SECONDS, detail="You have too many WebSockets open.")
        if self._admitted[kind] >= settings.CHAT_MAX_SOCKETS:
            raise UpstreamUnavailable("Too many WebSockets are open.", retry_after=RETRY_AFTER_SECONDS)
        self._admitted[kind] += 1
        self._admitted_of_user[kind, user_id] += 1

    def release(self, kind: str, user_id: UUID) -> None:
        self._admitted[kind] -= 1
        self._admitted_of_user[kind, user_id] -= 1
        if not self._admitted_of_user[kind, user_id]:
            del self._admitted_of_user[kind, user_id]

    async def add(self, socket: Socket, listener: Listener | None = None) -> None:
        """When it returns, ``socket`` hears of the end of its session, and ``listener`` of what its user is told."""
        if self._sweeping is None:
            self._wake = asyncio.Event()
            self._sweeping = spawn(self._sweep(self._wake))
            self._unregister_drain = drain.on_drain(self._drain)
        if socket.user_id not in self._users:
            self._users[socket.user_id] = UserSockets(self._check_soon)
        user = self._users[socket.user_id]
        user.sockets[socket] = listener
        await get_broadcast().subscribe(topic_of(socket.user_id), user)

    async def remove(self, socket: Socket) -> None:
        user = self._users.get(socket.user_id)
        if user is None or socket not in user.sockets:
            return
        del user.sockets[socket]
        if user.sockets:
            return
        del self._users[socket.user_id]
        if not self._users and self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None
            self._unregister_drain()
        await get_broadcast().unsubscribe(topic_of(socket.user_id))

    def _check_soon(self) -> None:
        self._wake.set()

    async def _sweep(self, wake: asyncio.Event) -> None:
        while True:
            try:
                async with asyncio.timeout(self.sweep_seconds):
                    await wake.wait()
            except TimeoutError:
                pass
            wake.clear()
            try:
                await self._end_revoked()
            except Exception:
                logger.warning("open sockets could not be checked for revocation", exc_info=True)

    async def _end_revoked(self) -> None:
        watched = {socket.session_id for user in self._users.values() for socket in user.sockets}
        live = await database_sync_to_async(live_session_ids, thread_sensitive=False)(watched)
        ended = watched - live
        if ended:
            for user in tuple(self._users.values()):
                user.end(ended)

    def _drain(self) -> None:
        for user in tuple(self._users.values()):
            for socket in tuple(user.sockets):
                socket.drain()


connections = Connections()

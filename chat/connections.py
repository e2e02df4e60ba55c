"""The open sockets of this process: ended when their session is, and told when the server shuts down."""

from collections import Counter
from collections.abc import Callable
from typing import Protocol
from uuid import UUID

from channels.db import database_sync_to_async
from django.conf import settings

from accounts.sessions import live_session_ids
from adiuva.api.errors import RateLimited, UpstreamUnavailable
from adiuva.server.drain import drain
from chat.revocations import SWEEP_SECONDS, RevocationWatch

SESSION_OVER = 4401
RETRY_AFTER_SECONDS = 5


class Socket(Protocol):
    @property
    def session_id(self) -> UUID: ...

    def end(self, code: int, reason: str) -> None:
        """Stop what runs and close."""

    def drain(self) -> None:
        """Close as soon as nothing runs any more."""


class Connections:
    """Used from the event loop only. The watch and the drain callback exist while there is a socket."""

    def __init__(self, *, sweep_seconds: float = SWEEP_SECONDS) -> None:
        self.sweep_seconds = sweep_seconds
        self._by_session: dict[UUID, set[Socket]] = {}
        self._of_user: Counter[UUID] = Counter()
        self._admitted = 0
        self._watch: RevocationWatch | None = None
        self._forget_drain: Callable[[], None] = lambda: None

    @property
    def admitted(self) -> int:
        return self._admitted

    def admit(self, user_id: UUID) -> None:
        """Takes a place that ``release`` gives back.

        Raises:
            RateLimited: the user has ``CHAT_MAX_SOCKETS_PER_USER`` open.
            UpstreamUnavailable: this process has ``CHAT_MAX_SOCKETS`` open.
        """
        if self._of_user[user_id] >= settings.CHAT_MAX_SOCKETS_PER_USER:
            raise RateLimited(retry_after=RETRY_AFTER_SECONDS, detail="Too many of your WebSockets are open.")
        if self._admitted >= settings.CHAT_MAX_SOCKETS:
            raise UpstreamUnavailable("Too many WebSockets are open.", retry_after=RETRY_AFTER_SECONDS)
        self._of_user[user_id] += 1
        self._admitted += 1

    def release(self, user_id: UUID) -> None:
        self._admitted -= 1
        self._of_user[user_id] -= 1
        if not self._of_user[user_id]:
            del self._of_user[user_id]

    async def add(self, socket: Socket) -> None:
        if self._watch is None:
            self._watch = RevocationWatch(self._end_revoked, seconds=self.sweep_seconds)
            self._forget_drain = drain.on_drain(self._drain)
        is_first = socket.session_id not in self._by_session
        self._by_session.setdefault(socket.session_id, set()).add(socket)
        if is_first:
            await self._watch.join(socket.session_id)

    async def remove(self, socket: Socket) -> None:
        siblings = self._by_session.get(socket.session_id, set())
        siblings.discard(socket)
        if siblings or self._watch is None:
            return
        self._by_session.pop(socket.session_id, None)
        watch = self._watch
        if not self._by_session:
            self._watch = None
            self._forget_drain()
            watch.stop()
        await watch.leave(socket.session_id)

    async def _end_revoked(self) -> None:
        watched = set(self._by_session)
        live = await database_sync_to_async(live_session_ids, thread_sensitive=False)(watched)
        for session_id in watched - live:
            for socket in tuple(self._by_session.get(session_id, ())):
                socket.end(SESSION_OVER, "session revoked")

    def _drain(self) -> None:
        for sockets in tuple(self._by_session.values()):
            for socket in tuple(sockets):
                socket.drain()


connections = Connections()

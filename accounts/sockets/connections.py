"""The open sockets of this process: how many there may be, and how revocation and shutdown close them.

One channel of the process joins the group of each session, instead of one channel (with its task and queue) per socket.
A message only says that some session ended; which one is asked of the database, as it is every ``SWEEP_SECONDS`` in
case a message was lost.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Protocol
from uuid import UUID

from channels.db import database_sync_to_async
from channels.layers import get_channel_layer
from django.conf import settings

from accounts.sessions import live_session_ids, revocation_group
from adiuva.api.errors import RateLimited, UpstreamUnavailable
from adiuva.background import spawn
from adiuva.server.drain import drain

logger = logging.getLogger(__name__)

SESSION_OVER = 4401
RETRY_AFTER_SECONDS = 5
SWEEP_SECONDS = 30.0
_LAYER_SECONDS = 2.0  # a channel layer that is away must not delay handshakes


class RevocationWatch:
    """Calls ``check`` on each message and every ``seconds`` until ``stop``; belongs to one event loop."""

    def __init__(self, check: Callable[[], Awaitable[None]], *, seconds: float) -> None:
        self._check = check
        self._seconds = seconds
        self._wake = asyncio.Event()
        self._lock = asyncio.Lock()
        self._layer: Any = get_channel_layer()
        self._channel: str | None = None
        self._warned = False
        self._tasks = [spawn(self._sweep())]

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def join(self, session_id: UUID) -> None:
        """Listen for messages about this session; when the layer is away, only the sweep notices its end."""
        if self._layer is None:
            return
        try:
            async with asyncio.timeout(_LAYER_SECONDS), self._lock:
                if self._channel is None:
                    self._channel = await self._layer.new_channel()
                    self._tasks.append(spawn(self._listen(self._channel)))
                await self._layer.group_add(revocation_group(session_id), self._channel)
        except Exception as error:  # noqa: BLE001 - each layer has its own errors
            self._warn(error)

    async def leave(self, session_id: UUID) -> None:
        if self._channel is None:
            return
        try:
            async with asyncio.timeout(_LAYER_SECONDS):
                await self._layer.group_discard(revocation_group(session_id), self._channel)
        except Exception as error:  # noqa: BLE001 - as above
            self._warn(error)

    async def _listen(self, channel: str) -> None:
        while True:
            try:
                await self._layer.receive(channel)
            except Exception as error:  # noqa: BLE001 - as above
                self._warn(error)
                await asyncio.sleep(self._seconds)
            self._wake.set()

    async def _sweep(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._seconds):
                    await self._wake.wait()
            except TimeoutError:
                pass
            self._wake.clear()
            try:
                await self._check()
            except Exception:
                logger.warning("open sockets could not be checked for revocation", exc_info=True)

    def _warn(self, error: Exception) -> None:
        """Once: otherwise an outage would write a line for each socket."""
        if not self._warned:
            self._warned = True
            logger.warning(
                "the channel layer fails: revocations reach sockets by the sweep only",
                extra={"error": type(error).__name__},
            )


class Socket(Protocol):
    @property
    def session_id(self) -> UUID: ...

    def end(self, code: int, reason: str) -> None:
        """Stop the running turn and close."""

    def drain(self) -> None:
        """Close as soon as no turn is running."""


class Connections:
    """To be used on the event loop. The watch and the drain callback exist only while there is a socket."""

    def __init__(self, *, sweep_seconds: float = SWEEP_SECONDS) -> None:
        self.sweep_seconds = sweep_seconds
        self._by_session: dict[UUID, set[Socket]] = {}
        self._of_user: Counter[UUID] = Counter()
        self._admitted = 0
        self._watch: RevocationWatch | None = None
        self._unregister_drain: Callable[[], None] = lambda: None

    @property
    def admitted(self) -> int:
        return self._admitted

    def admit(self, user_id: UUID) -> None:
        """Take a place; ``release`` gives it back.

        Raises:
            RateLimited: the user has ``CHAT_MAX_SOCKETS_PER_USER`` open.
            UpstreamUnavailable: this process has ``CHAT_MAX_SOCKETS`` open.
        """
        if self._of_user[user_id] >= settings.CHAT_MAX_SOCKETS_PER_USER:
            raise RateLimited(retry_after=RETRY_AFTER_SECONDS, detail="You have too many WebSockets open.")
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
            self._unregister_drain = drain.on_drain(self._drain)
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
            self._unregister_drain()
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

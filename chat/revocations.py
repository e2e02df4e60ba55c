"""How a process hears that sessions of its open sockets have ended.

One channel of the process joins each session's group, instead of one channel (with its task and queue) a socket. A
message says only that something ended; what did is asked of the database, as it is every ``SWEEP_SECONDS`` for messages
that were lost.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from channels.layers import get_channel_layer

from accounts.sessions import revocation_group
from chat.background import spawn

logger = logging.getLogger(__name__)

SWEEP_SECONDS = 30.0
_LAYER_SECONDS = 2.0  # a channel layer that is away must not hold up handshakes


class RevocationWatch:
    """Calls ``check`` at each hint and every ``seconds``, from its making until ``stop``; belongs to one event loop."""

    def __init__(self, check: Callable[[], Awaitable[None]], *, seconds: float) -> None:
        self._check = check
        self._seconds = seconds
        self._hint = asyncio.Event()
        self._lock = asyncio.Lock()
        self._layer: Any = get_channel_layer()
        self._channel: str | None = None
        self._warned = False
        self._tasks = [spawn(self._sweep())]

    def stop(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def join(self, session_id: UUID) -> None:
        """From now on a message about this session is heard; if the layer is away, the sweep has to do."""
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
            self._hint.set()

    async def _sweep(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._seconds):
                    await self._hint.wait()
            except TimeoutError:
                pass
            self._hint.clear()
            try:
                await self._check()
            except Exception:
                logger.warning("open sockets could not be checked for revocation", exc_info=True)

    def _warn(self, error: Exception) -> None:
        """Once: an outage would else write a line for each socket."""
        if not self._warned:
            self._warned = True
            logger.warning(
                "the channel layer fails: revocations reach sockets by the sweep only",
                extra={"error": type(error).__name__},
            )

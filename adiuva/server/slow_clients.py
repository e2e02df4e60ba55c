"""How slow a client may be with a body, in either direction.

Somebody who sends (or takes) a byte now and then would hold a connection, and what is behind it, for as long as they
like. ``CLIENT_IDLE_SECONDS`` bounds one silence; a client that is not silent must keep up
``CLIENT_MIN_BYTES_PER_SECOND`` on average once it has had that long: 500, as Apache's mod_reqtimeout has it, is a tenth
of a bad telephone line.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from django.conf import settings

from adiuva.api.errors import RequestTimeout

Message = MutableMapping[str, Any]


def least_bytes(seconds: float) -> float:
    """What a client must have sent or taken after ``seconds``; 0 while it still has its grace."""
    return settings.CLIENT_MIN_BYTES_PER_SECOND * seconds if seconds >= settings.CLIENT_IDLE_SECONDS else 0.0


class TransferRate:
    """Of one request's body. Only the waiting for the client counts, not what is done with what it sent."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._waited = 0.0
        self._received = 0

    async def receive(self, receive: Callable[[], Awaitable[Message]]) -> Message:
        """The next message. Raises ``RequestTimeout`` for a client that is silent or too slow."""
        since = self._loop.time()
        try:
            async with asyncio.timeout(settings.CLIENT_IDLE_SECONDS):
                message = await receive()
        except TimeoutError:
            raise RequestTimeout from None
        self._waited += self._loop.time() - since
        self._received += len(message.get("body", b""))
        if message.get("more_body") and self._received < least_bytes(self._waited):
            raise RequestTimeout("The client sends its body too slowly.")
        return message

"""``WS /api/v1/sync`` (docs/api.md § 7): the consumer and its route."""

import json
import logging
from typing import Any

from channels.db import database_sync_to_async
from django.urls import path

from accounts import authentication
from accounts.authentication import Identity
from accounts.sockets.connections import REVOKED, SESSION_OVER
from accounts.sockets.consumer import TOO_BIG, SocketConsumer
from accounts.sockets.ping import PING_SECONDS
from adiuva.api.errors import InvalidToken
from storage.sync.hello import Hello, read_hello
from storage.sync.hints import HINT_SECONDS, Hints

logger = logging.getLogger(__name__)

MAX_FRAME_BYTES = 4096  # a client has nothing to say here but a pong
OUR_FAILURE = 1011
SAID_REVOKED = '{"type":"revoked"}'


class SyncStream(SocketConsumer):
    """Says ``hello``, then hints. What the client sends is ignored."""

    kind = "sync"

    def __init__(self, *, ping_seconds: float = PING_SECONDS, hint_seconds: float = HINT_SECONDS) -> None:
        super().__init__(ping_seconds=ping_seconds)
        self._hint_seconds = hint_seconds

    def listener(self) -> Hints:
        self._hints = Hints(user_id=self.user_id, send=self.send_text, seconds=self._hint_seconds)
        return self._hints

    async def begin(self) -> None:
        """What is told meanwhile waits: it is newer than ``hello``."""
        try:
            hello = await database_sync_to_async(_read, thread_sensitive=False)(self.identity)
        except InvalidToken:
            self.end(SESSION_OVER, REVOKED)
            return
        except Exception:
            logger.exception("a socket could not be told where its feed is")
            self.end(OUR_FAILURE, "internal error")
            return
        if not self.is_closing:
            await self.send_text(json.dumps(hello.frame(), separators=(",", ":")))
            self._hints.start(seq=hello.seq)

    async def take(self, message: dict[str, Any]) -> None:
        if len(message.get("text") or message.get("bytes") or b"") > MAX_FRAME_BYTES:
            self.end(TOO_BIG, "frame too big")

    async def stop(self) -> None:
        self._hints.stop()

    async def say_goodbye(self, reason: str) -> None:
        if reason == REVOKED:
            await self.send_text(SAID_REVOKED)


def _read(identity: Identity) -> Hello:
    """Raises ``InvalidToken`` where the session ended before the socket could hear of it."""
    authentication.reload(identity)
    return read_hello(identity.user.id)


websocket_urlpatterns = [
    path("api/v1/sync", SyncStream.as_asgi()),  # type: ignore[no-untyped-call]
]

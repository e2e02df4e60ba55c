"""How tests hold a conversation with a WebSocket's consumer in their own process."""

import json
from collections.abc import Callable
from typing import Any

from asgiref.testing import ApplicationCommunicator
from channels.db import database_sync_to_async
from channels.routing import URLRouter
from channels.testing import WebsocketCommunicator
from django.urls import path

from accounts.sockets.consumer import SocketConsumer

Frame = dict[str, Any]


class _Wire(WebsocketCommunicator):
    """Channels' own patches ``close_old_connections`` away, for tests inside a transaction; it would empty the pool."""

    send_input = ApplicationCommunicator.send_input
    receive_output = ApplicationCommunicator.receive_output


class WireSocket:
    """A socket of ``consumer`` at ``url``; ``options`` go to the consumer: shorter times than the contract's."""

    def __init__(
        self,
        consumer: type[SocketConsumer],
        url: str,
        *,
        query: str = "",
        headers: dict[str, str] | None = None,
        **options: Any,
    ) -> None:
        application = URLRouter([path(url[1:], consumer.as_asgi(**options))])  # type: ignore[no-untyped-call]
        encoded = [(name.lower().encode(), value.encode()) for name, value in (headers or {}).items()]
        self._wire: Any = _Wire(application, f"{url}?{query}", headers=encoded)  # type: ignore[no-untyped-call]
        self._left = False

    async def open(self) -> bool:
        accepted, _ = await self._wire.connect(timeout=60)
        self._left = not accepted
        return bool(accepted)

    async def send(self, **frame: Any) -> None:
        await self._wire.send_to(text_data=json.dumps(frame))

    async def send_text(self, text: str) -> None:
        await self._wire.send_input({"type": "websocket.receive", "text": text})

    async def send_bytes(self, data: bytes) -> None:
        await self._wire.send_input({"type": "websocket.receive", "bytes": data})

    async def frame(self, seconds: float = 60) -> Frame:
        text = await self._wire.receive_from(timeout=seconds)
        frame: Frame = json.loads(text)
        self.check(frame)
        return frame

    def check(self, frame: Frame) -> None:
        """Of the schema."""

    async def silent(self, seconds: float = 0.1) -> bool:
        return bool(await self._wire.receive_nothing(timeout=seconds))

    async def closed(self, seconds: float = 60) -> int:
        """The close code; fails when a frame comes instead."""
        message = await self._wire.receive_output(timeout=seconds)
        assert message["type"] == "websocket.close", message
        await self.leave()
        code: int = message["code"]
        return code

    async def leave(self) -> None:
        """As the server says it when the client is gone."""
        if not self._left:
            self._left = True
            if self._wire.future.done():  # a test that waited in vain has ended it
                return
            await self._wire.send_input({"type": "websocket.disconnect", "code": 1005})
            await self._wire.wait(timeout=60)


async def in_database(work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Runs ``work`` in a thread with a database connection of its own."""
    return await database_sync_to_async(work, thread_sensitive=False)(*args, **kwargs)

"""WebSocket routes. The last one refuses every other path: without it a server answers 500 to an unknown one."""

from typing import Any

from django.urls import path, re_path

from adiuva.api.errors import NotFound
from adiuva.observability import request_id
from adiuva.observability.metrics import HANDSHAKES
from chat.ws.consumer import ChatStream
from chat.ws.handshake import Scope, Send, refuse


async def not_found(scope: Scope, receive: Any, send: Send) -> None:
    request_id.bind(None)
    await receive()  # websocket.connect
    HANDSHAKES.labels(NotFound.code).inc()
    await refuse(scope, send, NotFound())


websocket_urlpatterns = [
    path("api/v1/chat/stream", ChatStream.as_asgi()),  # type: ignore[no-untyped-call]
    re_path(r"", not_found),  # type: ignore[arg-type]  # Django types its routes for HTTP views
]

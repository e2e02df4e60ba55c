"""What a client is told when Django's handler itself ends without an answer.

uvicorn would say it in plain text. Two things get here: a failure outside Django's own handling, and a request that the
server cancels because it runs longer than a stopping process may take.
"""

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from adiuva.api.error_handler import document_of
from adiuva.api.errors import InternalError, Problem, UpstreamUnavailable
from adiuva.observability.request_id import HEADER, bind

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class ErrorBoundary:
    """``app`` with a problem document where it ends without an answer."""

    def __init__(self, app: App) -> None:
        self.app = app

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        response_started = False

        async def noting_send(message: Message) -> None:
            nonlocal response_started
            response_started = True
            await send(message)

        try:
            await self.app(scope, receive, noting_send)
        except asyncio.CancelledError:
            if response_started:
                raise
            logger.warning("cancelled: the server stops", extra={"path": scope["path"]})
            stopping = UpstreamUnavailable("The server is restarting.", retry_after=1)
            await _answer(send, stopping, path=scope["path"])
        except Exception:
            if response_started:
                raise
            logger.exception("no answer", extra={"path": scope["path"]})
            await _answer(send, InternalError(), path=scope["path"])


async def _answer(send: Send, problem: Problem, *, path: str) -> None:
    request_id = bind()
    document, content_type = document_of(problem, path=path)
    body = json.dumps(document).encode()
    headers = {
        "content-type": content_type,
        "content-length": str(len(body)),
        "connection": "close",
        HEADER.lower(): request_id,
        **{name.lower(): value for name, value in problem.headers.items()},
    }
    encoded = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": problem.status, "headers": encoded})
    await send({"type": "http.response.body", "body": body})

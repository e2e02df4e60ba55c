"""What both relays share: one frame in, the upstream's stream out with bare `websockets`, one frame a token."""

import json
import os
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus
from typing import Any

from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

Texts = Callable[[str], AsyncIterator[str]]
Encode = Callable[[Any], str | bytes]


def _answer_health(connection: ServerConnection, request: Request) -> Response | None:
    return connection.respond(HTTPStatus.OK, "ok") if request.path.endswith("/health") else None


async def relay(texts: Texts, encode: Encode) -> None:
    """``texts`` reads the answer to a message, ``encode`` makes JSON of a frame."""

    async def answer(connection: ServerConnection) -> None:
        async for frame in connection:
            said = ""
            async for text in texts(json.loads(frame)["message"]):
                said += text
                await connection.send(encode({"type": "chunk", "text": text}), text=True)
            await connection.send(encode({"type": "done", "done": True, "response": said}), text=True)

    port = int(os.environ["PORT"])
    async with serve(answer, "127.0.0.1", port, compression=None, process_request=_answer_health) as server:
        await server.serve_forever()

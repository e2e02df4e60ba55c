"""The least a relay could do: one frame in, the upstream's stream out with bare `websockets`, one frame a chunk."""

import json
import os
from http import HTTPStatus

import httpx
import uvloop
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from tests.bench.baselines.upstream import texts


def _health(connection: ServerConnection, request: Request) -> Response | None:
    return connection.respond(HTTPStatus.OK, "ok") if request.path.endswith("/health") else None


async def main() -> None:
    async with httpx.AsyncClient(timeout=60) as client:

        async def relay(connection: ServerConnection) -> None:
            async for frame in connection:
                said = ""
                async for text in texts(client, json.loads(frame)["message"]):
                    said += text
                    await connection.send(json.dumps({"type": "chunk", "text": text}))
                await connection.send(json.dumps({"type": "done", "done": True, "response": said}))

        async with serve(
            relay, "127.0.0.1", int(os.environ["PORT"]), compression=None, process_request=_health
        ) as server:
            await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())

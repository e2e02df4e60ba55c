"""``WebSocketProtocol`` by itself: the end of a server finds sockets in any state."""

import asyncio
from typing import Any

import uvicorn
from uvicorn.server import ServerState
from websockets.asyncio.client import connect

from adiuva.server.protocol import WebSocketProtocol

EMPTY_CLOSE = b"\x88\x80\x00\x00\x00\x00"  # RFC 6455 § 5.5.1, masked with zeros


async def hear_out(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def test_a_server_may_stop_in_the_moment_in_which_a_client_says_goodbye() -> None:
    config = uvicorn.Config(hear_out, ws=WebSocketProtocol, lifespan="off", log_config=None)
    config.load()
    state = ServerState()
    made: list[WebSocketProtocol] = []

    def protocol() -> WebSocketProtocol:
        made.append(WebSocketProtocol(config, state, {}))
        return made[-1]

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    async with connect(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/") as socket:
        (open_one,) = made
        open_one.data_received(EMPTY_CLOSE)
        open_one.shutdown()
        async with asyncio.timeout(10):
            await socket.wait_closed()
    server.close()
    await server.wait_closed()

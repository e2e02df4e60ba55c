"""``HttpProtocol`` by itself: connections that say nothing, or not all of it, are closed in time."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from uvicorn.server import ServerState

from adiuva.server import protocol
from adiuva.server.protocol import HttpProtocol
from tests.support.raw_http import head

Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def hello(scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"5")]})
    await send({"type": "http.response.body", "body": b"hello"})


@pytest.fixture
async def port(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[int]:
    monkeypatch.setattr(protocol, "HEAD_SECONDS", 0.2)
    config = uvicorn.Config(hello, http=HttpProtocol, lifespan="off", log_config=None, timeout_keep_alive=60)
    config.load()
    state = ServerState()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: HttpProtocol(config, state, {}, loop), "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()
    for connection in list(state.connections):
        connection.transport.abort()


async def is_closed(reader: asyncio.StreamReader, *, within: float = 20.0) -> bool:
    try:
        async with asyncio.timeout(within):
            return await reader.read() == b""
    except ConnectionResetError:
        return True  # it closed between two bytes of ours
    except TimeoutError:
        return False


@pytest.mark.parametrize("beginning", [b"", b"G", head("GET /")[:-2], b"\r\n"])
async def test_a_connection_without_a_whole_head_is_closed(port: int, beginning: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(beginning)
    assert await is_closed(reader)
    writer.close()


async def test_so_is_one_that_sends_its_head_byte_by_byte(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    closed = asyncio.create_task(is_closed(reader))
    for byte in head("GET /", "X-A: " + "a" * 200):
        if closed.done() or writer.is_closing():
            break
        writer.write(bytes([byte]))
        await asyncio.sleep(0.01)
    assert await closed
    writer.close()


async def test_a_second_request_has_as_much_time_as_the_first_and_idling_between_them_is_fine(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(2):
        writer.write(head("GET /"))
        assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200")
        await asyncio.sleep(0.4)
    writer.write(head("GET /")[:-2])
    assert await is_closed(reader)
    writer.close()


async def test_a_body_may_take_its_time(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head("POST /", "Content-Length: 2") + b"a")
    await asyncio.sleep(0.4)
    writer.write(b"b")
    assert (await reader.readuntil(b"hello")).startswith(b"HTTP/1.1 200")
    writer.close()

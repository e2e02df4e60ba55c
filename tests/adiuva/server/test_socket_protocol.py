"""``WebSocketProtocol`` by itself: the frames it writes, and what is no text; a server's end in any state."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.server import ServerState
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.frames import Frame, Opcode

from adiuva.server.protocol import WebSocketProtocol, _text_frame

EMPTY_CLOSE = b"\x88\x80\x00\x00\x00\x00"  # RFC 6455 § 5.5.1, masked with zeros


@asynccontextmanager
async def serving(
    app: Callable[..., Any], **options: Any
) -> AsyncIterator[tuple[ClientConnection, list[WebSocketProtocol]]]:
    """A client of ``app``, and the protocols that were made: one."""
    config = uvicorn.Config(app, ws=WebSocketProtocol, ws_per_message_deflate=False, lifespan="off", log_config=None)
    config.load()
    state = ServerState()
    made: list[WebSocketProtocol] = []

    def protocol() -> WebSocketProtocol:
        made.append(WebSocketProtocol(config, state, {}))
        return made[-1]

    server = await asyncio.get_running_loop().create_server(protocol, "127.0.0.1", 0)
    try:
        async with connect(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/", **options) as socket:
            yield socket, made
    finally:
        server.close()
        await server.wait_closed()


async def hear_out(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "websocket.accept"})
    while (await receive())["type"] != "websocket.disconnect":
        pass


async def test_a_server_may_stop_in_the_moment_in_which_a_client_says_goodbye() -> None:
    async with serving(hear_out) as (socket, (open_one,)):
        open_one.data_received(EMPTY_CLOSE)
        open_one.shutdown()
        async with asyncio.timeout(60):
            await socket.wait_closed()


@given(
    st.text() | st.integers(0, 3).map(lambda n: "é" * (62 + n)) | st.integers(0, 3).map(lambda n: "x" * (65_534 + n))
)
def test_a_frame_of_text_is_what_websockets_would_write(text: str) -> None:
    assert _text_frame(text) == Frame(Opcode.TEXT, text.encode()).serialize(mask=False, extensions=[])


async def test_texts_of_every_size_arrive_with_half_a_surrogate_pair_replaced() -> None:
    texts = ["", "x" * 125, "☃" * 42, "x" * 65_535, "x" * 65_536, "x" * 300_000, "\ud83d\ude00", "a\ud83d", "\ude00b"]

    async def say(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        for text in texts:
            await send({"type": "websocket.send", "text": text})
        await hear_out(scope, receive, lambda _: asyncio.sleep(0))

    async with serving(say) as (socket, _):
        heard = [await socket.recv() for _ in texts]

    assert heard == [*texts[:6], "😀", "a\ufffd", "\ufffdb"]


async def test_a_client_that_does_not_read_holds_whoever_writes_until_it_is_gone() -> None:
    written = 0
    ended = asyncio.get_running_loop().create_future()

    async def flood(scope: Any, receive: Any, send: Any) -> None:
        nonlocal written
        await send({"type": "websocket.accept"})
        try:
            while True:
                await send({"type": "websocket.send", "text": "x" * 100_000})
                written += 1
        except OSError as error:
            ended.set_result(error)

    async with serving(flood, max_queue=1) as (socket, (open_one,)):
        before = -1
        while before != written:
            before = written
            await asyncio.sleep(0.3)
        assert open_one.transport.get_write_buffer_size() < 300_000
        socket.transport.abort()
        async with asyncio.timeout(60):
            await ended


@pytest.mark.parametrize("fragments", [[b"\xff"], [b'{"message":"', b'\xc3"}']], ids=["whole", "in fragments"])
async def test_text_that_is_no_utf_8_closes_with_1007_and_without_a_traceback(
    fragments: list[bytes], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        async with serving(hear_out) as (socket, _):
            await socket.send(iter(fragments), text=True)
            with pytest.raises(ConnectionClosed) as closed:
                await socket.recv()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1007
    assert not [record for record in caplog.records if record.exc_info or record.levelno >= logging.WARNING]


async def test_a_character_may_be_split_over_fragments() -> None:
    async def echo(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        await receive()
        while "text" in (message := await receive()):
            await send({"type": "websocket.send", "text": message["text"]})

    async with serving(echo) as (socket, _):
        await socket.send(iter([b"\xc3", b"\xa9"]), text=True)

        assert await socket.recv() == "é"

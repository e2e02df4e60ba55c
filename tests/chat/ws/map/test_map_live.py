"""Map runs on the real server: connections that break, and what a thousand items leave behind."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.client import ClientConnection

from tests.chat.conftest import MODEL
from tests.chat.ws.live_sockets import Frame, hear, register, resident_kib, say, stream
from tests.chat.ws.map.device import MapDevice, prioritise, tasks
from tests.fakes.llm_server import LoopbackLLM, stall
from tests.support.server import RunningServer


@pytest.fixture
def llm(_loopback: LoopbackLLM) -> Iterator[LoopbackLLM]:
    """The provider of the server."""
    _loopback.forget()
    yield _loopback
    _loopback.aside.pop(MODEL, None)


class LiveSocket:
    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection

    async def send(self, **frame: object) -> None:
        await say(self.connection, **frame)

    async def frame(self, seconds: float = 60) -> Frame:
        async with asyncio.timeout(seconds):
            return await hear(self.connection)


@asynccontextmanager
async def socket_of(server: RunningServer, token: str) -> AsyncIterator[LiveSocket]:
    async with stream(server, token) as connection:
        yield LiveSocket(connection)


def email_of(token: str) -> str:
    """As its claims have it (docs/api.md § 3)."""
    claims = token.split(".")[1]
    email: str = json.loads(base64.urlsafe_b64decode(claims + "=="))["email"]
    return email


@pytest.mark.parametrize("breaks", [False, True], ids=["closes", "breaks"])
async def test_a_socket_that_ends_closes_every_model_call(
    chat_server: RunningServer, llm: LoopbackLLM, *, breaks: bool
) -> None:
    llm.default = stall("Let me look at that first.")
    async with socket_of(chat_server, register(chat_server)) as socket:
        device = MapDevice(socket, tasks(10))
        await device.start()
        await device.take(await socket.frame())
        assert await asyncio.to_thread(llm.wait_requests, 2)
        open_before = llm.open_connections
        if breaks:
            socket.connection.transport.abort()

    assert open_before == 2
    assert await asyncio.to_thread(llm.wait_closed)
    assert len(llm.requests) == 2


@pytest.mark.slow
async def test_a_thousand_items_leave_nothing_behind(chat_server: RunningServer, llm: LoopbackLLM) -> None:
    """Records of 8 KiB: 8 MB have come by the end, and the second half of them needs no more memory than the first."""
    llm.aside[MODEL] = prioritise
    token = register(chat_server)
    chat_server.manage("set_tier", email_of(token), "power")
    records = {key: record | {"description": "word " * 1_600} for key, record in tasks(1_000).items()}
    async with socket_of(chat_server, token) as socket:
        device = MapDevice(socket, records)
        await device.start(request_id="thousand")
        await device.go_on(stop_after=500)
        half = resident_kib(chat_server)
        final = await device.go_on()
        grown = resident_kib(chat_server) - half

    assert final["items"] == {"total": 1_000, "done": 1_000, "failed": 0, "skipped": 0}
    assert len({action["id"] for action in device.actions}) == 1_000
    assert grown < 3_000

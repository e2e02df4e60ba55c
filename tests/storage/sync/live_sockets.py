"""Sockets of the synchronisation, and what is told on them, with servers in processes of their own."""

import asyncio
import base64
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from storage.checksums import checksum_of
from tests.storage.sync.sockets import PATH
from tests.support.server import RunningServer

Frame = dict[str, Any]
PATIENCE = 60  # seconds: the machine may be busy


@asynccontextmanager
async def greeted(server: RunningServer, token: str, **options: Any) -> AsyncIterator[ClientConnection]:
    """A socket that has said hello."""
    async with connect(f"{server.ws_url}{PATH}?token={token}", compression=None, **options) as connection:
        assert (await hear(connection))["type"] == "hello"
        yield connection


async def hear(connection: ClientConnection) -> Frame:
    """The next frame but pings."""
    async with asyncio.timeout(PATIENCE):
        while True:
            frame: Frame = json.loads(await connection.recv())
            if frame["type"] != "ping":
                return frame


async def hear_changes(connection: ClientConnection, seq: int) -> None:
    """Until the feed's last change is number ``seq``."""
    while (frame := await hear(connection)) != {"type": "changes", "seq": seq}:
        assert frame["type"] == "changes", frame


async def closing(connection: ClientConnection) -> tuple[Frame, int]:
    """The last frame and the close code."""
    last: Frame = {}
    with suppress(ConnectionClosed):
        while True:
            last = await hear(connection)
    return last, connection.close_code or 0


async def write(server: RunningServer, token: str) -> None:
    """A record, which is one change of the feed."""
    sealed = uuid.uuid4().bytes
    body = {"table_name": "notes", "checksum": checksum_of(sealed), "blob": base64.b64encode(sealed).decode()}
    answer = await call(server, token, "POST", "storage/records", json=body)
    assert answer.status_code == 201, answer.text


async def call(server: RunningServer, token: str, method: str, path: str, **body: Any) -> httpx.Response:
    async with httpx.AsyncClient(timeout=PATIENCE, headers={"Authorization": f"Bearer {token}"}) as client:
        return await client.request(method, f"{server.url}/api/v1/{path}", **body)

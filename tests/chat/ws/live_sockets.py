"""How tests hold a conversation with a server in a process of its own."""

import asyncio
import json
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from websockets.asyncio.client import ClientConnection, connect

from tests.support.server import RunningServer
from tests.support.turn_taking_proxy import TurnTakingProxy

Frame = dict[str, Any]


def register(server: RunningServer) -> str:
    body = {"email": f"live-{uuid.uuid4().hex}@example.com", "password": "correct horse battery"}
    answer = httpx.post(f"{server.url}/api/v1/auth/register", json=body, timeout=30)
    assert answer.status_code == 201, answer.text
    access_token: str = answer.json()["access_token"]
    return access_token


@asynccontextmanager
async def stream(
    server: RunningServer | TurnTakingProxy, token: str, **options: Any
) -> AsyncIterator[ClientConnection]:
    url = f"{server.ws_url}/api/v1/chat/stream?token={token}"
    async with connect(url, compression=None, **options) as connection:
        yield connection


async def say(connection: ClientConnection, **frame: Any) -> None:
    await connection.send(json.dumps(frame))


async def hear(connection: ClientConnection) -> Frame:
    async with asyncio.timeout(60):  # a cold model takes 5 s of CPU, and the machine may be busy
        frame: Frame = json.loads(await connection.recv())
    return frame


async def hear_all(connection: ClientConnection) -> list[Frame]:
    frames: list[Frame] = []
    while not frames or not frames[-1].get("done"):
        frames.append(await hear(connection))
    return frames


def resident_kib(server: RunningServer) -> int:
    with open(f"/proc/{server.pid}/status", encoding="ascii") as status:  # noqa: PTH123
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

"""Idle WebSockets beside those of bare ASGI on the very uvicorn settings of ours."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

from websockets.asyncio.client import ClientConnection, connect

from tests.bench.environment import Stage
from tests.bench.report import Goal, Row
from tests.support.server import RunningServer

SOCKETS = 600
WARM_UP = 400  # a start leaves memory free, which the first ones take
EACH = 8  # on one account: a process may hold no more of one user's


def rows(stage: Stage) -> Iterator[Row]:
    tokens = [member.token for member in stage.accounts((SOCKETS + WARM_UP) // EACH + 1)]
    ours, bare = (socket_kib(server, tokens) for server in (stage.ours(), stage.baseline("bare")))
    yield Row("idle WebSocket", "KiB", ours, bare, "bare ASGI on our uvicorn", Goal(most=32))


def _private_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))


def socket_kib(
    server: RunningServer, tokens: list[str], *, path: str = "/api/v1/chat/stream", sockets: int = SOCKETS
) -> float:
    """Anonymous memory of one idle, authenticated WebSocket."""

    async def open_socket(number: int) -> ClientConnection:
        headers = {"Authorization": f"Bearer {tokens[number // EACH]}"}
        return await connect(f"{server.ws_url}{path}", additional_headers=headers, compression=None)

    async def measure() -> float:
        opened = [await open_socket(number) for number in range(WARM_UP)]
        before = _private_kib(server.pid)
        opened += [await open_socket(WARM_UP + number) for number in range(sockets)]
        await asyncio.sleep(1)
        grown = _private_kib(server.pid) - before
        for socket in opened:
            await socket.close()
        return grown / sockets

    return asyncio.run(measure())

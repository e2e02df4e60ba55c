"""A real server: what a socket costs it, and what only the network shows."""

import asyncio
import itertools
import json
from pathlib import Path

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.storage.records.conftest import Crowd
from tests.storage.sync.live_sockets import greeted, hear, hear_changes, write
from tests.storage.sync.sockets import PATH
from tests.support.server import RunningServer

MOST_KIB = 32
EACH = 20  # of one user's a process takes no more


@pytest.fixture(scope="session")
def crowd(server: RunningServer) -> Crowd:
    return Crowd(server)


async def test_a_write_is_told_and_the_client_may_say_what_it_likes(server: RunningServer, crowd: Crowd) -> None:
    token = crowd.one().token
    async with greeted(server, token) as connection:
        await connection.send('{"type":"pong"}')
        await write(server, token)
        await hear_changes(connection, 1)
        await connection.send("x" * 5000)
        with pytest.raises(ConnectionClosed) as closed:
            await hear(connection)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


@pytest.mark.parametrize(
    ("query", "origin"),
    [("", None), ("?token=nonsense", None), ("?ticket=nonsense", None), ("?token={token}", "https://evil.example")],
)
async def test_a_refused_handshake_is_a_403_problem(
    server: RunningServer, crowd: Crowd, query: str, origin: str | None
) -> None:
    url = f"{server.ws_url}{PATH}{query.format(token=crowd.team.token)}"
    with pytest.raises(InvalidStatus) as refused:
        await connect(url, additional_headers={"Origin": origin} if origin else None)

    response = refused.value.response
    problem = json.loads(bytes(response.body or b""))
    assert response.status_code == problem["status"] == 403
    assert response.headers["X-Request-ID"] == problem["request_id"]


@pytest.mark.slow
async def test_an_idle_socket_costs_at_most_32_kib(server: RunningServer, crowd: Crowd) -> None:
    """Anonymous memory, after a first few hundred have taken what a start leaves free."""
    first = [await open_some(server, crowd.one().token) for _ in range(10)]
    before = private_kib(server.pid)
    others = [await open_some(server, crowd.one().token) for _ in range(12)]
    grown = private_kib(server.pid) - before
    for connection in itertools.chain(*first, *others):
        await connection.close()

    assert grown / (12 * EACH) <= MOST_KIB


async def open_some(server: RunningServer, token: str) -> list[ClientConnection]:
    url = f"{server.ws_url}{PATH}?token={token}"
    opened = await asyncio.gather(*(connect(url, compression=None) for _ in range(EACH)))
    for connection in opened:
        assert (await hear(connection))["type"] == "hello"
    return opened


def private_kib(pid: int) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Anonymous:"))

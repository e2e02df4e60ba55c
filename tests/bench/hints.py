"""What the other device waits for a hint after a write, and what sockets cost that only wait for one."""

import asyncio
import hashlib
import http.client
import json
import os
import statistics
import time
import uuid
from collections.abc import Iterator
from contextlib import AsyncExitStack

from websockets.asyncio.client import ClientConnection, connect

from tests.bench.environment import Member, Stage
from tests.bench.report import Goal, Row
from tests.bench.sockets import WARM_UP, socket_kib
from tests.support.server import RunningServer
from tests.support.transfer import cpu_seconds

SYNC = "/api/v1/sync"
DEVICES = 40
WRITES = 3  # of each, further apart than hints are put together
IDLE = 1_000
EACH = 8  # on one account
WATCHED_SECONDS = 20


def rows(stage: Stage) -> Iterator[Row]:
    members = stage.accounts((IDLE + WARM_UP) // EACH + 1)
    server = stage.ours()
    yield _latency("write to hint, one process, p95", server, server, members)
    if redis := os.environ.get("REDIS_URL"):
        here, there = stage.ours(REDIS_URL=redis), stage.ours(REDIS_URL=redis)
        yield _latency("write to hint, two processes over Redis, p95", here, there, members)
        here.stop()
        there.stop()
    bare = stage.baseline("bare")
    tokens = [member.token for member in members]
    ours, base = (socket_kib(one, tokens, path=SYNC, sockets=IDLE) for one in (server, bare))
    yield Row("idle sync socket", "KiB", ours, base, "bare ASGI on our uvicorn", Goal(most=32))
    idle, quiet = (asyncio.run(_idle_cpu(server, tokens, sockets=count)) for count in (IDLE, 0))
    yield Row("1,000 idle sync sockets, of each second", "CPU ms", idle, quiet, "the same process without them")


def _latency(what: str, writer: RunningServer, reader: RunningServer, members: list[Member]) -> Row:
    """From the first byte of the POST to the hint at the other device: the commit lies in between."""
    seconds = asyncio.run(_waits(writer, reader, members[:DEVICES]))
    p95 = statistics.quantiles(seconds, n=20)[-1]
    median = statistics.median(seconds) * 1000
    return Row(what, "ms", p95 * 1000, median, "the median", Goal(most=100))


async def _waits(writer: RunningServer, reader: RunningServer, members: list[Member]) -> list[float]:
    waits = []
    async with AsyncExitStack() as open_sockets:
        sockets = [await open_sockets.enter_async_context(_open(reader, member.token)) for member in members]
        for socket in sockets:
            await _await_hint(socket, "hello", above=-1)
        connection = http.client.HTTPConnection("127.0.0.1", writer.port)
        for number in range(1, WRITES + 1):
            for member, socket in zip(members, sockets, strict=True):
                started = time.perf_counter()
                hint = asyncio.create_task(_await_hint(socket, "changes", above=number - 1))
                await asyncio.to_thread(_write, connection, member.token)
                await hint
                waits.append(time.perf_counter() - started)
    return waits


async def _await_hint(socket: ClientConnection, kind: str, *, above: int) -> None:
    async with asyncio.timeout(30):
        while True:
            frame = json.loads(await socket.recv())
            if frame["type"] == kind and frame["seq"] > above:
                return


def _write(connection: http.client.HTTPConnection, token: str) -> None:
    blob = uuid.uuid4().bytes * 16
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/octet-stream"}
    headers["X-Checksum"] = hashlib.sha256(blob).hexdigest()
    connection.request("POST", "/api/v1/storage/records?table_name=notes", body=blob, headers=headers)
    answer = connection.getresponse()
    assert answer.status == 201, answer.read()
    answer.read()


def _open(server: RunningServer, token: str) -> connect:
    return connect(f"{server.ws_url}{SYNC}", additional_headers={"Authorization": f"Bearer {token}"}, compression=None)


async def _idle_cpu(server: RunningServer, tokens: list[str], *, sockets: int) -> float:
    """CPU ms of each second in which nothing happens; pings and the sweep for lost revocations are in it."""
    async with AsyncExitStack() as open_sockets:
        for number in range(sockets):
            await open_sockets.enter_async_context(_open(server, tokens[number // EACH]))
        await asyncio.sleep(2)
        started = cpu_seconds(server.pid)
        await asyncio.sleep(WATCHED_SECONDS)
        return (cpu_seconds(server.pid) - started) / WATCHED_SECONDS * 1000

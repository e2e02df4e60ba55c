"""How many turns one process streams at once before another client feels it.

A request for `/health`, which needs no database, is sent every 50 ms from the first turn's start to the last one's end;
its 95th percentile counts. One that waited longer than that stands for those that would have been sent meanwhile.
Clients and provider run on the same machine and take their share of it: what is found is a lower bound.
"""

import asyncio
import statistics
import time
from collections.abc import Iterator

import uvloop

from tests.bench.environment import Stage
from tests.bench.listener import Listener, Turn
from tests.bench.report import Goal, Row
from tests.support.server import RunningServer

MOST_WAIT_MS = 100.0
STEPS = (20, 40, 80, 160, 320)
SOCKETS_AN_ACCOUNT = 5
TOKENS_A_SECOND = 20
SECONDS = 6
START_SECONDS = 3.0  # over which the turns begin
PROBE_SECONDS = 0.05
TRIES = 2  # for a step: the machine does other work
PROBE = b"GET /api/v1/health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n"


def rows(stage: Stage) -> Iterator[Row]:
    provider = stage.provider()
    tokens = [member.token for member in stage.accounts(max(STEPS) // SOCKETS_AN_ACCOUNT)]
    # More turns at once than a process takes by default.
    ours = stage.ours(LLM_PRELOAD="true", LLM_MAX_RUNNING_TURNS=str(2 * max(STEPS)), **provider.variables)
    bare = stage.baseline("relay", **provider.variables)
    provider.answer(tokens=1)
    for server in (ours, bare):
        uvloop.run(_p95_ms(server, tokens, 1))
    provider.answer(tokens=TOKENS_A_SECOND * SECONDS, interval=1 / TOKENS_A_SECOND)
    held, bare_held = (_most(server, tokens) for server in (ours, bare))
    what = f"streams of {TOKENS_A_SECOND} tokens/s, p95 < {MOST_WAIT_MS:.0f} ms"
    beside = f"bare websockets relay, httpx upstream; {max(STEPS)} were tried at most"
    yield Row(what, "a process", held, bare_held, beside, Goal(least=320))
    for server in (ours, bare):
        server.stop()


def _most(server: RunningServer, tokens: list[str]) -> int:
    held = 0
    for count in STEPS:
        if all(uvloop.run(_p95_ms(server, tokens, count)) > MOST_WAIT_MS for _ in range(TRIES)):
            break
        held = count
    return held


async def _p95_ms(server: RunningServer, tokens: list[str], count: int) -> float:
    """Of what `/health` takes while ``count`` turns run."""
    listeners = [await Listener.open(server, tokens[number % len(tokens)]) for number in range(count)]
    probing = asyncio.create_task(_probe(server))
    turns: list[asyncio.Task[Turn]] = []
    for listener in listeners:
        turns.append(asyncio.create_task(listener.turn()))
        await asyncio.sleep(START_SECONDS / count)
    await asyncio.gather(*turns)
    probing.cancel()
    for listener in listeners:
        listener.close()
    return statistics.quantiles(await probing, n=20)[-1]


async def _probe(server: RunningServer) -> list[float]:
    """Until it is cancelled: the ms that a request took, or would have taken, for each ``PROBE_SECONDS``."""
    waits: list[float] = []
    try:
        while True:
            started = time.perf_counter()
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(PROBE)
            answer = await reader.read()
            writer.close()
            assert answer.startswith(b"HTTP/1.1 200 "), answer
            wait = (time.perf_counter() - started) * 1000
            while wait > 0:
                waits.append(wait)
                wait -= PROBE_SECONDS * 1000
            await asyncio.sleep(max(0.0, PROBE_SECONDS - (time.perf_counter() - started)))
    except asyncio.CancelledError:
        return waits

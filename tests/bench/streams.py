"""How many turns one process streams at once before its loop is late by more than 100 ms.

The lag is what another client feels: a request for `/health`, which needs no database, is sent all the while, and its
95th percentile counts. The clients and the provider run on the same machine and take their share of it: what is found
is a lower bound. The ramp doubles until the lag is reached.
"""

import asyncio
import http.client
import statistics
import time
from collections.abc import Iterator
from typing import Any

from tests.bench.environment import Stage
from tests.bench.relay import open_socket, provider_variables, turn
from tests.bench.report import Row
from tests.fakes.llm_server import LoopbackLLM, Reply
from tests.support.server import RunningServer

MOST_LAG_MS = 100.0
STEPS = (10, 20, 40, 80, 160)
TOKENS_A_SECOND = 20
SECONDS = 3
PROBE_SECONDS = 0.05


def rows(stage: Stage) -> Iterator[Row]:
    with LoopbackLLM() as provider:
        variables = provider_variables(provider)
        tokens = [member.token for member in stage.accounts(max(STEPS) // 5)]
        reached = []
        for server in (stage.ours(**variables), stage.baseline("relay", **variables)):
            provider.default = Reply(tokens=("one ", "two "), usage=None)
            asyncio.run(_streams(server, tokens, 1))
            provider.default = Reply(
                tokens=tuple(f"word{n} " for n in range(TOKENS_A_SECOND * SECONDS)), delay=1 / TOKENS_A_SECOND
            )
            reached.append(_most(server, tokens))
            server.stop()
        ours, bare = reached
        what = f"streams of {TOKENS_A_SECOND} tokens/s, lag < 100 ms"
        yield Row(what, "a process", ours, bare, f"bare websockets relay; {max(STEPS)} were tried at most")


def _most(server: RunningServer, tokens: list[str]) -> int:
    held = 0
    for count in STEPS:
        if asyncio.run(_streams(server, tokens, count)) > MOST_LAG_MS:
            break
        held = count
    return held


async def _streams(server: RunningServer, tokens: list[str], count: int) -> float:
    """The 95th percentile of what a request for nothing takes meanwhile, in ms."""
    sockets = [await open_socket(server, tokens[number % len(tokens)]) for number in range(count)]
    running = asyncio.gather(*(turn(socket) for socket in sockets))
    lags: list[float] = []
    probing = asyncio.create_task(asyncio.to_thread(_probe, server, lags, running))
    await running
    await probing
    for socket in sockets:
        await socket.close()
    return statistics.quantiles(lags, n=20)[-1] if len(lags) > 1 else 0.0


def _probe(server: RunningServer, lags: list[float], running: "asyncio.Future[Any]") -> None:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    while not running.done():
        started = time.perf_counter()
        connection.request("GET", "/api/v1/health")
        connection.getresponse().read()
        lags.append((time.perf_counter() - started) * 1000)
        time.sleep(PROBE_SECONDS)
    connection.close()

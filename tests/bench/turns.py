"""What a turn costs before and after its tokens: its start and end, the wait for its first token, connections, memory.

Most turns here are answers of one token, which the provider gives at once: what is left is ours.
"""

import asyncio
import statistics
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import cycle, islice
from pathlib import Path

import uvloop

from tests.bench.environment import Stage
from tests.bench.listener import Listener
from tests.bench.provider import ROUTER, Provider
from tests.bench.report import Goal, Row
from tests.support.server import RunningServer
from tests.support.transfer import cpu_seconds

ACCOUNTS = 20  # each may ask 200 times a minute
ROUNDS = 6
TURNS = 25  # a round
AT_ONCE = 20
TURNS_BEFORE_MEMORY = 100
ANSWER_TOKENS = 80
BARE = "bare websockets relay, httpx upstream"


def rows(stage: Stage) -> Iterator[Row]:
    provider = stage.provider()
    tokens = [member.token for member in stage.accounts(ACCOUNTS)]
    ours = stage.ours(LLM_PRELOAD="true", **provider.variables)
    bare = stage.baseline("relay", **provider.variables)
    provider.answer(tokens=ANSWER_TOKENS)
    for server in (ours, bare):
        uvloop.run(_take_turns(server, tokens, TURNS_BEFORE_MEMORY))
    resident, shared_out = _resident_mb(ours.pid), _memory_mb(ours.pid, "smaps_rollup", "Pss")
    bare_resident = _resident_mb(bare.pid)
    provider.answer(tokens=1)
    rounds = [[uvloop.run(_measure(server, tokens)) for server in (ours, bare)] for _ in range(ROUNDS)]
    both = [[min(figures) for figures in zip(*side, strict=True)] for side in zip(*rounds, strict=True)]
    (cpu, first, together), (bare_cpu, bare_first, bare_together) = both
    yield Row("a turn of one token", "CPU ms", cpu, bare_cpu, BARE, Goal(most=5))
    yield Row("first token, p50", "ms", first, bare_first, BARE, Goal(most=3))
    yield Row(f"first token, the last of {AT_ONCE} turns", "s", together, bare_together, BARE, Goal(most=0.1))
    made = _new_connections(provider, ours, tokens)
    calls = "the router's and the agent's call"
    yield Row("new connections to the provider", "a turn", made, beside=calls, goal=Goal(most=0.05))
    after = f"after {TURNS_BEFORE_MEMORY} turns"
    yield Row(f"memory of a process {after}, RSS", "MB", resident, bare_resident, BARE, Goal(most=280))
    yield Row(f"memory of a process {after}, PSS", "MB", shared_out)
    for server in (ours, bare):
        server.stop()


async def _take_turns(server: RunningServer, tokens: list[str], count: int) -> None:
    async with _listening(server, tokens) as listeners:
        await _one_by_one(listeners, count)


@asynccontextmanager
async def _listening(server: RunningServer, tokens: list[str]) -> AsyncIterator[list[Listener]]:
    """A socket for each account."""
    listeners = [await Listener.open(server, token) for token in tokens]
    yield listeners
    for listener in listeners:
        listener.close()


async def _one_by_one(listeners: list[Listener], count: int) -> list[float]:
    """The seconds to each turn's first token."""
    return [(await listener.turn()).first_chunk for listener in islice(cycle(listeners), count)]


async def _measure(server: RunningServer, tokens: list[str]) -> tuple[float, float, float]:
    """CPU ms of a turn, ms to the first token (the median), seconds to the last first token of turns begun together."""
    async with _listening(server, tokens) as listeners:
        before = cpu_seconds(server.pid)
        waited = await _one_by_one(listeners, TURNS)
        cpu = (cpu_seconds(server.pid) - before) / TURNS
        together = await asyncio.gather(*(listener.turn() for listener in listeners[:AT_ONCE]))
    return cpu * 1000, statistics.median(waited) * 1000, max(turn.first_chunk for turn in together)


def _new_connections(provider: Provider, server: RunningServer, tokens: list[str]) -> float:
    def opened() -> int:
        counted = provider.counts("connections")
        return counted["bench"] + counted[ROUTER]

    before = opened()
    uvloop.run(_take_turns(server, tokens, TURNS))
    return (opened() - before) / TURNS


def _resident_mb(pid: int) -> float:
    return _memory_mb(pid, "status", "VmRSS")


def _memory_mb(pid: int, file: str, field: str) -> float:
    """``field`` of /proc/PID/``file``, which counts in KiB."""
    lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:")) * 1024 / 1e6

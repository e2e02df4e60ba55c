"""What a token costs on its way from the provider to a socket, beside two floors: relays that do nothing else.

Paced as a provider paces it, ours and both floors stream in the same seconds, so that whatever else the machine does
disturbs all three; each one's best window counts. The same runs give the longest stall, over more than the 15 s that
once lay between two full garbage collections. Unpaced, the provider writes as fast as it can, and the servers take
turns.
"""

import asyncio
import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

import uvloop

from tests.bench.environment import Stage
from tests.bench.listener import Listener, Pulse, Turn
from tests.bench.provider import Provider
from tests.bench.report import Goal, Row
from tests.support.server import RunningServer
from tests.support.transfer import cpu_seconds

STREAMS = 20
TOKENS_A_SECOND = 20
RUNS = 3
SECONDS = 32  # a run; below LLM_TIMEOUT_SECONDS
LEAD_SECONDS = 2.0  # the start of the turns is another row (tests.bench.turns)
WINDOWS, WINDOW_SECONDS = 7, 4.0

UNPACED_TOKENS = 1500
UNPACED_TURNS = 4
UNPACED_ROUNDS = 4

HTTPX = "httpx in, bare websockets out"
AIOHTTP = "aiohttp and orjson in, bare websockets out"


@dataclass(slots=True)
class Side:
    """A server that relays; the provider knows it by ``model``."""

    server: RunningServer
    model: str
    pulse: Pulse = field(default_factory=Pulse)
    windows: list[float] = field(default_factory=list)  # CPU µs a token
    stalls: list[float] = field(default_factory=list)  # ms, the longest of each run


def rows(stage: Stage) -> Iterator[Row]:
    provider = stage.provider()
    tokens = [member.token for member in stage.accounts(4)]
    variables = provider.variables
    ours = Side(stage.ours(LLM_PRELOAD="true", **variables), "bench")
    usual = Side(stage.baseline("relay", **variables), "relay")
    lean = Side(stage.baseline("lean_relay", **variables), "lean_relay")
    socket = Side(stage.baseline("socket_relay", **variables), "socket_relay")
    every = (ours, usual, lean, socket)
    for side in every:
        uvloop.run(_unpaced(side, provider, tokens[0], turns=2))  # loads what is loaded at first use
    for _ in range(RUNS):
        uvloop.run(_paced((ours, usual, lean), provider, tokens))
    # The machine may stop in one of the runs, and each is long enough for a full collection.
    stall, usual_stall = statistics.median(ours.stalls), statistics.median(usual.stalls)
    what = f"a token, {STREAMS} × {TOKENS_A_SECOND} a second"
    cpu = min(ours.windows)
    yield Row(what, "CPU µs", cpu, min(usual.windows), HTTPX, Goal(most_ratio=0.75))
    yield Row(what, "CPU µs", cpu, min(lean.windows), AIOHTTP, Goal(most_ratio=1.3))
    yield Row(f"longest stall at {STREAMS} streams", "ms", stall, usual_stall, HTTPX, Goal(most=50))
    rounds = [[uvloop.run(_unpaced(side, provider, tokens[0])) for side in every] for _ in range(UNPACED_ROUNDS)]
    cpu, usual_cpu, lean_cpu, socket_cpu = map(min, zip(*rounds, strict=True))
    yield Row("a token, unpaced", "CPU µs", cpu, usual_cpu, HTTPX, Goal(most_ratio=0.45))
    yield Row("a token, unpaced", "CPU µs", cpu, lean_cpu, AIOHTTP)
    beside = f"{HTTPX}; ours is our sockets around the same few lines"
    yield Row("socket relay, a token, unpaced", "CPU µs", socket_cpu, usual_cpu, beside, Goal(most_ratio=1.3))
    for side in every:
        side.server.stop()


async def _paced(sides: tuple[Side, ...], provider: Provider, tokens: list[str]) -> None:
    """One run: adds its windows and its longest stall to each of ``sides``."""
    await asyncio.to_thread(provider.answer, tokens=SECONDS * TOKENS_A_SECOND, interval=1 / TOKENS_A_SECOND)
    listeners = {
        side.model: [await Listener.open(side.server, tokens[n % len(tokens)], side.pulse) for n in range(STREAMS)]
        for side in sides
    }
    turns: list[asyncio.Task[Turn]] = []
    for number in range(STREAMS):
        for side in sides:
            turns.append(asyncio.create_task(listeners[side.model][number].turn()))
            # Users do not begin together: somewhere a token is due all the while.
            await asyncio.sleep(1 / TOKENS_A_SECOND / STREAMS / len(sides))
    await asyncio.sleep(LEAD_SECONDS)
    for side in sides:
        side.pulse.begin()
    for _ in range(WINDOWS):
        before = await _readings(sides, provider)
        await asyncio.sleep(WINDOW_SECONDS)
        after = await _readings(sides, provider)
        for side in sides:
            (cpu, sent), (cpu_before, sent_before) = after[side.model], before[side.model]
            side.windows.append((cpu - cpu_before) / (sent - sent_before) * 1e6)
    for side in sides:
        side.stalls.append(side.pulse.longest * 1000)
    await asyncio.gather(*turns)
    for listener in chain.from_iterable(listeners.values()):
        listener.close()


async def _readings(sides: tuple[Side, ...], provider: Provider) -> dict[str, tuple[float, int]]:
    """CPU seconds used and tokens sent so far, of each."""
    sent = await asyncio.to_thread(provider.counts, "tokens")
    return {side.model: (cpu_seconds(side.server.pid), sent[side.model]) for side in sides}


async def _unpaced(side: Side, provider: Provider, token: str, *, turns: int = UNPACED_TURNS) -> float:
    """CPU µs a token."""
    await asyncio.to_thread(provider.answer, tokens=UNPACED_TOKENS)
    listener = await Listener.open(side.server, token)
    before = cpu_seconds(side.server.pid)
    for _ in range(turns):
        await listener.turn()
    used = cpu_seconds(side.server.pid) - before
    listener.close()
    return used / (turns * UNPACED_TOKENS) * 1e6

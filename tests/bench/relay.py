"""A turn over the WebSocket, with the model client and without it, beside a bare relay of the same upstream stream."""

import asyncio
import json
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass

from websockets.asyncio.client import ClientConnection, connect

from tests.bench.environment import Stage
from tests.bench.report import Goal, Row
from tests.fakes.llm_server import LoopbackLLM, Reply
from tests.support.server import RunningServer
from tests.support.transfer import cpu_seconds

TOKENS = tuple(f"word{n % 97} " for n in range(1500))
ROUNDS = 4
SOCKET_TURNS = 8  # CPU time is counted in steps of 10 ms
FIRST_TOKEN_TURNS = 20
UPSTREAM_DELAY = 0.05  # seconds before each of the agent's events, for the latency of the first
MESSAGE = json.dumps({"message": "Tell me about my tasks"})
BARE = "bare websockets relay, httpx upstream"
ROUTER = "bench-router"
ROUTED = Reply(tokens=('{"agents": ["task_agent"]}',), usage=None)  # at once


@dataclass(frozen=True, slots=True)
class Turn:
    """Seconds from the request."""

    first_chunk: float
    chunks: int


def provider_variables(provider: LoopbackLLM) -> dict[str, str]:
    """The router answers in one token, as a real one does in a dozen."""
    provider.aside[ROUTER] = ROUTED
    own = {"LLM_MODEL": "openai/bench", "LLM_ROUTER_MODEL": f"openai/{ROUTER}"}
    return {"OPENAI_API_KEY": "sk-bench", "OPENAI_API_BASE": provider.base_url, **own}


async def open_socket(server: RunningServer, token: str) -> ClientConnection:
    return await connect(f"{server.ws_url}/api/v1/chat/stream?token={token}", compression=None)


async def turn(socket: ClientConnection) -> Turn:
    started = time.perf_counter()
    await socket.send(MESSAGE)
    first, chunks = 0.0, 0
    async for text in socket:
        frame = json.loads(text)
        if frame["type"] == "chunk":
            first = first or time.perf_counter() - started
            chunks += 1
        elif frame.get("done"):
            assert frame["type"] == "done", frame
            break
    return Turn(first, chunks)


def rows(stage: Stage) -> Iterator[Row]:
    with LoopbackLLM() as provider:
        variables = provider_variables(provider)
        token = stage.accounts(1)[0].token
        ours, bare = stage.ours(**variables), stage.baseline("relay", **variables)
        plain = stage.baseline("socket_relay", **variables)
        asyncio.run(_turns(ours, token, 2))  # loads the model client
        asyncio.run(_turns(plain, token, 2))
        provider.default = Reply(tokens=TOKENS, usage=None)
        sides = ((plain, SOCKET_TURNS), (bare, SOCKET_TURNS), (ours, 1))
        rounds = [[_token_us(server, token, turns) for server, turns in sides] for _ in range(ROUNDS)]
        socket, bare_socket, whole = map(min, zip(*rounds, strict=True))
        yield Row("socket relay", "CPU µs a token", socket, bare_socket, BARE, Goal(most_ratio=1.3))
        yield Row("whole turn", "CPU µs a token", whole, socket, "our socket relay, without the model client")
        provider.default = Reply(tokens=TOKENS[:3], delay=UPSTREAM_DELAY, usage=None)
        added, bare_added = (_first_token_ms(server, token) for server in (ours, bare))
        yield Row("first token, p50 less upstream's delays", "ms", added, bare_added, BARE)
        for server in (ours, bare, plain):
            server.stop()


def _token_us(server: RunningServer, token: str, count: int) -> float:
    before = cpu_seconds(server.pid)
    turns = asyncio.run(_turns(server, token, count))
    least = len(TOKENS) if count == SOCKET_TURNS else 1  # a whole turn may send several tokens in a chunk
    assert all(one.chunks >= least for one in turns), turns
    return (cpu_seconds(server.pid) - before) / (count * len(TOKENS)) * 1e6


def _first_token_ms(server: RunningServer, token: str) -> float:
    """What a turn adds to the provider's wait: the role's event and the first word come after one delay each."""
    turns = asyncio.run(_turns(server, token, FIRST_TOKEN_TURNS))
    return (statistics.median(one.first_chunk for one in turns) - 2 * UPSTREAM_DELAY) * 1000


async def _turns(server: RunningServer, token: str, count: int) -> list[Turn]:
    async with await open_socket(server, token) as socket:
        return [await turn(socket) for _ in range(count)]

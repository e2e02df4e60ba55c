"""Budgets between real server processes on PostgreSQL."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from signal import SIGKILL
from typing import Any

import httpx
import psycopg
import pytest

from chat.budgets.allowance import GRACE_SECONDS
from tests.chat.conftest import chat_environment
from tests.chat.ws.live_sockets import hear_all, register, say, stream
from tests.fakes.llm_server import LoopbackLLM, hang, text
from tests.support.server import RunningServer

pytestmark = [pytest.mark.postgres, pytest.mark.slow]
LIMIT = 30_000
# Less than the least that a call is granted: the fake says it whatever it is asked for.
USAGE = (1_000, 200)
SOCKETS = 50
# A user of the team tier may ask 200 times a minute, and the handshakes count.
TRIES = 2
SERVERS = 2

Start = Callable[[], RunningServer]


@pytest.fixture
def provider(_loopback: LoopbackLLM) -> LoopbackLLM:
    _loopback.forget()
    return _loopback


@pytest.fixture
def start(
    server_factory: Callable[..., RunningServer],
    server_environment: dict[str, str],
    provider: LoopbackLLM,
    tmp_path: Path,
) -> Start:
    """A server with a budget, ready to answer."""

    def started() -> RunningServer:
        env = chat_environment(server_environment, provider, tmp_path)
        limits = {"LLM_TOKENS_PER_MONTH_TEAM": str(LIMIT), "LLM_TOKENS_PER_MONTH_FREE": str(LIMIT)}
        return server_factory(**env, **limits, CHAT_MAX_SOCKETS_PER_USER=str(SOCKETS))

    return started


@pytest.fixture
def database(server_environment: dict[str, str]) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(server_environment["DATABASE_URL"], autocommit=True) as connection:
        yield connection


def email_of(server: RunningServer, token: str) -> str:
    email: str = me(server, token, "auth/me")["email"]
    return email


def me(server: RunningServer, token: str, path: str) -> dict[str, Any]:
    answer = httpx.get(f"{server.url}/api/v1/{path}", headers={"Authorization": f"Bearer {token}"}, timeout=30)
    assert answer.status_code == 200, answer.text
    body: dict[str, Any] = answer.json()
    return body


def budget(database: psycopg.Connection[Any], email: str) -> tuple[int, int, int]:
    """Spent, reserved, and what its reservations hold."""
    found = database.execute(
        "SELECT spent, reserved, coalesce((SELECT sum(tokens) FROM chat_reservations r WHERE r.budget_id = b.id), 0)"
        "::bigint FROM chat_budgets b JOIN users u ON u.id = b.user_id WHERE u.email = %s",
        [email],
    ).fetchone()
    return found or (0, 0, 0)


@asynccontextmanager
async def watched(database: psycopg.Connection[Any], email: str) -> AsyncIterator[list[tuple[int, int, int]]]:
    """What the budget was at every moment that could be seen."""
    seen: list[tuple[int, int, int]] = []

    async def watch() -> None:
        while True:
            seen.append(await asyncio.to_thread(budget, database, email))

    watching = asyncio.create_task(watch())
    yield seen
    watching.cancel()
    with suppress(asyncio.CancelledError):
        await watching


async def test_parallel_turns_on_two_servers_never_overspend(
    start: Start, database: psycopg.Connection[Any], provider: LoopbackLLM
) -> None:
    servers = [start() for _ in range(SERVERS)]
    token = register(servers[0])
    email = email_of(servers[0], token)
    servers[0].manage("set_tier", email, "team")
    provider.script(*[text("word ", "word ", delay=0.1, usage=USAGE)] * SOCKETS * TRIES)
    finals: list[dict[str, Any]] = []

    async def ask(number: int, *, tries: int) -> None:
        async with stream(servers[number % SERVERS], token) as connection:
            for _ in range(tries):
                await say(connection, message="Hello")
                finals.append((await hear_all(connection))[-1])

    async with watched(database, email) as seen:
        await asyncio.gather(*(ask(number, tries=TRIES) for number in range(SOCKETS)))
        at_once = len([final for final in finals if final["type"] == "done"])
        await ask(0, tries=LIMIT // sum(USAGE) + 1 - at_once)

    problems = [final["error"] for final in finals if final["type"] == "error"]
    done = [final for final in finals if final["type"] == "done"]
    assert {problem["code"] for problem in problems} == {"quota_exceeded"}
    assert {(problem["resource"], problem["limit"]) for problem in problems} == {("llm_tokens", LIMIT)}
    assert len(seen) > 10
    assert max(spent + reserved for spent, reserved, _ in seen) <= LIMIT
    assert all(reserved == held for _, reserved, held in seen)
    told = me(servers[1], token, "chat/usage")
    spent = told["month"]["input_tokens"] + told["month"]["output_tokens"]
    assert budget(database, email) == (spent, 0, 0)
    assert told["remaining"] == {"llm_tokens": LIMIT - spent}
    assert sum(USAGE) * len(done) <= spent <= LIMIT, (
        "the router, which was asked for some that were refused then, counts too"
    )
    assert spent > LIMIT - 10_000, "all of it could be spent but what no turn fits into"


async def test_what_a_killed_server_had_reserved_lapses(
    start: Start, database: psycopg.Connection[Any], provider: LoopbackLLM
) -> None:
    victim, other = start(), start()
    token = register(other)
    email = email_of(other, token)
    provider.script(hang())
    started = datetime.now(UTC)
    async with stream(victim, token) as connection:
        await say(connection, message="Hello")
        assert await asyncio.to_thread(provider.wait_requests, 1)
        victim.stop(SIGKILL)
    took = time.monotonic()

    ((until,),) = database.execute("SELECT expires_at FROM chat_reservations").fetchall()
    limit_of_a_turn = timedelta(seconds=20 + GRACE_SECONDS)  # LLM_TIMEOUT_SECONDS of ``chat_environment``
    assert limit_of_a_turn - timedelta(seconds=1) <= until - started
    assert until <= datetime.now(UTC) + limit_of_a_turn
    spent, reserved, held = budget(database, email)
    assert (spent, reserved) == (0, held)
    assert held > 8_192
    assert me(other, token, "chat/usage")["remaining"] == {"llm_tokens": LIMIT - held}
    assert time.monotonic() - took < 20

    database.execute("UPDATE chat_reservations SET expires_at = now() - interval '1 second'")
    assert me(other, token, "chat/usage")["remaining"] == {"llm_tokens": LIMIT}
    assert budget(database, email) == (0, 0, 0)

"""How long the processes know of each other's resumable turns."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

import pytest
from redis.asyncio import Redis

from chat.ws.resume.mailbox import mailbox
from chat.ws.resume.turns import turns
from tests.chat.ws.resume.conftest import Lose, settled
from tests.chat.ws.sockets import Socket
from tests.fakes.llm_server import LoopbackLLM
from tests.support.accounts import Account
from tests.support.redis_server import RedisServer

Connect = Callable[..., Awaitable[Socket]]


@pytest.fixture
async def redis(redis_server: RedisServer, settings: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Redis]:
    """The mailbox's, empty; the claims are renewed often."""
    settings.REDIS_URL = redis_server.url
    monkeypatch.setattr("chat.ws.resume.mailbox.RENEW_SECONDS", 0.05)
    async with aclosing(Redis.from_url(redis_server.url, decode_responses=True)) as connection:
        yield connection


async def holder(redis: Redis, turn_id: str) -> str:
    """The address of the process that has the turn, as soon as Redis knows one."""
    async with asyncio.timeout(60):
        while (found := await redis.get(f"adiuva:turn:{turn_id}")) is None:  # noqa: ASYNC110 - nothing says so
            await asyncio.sleep(0.01)
    return str(found)


async def test_a_client_that_knows_its_turn_finds_it_through_any_process(
    redis: Redis, free: Account, lose: Lose, monkeypatch: pytest.MonkeyPatch
) -> None:
    announce = mailbox._announce

    async def late(*turn_ids: str) -> None:
        await asyncio.sleep(0.3)
        await announce(*turn_ids)

    monkeypatch.setattr(mailbox, "_announce", late)
    lost = await lose(free, count=1)
    assert await redis.get(f"adiuva:turn:{lost.turn_id}") == mailbox.address


async def test_what_redis_has_forgotten_is_said_again_while_the_turns_are_kept(
    redis: Redis, connect: Connect, llm: LoopbackLLM, free: Account, lose: Lose
) -> None:
    lost = [await lose(free), await lose(free)]
    before = [await holder(redis, one.turn_id) for one in lost]

    await redis.flushall()

    assert before == [await holder(redis, one.turn_id) for one in lost] == [mailbox.address] * 2


async def test_nothing_is_said_of_a_turn_that_is_gone(
    redis: Redis, connect: Connect, llm: LoopbackLLM, free: Account, lose: Lose
) -> None:
    lost, kept = await lose(free), await lose(free)
    await holder(redis, lost.turn_id)
    gone = turns.find(lost.turn_id, user_id=free.user.id)
    assert gone is not None
    gone.free()
    assert await settled(lambda: not turns._endings)

    for _ in range(2):  # a renewal may be on its way that began before
        await redis.flushall()
        await holder(redis, kept.turn_id)

    assert await redis.keys("adiuva:turn:*") == [f"adiuva:turn:{kept.turn_id}"]

"""A bound on running turns, and no stream starves another."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest

from adiuva.api.errors import UpstreamUnavailable
from chat.turns import MIN_SHARE, Capacity, capacity
from tests.chat.ws.sockets import Socket
from tests.fakes.llm_server import LoopbackLLM, stall, text
from tests.support.accounts import Account
from tests.support.client import ApiClient

Connect = Callable[..., Awaitable[Socket]]


@pytest.fixture
def full(settings: Any) -> None:
    settings.LLM_MAX_RUNNING_TURNS = 0


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("chat", {"message": "Hello"}),
        ("chat", {"message": "Hello", "execution_mode": "plan"}),
        ("plans/templates/tpl_task_agent_default/run", {"variables": {"message": "Hello"}}),
    ],
)
def test_beyond_the_bound_it_is_503_with_retry_after(
    api: ApiClient, llm: LoopbackLLM, free: Account, path: str, body: dict[str, Any]
) -> None:
    answer = api.post(path, json=body, token=free.access_token)

    assert (answer.status, answer.code) == (503, "upstream_unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    assert llm.requests == []


async def test_sockets_share_the_bound_and_give_their_place_back(
    connect: Connect, llm: LoopbackLLM, free: Account, pro: Account, settings: Any
) -> None:
    settings.LLM_MAX_RUNNING_TURNS = 1
    llm.script(stall("Let me look at that first."), text("Here I am."))
    busy, refused = await connect(free), await connect(pro)

    await busy.send(message="Hello")
    await busy.frame()
    (error,) = await refused.ask("Hello")
    await busy.send(type="cancel")
    await busy.answer()
    done = (await refused.ask("Hello"))[-1]

    assert error["error"]["code"] == "upstream_unavailable"
    assert error["error"]["retry_after"] > 0
    assert done["response"] == "Here I am."
    assert capacity.running == 0


def test_one_user_has_half_of_many_places_and_others_the_rest(settings: Any) -> None:
    settings.LLM_MAX_RUNNING_TURNS = 2 * MIN_SHARE + 4
    places, busy, somebody_else = Capacity(), uuid4(), uuid4()
    with ExitStack() as turns:
        for _ in range(MIN_SHARE + 2):
            turns.enter_context(places.turn(busy))
        with pytest.raises(UpstreamUnavailable), places.turn(busy):
            pytest.fail("one more than half")
        for _ in range(MIN_SHARE + 2):
            turns.enter_context(places.turn(somebody_else))
        with pytest.raises(UpstreamUnavailable), places.turn(uuid4()):
            pytest.fail("one more than all")
    assert places.running == 0
    with places.turn(busy):
        assert places.running == 1


async def test_a_place_comes_back_when_the_client_vanishes(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(stall("Let me look at that first."))
    socket = await connect(free)

    await socket.send(message="Hello")
    await socket.frame()
    assert capacity.running == 1
    await socket.leave()

    assert capacity.running == 0


@pytest.mark.thorough
async def test_a_model_that_floods_does_not_starve_another_stream(
    connect: Connect, llm: LoopbackLLM, free: Account, pro: Account
) -> None:
    """One model sends as fast as it can, and more than anybody waits for; the other a word every 20 ms."""
    flood = text(*["flood of words, " * 20] * 45_000)  # below the 16 million characters that an answer may have
    llm.script(flood, text(*["a calm and steady word "] * 25, delay=0.02))
    fast, calm = await connect(free), await connect(pro)
    await fast.send(message="Hello")
    await fast.frame()

    async def drink() -> None:
        while not (await fast.frame(30)).get("done"):
            pass

    drinking = asyncio.create_task(drink())
    started = time.perf_counter()
    done = (await calm.ask("Hello"))[-1]
    seconds = time.perf_counter() - started
    was_flooding = not drinking.done()
    await fast.send(type="cancel")
    await drinking

    assert done["response"] == "a calm and steady word " * 25
    assert was_flooding
    assert seconds < 4


async def test_one_huge_piece_is_read_off_the_loop(
    connect: Connect, llm: LoopbackLLM, free: Account, pro: Account
) -> None:
    llm.script(text("word " * 100_000), text("quick"))
    huge, quick = await connect(free), await connect(pro)

    await huge.send(message="Hello")
    assert await asyncio.to_thread(llm.wait_requests, 1)
    await asyncio.sleep(0.1)
    started = time.perf_counter()
    await quick.ask("Hello")
    seconds = time.perf_counter() - started

    assert seconds < 0.7
    assert len((await huge.answer())[-1]["response"]) == 500_000

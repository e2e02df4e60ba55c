"""Map items share the places of the process with turns and with each other."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest

from adiuva.api.errors import UpstreamUnavailable
from chat.turns import Capacity, capacity
from chat.ws.map.places import Places
from tests.chat.ws.map.device import MapDevice, prioritise, tasks
from tests.chat.ws.sockets import Socket, in_database
from tests.fakes.llm_server import LoopbackLLM, hang, text
from tests.support.accounts import Account

Connect = Callable[..., Awaitable[Socket]]


@pytest.mark.parametrize(("places", "items"), [(1, 1), (2, 1), (3, 2), (4, 3), (8, 4)])
async def test_a_map_leaves_turns_a_place(
    connect: Connect, llm: LoopbackLLM, free: Account, pro: Account, settings: Any, places: int, items: int
) -> None:
    settings.LLM_MAX_RUNNING_TURNS = places
    settings.LLM_MODELS = ("gpt-test", "gpt-other")
    llm.aside["gpt-other"] = text("Here I am.")
    llm.default = hang()
    device = MapDevice(await connect(pro), tasks(20))
    await device.start()
    await device.take(await device.socket.frame())
    assert await asyncio.to_thread(llm.wait_requests, items)
    await asyncio.sleep(0.2)
    other = await connect(await in_database(_another, free))

    assert len(llm.requests) == items
    for _ in range(3):
        done = (await other.ask("Hello", model="gpt-other"))[-1]
        assert done["response"] == "Here I am."


def _another(free: Account) -> Account:
    from billing.subscriptions import set_tier
    from billing.tiers import Tier

    set_tier(user=free.user, tier=Tier.PRO)
    return free


async def test_items_wait_while_turns_have_all_places(
    connect: Connect, llm: LoopbackLLM, free: Account, pro: Account, settings: Any
) -> None:
    settings.LLM_MAX_RUNNING_TURNS = 2
    llm.script(hang())
    busy = await connect(free)
    await busy.send(message="Hello")
    assert await asyncio.to_thread(llm.wait_requests, 1)
    llm.aside["gpt-test"] = prioritise
    device = MapDevice(await connect(pro), tasks(6))

    await device.start()
    await device.take(await device.socket.frame())
    waits = await device.socket.silent(0.3)
    await busy.send(type="cancel")
    final = await device.go_on()

    assert waits
    assert final["outcome"] == "succeeded"
    assert capacity.running == 0


async def test_two_sockets_of_a_user_share_their_places(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.default = hang()
    for run_id in ("00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"):
        device = MapDevice(await connect(free), tasks(10))
        await device.start(run_id=run_id)
        await device.take(await device.socket.frame())

    assert await asyncio.to_thread(llm.wait_requests, 2)
    await asyncio.sleep(0.3)

    assert len(llm.requests) == 2


async def test_who_has_the_fewest_is_next(settings: Any) -> None:
    """Ten items of one user wait before the first of another, and that one is second all the same."""
    settings.LLM_MAX_RUNNING_TURNS = 2
    shared = Places(Capacity())
    many, few = uuid4(), uuid4()
    order: list[str] = []
    go_on = asyncio.Event()

    async def work(name: str, user_id: Any) -> None:
        async with shared.place(user_id=user_id, at_once=8):
            order.append(name)
            await go_on.wait()

    waiting = [asyncio.create_task(work("many", many)) for _ in range(10)]
    await asyncio.sleep(0)
    settings.LLM_MAX_RUNNING_TURNS = 3
    waiting.append(asyncio.create_task(work("few", few)))
    await asyncio.sleep(0.05)
    first = list(order)
    go_on.set()
    await asyncio.gather(*waiting)

    assert first == ["many", "few"]
    assert len(order) == 11


async def test_a_turn_that_ends_in_a_thread_wakes_who_waits(settings: Any) -> None:
    settings.LLM_MAX_RUNNING_TURNS = 2
    own = Capacity()
    shared = Places(own)
    leave = threading.Event()
    entered = threading.Event()

    def turn() -> None:
        with own.turn(uuid4()):
            entered.set()
            leave.wait(10)

    thread = threading.Thread(target=turn)
    thread.start()
    assert await asyncio.to_thread(entered.wait, 10)

    async def wait() -> None:
        async with shared.place(user_id=uuid4(), at_once=2):
            pass

    task = asyncio.create_task(wait())
    await asyncio.sleep(0.05)
    was_waiting = not task.done()
    leave.set()
    async with asyncio.timeout(10):
        await task
    thread.join()

    assert was_waiting
    assert own.running == 0


async def test_whoever_stops_waiting_holds_nothing(settings: Any) -> None:
    settings.LLM_MAX_RUNNING_TURNS = 2
    own = Capacity()
    shared = Places(own)

    async def wait() -> None:
        async with shared.place(user_id=uuid4(), at_once=2):
            await asyncio.sleep(60)

    tasks = [asyncio.create_task(wait()) for _ in range(5)]
    await asyncio.sleep(0)
    for task in reversed(tasks):
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)

    assert own.running == 0
    async with asyncio.timeout(1), shared.place(user_id=uuid4(), at_once=1):
        assert own.running == 1


async def test_nobody_waits_for_ever(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.LLM_MAX_RUNNING_TURNS = 2
    monkeypatch.setattr("chat.ws.map.places.MOST_WAITING_SECONDS", 0.05)
    own = Capacity()
    shared = Places(own)

    with own.turn(uuid4()), pytest.raises(UpstreamUnavailable):
        async with shared.place(user_id=uuid4(), at_once=2):
            pytest.fail("there was no place")

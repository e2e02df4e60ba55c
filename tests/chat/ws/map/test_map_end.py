"""How a map run ends before its last item, and that nobody pays on."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from accounts import sessions
from adiuva.server.drain import drain
from chat.turns import capacity
from tests.chat.ws.map.device import MapDevice, prioritise, spent_by, tasks
from tests.chat.ws.sockets import Socket, in_database
from tests.fakes.llm_server import LoopbackLLM, hang, stall
from tests.support.accounts import Account

Connect = Callable[..., Awaitable[Socket]]


async def start_four(connect: Connect, llm: LoopbackLLM, account: Account, **options: Any) -> MapDevice[Socket]:
    """A run with four items at the provider, which says no more."""
    llm.default = stall("Let me look at that first.")
    device = MapDevice(await connect(account, **options), tasks(20))
    await device.start(request_id="this")
    await device.take(await device.socket.frame())
    assert await asyncio.to_thread(llm.wait_requests, 4)
    return device


async def settled(account: Account, *, turns: int = 0) -> dict[str, int]:
    """What is counted once the items that were cut off have been, ``turns`` at least, which nobody waits for."""
    before, spent = None, await spent_by(account)
    async with asyncio.timeout(60):
        while spent != before or spent["turns"] < turns:
            await asyncio.sleep(0.5)
            before, spent = spent, await spent_by(account)
    return spent


async def test_cancel_closes_every_model_call(connect: Connect, llm: LoopbackLLM, pro: Account) -> None:
    device = await start_four(connect, llm, pro)

    await device.socket.send(type="cancel", request_id="this")
    final = await device.go_on()

    assert await asyncio.to_thread(llm.wait_closed)
    assert (final["outcome"], final["cancelled"]) == ("partial", True)
    assert final["items"] == {"total": 20, "done": 0, "failed": 0, "skipped": 20}
    assert device.items == {}
    assert len(llm.requests) == 4
    assert capacity.running == 0


async def test_what_was_cut_off_is_counted(connect: Connect, llm: LoopbackLLM, pro: Account) -> None:
    device = await start_four(connect, llm, pro)

    await device.socket.send(type="cancel")
    final = await device.go_on()

    totals = await settled(pro, turns=4)
    assert final["usage"]["input_tokens"] == totals["input_tokens"] > 4 * 100
    assert final["usage"]["output_tokens"] == totals["output_tokens"]


async def test_a_cancel_for_another_request_is_ignored(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.aside["gpt-test"] = prioritise
    device = MapDevice(await connect(free), tasks(4))
    await device.start(request_id="this")
    await device.socket.send(type="cancel", request_id="other")

    final = await device.go_on()

    assert "cancelled" not in final
    assert final["outcome"] == "succeeded"


async def test_a_cancel_in_the_same_packet_finds_the_run(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    device = MapDevice(await connect(free), tasks(4))
    await device.start()
    await device.socket.send(type="cancel")

    final = await device.go_on()

    assert final["cancelled"] is True
    assert llm.requests == []


async def test_a_client_that_vanishes_closes_every_model_call(connect: Connect, llm: LoopbackLLM, pro: Account) -> None:
    device = await start_four(connect, llm, pro)

    await device.socket.leave()

    assert await asyncio.to_thread(llm.wait_closed)
    assert capacity.running == 0
    assert (await settled(pro, turns=4))["turns"] == 4


async def test_a_revoked_session_ends_it_with_4401(connect: Connect, llm: LoopbackLLM, pro: Account) -> None:
    device = await start_four(connect, llm, pro)

    await in_database(sessions.revoke_session, user_id=pro.user.id, session_id=pro.session_id)

    assert await device.socket.closed() == 4401
    assert await asyncio.to_thread(llm.wait_closed)


@pytest.mark.thorough
async def test_items_that_do_not_come_end_it(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    """Pings go on meanwhile."""
    llm.aside["gpt-test"] = prioritise
    socket = await connect(free, item_seconds=1.5, ping_seconds=0.3)
    device = MapDevice(socket, tasks(5))
    await device.start()
    await device.take(await socket.frame())
    device.unsent = []
    frames = []

    while not device.final:
        frame = await socket.frame()
        frames.append(frame["type"])
        if frame["type"] != "need":
            await device.take(frame)

    assert device.final["outcome"] == "partial"
    assert device.final["error"]["code"] == "upstream_timeout"
    assert device.final["items"] == {"total": 5, "done": 4, "failed": 0, "skipped": 1}
    assert "ping" in frames


async def test_the_time_for_items_does_not_run_while_some_are_worked_on(
    connect: Connect, llm: LoopbackLLM, free: Account
) -> None:
    llm.default = hang()
    socket = await connect(free, item_seconds=0.1)
    device = MapDevice(socket, tasks(9))
    await device.start()
    await device.take(await socket.frame())

    assert await asyncio.to_thread(llm.wait_requests, 2)
    await asyncio.sleep(0.4)
    await socket.send(type="cancel")

    assert (await device.go_on())["cancelled"] is True


@pytest.fixture
def restart() -> Iterator[Callable[[], None]]:
    yield drain.begin
    drain.draining = False


async def test_a_restart_finishes_what_is_worked_on(
    connect: Connect, llm: LoopbackLLM, free: Account, restart: Callable[[], None]
) -> None:
    llm.aside["gpt-test"] = prioritise
    device = MapDevice(await connect(free), tasks(40))
    await device.start()
    await device.go_on(stop_after=3)

    restart()
    final = await device.go_on()

    assert final["outcome"] == "partial"
    assert (final["error"]["code"], final["error"]["retry_after"]) == ("upstream_unavailable", 1)
    assert 3 <= final["items"]["done"] == len(device.items) < 12
    assert await device.socket.closed() == 1012


@pytest.mark.slow
async def test_cut_at_120_of_200_and_resumed(connect: Connect, llm: LoopbackLLM, pro: Account) -> None:
    llm.aside["gpt-test"] = prioritise
    first = MapDevice(await connect(pro), tasks(200))
    await first.start()
    await first.go_on(stop_after=120)
    await first.socket.leave()
    before = await settled(pro)

    left = {key: record for key, record in first.records.items() if key not in first.items}
    second = MapDevice(await connect(pro), left)
    final = await second.run()

    ids = [action["id"] for device in (first, second) for action in device.actions]
    after = await spent_by(pro)
    assert len(first.items) == 120
    assert final["items"] == {"total": 80, "done": 80, "failed": 0, "skipped": 0}
    assert len(ids) == len(set(ids)) == 200
    assert after["input_tokens"] - before["input_tokens"] == final["usage"]["input_tokens"]
    assert before["input_tokens"] >= sum(item["usage"]["input_tokens"] for item in first.items.values())

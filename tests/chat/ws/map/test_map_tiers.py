"""What each tier includes of map runs, and a tier that changes meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from agents.batches.mapping.limits import MAP_LIMITS
from billing.subscriptions import set_tier
from billing.tiers import Tier
from tests.chat.ws.map.device import MapDevice, prioritise, tasks
from tests.chat.ws.sockets import Socket, in_database
from tests.fakes.llm_server import LoopbackLLM, hang
from tests.support.accounts import Account

Connect = Callable[..., Awaitable[Socket]]


@pytest.mark.parametrize(
    ("tier", "at_once", "bound"), [("free", 2, 50), ("pro", 4, 200), ("power", 8, 1000), ("team", 8, 1000)]
)
async def test_so_many_at_once_and_in_a_run(
    connect: Connect, llm: LoopbackLLM, make_user: Callable[..., Account], tier: str, at_once: int, bound: int
) -> None:
    llm.default = hang()
    account = await in_database(make_user, tier=tier)
    socket = await connect(account)
    refused = MapDevice(socket, {})
    error = await refused.run(total=bound + 1)
    device = MapDevice(socket, tasks(bound))

    await device.start()
    await device.take(await socket.frame())
    assert await asyncio.to_thread(llm.wait_requests, at_once)
    await asyncio.sleep(0.2)

    assert list(error["error"]["errors"]) == ["total"]
    assert len(llm.requests) == at_once
    assert device.needs == [2 * at_once]


@pytest.mark.usefixtures("all_agents")
async def test_a_tool_of_an_agent_beyond_the_tier_is_refused(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    device = MapDevice(await connect(free), tasks(1))

    final = await device.run(tools=["update_task", "update_checkpoint"])

    assert (final["error"]["status"], final["error"]["code"]) == (403, "feature_not_available")
    assert final["error"]["required_tier"] == "pro"
    assert llm.requests == []


async def test_another_model_is_beyond_the_free_tier(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    final = await MapDevice(await connect(free), tasks(1)).run(model="gpt-other")

    assert final["error"]["code"] == "feature_not_available"


async def test_the_model_that_was_named_is_asked(connect: Connect, llm: LoopbackLLM, pro: Account) -> None:
    await MapDevice(await connect(pro), tasks(1)).run(model="gpt-other")

    assert [body["model"] for body in llm.requests] == ["gpt-other"]


async def test_a_downgrade_ends_a_run_that_the_tier_no_longer_includes(
    connect: Connect, llm: LoopbackLLM, pro: Account
) -> None:
    """What was being worked on is finished, and the rest waits for another run."""
    llm.aside["gpt-test"] = prioritise
    device = MapDevice(await connect(pro), tasks(60))
    await device.start()
    await device.go_on(stop_after=10)
    await in_database(set_tier, user=pro.user, tier=Tier.FREE)

    final = await device.go_on()

    assert final["outcome"] == "partial"
    assert list(final["error"]["errors"]) == ["total"]
    assert 10 < final["items"]["done"] == len(device.items) <= 10 + 3 * MAP_LIMITS[Tier.PRO].at_once


async def test_a_downgrade_that_still_includes_the_run_slows_it_down(
    connect: Connect, llm: LoopbackLLM, pro: Account
) -> None:
    llm.aside["gpt-test"] = prioritise
    device = MapDevice(await connect(pro), tasks(30))
    await device.start()
    await device.go_on(stop_after=4)
    await in_database(set_tier, user=pro.user, tier=Tier.FREE)

    final = await device.go_on()

    assert final["outcome"] == "succeeded"
    assert max(device.needs[-4:]) <= 4

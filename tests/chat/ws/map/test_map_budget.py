"""A map run at the edge of the month's tokens."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.chat.ws.map.device import MapDevice, prioritise, spent_by, tasks
from tests.chat.ws.sockets import Socket
from tests.fakes.llm_server import LoopbackLLM, Reply, text
from tests.support.accounts import Account

Connect = Callable[..., Awaitable[Socket]]
LIMIT = 40_000


@pytest.fixture(autouse=True)
def _limited(settings: Any) -> None:
    settings.LLM_TOKENS_PER_MONTH = dict.fromkeys(("free", "pro", "power", "team"), LIMIT)


async def test_it_ends_where_the_budget_ends_and_what_is_left_can_be_done_later(
    connect: Connect, llm: LoopbackLLM, pro: Account, settings: Any
) -> None:
    llm.default = text("Done.", usage=(2_000, 1_000))
    socket = await connect(pro)
    device = MapDevice(socket, tasks(30))

    final = await device.run()

    totals = await spent_by(pro)
    spent = totals["input_tokens"] + totals["output_tokens"]
    assert final["outcome"] == "partial"
    assert (final["error"]["status"], final["error"]["resource"]) == (402, "llm_tokens")
    assert final["items"] == {"total": 30, "done": len(device.items), "failed": 0, "skipped": 30 - len(device.items)}
    # Alone, an item would have found no room: nothing stranded by those that ran beside it.
    assert LIMIT - 6_000 < spent == 3_000 * len(device.items) <= LIMIT

    settings.LLM_TOKENS_PER_MONTH = dict.fromkeys(("free", "pro", "power", "team"), None)
    left = {key: record for key, record in device.records.items() if key not in device.items}
    assert (await MapDevice(socket, left).run())["outcome"] == "succeeded"


async def test_enough_for_one_at_a_time_is_enough(connect: Connect, llm: LoopbackLLM, pro: Account) -> None:
    """Four side by side would reserve more than there is."""
    llm.aside["gpt-test"] = prioritise
    device = MapDevice(await connect(pro), tasks(40))

    final = await device.run()

    assert final["outcome"] == "succeeded"
    assert final["items"]["done"] == 40


async def test_parallel_runs_never_overspend(connect: Connect, llm: LoopbackLLM, pro: Account) -> None:
    llm.default = Reply(tokens=("Done.",), usage=(2_000, 1_000))
    first, second = MapDevice(await connect(pro), tasks(20)), MapDevice(await connect(pro), tasks(20))

    await asyncio.gather(first.run(), second.run())

    month = await spent_by(pro)
    told = [item["usage"] for device in (first, second) for item in device.items.values()]
    assert sum(one["input_tokens"] for one in told) <= month["input_tokens"]
    assert month["input_tokens"] + month["output_tokens"] <= LIMIT

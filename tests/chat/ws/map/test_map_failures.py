"""Items that fail, alone or five in a row."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.chat.ws.map.device import MapDevice, only, prioritise, tasks
from tests.chat.ws.sockets import Socket
from tests.fakes.llm_server import LoopbackLLM, Reply, call, calls, hang, status, text
from tests.support.accounts import Account

Connect = Callable[..., Awaitable[Socket]]
# Not worth a retry: it names a wait that is longer than an item.
BUSY = status(503, retry_after="3600")


@pytest.mark.parametrize(
    ("answer", "code"),
    [(BUSY, "upstream_unavailable"), (status(401), "upstream_error"), (status(400), "upstream_error")],
)
async def test_a_failed_item_ends_nothing(
    connect: Connect, llm: LoopbackLLM, free: Account, answer: Reply, code: str
) -> None:
    llm.aside["gpt-test"] = only({"task-0001": answer})
    device = MapDevice(await connect(free), tasks(6))

    final = await device.run(request_id="m")

    failed = device.items["task-0001"]
    assert (failed["status"], failed["actions"], failed["error"]["code"]) == ("failed", [], code)
    assert failed["error"]["request_id"] == "m"
    assert "SECRET PROVIDER TEXT" not in str(failed)
    assert final["items"] == {"total": 6, "done": 5, "failed": 1, "skipped": 0}
    assert (final["outcome"], "error" in final) == ("partial", False)
    assert device.progress[-1] == (5, 1, 6)


async def test_what_a_failed_item_had_begun_is_not_told(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    """It is done again as a whole, under the same ids; what it cost is told."""
    llm.script(calls(call("update_task", task_id="task-0000", priority="high"), usage=(10, 5)), BUSY)
    device = MapDevice(await connect(free), tasks(1))

    await device.run()

    item = device.items["task-0000"]
    assert (item["status"], item["actions"]) == ("failed", [])
    assert item["usage"]["input_tokens"] > 10


async def test_five_in_a_row_end_the_run(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.default = BUSY
    device = MapDevice(await connect(free), tasks(40))

    final = await device.run()

    assert final["outcome"] == "partial"
    assert final["error"]["code"] == "upstream_unavailable"
    assert final["error"]["retry_after"] == 3600
    assert final["items"] == {"total": 40, "done": 0, "failed": 5, "skipped": 35}
    assert len(device.items) == 5
    assert len(llm.requests) <= 8


async def test_one_that_is_done_begins_the_count_anew(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    down = {f"task-{number:04}": BUSY for number in range(24) if number % 3 != 0}  # two side by side, in any order
    llm.aside["gpt-test"] = only(down)
    device = MapDevice(await connect(free), tasks(24))

    final = await device.run()

    assert final["items"] == {"total": 24, "done": 8, "failed": 16, "skipped": 0}


async def test_an_outage_closes_what_is_under_way(connect: Connect, llm: LoopbackLLM, pro: Account) -> None:
    answers = {"task-0000": hang()} | {f"task-{number:04}": BUSY for number in range(1, 40)}
    llm.default = text("Done.")
    llm.aside["gpt-test"] = only(answers)
    device = MapDevice(await connect(pro), tasks(40))

    final = await device.run()

    assert final["outcome"] == "partial"
    assert "task-0000" not in device.items
    assert await asyncio.to_thread(llm.wait_closed)


async def test_a_record_the_provider_refuses_is_no_outage(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.aside["gpt-test"] = Reply(tokens=("I",), finish_reason="content_filter")
    device = MapDevice(await connect(free), tasks(8))

    final = await device.run()

    assert final["items"] == {"total": 8, "done": 0, "failed": 8, "skipped": 0}
    assert {item["error"]["code"] for item in device.items.values()} == {"upstream_error"}
    assert "error" not in final


@pytest.mark.thorough
async def test_an_item_has_the_time_of_a_turn(connect: Connect, llm: LoopbackLLM, free: Account, settings: Any) -> None:
    settings.LLM_TIMEOUT_SECONDS = 1.0
    llm.aside["gpt-test"] = only({"task-0000": hang()})
    device = MapDevice(await connect(free), tasks(4))

    final = await device.run()

    assert device.items["task-0000"]["error"]["code"] == "upstream_timeout"
    assert final["items"] == {"total": 4, "done": 3, "failed": 1, "skipped": 0}


async def test_a_model_that_is_not_configured_ends_the_run(
    connect: Connect, llm: LoopbackLLM, free: Account, settings: Any
) -> None:
    settings.LLM_MODEL = ""
    device = MapDevice(await connect(free), tasks(20))

    final = await device.run()

    assert final["error"]["code"] == "not_configured"
    assert final["items"] == {"total": 20, "done": 0, "failed": 0, "skipped": 20}


async def test_another_run_after_an_outage(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    socket = await connect(free)
    llm.aside["gpt-test"] = BUSY
    first = MapDevice(socket, tasks(10))
    assert (await first.run())["outcome"] == "partial"

    llm.aside["gpt-test"] = prioritise
    rest = {key: record for key, record in first.records.items() if key not in first.items}

    assert (await MapDevice(socket, rest).run())["items"]["done"] == 5

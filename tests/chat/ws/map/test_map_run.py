"""A whole map run: its frames in order, what they add up to, and the ids of its actions."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from tests.chat.ws.map.device import INSTRUCTION, MapDevice, action_id, only, prioritise, spent_by, task, tasks
from tests.chat.ws.sockets import Socket
from tests.fakes.llm_server import LoopbackLLM, call, calls, text
from tests.support.accounts import Account

Connect = Callable[..., Awaitable[Socket]]


async def test_every_item_is_done_and_told(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.aside["gpt-test"] = prioritise
    device = MapDevice(await connect(free), tasks(7))

    final = await device.run(request_id="map-1")

    assert {key: item["status"] for key, item in device.items.items()} == dict.fromkeys(tasks(7), "done")
    for key, item in device.items.items():
        (action,) = item["actions"]
        assert (action["id"], action["record_id"]) == (action_id(key, 0), key)
        assert (action["name"], action["type"], action["data"]) == (
            "update_task",
            "update_record",
            {"priority": "high"},
        )
        assert item["usage"] == {"input_tokens": 30, "output_tokens": 7}
        assert item["request_id"] == "map-1"
    assert device.progress == [(n, 0, 7) for n in range(1, 8)]
    assert final == {
        "type": "done",
        "done": True,
        "outcome": "succeeded",
        "items": {"total": 7, "done": 7, "failed": 0, "skipped": 0},
        "usage": {"input_tokens": 210, "output_tokens": 49},
        "request_id": "map-1",
    }


async def test_usage_of_the_items_is_that_of_the_account(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.aside["gpt-test"] = prioritise
    device = MapDevice(await connect(free), tasks(5))

    final = await device.run()

    told = [item["usage"] for item in device.items.values()]
    totals = await spent_by(free)
    for name in ("input_tokens", "output_tokens"):
        assert final["usage"][name] == totals[name] == sum(one[name] for one in told) > 0


async def test_a_model_sees_one_record_and_the_named_tools_only(
    connect: Connect, llm: LoopbackLLM, free: Account
) -> None:
    llm.aside["gpt-test"] = prioritise
    device = MapDevice(await connect(free), tasks(3))

    await device.run(tools=["update_task", "list_tasks"])

    for body in llm.asked_aside:
        shown = [key for key in tasks(3) if key in body["messages"][0]["content"]]
        assert len(shown) == 1
        assert body["messages"][1] == {"role": "user", "content": INSTRUCTION}
        assert [tool["function"]["name"] for tool in body["tools"]] == ["update_task", "list_tasks"]


async def test_reads_are_answered_from_the_record_and_are_no_actions(
    connect: Connect, llm: LoopbackLLM, free: Account
) -> None:
    llm.script(
        calls(call("list_tasks")),
        calls(call("update_task", id="a", task_id="task-0000", priority="low")),
        calls(call("add_task_comment", id="b", task_id="task-0000", content="Later")),
        text("Done."),
    )
    device = MapDevice(await connect(free), tasks(1))

    await device.run(tools=["list_tasks", "update_task", "add_task_comment"])

    answer = llm.requests[1]["messages"][-1]["content"]
    assert "Task number 0" in answer
    assert [action["name"] for action in device.actions] == ["update_task", "add_task_comment"]
    assert [action["id"] for action in device.actions] == [action_id("task-0000", 0), action_id("task-0000", 1)]


async def test_what_is_done_again_has_the_ids_it_had(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    """Those of created records, too: a device that applies both has one note."""
    llm.aside["gpt-test"] = lambda body: (
        calls(call("create_task", title="Follow up")) if body["messages"][-1]["role"] == "user" else text("Done.")
    )
    first, second = MapDevice(await connect(free), tasks(2)), MapDevice(await connect(free), tasks(2))

    await first.run(tools=["create_task"])
    await second.run(tools=["create_task"])

    assert first.items == second.items
    assert len({action["record_id"] for action in first.actions} | {action["id"] for action in first.actions}) == 4


async def test_another_run_has_other_ids(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.aside["gpt-test"] = prioritise
    socket = await connect(free)
    first, second = MapDevice(socket, tasks(2)), MapDevice(socket, tasks(2))

    await first.run()
    await second.run(run_id="00000000-0000-4000-8000-000000000001")

    assert not {action["id"] for action in first.actions} & {action["id"] for action in second.actions}


async def test_a_record_of_another_item_cannot_be_touched(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(calls(call("delete_task", task_id="task-0001")), text("Done."))
    device = MapDevice(await connect(free), tasks(1))

    await device.run(tools=["delete_task"])

    assert device.items["task-0000"]["actions"] == []
    assert json.loads(llm.requests[1]["messages"][-1]["content"])["ok"] is False


async def test_what_it_says_of_its_instructions_is_redacted(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    prompt = "Carry the message out upon this record through tools; nobody sees your text, nobody can reply."
    llm.script(calls(call("update_task", task_id="task-0000", description=f"Mine: {prompt}")), text("Done."))
    device = MapDevice(await connect(free), tasks(1))

    await device.run()

    (action,) = device.actions
    assert "[REDACTED]" in action["data"]["description"]
    assert "nobody sees your text" not in str(action)


async def test_the_users_own_day_decides_what_today_is(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    device = MapDevice(await connect(free), tasks(1))

    await device.run(timezone="Pacific/Apia")

    assert "in the user's timezone, Pacific/Apia" in llm.requests[0]["messages"][0]["content"]


async def test_an_item_without_a_call_is_done(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.default = text("Done.")
    device = MapDevice(await connect(free), tasks(1))

    final = await device.run()

    assert (final["outcome"], device.actions) == ("succeeded", [])


async def test_a_request_that_waits_is_served_after_the_run(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.aside["gpt-test"] = only({})
    device = MapDevice(await connect(free), tasks(3))

    await device.start()
    await device.socket.send(message="Hello", model=None)
    final = await device.go_on()
    answer = await device.socket.answer()

    assert final["outcome"] == "succeeded"
    assert answer[-1]["type"] == "done"
    assert "response" in answer[-1]


async def test_a_run_of_fewer_records_than_it_said(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    """A record was deleted meanwhile: an empty list says that there are no more."""
    llm.aside["gpt-test"] = prioritise
    device = MapDevice(await connect(free), tasks(3))

    final = await device.run(total=6)

    assert final["outcome"] == "partial"
    assert final["items"] == {"total": 6, "done": 3, "failed": 0, "skipped": 3}
    assert "error" not in final


async def test_a_record_that_is_no_task(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    record: dict[str, Any] = {"task": task(5), "comments": [{"id": "c1", "content": "Yes"}]}
    llm.script(calls(call("update_task", task_id="task-0005", status="done")), text("Done."))
    device = MapDevice(await connect(free), {"five": record})

    await device.run()

    assert [action["record_id"] for action in device.actions] == ["task-0005"]

"""What a map frame and its items frames must be: whatever is wrong is an error frame, and the socket stays."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.chat.ws.map.device import INSTRUCTION, RUN_ID, MapDevice, prioritise, task, tasks
from tests.chat.ws.sockets import Frame, Socket
from tests.fakes.llm_server import LoopbackLLM
from tests.support.accounts import Account

Connect = Callable[..., Awaitable[Socket]]
OTHER_RUN_ID = "0c8e6f1b-2d34-4c68-9a53-7d9f2a105f0e"
RIGHT: dict[str, Any] = {"run_id": RUN_ID, "instruction": INSTRUCTION, "tools": ["update_task"], "total": 3}


async def refusal(socket: Socket, **frame: Any) -> Frame:
    await socket.send(**frame)
    (error,) = await socket.answer()
    assert error["type"] == "error"
    body: Frame = error["error"]
    return body


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("run_id", None),
        ("run_id", "run-1"),
        ("run_id", 7),
        ("instruction", ""),
        ("instruction", " \n "),
        ("instruction", "x" * 32_001),
        ("instruction", 5),
        ("tools", []),
        ("tools", "update_task"),
        ("tools", ["update_task", "format_disk"]),
        ("tools", ["list_tasks"] * 51),
        ("total", 0),
        ("total", -1),
        ("total", "3"),
        ("total", 3.0),
        ("total", True),
        ("total", 51),
        ("model", "gpt-nobody-offers"),
        ("timezone", "Mars/Olympus"),
    ],
)
async def test_a_wrong_field_is_named(
    connect: Connect, llm: LoopbackLLM, free: Account, field: str, value: Any
) -> None:
    error = await refusal(await connect(free), **{"type": "map", **RIGHT, field: value})

    assert (error["status"], error["code"]) == (400, "validation_error")
    assert {name.partition(".")[0] for name in error["errors"]} == {field}
    assert llm.requests == []


@pytest.mark.parametrize("field", list(RIGHT))
async def test_a_missing_field_is_named(connect: Connect, llm: LoopbackLLM, free: Account, field: str) -> None:
    error = await refusal(
        await connect(free), type="map", **{name: value for name, value in RIGHT.items() if name != field}
    )

    assert list(error["errors"]) == [field]


def item(number: int = 0, **fields: Any) -> dict[str, Any]:
    return {"key": f"task-{number:04}", "record": task(number), **fields}


@pytest.mark.parametrize(
    ("items", "field"),
    [
        (None, "items"),
        ({}, "items"),
        ("task-0000", "items"),
        ([7], "items.0"),
        ([item(), {"record": task(1)}], "items.1.key"),
        ([item(key="")], "items.0.key"),
        ([item(key="x" * 201)], "items.0.key"),
        ([item(key=5)], "items.0.key"),
        ([item(key="\ud83d")], "items.0.key"),
        ([item(0), item(0)], "items.1.key"),
        ([item(number) for number in range(4)], "items"),
        ([item(number) for number in range(21)], "items"),
    ],
    ids=[
        "null",
        "object",
        "text",
        "number",
        "keyless",
        "empty",
        "long",
        "numeric",
        "surrogate",
        "twice",
        "unasked",
        "many",
    ],
)
async def test_items_against_the_protocol_end_the_run(
    connect: Connect, llm: LoopbackLLM, free: Account, items: Any, field: str
) -> None:
    socket = await connect(free)
    await socket.send(type="map", **RIGHT, request_id="m")
    assert await socket.frame() == {"type": "need", "count": 3, "request_id": "m"}

    await socket.send(type="items", items=items)
    error = (await socket.answer())[-1]

    assert (error["type"], error["request_id"]) == ("error", "m")
    assert list(error["error"]["errors"]) == [field]
    assert (await MapDevice(socket, tasks(1)).run())["outcome"] == "succeeded"


@pytest.mark.parametrize(
    "unreadable", ['{"type":"items","items":[', '{"type":"items","a":' + "[" * 65 + "]" * 65 + "}"], ids=["cut", "deep"]
)
async def test_a_frame_that_cannot_be_read_ends_a_run_that_waits_for_items(
    connect: Connect, llm: LoopbackLLM, free: Account, unreadable: str
) -> None:
    socket = await connect(free)
    await socket.send(type="map", **RIGHT, request_id="m")
    assert (await socket.frame())["type"] == "need"

    await socket.send_text(unreadable)
    (error,) = await socket.answer()

    assert (error["error"]["code"], error["request_id"]) == ("validation_error", "m")
    assert (await MapDevice(socket, tasks(1)).run())["outcome"] == "succeeded"


async def test_a_key_of_an_item_that_is_done_cannot_be_sent_again(
    connect: Connect, llm: LoopbackLLM, free: Account
) -> None:
    llm.aside["gpt-test"] = prioritise
    socket = await connect(free)
    await socket.send(type="map", **RIGHT)
    await socket.frame()
    await socket.send(type="items", items=[item(0)])
    assert [(await socket.frame())["type"] for _ in range(2)] == ["item", "progress"]

    await socket.send(type="items", items=[item(0)])

    (error,) = await socket.answer()
    assert list(error["error"]["errors"]) == ["items.0.key"]


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"text": "ü" * 8_192}, "payload_too_large"),
        ([1], "validation_error"),
        (None, "validation_error"),
        ({"title": "Half an emoji \ud83d"}, "validation_error"),
        ({"\udfff": 1}, "validation_error"),
        ({"notes": [{"text": "\0"}]}, "validation_error"),
    ],
    ids=["large", "list", "null", "surrogate", "surrogate in a name", "nul"],
)
async def test_a_record_that_cannot_be_taken_fails_by_itself(
    connect: Connect, llm: LoopbackLLM, free: Account, record: Any, code: str
) -> None:
    llm.aside["gpt-test"] = prioritise
    device = MapDevice(await connect(free), tasks(2) | {"bad": record})

    final = await device.run()

    assert device.items["bad"]["error"]["code"] == code
    assert (device.items["bad"]["status"], device.items["bad"]["actions"]) == ("failed", [])
    assert device.items["bad"]["usage"] == {"input_tokens": 0, "output_tokens": 0}
    assert final["items"] == {"total": 3, "done": 2, "failed": 1, "skipped": 0}
    assert final["outcome"] == "partial"


async def test_a_record_of_16_kib_is_taken(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    """Escaped as it is in the prompt, it has six times the length."""
    llm.aside["gpt-test"] = prioritise
    record = {"id": "task-0000", "text": "<" * (16 * 1024 - len('{"id":"task-0000","text":""}'))}
    device = MapDevice(await connect(free), {"task-0000": record})

    final = await device.run()

    assert final["outcome"] == "succeeded"
    assert "\\u003c" * 10_000 in llm.asked_aside[0]["messages"][0]["content"]


async def test_items_without_a_run_are_refused(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    error = await refusal(await connect(free), type="items", items=[item()])

    assert list(error["errors"]) == ["type"]


async def test_items_for_a_run_that_has_ended_are_not_worked_on_by_the_one_after_it(
    connect: Connect, llm: LoopbackLLM, free: Account
) -> None:
    """A client that pipelines may have sent both map frames before the first run ends."""
    llm.default = prioritise
    socket = await connect(free)
    await socket.send(type="map", **RIGHT, request_id="first")
    assert (await socket.frame())["type"] == "need"
    await socket.send(type="map", **(RIGHT | {"total": 1, "run_id": OTHER_RUN_ID}), request_id="second")
    await socket.send(type="cancel", request_id="first")
    assert (await socket.frame())["cancelled"]
    assert (await socket.frame())["type"] == "need"

    late = {"key": "task-0001", "record": task(1)}
    await socket.send(type="items", items=[late], request_id="first")
    await socket.send(type="items", items=[{"key": "task-0002", "record": task(2)}], request_id="second")

    item, _, done = await socket.answer()
    assert (item["key"], done["items"]["done"]) == ("task-0002", 1)


async def test_items_that_cross_the_end_are_ignored_but_no_more_than_were_asked_for(
    connect: Connect, llm: LoopbackLLM, free: Account
) -> None:
    socket = await connect(free)
    await socket.send(type="map", **RIGHT)
    await socket.frame()
    await socket.send(type="cancel")
    assert (await socket.answer())[-1]["cancelled"] is True

    await socket.send(type="items", items=[item(number) for number in range(3)])
    assert await socket.silent()

    error = await refusal(socket, type="items", items=[item(3)])
    assert list(error["errors"]) == ["type"]


async def test_it_asks_only_for_what_is_soon_worked_on(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.aside["gpt-test"] = prioritise
    device = MapDevice(await connect(free), tasks(20))

    await device.run()

    assert device.needs[0] == 4  # two side by side, and two that lie ready
    assert sum(device.needs) == 20
    assert max(device.needs) <= 4


async def test_a_map_run_is_one_request(connect: Connect, llm: LoopbackLLM, free: Account, settings: Any) -> None:
    llm.aside["gpt-test"] = prioritise
    socket = await connect(free)
    assert (await MapDevice(socket, tasks(30)).run())["outcome"] == "succeeded"

    for _ in range(19):
        assert (await MapDevice(socket, tasks(1)).run())["outcome"] == "succeeded"
    error = await MapDevice(socket, tasks(1)).run()

    assert error["error"]["code"] == "rate_limited"
    assert error["error"]["retry_after"] > 0

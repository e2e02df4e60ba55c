"""Frames that are none of the client's, and requests that are wrong: an error frame each, and the socket goes on."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from chat.requests import MAX_CONTEXT_BYTES
from chat.ws.frames import MAX_WAITING_FRAMES
from tests.chat.ws.sockets import Socket
from tests.fakes.llm_server import LoopbackLLM, text
from tests.support.accounts import Account

Connect = Callable[..., Awaitable[Socket]]


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "hello",
        "{",
        "[]",
        "null",
        "true",
        '"text"',
        "5",
        '{"message": NaN}',
        '{"message": "a\\u0000b"}',
        '{"message": "\\ud800"}',
        '{"message":' + "[" * 65 + "]" * 65 + "}",
        "[" * 100_000,
        '{"message": 1' + "0" * 5000 + "}",
    ],
)
async def test_what_is_no_json_object_gets_an_error_frame(
    connect: Connect, llm: LoopbackLLM, free: Account, frame: str
) -> None:
    socket = await connect(free)

    await socket.send_text(frame)
    (error,) = await socket.answer()

    assert (error["type"], error["done"]) == ("error", True)
    assert error["error"]["code"] == "validation_error"
    assert "non_field_errors" in error["error"]["errors"]
    assert (await socket.ask())[-1]["type"] == "done"


async def test_a_binary_frame_gets_an_error_frame(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    socket = await connect(free)

    await socket.send_bytes(b'{"message": "Hello"}')
    (error,) = await socket.answer()

    assert error["error"]["code"] == "validation_error"
    assert (await socket.ask())[-1]["type"] == "done"


@pytest.mark.parametrize(
    ("frame", "field"),
    [
        ({"type": "chat", "message": "x"}, "type"),
        ({"type": None}, "type"),
        ({"type": ["cancel"]}, "type"),
        ({"type": "tool_result", "result": 5}, "id"),
        ({"type": "tool_result", "id": 5, "result": 5}, "id"),
        ({}, "message"),
        ({"message": 5}, "message"),
        ({"message": "x", "client_tools": "yes"}, "client_tools"),
        ({"message": "x", "execution_mode": "turbo"}, "execution_mode"),
        ({"message": "x", "context": {"notes": [5]}}, "context.notes.0"),
    ],
)
async def test_a_wrong_field_is_named(
    connect: Connect, llm: LoopbackLLM, free: Account, frame: dict[str, Any], field: str
) -> None:
    socket = await connect(free)

    await socket.send(**frame)
    (error,) = await socket.answer()

    assert error["error"]["code"] == "validation_error"
    assert list(error["error"]["errors"]) == [field]


async def test_a_context_too_large_is_413(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    socket = await connect(free)

    (error,) = await socket.ask(context={"notes": [{"body": "x" * MAX_CONTEXT_BYTES}]})

    assert (error["error"]["status"], error["error"]["code"]) == (413, "payload_too_large")


async def test_a_frame_over_one_mebibyte_closes_with_1009(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    socket = await connect(free)

    await socket.send(message="x", context={"notes": [{"body": "x" * 1024 * 1024}]})

    assert await socket.closed() == 1009


async def test_free_has_the_default_model_only(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    socket = await connect(free)

    (error,) = await socket.ask(model="gpt-other")

    assert (error["error"]["status"], error["error"]["required_tier"]) == (403, "pro")


@pytest.mark.parametrize(
    "frame", [{"type": "pong"}, {"type": "cancel"}, {"type": "tool_result", "id": "x", "result": 1}]
)
async def test_frames_with_nothing_to_act_on_are_ignored(
    connect: Connect, llm: LoopbackLLM, free: Account, frame: dict[str, Any]
) -> None:
    socket = await connect(free)

    await socket.send(**frame)

    assert await socket.silent()
    assert (await socket.ask())[-1]["type"] == "done"


async def test_a_bad_frame_during_a_turn_is_answered_after_it(
    connect: Connect, llm: LoopbackLLM, free: Account
) -> None:
    llm.script(text("a", "b", delay=0.1))
    socket = await connect(free)

    await socket.send(message="Hello")
    await socket.send_text("nonsense")
    first, second = await socket.answer(), await socket.answer()

    assert [frame["type"] for frame in first] == ["chunk", "done"]
    assert [frame["type"] for frame in second] == ["error"]


@pytest.mark.thorough
async def test_more_waiting_frames_than_the_bound_are_refused(connect: Connect, llm: LoopbackLLM, pro: Account) -> None:
    llm.script(text("a", delay=0.5))
    socket = await connect(pro)

    for number in range(MAX_WAITING_FRAMES + 2):
        await socket.send(message="Hello", request_id=f"r{number}")
    refused, *served = [(await socket.answer())[-1] for _ in range(MAX_WAITING_FRAMES + 2)]

    assert (refused["request_id"], refused["error"]["code"]) == (f"r{MAX_WAITING_FRAMES + 1}", "conflict")
    assert [done["request_id"] for done in served] == [f"r{number}" for number in range(MAX_WAITING_FRAMES + 1)]
    assert {done["type"] for done in served} == {"done"}


@pytest.mark.thorough
async def test_large_waiting_frames_are_bounded_by_their_size(
    connect: Connect, llm: LoopbackLLM, free: Account
) -> None:
    llm.script(text("a", delay=0.5))
    socket = await connect(free)
    context = {"notes": [{"body": "x" * 400_000}]}

    for number in range(4):
        await socket.send(message="Hello", context=context, request_id=f"r{number}")
    codes = {frame["request_id"]: frame["type"] for frame in [(await socket.answer())[-1] for _ in range(4)]}

    assert codes == {"r0": "done", "r1": "done", "r2": "done", "r3": "error"}

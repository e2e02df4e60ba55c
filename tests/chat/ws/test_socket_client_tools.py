"""``client_tools``: the client answers reads from its own decrypted data."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from chat.ws.frames import MAX_TOOL_RESULT_BYTES
from tests.chat.ws.sockets import Frame, Socket
from tests.fakes.llm_server import LoopbackLLM, call, calls, text
from tests.support.accounts import Account

Connect = Callable[..., Awaitable[Socket]]
TASK = {"id": "t-1", "title": "Water the ficus", "status": "todo"}


def list_tool_results(llm: LoopbackLLM) -> list[str]:
    """What the model got as results of its tools."""
    return [message["content"] for message in llm.requests[1]["messages"] if message["role"] == "tool"]


async def ask(socket: Socket, count: int = 1) -> list[Frame]:
    """Asks with client tools, and the tool_call frames that come of it."""
    await socket.send(message="My tasks?", client_tools=True, request_id="r1")
    return [await socket.frame() for _ in range(count)]


async def test_a_read_is_a_tool_call_and_its_result_reaches_the_model(
    connect: Connect, llm: LoopbackLLM, free: Account
) -> None:
    llm.script(calls(call("list_tasks", status="todo")), text("One."))
    socket = await connect(free)

    (tool_call,) = await ask(socket)
    await socket.send(type="tool_result", id=tool_call["id"], result=[TASK])
    *_, done = await socket.answer()

    assert tool_call == {
        "type": "tool_call",
        "id": tool_call["id"],
        "name": "list_tasks",
        "arguments": {"status": "todo"},
        "request_id": "r1",
    }
    assert "Water the ficus" in list_tool_results(llm)[0]
    assert done["actions"] == []


async def test_parallel_reads_are_asked_together_and_answered_in_any_order(
    connect: Connect, llm: LoopbackLLM, free: Account
) -> None:
    llm.script(calls(call("list_tasks", id="a"), call("list_tasks_due_today", id="b")), text("Two."))
    socket = await connect(free)

    first, second = await ask(socket, 2)
    await socket.send(type="tool_result", id=second["id"], result=[{"id": "2", "title": "second"}])
    await socket.send(type="tool_result", id=first["id"], result=[{"id": "1", "title": "first"}])
    await socket.answer()

    one, two = list_tool_results(llm)
    assert "first" in one
    assert "second" in two


async def test_a_client_that_does_not_answer_is_told_to_the_model(
    connect: Connect, llm: LoopbackLLM, free: Account
) -> None:
    llm.script(calls(call("list_tasks")), text("Sorry."))
    socket = await connect(free, answer_seconds=0.2)

    (tool_call,) = await ask(socket)
    *_, done = await socket.answer()
    await socket.send(type="tool_result", id=tool_call["id"], result=[])  # too late: ignored

    assert done["response"] == "Sorry."
    assert "did not answer" in list_tool_results(llm)[0]
    assert await socket.silent()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ({"error": "vault locked"}, "vault locked"),
        ({"error": {"odd": 1}}, "reported an error"),
        ({}, "neither a result nor an error"),
        ({"result": 1, "error": "x"}, "neither a result nor an error"),
        ({"result": "x" * (MAX_TOOL_RESULT_BYTES + 1)}, "larger than"),
    ],
)
async def test_a_failure_is_told_to_the_model_at_once(
    connect: Connect, llm: LoopbackLLM, free: Account, answer: dict[str, Any], words: str
) -> None:
    llm.script(calls(call("list_tasks")), text("Sorry."))
    socket = await connect(free)

    (tool_call,) = await ask(socket)
    await socket.send(type="tool_result", id=tool_call["id"], **answer)
    *_, done = await socket.answer()

    assert done["response"] == "Sorry."
    assert words in list_tool_results(llm)[0]


async def test_a_result_of_256_kib_is_taken(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(calls(call("list_tasks")), text("Long."))
    socket = await connect(free)
    empty = len(json.dumps([{"id": "1", "title": ""}], separators=(",", ":")))

    (tool_call,) = await ask(socket)
    result = [{"id": "1", "title": "ä" * ((MAX_TOOL_RESULT_BYTES - empty) // 2)}]
    await socket.send(type="tool_result", id=tool_call["id"], result=result)
    *_, done = await socket.answer()

    assert done["response"] == "Long."
    assert "larger than" not in list_tool_results(llm)[0]


async def test_cancel_while_a_result_is_awaited(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(calls(call("list_tasks")))
    socket = await connect(free)

    await ask(socket)
    await socket.send(type="cancel")

    assert (await socket.answer())[-1]["cancelled"] is True


async def test_without_client_tools_the_context_answers(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(calls(call("list_tasks")), text("One."))
    socket = await connect(free)

    frames = await socket.ask("My tasks?", context={"recent_tasks": [TASK]})

    assert [frame["type"] for frame in frames] == ["action", "chunk", "done"]
    assert frames[0]["action"]["type"] == "query_records"
    assert "Water the ficus" in list_tool_results(llm)[0]

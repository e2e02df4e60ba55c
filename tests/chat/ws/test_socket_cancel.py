import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from tests.chat.ws.sockets import Socket
from tests.fakes.llm_server import LoopbackLLM, call, calls, hang, stall, text
from tests.support.accounts import Account

Connect = Callable[..., Awaitable[Socket]]


async def test_cancel_ends_the_turn_with_what_there_is(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(
        calls(call("create_task", title="x"), usage=(10, 2)),
        replace(stall("I have found the task,", " and have just changed it"), delay=0.1),
    )
    socket = await connect(free)

    await socket.send(message="Hello", request_id="r1")
    frames = [await socket.frame() for _ in range(3)]
    shown = "".join(frame["text"] for frame in frames[1:])
    await socket.send(type="cancel")
    done = await socket.frame()

    assert [frame["type"] for frame in frames] == ["action", "chunk", "chunk"]
    # What was held back, because it could have become something to redact, is dropped.
    assert "I have found the task," in shown
    assert done == {
        "type": "done",
        "done": True,
        "response": shown,
        "actions": [frames[0]["action"]],
        "usage": done["usage"],
        "finish_reason": "stop",
        "cancelled": True,
        "request_id": "r1",
    }
    # The provider told the usage of the first call; that of the second, which was closed, is estimated.
    assert done["usage"]["input_tokens"] > 100
    assert 5 < done["usage"]["output_tokens"] < 20


async def test_cancel_closes_the_model_call(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(stall("Let me look at that first."))
    socket = await connect(free)

    await socket.send(message="Hello")
    await socket.frame()
    await socket.send(type="cancel")

    assert await asyncio.to_thread(llm.wait_closed)
    assert (await socket.answer())[-1]["cancelled"] is True


async def test_cancel_before_the_first_token(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(hang())
    socket = await connect(free)

    await socket.send(message="Hello")
    assert await asyncio.to_thread(llm.wait_requests, 1)
    await socket.send(type="cancel")
    (done,) = await socket.answer()

    assert (done["response"], done["actions"], done["cancelled"]) == ("", [], True)


async def test_a_cancel_in_the_same_packet_finds_the_request(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(hang())
    socket = await connect(free)

    await socket.send(message="Hello")
    await socket.send(type="cancel")

    assert (await socket.answer())[-1]["cancelled"] is True


async def test_a_cancel_twice_is_one(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(stall("Let me look at that first."))
    socket = await connect(free)

    await socket.send(message="Hello")
    await socket.frame()
    await socket.send(type="cancel")
    await socket.send(type="cancel")

    assert (await socket.answer())[-1]["cancelled"] is True
    assert await socket.silent()


async def test_the_next_request_is_served_after_a_cancel(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(stall("Let me look at that first."), text("b"))
    socket = await connect(free)

    await socket.send(message="first")
    await socket.send(message="second")
    await socket.frame()
    await socket.send(type="cancel")
    first, second = await socket.answer(), await socket.answer()

    assert first[-1]["cancelled"] is True
    assert second[-1]["response"] == "b"
    assert "cancelled" not in second[-1]


async def test_a_cancel_for_another_request_is_ignored(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(text("a", "b", delay=0.1))
    socket = await connect(free)

    await socket.send(message="Hello", request_id="this")
    await socket.send(type="cancel", request_id="other")

    assert "cancelled" not in (await socket.answer())[-1]


async def test_a_client_that_leaves_closes_the_model_call(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(stall("Let me look at that first."))
    socket = await connect(free)

    await socket.send(message="Hello")
    await socket.frame()
    await socket.leave()

    assert await asyncio.to_thread(llm.wait_closed)

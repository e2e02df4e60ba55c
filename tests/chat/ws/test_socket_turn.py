"""A turn over the WebSocket: its frames, in which order, and what they add up to."""

import uuid
from collections.abc import Awaitable, Callable

import pytest

from tests.chat.ws.sockets import Socket
from tests.fakes.llm_server import LoopbackLLM, Reply, call, calls, garbage, hang, reset, status, text
from tests.support.accounts import Account
from tests.support.thorough import thorough

Connect = Callable[..., Awaitable[Socket]]


async def test_an_answer_streams_as_chunks_and_ends_in_done(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(text("Good", " morning", "!", usage=(11, 3)))
    socket = await connect(free)

    *chunks, done = await socket.ask("Hi")

    assert {chunk["type"] for chunk in chunks} == {"chunk"}
    assert all(set(chunk) == {"type", "text"} for chunk in chunks)
    assert "".join(chunk["text"] for chunk in chunks) == "Good morning!"
    assert done == {
        "type": "done",
        "done": True,
        "response": "Good morning!",
        "actions": [],
        "usage": {"input_tokens": 11, "output_tokens": 3},
        "finish_reason": "stop",
    }


async def test_a_tool_call_is_an_action_frame_and_in_done(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(calls(call("create_task", title="Buy milk", priority="high")), text("Done", "."))
    socket = await connect(free)

    frames = await socket.ask("Buy milk, high priority")

    assert [frame["type"] for frame in frames] == ["action", "chunk", "done"]
    action = frames[0]["action"]
    assert action["name"] == "create_task"
    assert action["data"] == {"title": "Buy milk", "priority": "high"}
    assert frames[-1]["actions"] == [action]
    uuid.UUID(action["id"])


async def test_usage_adds_up_over_the_rounds(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(calls(call("create_task", title="x"), usage=(100, 5)), text("Done.", usage=(120, 2)))
    socket = await connect(free)

    done = (await socket.ask())[-1]

    assert done["usage"] == {"input_tokens": 220, "output_tokens": 7}


async def test_response_is_the_concatenation_of_the_chunks(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(calls(call("create_task", title="x"), tokens=("I will", " do it")), text("  Zwölf ☃\n", "\t", "ok"))
    socket = await connect(free)

    *frames, done = await socket.ask()

    assert done["response"] == "".join(frame["text"] for frame in frames if frame["type"] == "chunk")
    assert "Zwölf ☃\n\tok" in done["response"]


async def test_an_empty_answer_says_so_in_a_sentence(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(text())
    socket = await connect(free)

    *chunks, done = await socket.ask()

    assert "".join(chunk["text"] for chunk in chunks) == done["response"]
    assert done["response"].endswith(".")


async def test_requests_are_served_one_after_another(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(text("ab", delay=0.05), text("cd"))
    socket = await connect(free)

    await socket.send(message="first", request_id="r-1")
    await socket.send(message="second", request_id="r-2")
    frames = await socket.answer() + await socket.answer()

    assert [frame["request_id"] for frame in frames] == ["r-1"] * 2 + ["r-2"] * 2
    assert [frame["response"] for frame in frames if frame["type"] == "done"] == ["ab", "cd"]


async def test_no_request_id_comes_back_where_none_was_sent(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    socket = await connect(free)

    assert all("request_id" not in frame for frame in await socket.ask())


async def test_an_odd_request_id_is_ignored(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    socket = await connect(free)

    for odd in ("x\ny", "", 5, "a" * 200):
        assert all("request_id" not in frame for frame in await socket.ask(request_id=odd))


async def test_the_request_id_is_in_the_problem(connect: Connect, free: Account) -> None:
    socket = await connect(free)

    (error,) = await socket.ask("", request_id="mine-7")

    assert error["request_id"] == error["error"]["request_id"] == "mine-7"


async def test_the_context_reaches_the_model(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    socket = await connect(free)
    history = [{"role": "user", "content": "My cat is Tom"}, {"role": "assistant", "content": "Noted."}]

    await socket.ask("Who is Tom?", context={"conversation_history": history})

    messages = llm.requests[0]["messages"]
    assert [message["content"] for message in messages if message["role"] == "assistant"] == ["Noted."]
    assert "Who is Tom?" in messages[-1]["content"]


async def test_one_agent_needs_no_router(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    socket = await connect(free)

    await socket.ask()

    assert len(llm.requests) == 1


@pytest.mark.parametrize("fault", [reset(), reset("a"), status(401), thorough(status(500)), garbage("a")])
async def test_provider_trouble_is_an_error_frame_and_the_socket_lives(
    connect: Connect, llm: LoopbackLLM, free: Account, fault: Reply
) -> None:
    llm.script(*[fault] * 3)
    socket = await connect(free)

    error = (await socket.ask())[-1]
    llm.forget()
    after = (await socket.ask())[-1]

    assert error["type"] == "error"
    assert error["error"]["status"] in {502, 503, 504}
    assert "SECRET" not in str(error)
    assert after["type"] == "done"


async def test_an_error_frame_carries_what_had_been_sent_of_the_turn(
    connect: Connect, llm: LoopbackLLM, free: Account
) -> None:
    llm.script(calls(call("create_task", title="x")), *[reset("I have put it on the list, and ")] * 3)
    socket = await connect(free)

    *frames, error = await socket.ask()

    assert error["type"] == "error"
    assert error["actions"] == [frame["action"] for frame in frames if frame["type"] == "action"] != []
    assert error["response"] == "".join(frame["text"] for frame in frames if frame["type"] == "chunk") != ""


async def test_an_error_frame_before_anything_was_sent_says_that(connect: Connect, free: Account) -> None:
    socket = await connect(free)

    (error,) = await socket.ask("")
    await socket.send_text("nonsense")
    (nonsense,) = await socket.answer()

    assert (error["response"], error["actions"]) == (nonsense["response"], nonsense["actions"]) == ("", [])


async def test_a_turn_ends_at_its_deadline(connect: Connect, llm: LoopbackLLM, free: Account, settings: object) -> None:
    settings.LLM_TIMEOUT_SECONDS = 0.3  # type: ignore[attr-defined]
    llm.script(hang())
    socket = await connect(free)

    (error,) = await socket.ask()

    assert error["error"]["code"] == "upstream_timeout"


async def test_no_configured_model_is_503(connect: Connect, llm: LoopbackLLM, free: Account, settings: object) -> None:
    settings.LLM_MODEL = settings.LLM_ROUTER_MODEL = ""  # type: ignore[attr-defined]
    socket = await connect(free)

    (error,) = await socket.ask()

    assert (error["error"]["status"], error["error"]["code"]) == (503, "not_configured")

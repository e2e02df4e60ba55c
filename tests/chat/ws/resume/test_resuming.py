"""Resumable answers in one process: what a second socket gets of a turn whose first one was lost."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from chat.models import DailyUsage
from tests.chat.ws.resume.conftest import ASK, Lose
from tests.chat.ws.sockets import Frame, Socket, in_database
from tests.fakes.llm_server import LoopbackLLM, call, calls, hang, reset, text
from tests.support.accounts import Account

Connect = Callable[..., Awaitable[Socket]]
TICKS = ("Let me look ", "at that first. ", *["tick "] * 20)


def said(frames: list[Frame]) -> str:
    return "".join(frame["text"] for frame in frames if frame["type"] == "chunk")


async def test_the_frames_of_a_resumable_turn_are_numbered(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(calls(call("create_task", title="x")), text("Done", ".", "\n", "Zwölf ☃"))
    socket = await connect(free)

    frames = await socket.ask(resume=True, request_id="r1")

    assert set(frames[0]) == {"type", "turn_id", "seq", "request_id"}
    assert [frame["type"] for frame in frames].count("ping") == 1
    assert [frame["seq"] for frame in frames] == list(range(1, len(frames) + 1))
    assert {(frame["turn_id"], frame["request_id"]) for frame in frames} == {(frames[0]["turn_id"], "r1")}
    assert said(frames) == frames[-1]["response"] == "Done.\nZwölf ☃"


async def test_two_turns_have_different_ids(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    socket = await connect(free)

    first, second = await socket.ask(resume=True), await socket.ask(resume=True)

    assert first[0]["turn_id"] != second[0]["turn_id"]


@pytest.mark.parametrize("flag", [False, None])
async def test_without_the_flag_frames_and_behaviour_are_the_plain_ones(
    connect: Connect, llm: LoopbackLLM, free: Account, *, flag: bool | None
) -> None:
    socket = await connect(free)

    frames = await socket.ask(resume=flag)

    assert not [frame for frame in frames if {"turn_id", "seq"} & set(frame)]


async def test_a_new_socket_gets_the_rest_and_the_model_is_asked_once(
    connect: Connect, llm: LoopbackLLM, free: Account, lose: Lose
) -> None:
    lost = await lose(free, text(*TICKS, delay=0.05), request_id="mine")
    socket = await connect(free)

    await socket.send(**lost.resume(request_id="other"))
    frames = await socket.answer()

    assert [frame["seq"] for frame in frames] == list(range(lost.after + 1, lost.after + 1 + len(frames)))
    assert said(lost.frames + frames) == frames[-1]["response"] == "".join(TICKS)
    assert {frame["request_id"] for frame in frames} == {"mine"}
    assert len(llm.requests) == 1
    assert (await in_database(DailyUsage.objects.get, user=free.user)).turns == 1


@pytest.mark.parametrize("comes", [True, False], ids=["the answer comes", "the model is silent"])
async def test_a_socket_that_is_lost_before_the_first_token_can_be_replaced_as_well(
    connect: Connect, llm: LoopbackLLM, free: Account, lose: Lose, *, comes: bool
) -> None:
    lost = await lose(free, text(*TICKS, delay=0.02) if comes else hang(), count=1)
    socket = await connect(free)

    await socket.send(**lost.resume())
    assert await asyncio.to_thread(llm.wait_requests, 1)
    if not comes:
        await socket.send(type="cancel")
    frames = await socket.answer()

    assert lost.frames == [{"type": "ping", "turn_id": lost.turn_id, "seq": 1}]
    assert [frame["seq"] for frame in frames] == list(range(2, 2 + len(frames)))
    assert said(frames) == frames[-1]["response"] == ("".join(TICKS) if comes else "")
    assert len(llm.requests) == 1


async def test_an_answer_that_ended_meanwhile_is_there_from_any_frame_on(
    connect: Connect, llm: LoopbackLLM, free: Account, lose: Lose
) -> None:
    lost = await lose(free, text(*TICKS, delay=0.01))
    assert await asyncio.to_thread(llm.wait_closed)
    socket = await connect(free)

    whole: list[Frame] = []
    for after in (0, lost.after):
        await socket.send(**{**lost.resume(), "after": after})
        frames = await socket.answer()
        whole = whole or frames
        assert frames == whole[after:]
    await socket.send(**{**lost.resume(), "after": whole[-1]["seq"]})

    assert await socket.answer() == whole[-1:]  # nothing is missing; a resume frame still gets its final frame
    assert said(whole) == "".join(TICKS)
    assert len(llm.requests) == 1


@pytest.mark.thorough
async def test_a_final_error_is_kept_like_any_final_frame(
    connect: Connect, llm: LoopbackLLM, free: Account, lose: Lose
) -> None:
    lost = await lose(free, calls(call("create_task", title="x")), *[reset()] * 3)
    assert await asyncio.to_thread(llm.wait_closed)
    socket = await connect(free)

    await socket.send(**lost.resume())
    (error,) = await socket.answer()

    assert (error["type"], error["seq"], error["turn_id"]) == ("error", lost.after + 1, lost.turn_id)
    assert error["actions"] == [lost.frames[-1]["action"]]


@pytest.mark.thorough
async def test_the_newer_socket_takes_over_and_the_older_closes_with_4409(
    connect: Connect, llm: LoopbackLLM, free: Account
) -> None:
    llm.script(text(*TICKS, delay=0.05))
    old, new = await connect(free), await connect(free)
    await old.send(**ASK)
    first = await old.frame()

    await new.send(type="resume", turn_id=first["turn_id"], after=first["seq"])
    rest = asyncio.ensure_future(new.answer())

    assert await closing_without_its_frames(old, first["turn_id"]) == 4409
    assert said([first, *await rest]) == "".join(TICKS)


async def closing_without_its_frames(socket: Socket, turn_id: str) -> int:
    """The close code; what was on its way already may still come, and the end is not."""
    while (message := await socket._wire.receive_output(timeout=60))["type"] != "websocket.close":
        assert json.loads(message["text"])["type"] != "done", f"the older socket still gets {turn_id}"
    await socket.leave()
    return int(message["code"])


@pytest.mark.thorough
async def test_of_two_sockets_that_resume_at_once_one_gets_the_answer(
    connect: Connect, llm: LoopbackLLM, free: Account, lose: Lose
) -> None:
    lost = await lose(free, text(*TICKS, delay=0.05))
    one, two = await connect(free), await connect(free)

    await asyncio.gather(one.send(**lost.resume()), two.send(**lost.resume()))
    outcomes = await asyncio.gather(one.answer(), two.answer(), return_exceptions=True)

    answers = [outcome for outcome in outcomes if isinstance(outcome, list)]
    assert len(answers) == 1
    assert said(lost.frames + answers[0]) == "".join(TICKS)


@pytest.mark.parametrize(
    ("fields", "wrong"),
    [
        ({"after": "1"}, "after"),
        ({"after": -1}, "after"),
        ({"after": True}, "after"),
        ({"after": 1.0}, "after"),
        ({"after": None}, "after"),
        ({"turn_id": 5}, "turn_id"),
        ({"turn_id": None}, "turn_id"),
        ({"turn_id": ["x"], "after": {}}, "turn_id"),
    ],
)
async def test_a_wrong_type_is_named_and_the_turn_goes_on(
    connect: Connect, llm: LoopbackLLM, free: Account, fields: dict[str, Any], wrong: str
) -> None:
    socket = await connect(free)

    await socket.send(**{"type": "resume", "turn_id": "x", "after": 0, **fields})
    (error,) = await socket.answer()

    assert error["error"]["code"] == "validation_error"
    assert wrong in error["error"]["errors"]


async def test_resume_itself_is_true_or_false(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    socket = await connect(free)

    (error,) = await socket.ask(resume="yes")

    assert list(error["error"]["errors"]) == ["resume"]
    assert llm.requests == []


@pytest.mark.thorough
async def test_a_number_that_was_never_sent_is_a_mistake_and_costs_nothing(
    connect: Connect, llm: LoopbackLLM, free: Account, lose: Lose
) -> None:
    lost = await lose(free, text(*TICKS, delay=0.05))
    socket = await connect(free)

    await socket.send(**{**lost.resume(), "after": 1000})
    (error,) = await socket.answer()
    await socket.send(**lost.resume())
    rest = await socket.answer()

    assert list(error["error"]["errors"]) == ["after"]
    assert said(lost.frames + rest) == "".join(TICKS)


@pytest.mark.parametrize("turn_id", ["", "x" * 5000, "0b6f2c3e-5d0f-4c5e-9d57-6c2f10b0a111"])
async def test_an_unknown_turn_is_lost(connect: Connect, free: Account, turn_id: str) -> None:
    socket = await connect(free)

    await socket.send(type="resume", turn_id=turn_id, after=0, request_id="r1")
    (error,) = await socket.answer()

    assert (error["error"]["status"], error["error"]["code"]) == (410, "resume_lost")
    assert (error["request_id"], error["response"], error["actions"]) == ("r1", "", [])


@pytest.mark.thorough
async def test_a_turn_of_another_user_is_lost_to_them_and_to_nobody_else(
    connect: Connect, llm: LoopbackLLM, free: Account, pro: Account, lose: Lose
) -> None:
    lost = await lose(free, text(*TICKS, delay=0.05))
    stranger, owner = await connect(pro), await connect(free)

    await stranger.send(**lost.resume())
    (error,) = await stranger.answer()
    await owner.send(**lost.resume())

    assert error["error"]["code"] == "resume_lost"
    assert said(lost.frames + await owner.answer()) == "".join(TICKS)


async def test_a_resume_frame_waits_for_the_turn_that_runs_on_its_socket(
    connect: Connect, llm: LoopbackLLM, free: Account, lose: Lose
) -> None:
    lost = await lose(free, text(*TICKS, delay=0.02))
    llm.script(text("a", "b", delay=0.1))
    socket = await connect(free)

    await socket.send(message="Another")
    await socket.send(**lost.resume())
    another, rest = await socket.answer(), await socket.answer()

    assert another[-1]["response"] == "ab"
    assert said(lost.frames + rest) == "".join(TICKS)


async def test_cancel_from_the_socket_that_has_the_turn_closes_the_model_call(
    connect: Connect, llm: LoopbackLLM, free: Account, lose: Lose
) -> None:
    lost = await lose(free)
    socket = await connect(free)

    await socket.send(**lost.resume())
    await socket.send(type="cancel", request_id="another")
    assert await socket.silent(0.2)
    await socket.send(type="cancel")
    (done,) = await socket.answer()

    assert (done["cancelled"], done["response"]) == (True, said(lost.frames))
    assert await asyncio.to_thread(llm.wait_closed)


async def test_a_cancel_in_the_same_packet_finds_the_turn(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(hang())
    socket = await connect(free)

    await socket.send(**ASK)
    await socket.send(type="cancel")

    assert (await socket.answer())[-1]["cancelled"] is True


@pytest.mark.parametrize("had", [True, False], ids=["the call had arrived", "it had not"])
async def test_an_open_tool_call_is_put_to_the_new_socket(
    connect: Connect, llm: LoopbackLLM, free: Account, lose: Lose, *, had: bool
) -> None:
    lost = await lose(free, calls(call("list_tasks")), text("One."), client_tools=True)
    socket = await connect(free)

    await socket.send(**{**lost.resume(), "after": lost.after if had else lost.after - 1})
    again = await socket.frame()
    await socket.send(type="tool_result", id=again["id"], result=[{"id": "1", "title": "Water the ficus"}])
    frames = await socket.answer()
    await socket.send(**lost.resume())

    assert again == lost.frames[-1]
    assert said(frames) == "One."
    assert "Water the ficus" in str(llm.requests[1]["messages"])
    assert await socket.answer() == frames  # what was answered is not asked again


async def test_the_time_of_a_tool_call_goes_on_without_a_socket(
    connect: Connect, llm: LoopbackLLM, free: Account
) -> None:
    llm.script(calls(call("list_tasks")), text("Sorry."))
    socket = await connect(free, answer_seconds=0.3)
    await socket.send(**ASK, client_tools=True)
    _, tool_call = [await socket.frame() for _ in range(2)]
    await socket.leave()
    assert await asyncio.to_thread(llm.wait_requests, 2)
    again = await connect(free)

    await again.send(type="resume", turn_id=tool_call["turn_id"], after=tool_call["seq"])

    assert said(await again.answer()) == "Sorry."


@pytest.mark.thorough
async def test_the_turn_keeps_its_own_deadline(
    connect: Connect, llm: LoopbackLLM, free: Account, lose: Lose, settings: Any
) -> None:
    settings.LLM_TIMEOUT_SECONDS = 1.0
    lost = await lose(free)
    assert await asyncio.to_thread(llm.wait_closed)
    socket = await connect(free)

    await socket.send(**lost.resume())
    (error,) = await socket.answer()

    assert error["error"]["code"] == "upstream_timeout"
    assert error["response"] == said(lost.frames) != ""


async def test_a_refused_request_is_a_resumable_turn_as_well(connect: Connect, free: Account) -> None:
    socket = await connect(free)

    _, error = await socket.ask("", resume=True)

    assert (error["error"]["status"], error["seq"]) == (400, 2)


@pytest.mark.thorough
async def test_without_its_redis_a_process_knows_its_own_turns_and_says_what_it_cannot_know(
    connect: Connect, llm: LoopbackLLM, free: Account, lose: Lose, settings: Any
) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    lost = await lose(free, text(*TICKS, delay=0.02))
    socket = await connect(free)

    await socket.send(**lost.resume())
    rest = await socket.answer()
    await socket.send(type="resume", turn_id="0b6f2c3e-5d0f-4c5e-9d57-6c2f10b0a111", after=0)
    (error,) = await socket.answer()

    assert said(lost.frames + rest) == "".join(TICKS)
    assert (error["error"]["code"], error["error"]["retry_after"]) == ("upstream_unavailable", 1)

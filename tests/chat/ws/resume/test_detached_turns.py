"""What becomes of a turn whose socket is gone: how long it is kept, what ends it, and that nothing is left of it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from accounts import sessions
from accounts.sockets.connections import connections
from adiuva.server.drain import drain
from chat.models import DailyUsage
from chat.turns import capacity
from chat.ws.resume import turn as resumable_turn
from chat.ws.resume.outbox import MAX_BYTES
from chat.ws.resume.turns import MAX_KEPT_PER_USER, turns
from tests.chat.ws.resume.conftest import ASK, SAID, Lose, settled
from tests.chat.ws.sockets import Frame, Socket, in_database
from tests.fakes.llm_server import LoopbackLLM, stall, text
from tests.support.accounts import Account
from tests.support.client import ApiClient

Connect = Callable[..., Awaitable[Socket]]


@pytest.fixture
def draining() -> Any:
    yield drain
    drain.draining = False


async def outcome(socket: Socket, **frame: object) -> Frame:
    await socket.send(**frame)
    return (await socket.answer())[-1]


async def nothing_left() -> bool:
    return await settled(
        lambda: (
            not turns and not turns._endings and not capacity.running and not drain._running and not drain._last_calls
        )
    )


def tasks_of_the_chat() -> list[str]:
    """The files whose coroutines still run."""
    coroutines: list[Any] = [task.get_coro() for task in asyncio.all_tasks()]
    files = [one.cr_code.co_filename for one in coroutines]
    return [file for file in files if "/chat/" in file and "/tests/" not in file]


async def test_after_its_time_it_ends_and_nothing_is_left_of_it(
    connect: Connect, llm: LoopbackLLM, free: Account, lose: Lose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "kept_seconds", 0.3)
    lost = await lose(free)

    assert await asyncio.to_thread(llm.wait_closed)
    assert await nothing_left()
    assert connections._users == {}
    assert await settled(lambda: not tasks_of_the_chat())
    assert (await in_database(DailyUsage.objects.get, user=free.user)).turns == 1
    error = await outcome(await connect(free), **lost.resume())
    assert error["error"]["code"] == "resume_lost"


async def test_an_ended_answer_is_kept_no_longer_than_that_either(
    connect: Connect, llm: LoopbackLLM, free: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "kept_seconds", 0.3)
    socket = await connect(free)
    done = (await socket.ask(resume=True))[-1]
    kept = len(turns)

    assert await nothing_left()
    error = await outcome(socket, type="resume", turn_id=done["turn_id"], after=0)
    assert (kept, error["error"]["code"]) == (1, "resume_lost")


@pytest.mark.thorough
async def test_the_time_begins_anew_with_each_loss_and_stops_while_somebody_reads(
    connect: Connect, llm: LoopbackLLM, free: Account, lose: Lose, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "kept_seconds", 3.0)
    lost = await lose(free)
    socket = await connect(free)
    await socket.send(**lost.resume())

    assert await socket.silent(4)
    assert llm.open_connections == 1
    await socket.leave()
    again = await connect(free)
    await again.send(**lost.resume())
    await again.send(type="cancel")
    assert (await again.answer())[-1]["cancelled"] is True


async def test_more_than_a_mebibyte_that_nobody_reads_ends_it(
    connect: Connect, llm: LoopbackLLM, free: Account, lose: Lose
) -> None:
    lost = await lose(free, text(SAID, *["x" * 50_000] * (MAX_BYTES // 50_000 + 2), delay=0.01))

    assert await asyncio.to_thread(llm.wait_closed)
    assert await nothing_left()
    error = await outcome(await connect(free), **lost.resume())
    assert (error["error"]["status"], error["error"]["code"]) == (410, "resume_lost")
    assert (await in_database(DailyUsage.objects.get, user=free.user)).turns == 1


async def test_a_long_answer_that_is_read_comes_whole(connect: Connect, llm: LoopbackLLM, free: Account) -> None:
    llm.script(text(*["x" * 50_000] * 30))
    socket = await connect(free)

    _, *chunks, done = await socket.ask(resume=True)
    gone = await outcome(socket, type="resume", turn_id=done["turn_id"], after=0)

    assert sum(len(chunk["text"]) for chunk in chunks) == len(done["response"]) == 1_500_000
    assert gone["error"]["code"] == "resume_lost"


async def test_the_end_of_its_session_ends_it(connect: Connect, llm: LoopbackLLM, free: Account, lose: Lose) -> None:
    await lose(free)

    await in_database(sessions.revoke_session, user_id=free.user.id, session_id=free.session_id)

    assert await asyncio.to_thread(llm.wait_closed)
    assert await nothing_left()


async def test_the_end_of_its_account_ends_it(
    api: ApiClient, connect: Connect, llm: LoopbackLLM, free: Account, lose: Lose
) -> None:
    await lose(free)

    answer = await in_database(api.delete, "auth/me", json={"password": free.password}, token=free.access_token)

    assert answer.status in {202, 204}
    assert await asyncio.to_thread(llm.wait_closed)
    assert await nothing_left()


async def test_a_user_keeps_a_few_and_the_oldest_goes_first(
    connect: Connect, llm: LoopbackLLM, free: Account, pro: Account, lose: Lose
) -> None:
    others = await lose(pro)
    lost = [await lose(free) for _ in range(MAX_KEPT_PER_USER + 1)]
    assert await settled(lambda: llm.open_connections == MAX_KEPT_PER_USER + 1)
    socket, theirs = await connect(free), await connect(pro)

    first = await outcome(socket, **lost[0].resume())
    await socket.send(**lost[1].resume())
    await socket.send(type="cancel")
    second = (await socket.answer())[-1]
    await theirs.send(**others.resume())
    await theirs.send(type="cancel")

    assert first["error"]["code"] == "resume_lost"
    assert second["cancelled"] is True
    assert (await theirs.answer())[-1]["cancelled"] is True


async def test_it_counts_as_a_running_turn(
    connect: Connect, llm: LoopbackLLM, free: Account, lose: Lose, settings: Any
) -> None:
    settings.LLM_MAX_RUNNING_TURNS = 1
    await lose(free)

    error = await outcome(await connect(free), **ASK)

    assert (error["error"]["status"], error["error"]["code"]) == (503, "upstream_unavailable")


async def test_a_stopping_process_lets_go_of_what_nobody_can_fetch(
    connect: Connect, llm: LoopbackLLM, free: Account, lose: Lose, draining: Any, settings: Any
) -> None:
    settings.REDIS_URL = None
    await lose(free)

    draining.begin()

    assert await asyncio.to_thread(llm.wait_closed)
    assert await draining.wait(seconds=20)
    assert await nothing_left()


async def test_a_stopping_process_lets_a_turn_end_that_is_read(
    connect: Connect, llm: LoopbackLLM, free: Account, draining: Any
) -> None:
    llm.script(text("a", "b", "c", delay=0.1))
    socket = await connect(free)
    await socket.send(**ASK)
    for _ in range(2):
        await socket.frame()

    draining.begin()

    assert (await socket.answer())[-1]["response"] == "abc"
    assert await socket.closed() == 1012
    assert await draining.wait(seconds=20)


async def test_the_last_call_of_a_stopping_process_says_that_the_rest_is_lost(
    connect: Connect, llm: LoopbackLLM, free: Account, draining: Any
) -> None:
    llm.script(stall(SAID))
    socket = await connect(free)
    await socket.send(**ASK)
    for _ in range(2):
        await socket.frame()
    draining.begin()

    draining.last_call()

    assert (await socket.answer())[-1]["error"]["code"] == "resume_lost"
    assert await socket.closed() == 1012
    assert await asyncio.to_thread(llm.wait_closed)
    assert await nothing_left()


async def test_what_has_ended_gives_way_when_all_of_it_is_too_much(
    connect: Connect, llm: LoopbackLLM, free: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chat.ws.resume.turns.MAX_KEPT_BYTES", 1500)
    llm.script(*[text("x" * 400)] * 2)
    socket = await connect(free)

    first, second = (await socket.ask(resume=True))[-1], (await socket.ask(resume=True))[-1]
    outcomes = [await outcome(socket, type="resume", turn_id=done["turn_id"], after=0) for done in (first, second)]

    assert outcomes[0]["error"]["code"] == "resume_lost"
    assert outcomes[1] == second


def test_the_contract_says_a_minute() -> None:
    assert resumable_turn.KEPT_SECONDS == 60

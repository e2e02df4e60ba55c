"""Turns under a budget, over REST and the WebSocket: what they reserve, what they spend, and who is refused."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from django.db import DatabaseError

from accounts.models import User
from chat import budgets
from chat.budgets import ledger
from chat.jobs import free_reservations
from chat.models import MonthlyBudget, TokenReservation
from chat.ws.resume.turns import turns
from tests.chat.budgets.conftest import Limit, remaining, report
from tests.chat.budgets.rows import Budget, budget_of, in_thread, let_lapse
from tests.chat.conftest import ROUTER
from tests.chat.ws.sockets import Socket, in_database
from tests.fakes.llm_server import LoopbackLLM, Reply, call, calls, hang, reset, stall, status, text
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.thorough import thorough

Connect = Callable[..., Awaitable[Socket]]
RESETS_AT = re.compile(r"\d{4}-\d{2}-01T00:00:00Z")
# A turn's own prompt and tools come to about 4,500 by the bound.
ROOM_FOR_ONE = 6_000


def ask(api: ApiClient, account: Account) -> Any:
    return api.post("chat", json={"message": "Hello"}, token=account.access_token)


def assert_refused(problem: dict[str, Any], *, limit: int, used: int) -> None:
    assert (problem["status"], problem["code"]) == (402, "quota_exceeded")
    assert (problem["resource"], problem["limit"], problem["used"]) == ("llm_tokens", limit, used)
    assert RESETS_AT.fullmatch(problem["resets_at"])


def test_without_a_limit_nothing_is_reserved_or_kept(api: ApiClient, llm: LoopbackLLM, free: Account) -> None:
    assert ask(api, free).status == 200

    told = report(api, free)
    assert (told["limits"], told["remaining"]) == ({"llm_tokens": None}, {"llm_tokens": None})
    assert RESETS_AT.fullmatch(told["resets_at"])
    assert not MonthlyBudget.objects.exists()


def test_a_turn_spends_what_it_did_cost(api: ApiClient, llm: LoopbackLLM, free: Account, limit: Limit) -> None:
    limit(free=100_000)
    llm.script(calls(call("create_task", title="x"), usage=(100, 5)), text("Done.", usage=(120, 2)))

    assert ask(api, free).status == 200

    assert report(api, free)["limits"] == {"llm_tokens": 100_000}
    assert remaining(api, free) == 100_000 - 227
    assert budget_of(free.user) == Budget(227, 0)


def test_over_it_no_model_is_asked(api: ApiClient, llm: LoopbackLLM, free: Account, pro: Account, limit: Limit) -> None:
    limit(free=ROOM_FOR_ONE)
    llm.script(text("Hi", usage=(4_000, 500)))
    ask(api, free)

    answer = ask(api, free)

    assert answer.status == 402
    assert_refused(answer.json, limit=ROOM_FOR_ONE, used=4_500)
    assert len(llm.requests) == 1
    assert report(api, free)["today"]["turns"] == 1
    assert remaining(api, free) == 1_500
    assert ask(api, pro).status == 200


def test_a_limit_of_nothing_refuses_everything(api: ApiClient, llm: LoopbackLLM, free: Account, limit: Limit) -> None:
    limit(free=0)

    assert_refused(ask(api, free).json, limit=0, used=0)
    assert remaining(api, free) == 0
    assert llm.requests == []


async def test_over_the_socket_the_refusal_is_an_error_frame(
    connect: Connect, llm: LoopbackLLM, free: Account, limit: Limit
) -> None:
    limit(free=0)
    socket = await connect(free)

    (frame,) = await socket.ask("Hello")

    assert frame["type"] == "error"
    assert_refused(frame["error"], limit=0, used=0)
    assert (frame["response"], frame["actions"]) == ("", [])
    limit()
    assert (await socket.ask("Hello"))[-1]["type"] == "done"


async def test_a_budget_that_ends_in_the_middle_says_what_was_done(
    connect: Connect, llm: LoopbackLLM, free: Account, limit: Limit
) -> None:
    """The provider reports more than it was granted: all of it counts."""
    limit(free=ROOM_FOR_ONE)
    llm.script(
        calls(
            call("create_task", title="Milk"),
            tokens=("On it, as soon as the tasks are written down. ",),
            usage=(9_000, 1_000),
        )
    )
    socket = await connect(free)

    *_, error = await socket.ask("Hello")

    assert error["type"] == "error"
    assert_refused(error["error"], limit=ROOM_FOR_ONE, used=ROOM_FOR_ONE)
    assert [action["name"] for action in error["actions"]] == ["create_task"]
    assert "On it, as soon as".startswith(error["response"][:17])
    assert error["response"]
    assert await in_database(budget_of, free.user) == Budget(10_000, 0)


def test_what_remains_is_never_negative(api: ApiClient, llm: LoopbackLLM, free: Account, limit: Limit) -> None:
    limit(free=ROOM_FOR_ONE)
    llm.script(text("Hi", usage=(9_000, 1_000)))
    ask(api, free)

    assert remaining(api, free) == 0
    assert_refused(ask(api, free).json, limit=ROOM_FOR_ONE, used=10_000)


@pytest.mark.usefixtures("all_agents")
def test_the_routers_refusal_is_the_answer(api: ApiClient, llm: LoopbackLLM, pro: Account, limit: Limit) -> None:
    limit(pro=0)

    assert ask(api, pro).status == 402
    assert llm.asked_aside == llm.requests == []


@pytest.mark.usefixtures("all_agents")
def test_router_and_guess_share_one_reservation(
    api: ApiClient, llm: LoopbackLLM, pro: Account, limit: Limit, settings: Any
) -> None:
    settings.LLM_SPECULATE = True
    limit(pro=100_000)
    llm.aside[ROUTER] = text('{"agents": ["task_agent"]}', delay=0.2, usage=(50, 5))
    open_then: list[int] = []

    def answer(_: Any) -> Reply:
        open_then.append(in_thread(TokenReservation.objects.count))
        return text("Hi", usage=(70, 7))

    llm.script(answer)

    assert ask(api, pro).status == 200
    assert open_then == [1]
    assert budget_of(pro.user) == Budget(132, 0)


def test_a_template_run_is_refused_alike(api: ApiClient, llm: LoopbackLLM, free: Account, limit: Limit) -> None:
    limit(free=0)
    body = {"variables": {"message": "Hello"}}
    run = "plans/templates/tpl_task_agent_default/run"

    assert_refused(api.post(run, json=body, token=free.access_token).json, limit=0, used=0)
    limit(free=100_000)
    assert api.post(run, json=body, token=free.access_token).status == 200
    assert budget_of(free.user) == Budget(16, 0)


@pytest.mark.parametrize("fault", [thorough(hang()), reset("Some text"), status(500), status(400)])
def test_a_failed_turn_is_settled(
    api: ApiClient, llm: LoopbackLLM, free: Account, limit: Limit, settings: Any, fault: Reply
) -> None:
    settings.LLM_TIMEOUT_SECONDS = 1.5
    limit(free=100_000)
    llm.script(*[fault] * 3)

    assert ask(api, free).status in {502, 503, 504}

    today = report(api, free)["today"]
    assert budget_of(free.user) == Budget(today["input_tokens"] + today["output_tokens"], 0)


async def test_a_cancelled_turn_is_settled(connect: Connect, llm: LoopbackLLM, free: Account, limit: Limit) -> None:
    limit(free=100_000)
    llm.script(stall("word " * 100))
    socket = await connect(free)
    await socket.send(message="Hello")
    await socket.frame()
    assert (await in_database(budget_of, free.user)).reserved > 8_192

    await socket.send(type="cancel")
    usage = (await socket.answer())[-1]["usage"]

    assert await in_database(budget_of, free.user) == Budget(usage["input_tokens"] + usage["output_tokens"], 0)


async def test_a_client_that_vanishes_leaves_nothing_reserved(
    connect: Connect, llm: LoopbackLLM, free: Account, limit: Limit
) -> None:
    limit(free=100_000)
    llm.script(hang())
    socket = await connect(free)
    await socket.send(message="Hello")
    assert await asyncio.to_thread(llm.wait_requests, 1)
    await socket.leave()

    budget = await in_database(budget_of, free.user)
    assert budget.spent > 500
    assert budget.reserved == 0


async def test_a_turn_that_outlives_its_socket_is_settled_at_its_end(
    connect: Connect, llm: LoopbackLLM, free: Account, limit: Limit
) -> None:
    limit(free=100_000)
    llm.script(stall("Let me look"))
    socket = await connect(free)
    await socket.send(message="Hello", resume=True)
    turn_id = (await socket.frame())["turn_id"]
    await socket.frame()
    await socket.leave()
    assert (await in_database(budget_of, free.user)).reserved > 8_192

    again = await connect(free)
    await again.send(type="resume", turn_id=turn_id, after=0)
    await again.frame()
    await again.send(type="cancel")
    done = (await again.answer())[-1]

    spent = done["usage"]["input_tokens"] + done["usage"]["output_tokens"]
    assert await in_database(budget_of, free.user) == Budget(spent, 0)


async def test_a_turn_that_nobody_fetches_is_settled(
    connect: Connect, llm: LoopbackLLM, free: Account, limit: Limit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "kept_seconds", 0.2)
    limit(free=100_000)
    llm.script(stall("Let me look"))
    socket = await connect(free)
    await socket.send(message="Hello", resume=True)
    await socket.frame()
    await socket.frame()
    await socket.leave()

    assert await asyncio.to_thread(llm.wait_closed)
    await turns.close()
    budget = await in_database(budget_of, free.user)
    assert budget.spent > 500
    assert budget.reserved == 0


def test_what_could_not_be_settled_lapses(
    api: ApiClient, llm: LoopbackLLM, free: Account, limit: Limit, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: Any, **__: Any) -> None:
        raise DatabaseError("away")

    limit(free=20_000)
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "settle", away)
        assert ask(api, free).status == 200
    held = budget_of(free.user).reserved
    assert held > 8_192
    assert remaining(api, free) == 20_000 - held
    assert report(api, free)["today"]["turns"] == 0, "it is counted as a whole or not at all"

    assert let_lapse(free.user) == 1
    assert remaining(api, free) == 20_000
    assert budget_of(free.user) == Budget(0, 0)


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("by_job", [False, True])
def test_what_a_dead_process_held_is_there_for_the_next_turn(
    api: ApiClient, llm: LoopbackLLM, free: Account, limit: Limit, by_job: bool
) -> None:
    limit(free=ROOM_FOR_ONE)
    dead = budgets.open_meter(free.user)
    assert dead.allowance is not None
    asyncio.run(dead.allowance.reserve(input_tokens=5_000, seconds=60))
    assert_refused(ask(api, free).json, limit=ROOM_FOR_ONE, used=ROOM_FOR_ONE)

    let_lapse(free.user)
    if by_job:
        free_reservations()
        assert budget_of(free.user) == Budget(0, 0)

    llm.script(text("Hi", usage=(7, 1)))
    assert ask(api, free).status == 200
    assert budget_of(free.user) == Budget(8, 0)


async def test_an_account_that_is_erased_meanwhile(
    connect: Connect, llm: LoopbackLLM, free: Account, limit: Limit
) -> None:
    limit(free=100_000)
    llm.script(stall("Let me look"))
    socket = await connect(free)
    await socket.send(message="Hello")
    await socket.frame()

    await in_database(lambda: User.objects.filter(id=free.user.id).delete())
    await socket.send(type="cancel")

    assert (await socket.answer())[-1]["cancelled"] is True
    assert not await in_database(MonthlyBudget.objects.exists)
    assert not await in_database(TokenReservation.objects.exists)


async def test_an_account_that_is_erased_between_two_calls(
    connect: Connect, llm: LoopbackLLM, free: Account, limit: Limit
) -> None:
    """The next call finds no budget to reserve from, and nobody to make one for."""
    limit(free=100_000)

    def erase_and_answer(_: Any) -> Reply:
        in_thread(User.objects.filter(id=free.user.id).delete)
        return calls(call("create_task", title="x"), usage=(20_000, 5))

    llm.script(erase_and_answer)
    socket = await connect(free)
    await socket.send(message="Hello")

    assert (await socket.frame())["type"] == "action"
    assert await socket.closed() == 4401
    assert not await in_database(MonthlyBudget.objects.exists)

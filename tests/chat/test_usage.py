"""The usage of turns: part of every answer, counted by user and day."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from agents.llm.meter import Meter
from agents.llm.port import Usage
from chat import usage
from chat.models import DailyUsage
from tests.chat.ws.sockets import Socket, in_database
from tests.fakes.llm_server import LoopbackLLM, Reply, call, calls, hang, reset, stall, status, text
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.thorough import thorough

Connect = Callable[..., Awaitable[Socket]]
NONE = {"turns": 0, "input_tokens": 0, "output_tokens": 0}


def today(api: ApiClient, account: Account) -> dict[str, int]:
    answer = api.get("chat/usage", token=account.access_token)
    assert answer.status == 200
    assert set(answer.json) == {"today", "month", "limits", "remaining", "resets_at"}
    counts: dict[str, int] = answer.json["today"]
    return counts


def make_meter(input_tokens: int, output_tokens: int) -> Meter:
    meter = Meter()
    meter.count(Usage(input_tokens, output_tokens))
    return meter


def test_nothing_yet(api: ApiClient, free: Account) -> None:
    answer = api.get("chat/usage", token=free.access_token)

    assert (answer.json["today"], answer.json["month"]) == (NONE, NONE)


def test_it_takes_a_token(api: ApiClient, db: None) -> None:
    assert api.get("chat/usage").status == 401


def test_turns_add_up(api: ApiClient, llm: LoopbackLLM, free: Account, pro: Account) -> None:
    llm.script(calls(call("create_task", title="x"), usage=(100, 5)), text("Done.", usage=(120, 2)))
    llm.script(text("Hi", usage=(7, 1)))

    for _ in range(2):
        api.post("chat", json={"message": "Hello"}, token=free.access_token)

    assert today(api, free) == {"turns": 2, "input_tokens": 227, "output_tokens": 8}
    assert today(api, pro) == NONE


def test_template_runs_count(api: ApiClient, llm: LoopbackLLM, free: Account) -> None:
    llm.script(text("Hi", usage=(7, 1)))

    body = {"variables": {"message": "Hello"}}
    api.post("plans/templates/tpl_task_agent_default/run", json=body, token=free.access_token)

    assert today(api, free) == {"turns": 1, "input_tokens": 7, "output_tokens": 1}


@pytest.mark.parametrize("fault", [thorough(hang()), reset("Some text"), status(500), status(429), status(400)])
def test_failed_turns_count_by_an_estimate(
    api: ApiClient, llm: LoopbackLLM, free: Account, settings: Any, fault: Reply
) -> None:
    settings.LLM_TIMEOUT_SECONDS = 1.5
    llm.script(*[fault] * 3)

    answer = api.post("chat", json={"message": "Hello"}, token=free.access_token)
    counted = today(api, free)

    assert answer.status in {502, 503, 504}
    assert counted["turns"] == 1
    assert counted["input_tokens"] > 500  # the prompt and the tools


def test_a_refused_request_does_not_count(api: ApiClient, llm: LoopbackLLM, free: Account) -> None:
    api.post("chat", json={"message": ""}, token=free.access_token)

    assert today(api, free) == NONE


def test_a_provider_that_reports_nothing_is_estimated(api: ApiClient, llm: LoopbackLLM, free: Account) -> None:
    llm.script(text("x" * 400, usage=None))

    answer = api.post("chat", json={"message": "Hello"}, token=free.access_token)

    assert answer.json["usage"]["output_tokens"] == 100
    assert answer.json["usage"]["input_tokens"] > 500


async def test_over_the_socket_it_is_counted_before_the_last_frame(
    connect: Connect, llm: LoopbackLLM, api: ApiClient, free: Account
) -> None:
    llm.script(text("Hi", usage=(7, 1)))
    socket = await connect(free)

    done = (await socket.ask("Hello"))[-1]

    assert done["usage"] == {"input_tokens": 7, "output_tokens": 1}
    assert await in_database(today, api, free) == {"turns": 1, **done["usage"]}


async def test_a_cancelled_turn_tells_and_counts_the_same(
    connect: Connect, llm: LoopbackLLM, api: ApiClient, free: Account
) -> None:
    llm.script(stall("word " * 100))
    socket = await connect(free)

    await socket.send(message="Hello")
    await socket.frame()
    await socket.send(type="cancel")
    done = (await socket.answer())[-1]

    assert done["cancelled"] is True
    assert done["usage"]["output_tokens"] == 125
    assert done["usage"]["input_tokens"] > 500
    assert await in_database(today, api, free) == {"turns": 1, **done["usage"]}


async def test_a_client_that_vanishes_is_counted(
    connect: Connect, llm: LoopbackLLM, api: ApiClient, free: Account
) -> None:
    llm.script(hang())
    socket = await connect(free)

    await socket.send(message="Hello")
    assert await asyncio.to_thread(llm.wait_requests, 1)
    await socket.leave()

    assert (await in_database(today, api, free))["turns"] == 1


@pytest.mark.parametrize("known", [True, False])
async def test_turns_that_end_together_lose_nothing(free: Account, known: bool) -> None:
    if known:
        await in_database(usage.record_usage, free.user.id, make_meter(0, 0))

    await asyncio.gather(*(usage.record_usage_in_thread(free.user.id, make_meter(3, 2)) for _ in range(40)))

    counts = (await in_database(usage.report, free.user))["today"]
    assert counts == {"turns": 40 + known, "input_tokens": 120, "output_tokens": 80}


def test_a_month_is_that_of_utc(free: Account) -> None:
    now = datetime.now(UTC).date()
    first = now.replace(day=1)
    for day, turns in ((first, 1), (now, 2), (first - timedelta(days=1), 4), (now + timedelta(days=1), 8)):
        row, _ = DailyUsage.objects.get_or_create(user=free.user, day=day)
        row.turns += turns
        row.save()

    counts = usage.report(free.user)

    assert counts["month"]["turns"] == 3
    assert counts["today"]["turns"] == (3 if now == first else 2)


def test_it_holds_numbers_only() -> None:
    columns = {field.name: field.get_internal_type() for field in DailyUsage._meta.fields}

    assert [name for name, kind in columns.items() if "Char" in kind or "Text" in kind or "JSON" in kind] == []


def test_it_goes_with_the_account(free: Account) -> None:
    usage.record_usage(free.user.id, make_meter(1, 1))
    User.objects.filter(id=free.user.id).delete()

    assert not DailyUsage.objects.exists()


def test_a_turn_of_an_erased_account_harms_nobody(db: None) -> None:
    usage.record_usage(uuid.uuid4(), Meter())
    assert not DailyUsage.objects.exists()


def test_a_turn_that_outlives_its_account_is_dropped(transactional_db: None) -> None:
    usage.record_usage(uuid.uuid4(), make_meter(1, 1))

    assert not DailyUsage.objects.exists()


def test_a_database_that_fails_does_not_fail_the_answer(
    api: ApiClient, llm: LoopbackLLM, free: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT * FROM no_such_table")

    monkeypatch.setattr(usage, "_add", broken)

    assert api.post("chat", json={"message": "Hello"}, token=free.access_token).status == 200

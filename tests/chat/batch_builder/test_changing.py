"""``POST /batches/build`` with ``spec``: what was asked for changes, and nothing else."""

import json
from typing import Any

import pytest

from tests.chat.batch_builder.answers import SPEC, WHOLE, answer, build, prompt_of, step, with_
from tests.fakes.llm_server import LoopbackLLM, text
from tests.support.accounts import Account
from tests.support.client import ApiClient

# A second step, other limits, a rhythm that counts from a day in the past.
OLD: dict[str, Any] = with_(
    WHOLE,
    name="Monday round",
    trigger={"rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "anchor": "2026-01-05T09:00:00", "catch_up": "skip"},
    selection={
        "where": [
            {"field": "status", "op": "ne", "value": "done"},
            {"field": "priority", "op": "is_empty", "value": True},
        ]
    },
    steps=[
        *SPEC["steps"],
        {"id": "sum_up", "type": "agent", "instruction": "Write a note about it.", "tools": ["create_note"]},
    ],
    approval="always",
)
# What a model makes of it that writes everything anew.
REWRITTEN = with_(
    {name: value for name, value in OLD.items() if name != "version"},
    name="Biweekly prioritisation",
    trigger={"rrule": "FREQ=WEEKLY;BYDAY=MO;INTERVAL=2", "anchor": "2100-01-04T09:00:00", "catch_up": "latest"},
    selection={"where": OLD["selection"]["where"][::-1], "limit": 100},
    steps=[
        {**SPEC["steps"][0], "id": "step_1", "instruction": "give the task  a priority"},
        {**OLD["steps"][1], "id": "step_2"},
    ],
    limits={"max_items": 100, "max_tokens": 1_000_000, "max_minutes": 60},
    approval="destructive",
)
# The next Monday of that rhythm, whatever day it is.
NEXT = {"rrule": "FREQ=WEEKLY;BYDAY=MO;INTERVAL=2", "anchor": "2026-01-05T09:00:00", "catch_up": "latest"}


def change(api: ApiClient, account: Account, message: str, old: dict[str, Any] = OLD) -> dict[str, Any]:
    built = build(api, account, message, spec=old)
    assert built.status == 200, built
    changed: dict[str, Any] = built.json["spec"]
    return changed


def test_the_model_sees_the_batch(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    llm.script(answer(REWRITTEN))

    change(api, pro, "Add a step to it")

    assert f'<data source="spec">\n{json.dumps(OLD, separators=(",", ":"))}\n</data>' in prompt_of(llm)


def test_what_was_rewritten_without_need_is_as_before(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    first, second = REWRITTEN["steps"]
    both = ["update_task", "add_task_comment"]
    tools = with_(REWRITTEN, trigger=NEXT, steps=[{**first, "tools": both}, second])
    llm.script(answer(tools))

    changed = change(api, pro, "Also comment on each of the tasks")

    assert changed["steps"][0]["tools"] == both
    assert {**changed, "steps": OLD["steps"]} == OLD
    assert [{**each, "tools": []} for each in changed["steps"]] == [{**each, "tools": []} for each in OLD["steps"]]


ASKED: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "the name": (
        "Call it the fortnightly round",
        {"name": "Fortnightly round"},
        {"name": "Fortnightly round"},
    ),
    "the limit": (
        "Take only 20 of the tasks at most",
        {"selection": {"limit": 20}, "limits": {"max_items": 20}},
        {"selection": {"limit": 20}, "limits": {"max_items": 20}},
    ),
    "the approval": (
        "You need not ask me for the changes",
        {"approval": "never"},
        {"approval": "never"},
    ),
    "catching up": (
        "Make up for the runs that were missed",
        {"trigger": {"catch_up": "latest"}},
        {"trigger": {"catch_up": "latest"}},
    ),
    "the zone": (
        "All of the times are in the time zone of Berlin",
        {"trigger": {"timezone": "Europe/Berlin"}},
        {"trigger": {"timezone": "Europe/Berlin"}},
    ),
    "the zone, by a city": (
        "Do that at nine in New York",
        {"trigger": {"timezone": "America/New_York"}},
        {"trigger": {"timezone": "America/New_York"}},
    ),
    "the zone, in a way that code cannot tell": (
        "Die Uhrzeit ist auf die von Mailand und London gemünzt",
        {"trigger": {"timezone": "Europe/Dublin"}},
        {"trigger": {"timezone": "Europe/Dublin"}},
    ),
    "the name, in German": ("Nenne den Ablauf Runde", {"name": "Runde"}, {"name": "Runde"}),
    "the approval, in Italian": ("Non chiedermi conferma degli elementi", {"approval": "never"}, {"approval": "never"}),
}


@pytest.mark.parametrize(("message", "said", "differs"), ASKED.values(), ids=ASKED)
def test_what_was_asked_for_changes(
    api: ApiClient, pro: Account, llm: LoopbackLLM, message: str, said: dict[str, Any], differs: dict[str, Any]
) -> None:
    llm.script(answer(with_({name: value for name, value in OLD.items() if name != "version"}, **said)))

    assert change(api, pro, message) == with_(OLD, **differs)


NOT_ASKED = [
    {"name": "Another name"},
    {"limits": {"max_tokens": 1_000}},
    {"selection": {"limit": 7}},
    {"approval": "never"},
    {"trigger": {"catch_up": "latest"}},
    {"trigger": {"timezone": "UTC"}},
    {"trigger": {"anchor": "2026-01-05T09:00"}},
]


@pytest.mark.parametrize("said", NOT_ASKED, ids=str)
@pytest.mark.parametrize(
    "message",
    [
        "On Fridays instead of the Mondays",
        "Am Freitag statt am Montag, und zwar jeden zweiten",
        "Di venerdì invece che di lunedì",
    ],
)
def test_what_nobody_spoke_of_stays(
    api: ApiClient, pro: Account, llm: LoopbackLLM, message: str, said: dict[str, Any]
) -> None:
    llm.script(answer(with_({name: value for name, value in OLD.items() if name != "version"}, **said)))

    assert change(api, pro, message) == OLD


def test_in_a_language_that_code_does_not_read_the_model_is_trusted(
    api: ApiClient, pro: Account, llm: LoopbackLLM
) -> None:
    llm.script(answer(with_(REWRITTEN, name="月曜の見直し")))

    assert change(api, pro, "名前を「月曜の見直し」にして")["name"] == "月曜の見直し"


@pytest.mark.parametrize(
    ("message", "becomes"),
    [
        ("Show me the changes to the tasks beforehand", "always"),
        ("Zeig mir die Änderungen vorher", "always"),
        ("Only on the Mondays", "destructive"),
    ],
)
def test_to_be_asked_more_may_be_said_in_many_ways(
    api: ApiClient, pro: Account, llm: LoopbackLLM, message: str, becomes: str
) -> None:
    llm.script(answer({**SPEC, "approval": "always"}))

    assert change(api, pro, message, WHOLE)["approval"] == becomes


@pytest.mark.parametrize(
    "message", ["Show me the list of the tasks first", "I do it myself with the first of the tasks"]
)
def test_to_be_asked_less_must_be_said(api: ApiClient, pro: Account, llm: LoopbackLLM, message: str) -> None:
    llm.script(answer({**SPEC, "approval": "never"}))

    assert change(api, pro, message, WHOLE)["approval"] == "destructive"


def test_another_time_of_day_keeps_the_weeks(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    """Every other Monday counts from 5 January 2026, so not on the 12th."""
    later = {"rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "anchor": "2026-01-12T18:00:00"}
    llm.script(answer(with_(REWRITTEN, trigger=later)))

    changed = change(api, pro, "At six in the evening")

    assert changed["trigger"] == {**OLD["trigger"], "anchor": "2026-01-05T18:00:00"}


def test_other_days_count_from_their_own_first(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    fridays = {"rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=FR", "anchor": "2100-01-08T09:00:00"}
    llm.script(answer(with_(REWRITTEN, trigger=fridays)))

    changed = change(api, pro, "On Fridays instead of the Mondays")

    assert changed["trigger"] == {**OLD["trigger"], **fridays}


def test_a_later_start_is_a_change(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    llm.script(answer(with_(REWRITTEN, trigger={"anchor": "2100-01-04T09:00:00"})))

    assert change(api, pro, "Begin with it in the year 2100")["trigger"]["anchor"] == "2100-01-04T09:00:00"


def test_another_trigger_altogether(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    llm.script(answer(with_(REWRITTEN, trigger={"kind": "manual"})))

    assert change(api, pro, "I start it myself, from now on") == {**OLD, "trigger": {"kind": "manual"}}


def test_a_new_step_gets_an_id_of_its_own(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    new = {"id": "prioritise", "type": "map", "instruction": "Comment on it.", "tools": ["add_task_comment"]}
    first, second = REWRITTEN["steps"]
    llm.script(answer(with_(REWRITTEN, trigger=NEXT, steps=[{**first, "id": "one"}, {**new, "id": "two"}, second])))

    changed = change(api, pro, "Comment on each of them")

    assert [each["id"] for each in changed["steps"]] == ["prioritise", "two", "sum_up"]


def test_a_step_that_is_gone_is_gone(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    llm.script(answer(with_(REWRITTEN, trigger=NEXT, steps=REWRITTEN["steps"][1:])))

    assert change(api, pro, "Leave out the first of the steps") == {**OLD, "steps": OLD["steps"][1:]}


def test_a_reworded_step_keeps_its_id(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    reworded = [{**REWRITTEN["steps"][0], "instruction": "Give it a high priority."}, REWRITTEN["steps"][1]]
    llm.script(answer(with_(REWRITTEN, trigger=NEXT, steps=reworded)))

    changed = change(api, pro, "Let the priority of all be high, the others of the steps as they are")

    assert changed["steps"] == [{**OLD["steps"][0], "instruction": "Give it a high priority."}, OLD["steps"][1]]


def test_questions_leave_the_batch_as_it_is(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    llm.script(answer(None, questions=["To which project?"]))

    assert change(api, pro, "Move them to the other project") == OLD


def test_a_change_cannot_take_the_approval_from_a_deletion(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    old = with_(WHOLE, steps=step(tools=["delete_task"]))
    llm.script(answer(with_({name: value for name, value in old.items() if name != "version"}, approval="never")))

    assert change(api, pro, "Never ask me for approval", old) == old


def test_an_id_of_the_old_batch_is_known(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    where = [{"field": "project_id", "op": "eq", "value": "p-of-old"}]
    old = with_(WHOLE, selection={"where": where})
    llm.script(text(json.dumps({"spec": old, "explanation": "Same."})))

    built = build(api, pro, "Let it be at ten", spec=old).json

    assert (built["spec"], built["questions"]) == (old, [])

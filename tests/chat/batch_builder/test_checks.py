"""What code looks at in a model's batch: deletions, loops, zones, dates, and the language it says so in."""

from typing import Any

import pytest

from tests.chat.batch_builder.answers import MESSAGE, SPEC, WHOLE, answer, build, step, with_
from tests.fakes.llm_server import LoopbackLLM
from tests.support.accounts import Account
from tests.support.client import ApiClient

DELETING = with_(steps=step(tools=["delete_task"]))
GERMAN = "Lösche jeden Montag alle erledigten Aufgaben"
ITALIAN = "Ogni lunedì elimina tutte le attività completate"


@pytest.mark.parametrize(
    ("approval", "becomes"), [("never", "destructive"), ("destructive", "destructive"), ("always", "always")]
)
def test_what_deletes_asks_first_and_says_so(
    api: ApiClient, pro: Account, llm: LoopbackLLM, approval: str, becomes: str
) -> None:
    llm.script(answer({**DELETING, "approval": approval}))

    built = build(api, pro, "Delete all done tasks every Monday").json

    assert built["spec"]["approval"] == becomes
    assert built["warnings"][0] == "This batch can delete tasks. What is deleted cannot be brought back."
    assert ("It will ask you before it deletes anything." in built["warnings"]) == (approval == "never")


def test_what_deletes_nothing_needs_no_approval(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    llm.script(answer({**SPEC, "approval": "never"}))

    built = build(api, pro).json

    assert (built["spec"]["approval"], built["warnings"]) == ("never", [])


@pytest.mark.parametrize(
    ("message", "begins"), [(GERMAN, "Dieser Ablauf kann Aufgaben löschen"), (ITALIAN, "Questa routine può eliminare")]
)
def test_warnings_are_in_the_users_language(
    api: ApiClient, pro: Account, llm: LoopbackLLM, message: str, begins: str
) -> None:
    llm.script(answer(DELETING, warnings=["Own warning"]))

    built = build(api, pro, message).json

    assert built["warnings"][0].startswith(begins)
    assert built["warnings"][-1] == "Own warning"


def test_a_short_message_is_answered_in_the_language_of_the_explanation(
    api: ApiClient, pro: Account, llm: LoopbackLLM
) -> None:
    llm.script(answer(DELETING, explanation="Löscht jeden Montag die erledigten Aufgaben."))

    assert build(api, pro, "Putzen").json["warnings"][0].startswith("Dieser Ablauf")


def test_a_batch_that_sets_itself_off(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    llm.script(answer(with_(trigger={"kind": "record_changed", "table": "tasks"})))

    assert build(api, pro).json["warnings"] == [
        "It changes tasks and starts when tasks change: its own changes may start it again."
    ]


def test_a_map_step_that_changes_nothing(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    llm.script(answer(with_(steps=step(tools=["list_tasks"]))))

    assert build(api, pro).json["warnings"] == ["One of its steps only reads and changes nothing."]


def test_an_agent_step_may_only_read(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    llm.script(answer(with_(steps=step(type="agent", tools=[]))))

    assert build(api, pro).json["warnings"] == []


def test_another_zone_is_named(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    llm.script(answer(with_(trigger={"timezone": "America/New_York"})))

    built = build(api, pro, "Every Monday at nine New York time")

    assert built.json["spec"]["trigger"]["timezone"] == "America/New_York"
    assert built.json["warnings"] == ["Its times are those of America/New_York, not of your own time zone."]
    assert built.json["next_runs"][0] == "2100-01-04T14:00:00.000000Z"


@pytest.mark.parametrize(("message", "zone"), [(MESSAGE, "Europe/Rome"), ("Every Monday at nine UTC", "UTC")])
def test_utc_is_meant_by_who_says_it(api: ApiClient, pro: Account, llm: LoopbackLLM, message: str, zone: str) -> None:
    llm.script(answer(with_(trigger={"timezone": "UTC"})))

    assert build(api, pro, message).json["spec"]["trigger"]["timezone"] == zone


def test_a_schedule_that_is_over_is_a_question(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    past = {"rrule": "FREQ=DAILY;UNTIL=20200201", "anchor": "2020-01-06T09:00:00"}
    llm.script(answer(with_(trigger=past)))

    built = build(api, pro).json

    assert built["questions"] == ["All of its dates have passed. When shall it run?"]
    assert built["next_runs"] == []


def test_a_made_up_id_in_an_instruction_is_a_question(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    made_up = "0b0e7d5c-8f1e-4d6a-9b39-4a3a5d1f2c11"
    llm.script(*[answer(with_(steps=step(instruction=f"Move the task to project {made_up}."))) for _ in range(3)])

    assert build(api, pro).json["questions"] == ["Which project do you mean?"]
    assert build(api, pro, f"Move all tasks to {made_up} every Monday").json["questions"] == []
    assert build(api, pro, context={"projects": [{"id": made_up, "name": "B"}]}).json["questions"] == []


def test_a_record_of_another_table_is_not_known_here(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    where = [{"field": "project_id", "op": "eq", "value": "t-1"}]
    llm.script(answer(with_(selection={"where": where})))

    context = {"recent_tasks": [{"id": "t-1", "title": "A"}]}

    assert build(api, pro, context=context).json["questions"] == ["Which project do you mean?"]


def test_two_projects_of_one_name_are_a_question(api: ApiClient, pro: Account, llm: LoopbackLLM) -> None:
    where = [{"field": "project_id", "op": "eq", "value": "House"}]
    llm.script(answer(with_(selection={"where": where})))
    projects = [{"id": "p-1", "name": "House"}, {"id": "p-2", "name": "house"}]

    built = build(api, pro, context={"projects": projects}).json

    assert built["questions"] == ["Which project do you mean? (House and house)"]


VALUES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "a choice in words": (
        {"field": "status", "op": "eq", "value": "In progress"},
        {"field": "status", "op": "eq", "value": "in_progress"},
    ),
    "several where one is due": (
        {"field": "priority", "op": "eq", "value": ["high", "Medium"]},
        {"field": "priority", "op": "in", "value": ["high", "medium"]},
    ),
    "one where several are due": (
        {"field": "priority", "op": "in", "value": "high"},
        {"field": "priority", "op": "in", "value": ["high"]},
    ),
    "days in words": (
        {"field": "due_date", "op": "within_days", "value": "7"},
        {"field": "due_date", "op": "within_days", "value": 7},
    ),
    "a moment for a day": (
        {"field": "due_date", "op": "lt", "value": "2100-01-31T00:00:00Z"},
        {"field": "due_date", "op": "lt", "value": "2100-01-31"},
    ),
    "empty without a value": (
        {"field": "due_date", "op": "is_empty"},
        {"field": "due_date", "op": "is_empty", "value": True},
    ),
    "a flag in words": (
        {"field": "description", "op": "is_empty", "value": "False"},
        {"field": "description", "op": "is_empty", "value": False},
    ),
}


@pytest.mark.parametrize(("said", "meant"), VALUES.values(), ids=VALUES)
def test_a_value_that_can_only_mean_one_thing(
    api: ApiClient, pro: Account, llm: LoopbackLLM, said: dict[str, Any], meant: dict[str, Any]
) -> None:
    llm.script(answer(with_(selection={"where": [said]})))

    assert build(api, pro).json["spec"] == with_(WHOLE, selection={"where": [meant]})
    assert len(llm.requests) == 1

"""What the offline model changes in a batch: what the sentence asks for and nothing else."""

from typing import Any

import pytest

from tests.agents.offline_model.building.wishes import OVERDUE, WEBSITE, build, built, where

BEFORE: dict[str, Any] = built("every Monday at 9 prioritise my overdue tasks")


def _changed(text: str) -> dict[str, Any]:
    """The parts that differ."""
    after = built(text, BEFORE)
    return {name: part for name, part in after.items() if BEFORE[name] != part}


@pytest.mark.parametrize(
    ("text", "rule", "anchor"),
    [
        ("make it 8 instead of 9", "FREQ=WEEKLY;BYDAY=MO", "2026-11-23T08:00:00"),
        ("8", "FREQ=WEEKLY;BYDAY=MO", "2026-11-23T08:00:00"),
        ("run it at 7:30", "FREQ=WEEKLY;BYDAY=MO", "2026-11-23T07:30:00"),
        ("an hour later", "FREQ=WEEKLY;BYDAY=MO", "2026-11-23T10:00:00"),
        ("half an hour earlier", "FREQ=WEEKLY;BYDAY=MO", "2026-11-23T08:30:00"),
        ("in the evening", "FREQ=WEEKLY;BYDAY=MO", "2026-11-23T18:00:00"),
        ("at 9am and 5pm", "FREQ=WEEKLY;BYDAY=MO;BYHOUR=9,17", "2026-11-23T09:00:00"),
        ("every Friday instead", "FREQ=WEEKLY;BYDAY=FR", "2026-11-20T09:00:00"),
        ("Friday", "FREQ=WEEKLY;BYDAY=FR", "2026-11-20T09:00:00"),
        ("not on Monday but on Friday", "FREQ=WEEKLY;BYDAY=FR", "2026-11-20T09:00:00"),
        ("also on Thursdays", "FREQ=WEEKLY;BYDAY=MO,TH", "2026-11-19T09:00:00"),
        ("on Tuesday and Thursday at 10", "FREQ=WEEKLY;BYDAY=TU,TH", "2026-11-19T10:00:00"),
        ("make it every two weeks", "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", "2026-11-23T09:00:00"),
        ("daily", "FREQ=DAILY", "2026-11-19T09:00:00"),
        ("weekdays only", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", "2026-11-19T09:00:00"),
        ("make it monthly on the 1st", "FREQ=MONTHLY;BYMONTHDAY=1", "2026-12-01T09:00:00"),
        ("starting next month", "FREQ=WEEKLY;BYDAY=MO", "2026-12-21T09:00:00"),
    ],
)
def test_another_time(text: str, rule: str, anchor: str) -> None:
    assert _changed(text) == {"trigger": {**BEFORE["trigger"], "rrule": rule, "anchor": anchor}}


def test_another_trigger() -> None:
    assert _changed("only when I start it") == {"trigger": {"kind": "manual"}}
    assert _changed("when a task changes instead") == {"trigger": {"kind": "record_changed", "table": "tasks"}}
    assert _changed("skip missed runs") == {"trigger": {**BEFORE["trigger"], "catch_up": "skip"}}


@pytest.mark.parametrize(
    ("text", "conditions"),
    [
        ("only high priority ones", [*OVERDUE, ("priority", "eq", "high")]),
        ("only tasks of the Website project", [*OVERDUE, ("project_id", "eq", WEBSITE)]),
        ("leave out low priority tasks", [*OVERDUE, ("priority", "ne", "low")]),
        ("only the ones due today", [OVERDUE[1], ("due_date", "within_days", 0)]),
        ("all tasks, not only the overdue ones", []),
    ],
)
def test_other_records(text: str, conditions: list[tuple[str, str, Any]]) -> None:
    after = built(text, BEFORE)
    assert where(after) == conditions
    assert _changed(text).keys() == {"selection"}


def test_limits_approval_and_name() -> None:
    assert _changed("ask me before") == {"approval": "always"}
    assert _changed("pause for approval") == {"approval": "always"}
    assert _changed("don't ask me any more") == {"approval": "never"}
    assert _changed("rename it to Monday round") == {"name": "Monday round"}
    assert _changed("limit it to 20") == {
        "selection": {**BEFORE["selection"], "limit": 20},
        "limits": {**BEFORE["limits"], "max_items": 20},
    }


def test_several_changes_at_once() -> None:
    changed = _changed("every day at 18:00, limit it to 10 and ask me first")
    assert changed.keys() == {"trigger", "selection", "limits", "approval"}


def test_other_steps() -> None:
    (step,) = BEFORE["steps"]
    added = _changed('also add a comment saying "on it"')["steps"]
    assert added == [
        {
            **step,
            "instruction": f"{step['instruction']} Add this comment to the task: “on it”.",
            "tools": ["update_task", "add_task_comment"],
        }
    ]
    assert _changed("delete them instead")["steps"] == [
        {"id": step["id"], "type": "map", "instruction": "Delete this task.", "tools": ["delete_task"]}
    ]
    report = _changed("and then write a note about it")["steps"]
    assert [one["id"] for one in report] == ["step_1", "step_2"]


@pytest.mark.parametrize(
    "text",
    ["make it better", "only tasks in project Zebra", "take notes instead", "archive them instead", "every year"],
)
def test_what_is_unclear_is_asked_and_changes_nothing_else(text: str) -> None:
    answer = build(text, BEFORE)
    assert answer["questions"]
    after = {name: part for name, part in answer["spec"].items() if name != "trigger"}
    assert after == {name: part for name, part in BEFORE.items() if name != "trigger"}


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("höchstens 20", "limits"),
        ("frag mich vorher", "approval"),
        ("lieber jeden Freitag", "trigger"),
        ("al massimo 20", "limits"),
        ("chiedimelo prima", "approval"),
        ("meglio ogni venerdì", "trigger"),
    ],
)
def test_a_short_change_is_understood_in_any_language(text: str, part: str) -> None:
    assert part in _changed(text)


def test_a_limit_and_the_noun_beside_it_ask_nothing() -> None:
    spec = built("at most 50 tasks", BEFORE)
    assert (spec["selection"]["limit"], spec["limits"]["max_items"]) == (50, 50)
    assert where(spec) == where(BEFORE)


def test_approval_on_everything_is_no_other_selection() -> None:
    assert _changed("pause for approval on everything").keys() == {"approval"}

"""Which records the batches take that the offline model builds."""

from typing import Any

import pytest

from tests.agents.offline_model.building.wishes import GARDEN, OVERDUE, WEBSITE, build, built, where

OPEN = ("status", "ne", "done")
HIGH = ("priority", "eq", "high")


@pytest.mark.parametrize(
    ("target", "table", "conditions"),
    [
        ("all my overdue tasks", "tasks", OVERDUE),
        ("everything that is overdue", "tasks", OVERDUE),
        ("tasks that are more than 7 days overdue", "tasks", [("due_date", "older_than_days", 7), OPEN]),
        ("tasks due today", "tasks", [("due_date", "within_days", 0)]),
        ("tasks due this week", "tasks", [("due_date", "within_days", 7)]),
        ("tasks due in the next 3 days", "tasks", [("due_date", "within_days", 3)]),
        ("tasks due within two weeks", "tasks", [("due_date", "within_days", 14)]),
        ("tasks due before 2026-12-01", "tasks", [("due_date", "lt", "2026-12-01")]),
        ("open tasks with high priority", "tasks", [OPEN, HIGH]),
        ("high or medium priority tasks", "tasks", [("priority", "in", ["high", "medium"])]),
        ("done tasks", "tasks", [("status", "eq", "done")]),
        ("tasks of the project Website", "tasks", [("project_id", "eq", WEBSITE)]),
        ("Website's open tasks", "tasks", [("project_id", "eq", WEBSITE), OPEN]),
        ("tasks in Website and Garden", "tasks", [("project_id", "in", [WEBSITE, GARDEN])]),
        ("tasks except those in Garden", "tasks", [("project_id", "ne", GARDEN)]),
        ("tasks without a due date", "tasks", [("due_date", "is_empty", True)]),
        ("tasks without a description", "tasks", [("description", "is_empty", True)]),
        ("tasks whose title contains “test”", "tasks", [("title", "contains", "test")]),
        ("tasks I haven't touched for 2 weeks", "tasks", [("updated_at", "older_than_days", 14)]),
        ("notes older than 30 days", "notes", [("created_at", "older_than_days", 30)]),
        ("notes of the last 7 days", "notes", [("created_at", "within_days", 7)]),
        ("notes of this week", "notes", [("created_at", "within_days", 7)]),
        ("tasks done today", "tasks", [("status", "eq", "done"), ("updated_at", "within_days", 0)]),
        ("notes about taxes", "notes", [("title", "contains", "taxes")]),
        ("archived projects", "projects", [("status", "eq", "archived")]),
        ("projects not changed in 3 months", "projects", [("updated_at", "older_than_days", 90)]),
        ("checkpoints that are not approved yet", "checkpoints", [("is_approved", "eq", False)]),
    ],
)
def test_selections(target: str, table: str, conditions: list[tuple[str, str, Any]]) -> None:
    spec = built(f"delete {target} when I start it")
    assert (spec["selection"]["table"], where(spec)) == (table, conditions)


def test_what_is_prioritised_is_open() -> None:
    assert where(built("prioritise my tasks")) == [OPEN]
    assert where(built("prioritise done tasks")) == [("status", "eq", "done")]


@pytest.mark.parametrize(
    "text",
    [
        "set a priority on all open tasks",
        "set priorities for my open tasks",
        "assign a priority to every open task",
        "setze eine Priorität für alle offenen Aufgaben",
        "vergib Prioritäten für alle offenen Aufgaben",
        "imposta una priorità per le attività aperte",
    ],
)
def test_a_priority_of_no_level_is_for_the_model_to_choose(text: str) -> None:
    spec = built(text)
    assert where(spec) == [OPEN]
    assert [step["tools"] for step in spec["steps"]] == [["update_task"]]


def test_projects_that_are_archived_are_not_archived_again() -> None:
    answer = build("every Friday at 4pm archive finished projects")
    assert answer["questions"] == ["I did not understand “finished projects”. Which projects do you mean?"]
    assert where(built("delete finished projects")) == [("status", "eq", "archived")]


def test_numbers_limit_what_is_taken() -> None:
    for text in ("prioritise my 20 tasks", "prioritise at most 20 tasks", "prioritise my tasks, limit it to 20"):
        spec = built(text)
        assert (spec["selection"]["limit"], spec["limits"]["max_items"]) == (20, 20)
    assert built("prioritise at most 5000 tasks")["selection"]["limit"] == 1000
    assert built("prioritise my tasks, at most 10 minutes")["limits"]["max_minutes"] == 10


def test_an_unknown_project_is_asked_for() -> None:
    answer = build("every Monday prioritise the tasks of the Zebra project")
    assert answer["questions"] == ["Which project do you mean by “Zebra”? There are “Website” and “Garden”."]
    assert where(answer["spec"]) == [OPEN]
    unknown = build("prioritise the tasks of the Zebra project", projects=[])
    assert unknown["questions"] == ["Which project do you mean by “Zebra”? I know of none."]


def test_what_old_means_is_asked_for() -> None:
    answer = build("every Monday summarise old notes")
    assert answer["questions"] == ["From how many days on is it “old”?"]


@pytest.mark.parametrize(
    "text", ["delete old notes every Monday", "delete the tasks of the Zebra project", "delete stupid notes"]
)
def test_a_draft_that_deletes_too_much_is_not_given(text: str) -> None:
    answer = build(text)
    assert answer["questions"]
    assert answer["spec"] is None


@pytest.mark.parametrize("text", ["delete open or overdue tasks", "delete tasks that are not due this week"])
def test_what_no_conditions_say_is_asked_about(text: str) -> None:
    answer = build(text)
    assert answer["questions"]
    assert answer["spec"] is None

"""What the offline model does with one record of a batch that it has built itself."""

import uuid
from typing import Any

import pytest

from agents.batches.mapping.items import choose_tools, run_item
from agents.run_context import RunContext
from tests.agents.offline_model.building.wishes import NOW, ROME, WEBSITE, built

TASK = {"id": "0b7cd3f4-0000-4000-8000-000000000001", "title": "Buy milk", "status": "todo", "due_date": "2026-11-10"}
COMMENT = {"task_id": TASK["id"], "content": "hurry"}
NOTE = {"id": "0b7cd3f4-0000-4000-8000-000000000002", "title": "Pasta", "content": "Salt the water. Nine minutes."}
TODOS = {**NOTE, "content": "Agreed:\n- [ ] write the imprint\n- [x] choose a font"}
SITE = {"id": WEBSITE, "name": "Website", "status": "active"}
BETA = {"id": "0b7cd3f4-0000-4000-8000-000000000003", "title": "Beta", "project_id": WEBSITE, "is_approved": False}


@pytest.fixture(autouse=True)
def _offline(settings: Any) -> None:
    settings.LLM_MODEL = settings.LLM_ROUTER_MODEL = "offline/adiuva"
    settings.LLM_FALLBACK_MODEL = ""


async def carry_out(text: str, record: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The actions for ``record`` in a run of the batch that ``text`` describes."""
    (step,) = built(text)["steps"]
    run = RunContext.of({"user_profile": {"timezone": ROME}}, now=NOW)
    tools = choose_tools(step["tools"]).tools
    actions = [a async for a in run_item(record=record, instruction=step["instruction"], tools=tools, run=run)]
    assert all(uuid.UUID(action.id) for action in actions)
    assert all(action.record_id == record["id"] for action in actions if not action.type.startswith("create"))
    return [(action.name, action.data) for action in actions]


@pytest.mark.parametrize(
    ("text", "record", "deeds"),
    [
        ("prioritise my tasks", TASK, [("update_task", {"priority": "high"})]),
        ("prioritise my tasks by impact", {**TASK, "due_date": None}, [("update_task", {"priority": "low"})]),
        ("prioritise my tasks", {**TASK, "due_date": "2026-11-20"}, [("update_task", {"priority": "medium"})]),
        ("prioritise my tasks", {**TASK, "priority": "high"}, []),
        ("set the priority of my tasks to low", TASK, [("update_task", {"priority": "low"})]),
        ("raise the priority of my tasks", {**TASK, "priority": "low"}, [("update_task", {"priority": "medium"})]),
        ("lower the priority of my tasks", {**TASK, "priority": "low"}, []),
        ("mark overdue tasks as done", TASK, [("update_task", {"status": "done"})]),
        ("reopen done tasks", {**TASK, "status": "done"}, [("update_task", {"status": "todo"})]),
        ("move overdue tasks to tomorrow", TASK, [("update_task", {"due_date": "2026-11-19"})]),
        ("push overdue tasks back by a week", TASK, [("update_task", {"due_date": "2026-11-17"})]),
        ("remove the due dates from overdue tasks", TASK, [("update_task", {"due_date": None})]),
        ("move urgent tasks to the project Website", TASK, [("update_task", {"project_id": WEBSITE})]),
        ("tag overdue tasks as late", TASK, [("update_task", {"description": "#late"})]),
        ("tag overdue tasks as late", {**TASK, "description": "#late"}, []),
        ("add a comment “hurry” to overdue tasks", TASK, [("add_task_comment", COMMENT)]),
        ("delete done tasks", TASK, [("delete_task", {})]),
        ("delete notes older than 3 days", NOTE, [("delete_note", {})]),
        ("archive all projects", SITE, [("update_project", {"status": "archived"})]),
        ("approve all checkpoints", BETA, [("update_checkpoint", {"is_approved": True})]),
        (
            "summarise each note",
            NOTE,
            [("update_note", {"content": "Salt the water.\n\nSalt the water. Nine minutes."})],
        ),
        ("extract tasks from my notes", TODOS, [("create_task", {"title": "write the imprint"})]),
        ("translate my notes into German", NOTE, []),
        (
            "prioritise my tasks and move them to tomorrow",
            TASK,
            [("update_task", {"priority": "high"}), ("update_task", {"due_date": "2026-11-19"})],
        ),
        ("Priorisiere meine Aufgaben", TASK, [("update_task", {"priority": "high"})]),
        ("Verschiebe die überfälligen Aufgaben auf morgen", TASK, [("update_task", {"due_date": "2026-11-19"})]),
        ("Elimina le note più vecchie di 3 giorni", NOTE, [("delete_note", {})]),
    ],
)  # fmt: skip
async def test_steps_are_carried_out(
    text: str, record: dict[str, Any], deeds: list[tuple[str, dict[str, Any]]]
) -> None:
    assert await carry_out(text, record) == deeds


async def test_an_instruction_of_others_is_understood_as_before() -> None:
    run = RunContext.of({"user_profile": {"timezone": ROME}}, now=NOW)
    tools = choose_tools(["update_task"]).tools
    item = run_item(record=TASK, instruction="mark it as done", tools=tools, run=run)
    assert [action.data async for action in item] == [{"status": "done"}]


async def follow(instruction: str, tool: str, record: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The actions for ``record`` in a map run with the user's own words."""
    run = RunContext.of({"user_profile": {"timezone": ROME}}, now=NOW)
    found = run_item(record=record, instruction=instruction, tools=choose_tools([tool]).tools, run=run)
    return [(action.name, action.data) async for action in found]


@pytest.mark.parametrize(
    ("instruction", "data"),
    [
        ("Set a priority.", {"priority": "high"}),
        ("Prioritise this task by its due date.", {"priority": "high"}),
        ("Prioritise my 200 tasks", {"priority": "high"}),
        ("Give it a priority", {"priority": "high"}),
        ("Set the priority of each task", {"priority": "high"}),
        ("Set priority to low.", {"priority": "low"}),
        ("Set the priority to low", {"priority": "low"}),
        ("Set this task's priority to low", {"priority": "low"}),
        ("Mark this task as done.", {"status": "done"}),
        ("Set the status to in progress", {"status": "in_progress"}),
        ("Setze eine Priorität.", {"priority": "high"}),
        ("Imposta una priorità.", {"priority": "high"}),
    ],
)
async def test_own_words_are_followed_as_those_of_a_batch(instruction: str, data: dict[str, Any]) -> None:
    assert await follow(instruction, "update_task", TASK) == [("update_task", data)]


async def test_own_words_about_other_tools_and_records() -> None:
    assert await follow("Delete this task", "delete_task", TASK) == [("delete_task", {})]
    assert await follow("Add a comment saying hurry", "add_task_comment", TASK) == [("add_task_comment", COMMENT)]
    summary = "Salt the water.\n\nSalt the water. Nine minutes."
    assert await follow("Summarise this note", "update_note", NOTE) == [("update_note", {"content": summary})]


async def test_a_condition_in_ones_own_words_spares_the_others() -> None:
    assert await follow("Delete overdue tasks", "delete_task", {**TASK, "due_date": None}) == []
    assert await follow("Delete all tasks that are not done", "delete_task", {**TASK, "status": "done"}) == []

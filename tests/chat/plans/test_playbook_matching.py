"""From a message to a plan."""

from typing import Any

import pytest

from chat.plans.playbooks import asks_for_tasks, asks_for_weekly_note, build_plan

WEBSITE = {"id": "p-web", "name": "Website"}
GARDEN = {"id": "p-garden", "name": "Garden"}


def steps(message: str, *agents: str, context: dict[str, Any] | None = None) -> list[dict[str, Any]]:
    return list(build_plan(message, context or {}, agents or ("task_agent",)).as_dict()["steps"])


def test_a_message_waits_in_a_step_of_its_agent() -> None:
    assert steps("Buy milk tomorrow", "note_agent") == [
        {
            "id": "step_1",
            "type": "llm",
            "template_id": "tpl_note_agent_default",
            "variables": {"message": "Buy milk tomorrow"},
        }
    ]


def test_several_agents_have_a_step_each_in_order() -> None:
    made = steps("Set up the website project and note the idea", "project_agent", "note_agent", "project_agent")

    assert [step["template_id"] for step in made] == ["tpl_project_agent_default", "tpl_note_agent_default"]


def test_an_agent_without_a_template_is_an_error() -> None:
    with pytest.raises(KeyError):
        build_plan("Hello", {}, ("other_agent",))


FOR_TASKS = [
    "Create tasks from this project",
    "Please extract the tasks from the Website project.",
    "Turn the project brief into tasks",
    "Generate tasks for the website project",
    "Break the project down into to-dos",
    "From the meeting minutes, make action items and tasks",
    "Crea le attività dal progetto Sito",
    "Estrai i compiti dal verbale della riunione",
    "Erstelle Aufgaben aus dem Projekt Website",
    "Zerlege das Projekt in Aufgaben",
]
FOR_A_WEEKLY_NOTE = [
    "Write my weekly note",
    "Generate a weekly status report",
    "Summarize the week for me",
    "I'd like a note about this week",
    "Scrivi una nota della settimana",
    "Fammi il riepilogo settimanale",
    "Schreib mir eine Wochennotiz",
    "Erstelle eine Zusammenfassung der Woche",
]
FOR_NEITHER = [
    "Create a task for the website project",
    "Create a task to review the plan",
    "Make all tasks of the Website project high priority",
    "Make all tasks for the Website project urgent",
    "List the tasks in the website project",
    "Which tasks are due this week?",
    "Delete the tasks of the project",
    "Buy milk",
    "Add a note to the Garden project",
    "Crea un'attività per il progetto Sito",
    "Erstelle eine Aufgabe für das Projekt",
    "Remind me every week to water the plants",
    "What did I note on the project?",
]


@pytest.mark.parametrize("message", FOR_TASKS)
def test_tasks_are_wanted(message: str) -> None:
    assert asks_for_tasks(message)
    assert [step["id"] for step in steps(message)] == ["extract", "create"]


@pytest.mark.parametrize("message", FOR_A_WEEKLY_NOTE)
def test_a_weekly_note_is_wanted(message: str) -> None:
    assert asks_for_weekly_note(message)
    assert steps(message, "note_agent")[0]["template_id"] == "tpl_note_weekly_summary"


@pytest.mark.parametrize("message", FOR_NEITHER)
def test_neither_is_wanted(message: str) -> None:
    assert not asks_for_tasks(message)
    assert not asks_for_weekly_note(message)


def test_a_project_of_the_context_is_meant_by_its_name() -> None:
    context = {"projects": [WEBSITE, GARDEN, {"id": "p-site", "name": "site"}]}

    made = steps("Create tasks from the website project", context=context)

    assert made[0]["variables"] == {"project_id": "p-web"}


@pytest.mark.parametrize("projects", [[], [GARDEN], [WEBSITE, {**WEBSITE, "id": "other"}], [{"name": "Website"}, {}]])
def test_a_project_that_is_not_clear_is_left_to_the_run(projects: list[dict[str, Any]]) -> None:
    made = steps("Create tasks from the Website project", context={"projects": projects})

    assert made[0]["variables"] == {}


def test_a_message_may_bring_the_project_along() -> None:
    message = "Create tasks from this project:\n- design\n- build"

    assert steps(message)[0]["variables"] == {"project_text": message}


def test_ids_that_no_template_takes_are_left_out() -> None:
    assert steps("Create tasks from the Website project", context={"projects": [{**WEBSITE, "id": "x" * 200}]})


@pytest.mark.parametrize(
    ("message", "name"),
    [
        ("Buy milk", "Buy milk"),
        ("  Buy\n\tmilk \x07 now ", "Buy milk now"),
        ("x" * 200, f"{'x' * 79}…"),
        ("\u200b\u0001" + "\ue000", "Plan"),
    ],
)
def test_a_plan_is_named_after_its_message(message: str, name: str) -> None:
    assert build_plan(message, {}, ("task_agent",)).name == name


def test_a_long_message_is_planned_whole_and_at_once() -> None:
    message = ("make tasks from " * 2_000)[:32_000]

    assert steps(message)[0]["variables"] == {"message": message}

"""Every part of a sentence that makes records does its own: projects and further records are no part of titles."""

from typing import Any

import pytest

from tests.agents.offline_model.conversation import CONTEXT, GARDEN, PROJECTS, WEBSITE, put


@pytest.mark.parametrize(
    ("text", "made"),
    [
        ("add a task to Website: fix footer", [{"title": "Fix footer", "project_id": WEBSITE["id"]}]),
        ("add the task sweep to Garden", [{"title": "Sweep", "project_id": GARDEN["id"]}]),
        (
            "add the tasks dig and plant to Garden",
            [{"title": "Dig", "project_id": GARDEN["id"]}, {"title": "Plant", "project_id": GARDEN["id"]}],
        ),
        (
            "create a task buy paint in Garden and a note Colours: red",
            [{"title": "Buy paint", "project_id": GARDEN["id"]}, {"title": "Colours", "content": "red"}],
        ),
        ('add a task called "Meet in Garden"', [{"title": "Meet in Garden"}]),
        ("add milk, eggs and bread as tasks", [{"title": "Milk"}, {"title": "Eggs"}, {"title": "Bread"}]),
        ("create a project Attic and add the task sweep to it", [{"name": "Attic"}, {"title": "Sweep"}]),
        ("Lege ein Projekt Attic an und eine Aufgabe Fegen", [{"name": "Attic"}, {"title": "Fegen"}]),
        (
            "water the plants every Monday",
            [{"title": "Water the plants every Monday", "due_date": "2026-11-23"}],
        ),
        (
            "Füge der Notiz Pasta hinzu: mit Basilikum",
            [{"content": "Salt the water. Nine minutes, then drain it.\n\nmit Basilikum"}],
        ),
    ],
)
def test_each_part_does_its_own(text: str, made: list[dict[str, Any]]) -> None:
    assert put(text).changes == made


@pytest.mark.parametrize(
    ("text", "name", "milestone"),
    [
        ('create project "Book" and add a checkpoint "First draft"', "Book", {"title": "First draft"}),
        (
            "Erstelle ein Projekt Ferien und einen Meilenstein Abflug am 20. Dezember",
            "Ferien",
            {"title": "Abflug", "due_date": "2026-12-20"},
        ),
    ],
)
def test_a_milestone_goes_into_the_project_just_made(text: str, name: str, milestone: dict[str, Any]) -> None:
    project = {"id": "10000000-0000-4000-8000-000000000009", "name": name, "status": "active"}
    deed = {"action": "create_project", "table": "projects", "record_id": project["id"], "data": {"name": name}}
    calls = put(text, {**CONTEXT, "projects": [*PROJECTS, project]}, results=[{"answer": "", "done": [deed]}])

    assert calls.changes == [
        {"name": name},
        {"project_id": project["id"], "is_ai_suggested": False, **milestone},
    ]

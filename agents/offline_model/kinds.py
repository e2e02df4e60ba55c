"""The four kinds of record, and what the offline model knows about each."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

Row = dict[str, Any]


class Kind(StrEnum):
    TASK = "task"
    PROJECT = "project"
    CHECKPOINT = "checkpoint"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Shape:
    """``section`` is where the prompt shows such records, ``title`` the field that people name them by.

    ``lookup`` is the tool that finds them all, ``reads`` are the tools whose answers hold some, ``fields`` says what a
    field of the rules is called here; one that is missing does not fit this kind.
    """

    section: str
    title: str
    lookup: str
    reads: frozenset[str]
    fields: Mapping[str, str]


SHAPES: Mapping[Kind, Shape] = {
    Kind.TASK: Shape(
        "recent_tasks",
        "title",
        "list_tasks",
        frozenset(("list_tasks", "list_tasks_due_today")),
        {name: name for name in ("title", "description", "status", "priority", "due_date", "project_id")},
    ),
    Kind.PROJECT: Shape(
        "projects",
        "name",
        "list_all_projects",
        frozenset(("list_projects", "list_all_projects", "get_project")),
        {"title": "name", "description": "description", "status": "status"},
    ),
    Kind.CHECKPOINT: Shape(
        "checkpoints",
        "title",
        "list_checkpoints",
        frozenset(("list_checkpoints",)),
        {name: name for name in ("title", "description", "status", "due_date", "project_id")},
    ),
    Kind.NOTE: Shape(
        "notes",
        "title",
        "list_notes",
        frozenset(("list_notes", "get_note")),
        {"title": "title", "description": "content", "content": "content", "project_id": "project_id"},
    ),
}
_PROJECT_STATUS = {"done": "archived", "todo": "active", "in_progress": "active"}


def kind_of(tool: str) -> Kind:
    """What a tool is about; a comment belongs to its task."""
    return next((kind for kind in Kind if kind.value in tool), Kind.TASK)


def fit_fields(kind: Kind, fields: Mapping[str, Any]) -> dict[str, Any] | None:
    """``fields`` as the tools of ``kind`` call them; null when one of them does not fit this kind."""
    names = SHAPES[kind].fields
    if not names.keys() >= fields.keys():
        return None
    found = {names[name]: value for name, value in fields.items()}
    if kind is Kind.PROJECT and "status" in found:
        found["status"] = _PROJECT_STATUS.get(found["status"], found["status"])
    return found


def name_of(kind: Kind, row: Mapping[str, Any]) -> str:
    """How people call a record; clients name projects by ``name`` or by ``title``."""
    return str(row.get(SHAPES[kind].title) or row.get("title") or row.get("name") or "")

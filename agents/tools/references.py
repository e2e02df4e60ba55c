"""Records that a call refers to must be known in the turn."""

from agents.actions import Table
from agents.tools.base import ToolError, ToolRun

_NAMES: dict[Table, str] = {
    "tasks": "task",
    "task_comments": "comment",
    "projects": "project",
    "checkpoints": "checkpoint",
    "notes": "note",
}


def require(run: ToolRun, table: Table, record_id: str) -> None:
    """Raises ``ToolError`` when no record of ``table`` has that id."""
    if not run.records.knows(table, record_id):
        name = _NAMES[table]
        raise ToolError(
            f"Nothing was done: there is no {name} with that {name}_id. Use an id from the data or a tool result."
        )


def require_project(run: ToolRun, project_id: str | None) -> None:
    """The project that a record shall belong to; none is fine."""
    if project_id is not None and not run.records.knows("projects", project_id):
        raise ToolError("Nothing was done: there is no project with that project_id. Leave it out or use a known id.")

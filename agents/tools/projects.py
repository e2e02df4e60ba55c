"""The tools of the project agent."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, model_validator

from agents.actions import new_id
from agents.tools.base import (
    Arguments,
    Limit,
    LongText,
    ProjectStatus,
    RecordId,
    Search,
    Title,
    Tool,
    ToolRun,
    given,
    holds,
    require,
)
from agents.tools.records import Row

_PROJECT_ID = frozenset({"project_id"})


class ListProjects(Arguments):
    search: Search | None = None
    limit: Limit = 50


class ListAllProjects(Arguments):
    search: Search | None = None
    limit: Limit = 50


class GetProject(Arguments):
    project_id: RecordId


class CreateProject(Arguments):
    name: Title
    description: LongText | None = None


class UpdateProject(Arguments):
    project_id: RecordId
    name: Title | None = None
    description: Annotated[LongText | None, Field(description="null clears it.")] = None
    status: Annotated[
        ProjectStatus | None, Field(description="archived puts the project away with everything in it; active is back.")
    ] = None

    @model_validator(mode="after")
    def _changes_something(self) -> "UpdateProject":
        if self.model_fields_set <= _PROJECT_ID:
            raise ValueError("name at least one field to change")
        if any(getattr(self, name) is None for name in self.model_fields_set & {"name", "status"}):
            raise ValueError("name and status cannot be null")
        return self


class DeleteProject(Arguments):
    project_id: RecordId


def _list_active(arguments: ListProjects, _: ToolRun) -> tuple[None, dict[str, Any]]:
    return None, {"status": "active", **_filters(arguments)}


def _list_all(arguments: ListAllProjects, _: ToolRun) -> tuple[None, dict[str, Any]]:
    return None, _filters(arguments)


def _filters(arguments: Arguments) -> dict[str, Any]:
    return {name: value for name, value in given(arguments).items() if value is not None}


def _find_active(arguments: ListProjects, run: ToolRun) -> list[Row]:
    rows = [row for row in run.records.rows("projects") if row.get("status") != "archived"]
    return _found(rows, arguments.search, arguments.limit)


def _find_all(arguments: ListAllProjects, run: ToolRun) -> list[Row]:
    return _found(run.records.rows("projects"), arguments.search, arguments.limit)


def _found(rows: list[Row], search: str | None, limit: int) -> list[Row]:
    """A project that is only known from its id in another record has nothing to show."""
    fields = ("name", "title", "description")
    return [row for row in rows if len(row) > 1 and holds(row, search, fields)][:limit]


def _get(arguments: GetProject, run: ToolRun) -> tuple[str, dict[str, Any]]:
    require(run, "projects", arguments.project_id)
    return arguments.project_id, {}


def _find_one(arguments: GetProject, run: ToolRun) -> list[Row]:
    return [row for row in run.records.rows("projects") if str(row.get("id")) == arguments.project_id]


def _create(arguments: CreateProject, _: ToolRun) -> tuple[str, dict[str, Any]]:
    return new_id(), _filters(arguments)


def _update(arguments: UpdateProject, run: ToolRun) -> tuple[str, dict[str, Any]]:
    require(run, "projects", arguments.project_id)
    return arguments.project_id, given(arguments, without=_PROJECT_ID)


def _delete(arguments: DeleteProject, run: ToolRun) -> tuple[str, dict[str, Any]]:
    require(run, "projects", arguments.project_id)
    return arguments.project_id, {}


PROJECT_TOOLS: Sequence[Tool[Any]] = (
    Tool(
        name="list_projects",
        description="List the user's active projects. Archived ones are left out.",
        arguments=ListProjects,
        type="query_records",
        table="projects",
        prepare=_list_active,
        find=_find_active,
    ),
    Tool(
        name="list_all_projects",
        description="List all of the user's projects, the archived ones too.",
        arguments=ListAllProjects,
        type="query_records",
        table="projects",
        prepare=_list_all,
        find=_find_all,
    ),
    Tool(
        name="get_project",
        description="Read one project with all its fields.",
        arguments=GetProject,
        type="query_records",
        table="projects",
        prepare=_get,
        find=_find_one,
    ),
    Tool(
        name="create_project",
        description="Create one project; it is active. The result names the new project's id.",
        arguments=CreateProject,
        type="create_record",
        table="projects",
        prepare=_create,
    ),
    Tool(
        name="update_project",
        description=(
            "Change fields of one project; those left out stay as they are. To archive it, set its status to archived."
        ),
        arguments=UpdateProject,
        type="update_record",
        table="projects",
        prepare=_update,
    ),
    Tool(
        name="delete_project",
        description=(
            "Delete one project for good; it cannot be brought back. Archiving (update_project) is preferred: use this "
            "only when the user has said that the project shall be gone permanently."
        ),
        arguments=DeleteProject,
        type="delete_record",
        table="projects",
        prepare=_delete,
        destructive=True,
    ),
)

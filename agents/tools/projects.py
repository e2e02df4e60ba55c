"""The tools of the project agent."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from agents.tools.arguments import (
    Arguments,
    Change,
    Limit,
    LongText,
    ProjectStatus,
    RecordId,
    Search,
    Title,
    given_values,
)
from agents.tools.base import Tool, ToolRun, find_one, holds, prepare_change, prepare_creation, prepare_list
from agents.tools.records import Row


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


class UpdateProject(Change):
    id_field = "project_id"
    never_null = ("name", "status")

    project_id: RecordId
    name: Title | None = None
    description: Annotated[LongText | None, Field(description="null clears it.")] = None
    status: Annotated[
        ProjectStatus | None, Field(description="archived puts the project away with everything in it; active is back.")
    ] = None


class DeleteProject(Arguments):
    project_id: RecordId


def _list_active(arguments: ListProjects, _: ToolRun) -> tuple[None, dict[str, Any]]:
    return None, {"status": "active", **given_values(arguments)}


def _find_active(arguments: ListProjects, run: ToolRun) -> list[Row]:
    rows = [row for row in run.records.rows("projects") if row.get("status") != "archived"]
    return _matching_rows(rows, arguments.search, arguments.limit)


def _find_all(arguments: ListAllProjects, run: ToolRun) -> list[Row]:
    return _matching_rows(run.records.rows("projects"), arguments.search, arguments.limit)


def _matching_rows(rows: list[Row], search: str | None, limit: int) -> list[Row]:
    """A project that is only known from its id in another record has nothing to show."""
    fields = ("name", "title", "description")
    return [row for row in rows if len(row) > 1 and holds(row, search, fields)][:limit]


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
        prepare=prepare_list,
        find=_find_all,
    ),
    Tool(
        name="get_project",
        description="Read one project with all its fields.",
        arguments=GetProject,
        type="query_records",
        table="projects",
        prepare=prepare_change("projects"),
        find=find_one("projects"),
    ),
    Tool(
        name="create_project",
        description="Create one project; it is active. The result names the new project's id.",
        arguments=CreateProject,
        type="create_record",
        table="projects",
        prepare=prepare_creation,
    ),
    Tool(
        name="update_project",
        description=(
            "Change fields of one project; those left out stay as they are. To archive it, set its status to archived."
        ),
        arguments=UpdateProject,
        type="update_record",
        table="projects",
        prepare=prepare_change("projects"),
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
        prepare=prepare_change("projects"),
        destructive=True,
    ),
)

"""The tools of the note agent. A note's content is Markdown; it may belong to a project."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, model_validator

from agents.actions import new_id
from agents.tools.base import (
    Arguments,
    Limit,
    RecordId,
    Search,
    Title,
    Tool,
    ToolRun,
    given,
    holds,
    require,
    require_project,
)
from agents.tools.records import Row

_NOTE_ID = frozenset({"note_id"})
Markdown = Annotated[str, Field(max_length=100_000)]


class ListNotes(Arguments):
    project_id: RecordId | None = None
    search: Search | None = None
    limit: Limit = 50


class GetNote(Arguments):
    note_id: RecordId


class CreateNote(Arguments):
    title: Title
    content: Annotated[Markdown | None, Field(description="Markdown, without the title.")] = None
    project_id: RecordId | None = None


class UpdateNote(Arguments):
    note_id: RecordId
    title: Title | None = None
    content: Annotated[
        Markdown | None, Field(description="Markdown, the whole new content: what is not in it is gone.")
    ] = None
    project_id: Annotated[RecordId | None, Field(description="null takes the note out of its project.")] = None

    @model_validator(mode="after")
    def _changes_something(self) -> "UpdateNote":
        if self.model_fields_set <= _NOTE_ID:
            raise ValueError("name at least one field to change")
        if any(getattr(self, name) is None for name in self.model_fields_set & {"title", "content"}):
            raise ValueError("title and content cannot be null")
        return self


class DeleteNote(Arguments):
    note_id: RecordId


def _list(arguments: ListNotes, run: ToolRun) -> tuple[None, dict[str, Any]]:
    require_project(run, arguments.project_id)
    return None, {name: value for name, value in given(arguments).items() if value is not None}


def _find(arguments: ListNotes, run: ToolRun) -> list[Row]:
    found = [
        row
        for row in run.records.rows("notes")
        if (arguments.project_id is None or str(row.get("project_id")) == arguments.project_id)
        and holds(row, arguments.search, ("title", "content"))
    ]
    return found[: arguments.limit]


def _get(arguments: GetNote, run: ToolRun) -> tuple[str, dict[str, Any]]:
    require(run, "notes", arguments.note_id)
    return arguments.note_id, {}


def _find_one(arguments: GetNote, run: ToolRun) -> list[Row]:
    return [row for row in run.records.rows("notes") if str(row.get("id")) == arguments.note_id]


def _create(arguments: CreateNote, run: ToolRun) -> tuple[str, dict[str, Any]]:
    require_project(run, arguments.project_id)
    return new_id(), {name: value for name, value in given(arguments).items() if value is not None}


def _update(arguments: UpdateNote, run: ToolRun) -> tuple[str, dict[str, Any]]:
    require(run, "notes", arguments.note_id)
    require_project(run, arguments.project_id)
    return arguments.note_id, given(arguments, without=_NOTE_ID)


def _delete(arguments: DeleteNote, run: ToolRun) -> tuple[str, dict[str, Any]]:
    require(run, "notes", arguments.note_id)
    return arguments.note_id, {}


NOTE_TOOLS: Sequence[Tool[Any]] = (
    Tool(
        name="list_notes",
        description="List the user's notes, all of them or those that match the filters.",
        arguments=ListNotes,
        type="query_records",
        table="notes",
        prepare=_list,
        find=_find,
    ),
    Tool(
        name="get_note",
        description="Read one note with its whole content.",
        arguments=GetNote,
        type="query_records",
        table="notes",
        prepare=_get,
        find=_find_one,
    ),
    Tool(
        name="create_note",
        description="Create one note. The result names the new note's id.",
        arguments=CreateNote,
        type="create_record",
        table="notes",
        prepare=_create,
    ),
    Tool(
        name="update_note",
        description=(
            "Change fields of one note; those left out stay as they are. To add to its content, read the note first "
            "and send the old content with the addition."
        ),
        arguments=UpdateNote,
        type="update_record",
        table="notes",
        prepare=_update,
    ),
    Tool(
        name="delete_note",
        description="Delete one note for good. Only when the user asks for it.",
        arguments=DeleteNote,
        type="delete_record",
        table="notes",
        prepare=_delete,
        destructive=True,
    ),
)

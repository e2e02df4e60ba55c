"""The tools of the note agent. A note's content is Markdown; it may belong to a project."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from agents.tools.arguments import Arguments, Change, Limit, RecordId, Search, Title
from agents.tools.base import Tool, ToolRun, find_one, holds, prepare_change, prepare_creation, prepare_list
from agents.tools.records import Row

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


class UpdateNote(Change):
    id_field = "note_id"
    never_null = ("title", "content")

    note_id: RecordId
    title: Title | None = None
    content: Annotated[
        Markdown | None, Field(description="Markdown, the whole new content: what is not in it is gone.")
    ] = None
    project_id: Annotated[RecordId | None, Field(description="null: no project any more.")] = None


class DeleteNote(Arguments):
    note_id: RecordId


def _find(arguments: ListNotes, run: ToolRun) -> list[Row]:
    found = [
        row
        for row in run.records.rows("notes")
        if (arguments.project_id is None or str(row.get("project_id")) == arguments.project_id)
        and holds(row, arguments.search, ("title", "content"))
    ]
    return found[: arguments.limit]


NOTE_TOOLS: Sequence[Tool[Any]] = (
    Tool(
        name="list_notes",
        description="List the user's notes, all of them or those that match the filters.",
        arguments=ListNotes,
        type="query_records",
        table="notes",
        prepare=prepare_list,
        find=_find,
    ),
    Tool(
        name="get_note",
        description="Read one note with its whole content.",
        arguments=GetNote,
        type="query_records",
        table="notes",
        prepare=prepare_change("notes"),
        find=find_one("notes"),
    ),
    Tool(
        name="create_note",
        description="Create one note. The result names the new note's id.",
        arguments=CreateNote,
        type="create_record",
        table="notes",
        prepare=prepare_creation,
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
        prepare=prepare_change("notes"),
    ),
    Tool(
        name="delete_note",
        description="Delete one note for good. Only when the user asks for it.",
        arguments=DeleteNote,
        type="delete_record",
        table="notes",
        prepare=prepare_change("notes"),
        destructive=True,
    ),
)

"""The tools of the checkpoint agent.

A checkpoint that the model proposes is a suggestion: it is made with ``is_ai_suggested`` true and ``is_approved``
false, and the user approves it. One that the user asked for needs nobody's approval. The model says which of the two it
is; it cannot approve on its own what it suggested in the same turn.
"""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field, StrictBool

from agents.tools.arguments import Arguments, Change, IsoDate, Limit, LongText, RecordId, TaskStatus, Title
from agents.tools.base import Tool, ToolError, ToolRun, prepare_change, prepare_creation, prepare_list, require
from agents.tools.records import Row
from agents.tools.tasks import due_day

_PREPARE_CHANGE = prepare_change("checkpoints")


class ListCheckpoints(Arguments):
    project_id: RecordId | None = None
    is_approved: Annotated[StrictBool | None, Field(description="false: those that wait for the user.")] = None
    due_from: Annotated[IsoDate | None, Field(description="Due on this day or later, YYYY-MM-DD.")] = None
    due_to: Annotated[IsoDate | None, Field(description="Due on this day or earlier, YYYY-MM-DD.")] = None
    limit: Limit = 50


class CreateCheckpoint(Arguments):
    project_id: RecordId
    title: Title
    description: LongText | None = None
    due_date: IsoDate | None = None
    is_ai_suggested: Annotated[
        StrictBool,
        Field(
            description="true: you propose it, and it waits for the user's approval. "
            "false: the user asked for this very checkpoint."
        ),
    ] = True


class UpdateCheckpoint(Change):
    id_field = "checkpoint_id"
    never_null = ("title", "status", "is_approved")

    checkpoint_id: RecordId
    title: Title | None = None
    description: Annotated[LongText | None, Field(description="null clears it.")] = None
    due_date: Annotated[IsoDate | None, Field(description="YYYY-MM-DD; null clears it.")] = None
    status: Annotated[TaskStatus | None, Field(description="done: the checkpoint is reached.")] = None
    is_approved: Annotated[StrictBool | None, Field(description="true only when the user approves the suggestion.")] = (
        None
    )


class DeleteCheckpoint(Arguments):
    checkpoint_id: RecordId


def _find(arguments: ListCheckpoints, run: ToolRun) -> list[Row]:
    found = []
    for row in run.records.rows("checkpoints"):
        day = due_day(row, run.context.timezone)
        if (
            (arguments.project_id is None or str(row.get("project_id")) == arguments.project_id)
            and (arguments.is_approved is None or _is_approved(row) == arguments.is_approved)
            and (arguments.due_from is None or (day is not None and day >= arguments.due_from))
            and (arguments.due_to is None or (day is not None and day <= arguments.due_to))
        ):
            found.append(row)
    return found[: arguments.limit]


def _is_approved(row: Row) -> bool:
    """A client that keeps no ``is_approved`` with what the user made has nothing to approve there."""
    return bool(row.get("is_approved", not row.get("is_ai_suggested")))


def _create(arguments: CreateCheckpoint, run: ToolRun) -> tuple[str, dict[str, Any]]:
    require(run, "projects", arguments.project_id)
    record_id, data = prepare_creation(arguments, run)
    suggested = arguments.is_ai_suggested
    return record_id, {**data, "is_ai_suggested": suggested, "is_approved": not suggested}


def _update(arguments: UpdateCheckpoint, run: ToolRun) -> tuple[str | None, dict[str, Any]]:
    if arguments.is_approved and _is_own_suggestion(run, arguments.checkpoint_id):
        raise ToolError("Nothing was done: a checkpoint that you suggested just now waits for the user's approval.")
    return _PREPARE_CHANGE(arguments, run)


def _is_own_suggestion(run: ToolRun, checkpoint_id: str) -> bool:
    return run.records.was_created("checkpoints", checkpoint_id) and any(
        row.get("is_ai_suggested") for row in run.records.rows("checkpoints") if row["id"] == checkpoint_id
    )


CHECKPOINT_TOOLS: Sequence[Tool[Any]] = (
    Tool(
        name="list_checkpoints",
        description="List checkpoints (milestones), those of one project or of all, with filters.",
        arguments=ListCheckpoints,
        type="query_records",
        table="checkpoints",
        prepare=prepare_list,
        find=_find,
    ),
    Tool(
        name="create_checkpoint",
        description="Create one checkpoint in a project. The result names the new checkpoint's id.",
        arguments=CreateCheckpoint,
        type="create_record",
        table="checkpoints",
        prepare=_create,
    ),
    Tool(
        name="update_checkpoint",
        description=(
            "Change fields of one checkpoint; those left out stay as they are. is_approved approves a suggested one."
        ),
        arguments=UpdateCheckpoint,
        type="update_record",
        table="checkpoints",
        prepare=_update,
    ),
    Tool(
        name="delete_checkpoint",
        description="Delete one checkpoint for good. Only when the user asks for it, or turns a suggestion down.",
        arguments=DeleteCheckpoint,
        type="delete_record",
        table="checkpoints",
        prepare=_PREPARE_CHANGE,
        destructive=True,
    ),
)

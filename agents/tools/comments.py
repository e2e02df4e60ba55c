"""The tools of the task agent over the comments of a task."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field

from agents.actions import new_id
from agents.tools.arguments import Arguments, RecordId, given_fields
from agents.tools.base import Tool, ToolError, ToolRun, require
from agents.tools.records import Row


class ListTaskComments(Arguments):
    task_id: RecordId


class AddTaskComment(Arguments):
    task_id: RecordId
    content: Annotated[str, Field(min_length=1, max_length=10_000)]


class DeleteTaskComment(Arguments):
    comment_id: RecordId


def _list(arguments: ListTaskComments, run: ToolRun) -> tuple[None, dict[str, Any]]:
    require(run, "tasks", arguments.task_id)
    return None, given_fields(arguments)


def _find(arguments: ListTaskComments, run: ToolRun) -> list[Row]:
    return [row for row in run.records.rows("task_comments") if str(row.get("task_id")) == arguments.task_id]


def _add(arguments: AddTaskComment, run: ToolRun) -> tuple[str, dict[str, Any]]:
    require(run, "tasks", arguments.task_id)
    return new_id(), given_fields(arguments)


def _delete(arguments: DeleteTaskComment, run: ToolRun) -> tuple[str, dict[str, Any]]:
    if not run.records.knows("task_comments", arguments.comment_id):
        raise ToolError("Nothing was done: there is no comment with that comment_id. List the task's comments first.")
    return arguments.comment_id, {}


COMMENT_TOOLS: Sequence[Tool[Any]] = (
    Tool(
        name="list_task_comments",
        description="List the comments of one task.",
        arguments=ListTaskComments,
        type="query_records",
        table="task_comments",
        prepare=_list,
        find=_find,
    ),
    Tool(
        name="add_task_comment",
        description="Add one comment to a task.",
        arguments=AddTaskComment,
        type="create_record",
        table="task_comments",
        prepare=_add,
    ),
    Tool(
        name="delete_task_comment",
        description="Delete one comment for good. Only when the user asks for it.",
        arguments=DeleteTaskComment,
        type="delete_record",
        table="task_comments",
        prepare=_delete,
        destructive=True,
    ),
)

"""The tools of the task agent over tasks and their comments."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Annotated, Any

from pydantic import Field

from agents.tools.arguments import (
    Arguments,
    Change,
    IsoDate,
    LongText,
    Priority,
    RecordId,
    TaskStatus,
    Title,
    given_fields,
    given_values,
)
from agents.tools.base import Tool, ToolError, ToolRun, prepare_change, prepare_creation, require
from agents.tools.records import Row


class ListTasks(Arguments):
    status: TaskStatus | None = None
    priority: Priority | None = None
    project_id: RecordId | None = None
    due_from: Annotated[IsoDate | None, Field(description="Due on this day or later, YYYY-MM-DD.")] = None
    due_to: Annotated[IsoDate | None, Field(description="Due on this day or earlier, YYYY-MM-DD.")] = None
    search: Annotated[str | None, Field(max_length=200, description="Words the title or description holds.")] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50


class ListTasksDueToday(Arguments):
    pass


class CreateTask(Arguments):
    title: Title
    description: LongText | None = None
    status: TaskStatus | None = None
    priority: Priority | None = None
    due_date: IsoDate | None = None
    project_id: RecordId | None = None


class UpdateTask(Change):
    id_field = "task_id"
    never_null = ("title", "status")

    task_id: RecordId
    title: Title | None = None
    description: Annotated[LongText | None, Field(description="null clears it.")] = None
    status: TaskStatus | None = None
    priority: Priority | None = None
    due_date: Annotated[IsoDate | None, Field(description="YYYY-MM-DD; null clears it.")] = None
    project_id: Annotated[RecordId | None, Field(description="null: no project any more.")] = None


class DeleteTask(Arguments):
    task_id: RecordId


def _list(arguments: ListTasks, _: ToolRun) -> tuple[None, dict[str, Any]]:
    return None, given_values(arguments)


def _find(arguments: ListTasks, run: ToolRun) -> list[Row]:
    wanted = {
        name: value for name in ("status", "priority", "project_id") if (value := getattr(arguments, name)) is not None
    }
    words = (arguments.search or "").casefold().split()
    found = []
    for row in run.records.rows("tasks"):
        day = due_day(row, run.context.timezone)
        text = f"{row.get('title', '')} {row.get('description', '')}".casefold()
        if (
            all(row.get(name) == value for name, value in wanted.items())
            and (arguments.due_from is None or (day is not None and day >= arguments.due_from))
            and (arguments.due_to is None or (day is not None and day <= arguments.due_to))
            and all(word in text for word in words)
        ):
            found.append(row)
    return found[: arguments.limit]


def _list_due_today(_: ListTasksDueToday, run: ToolRun) -> tuple[None, dict[str, Any]]:
    return None, {"due_date": run.context.today.isoformat()}


def _find_due_today(_: ListTasksDueToday, run: ToolRun) -> list[Row]:
    today = run.context.today.isoformat()
    return [row for row in run.records.rows("tasks") if due_day(row, run.context.timezone) == today]


def due_day(row: Row, timezone: tzinfo) -> str | None:
    """The day a task is due (``YYYY-MM-DD``) for a user in ``timezone``; null when it has none that can be read.

    A client may keep a day or a moment (RFC 3339) in ``due_date``.
    """
    value = row.get("due_date")
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(value)
        if moment.tzinfo is not None:
            moment = moment.astimezone(timezone)
    except (ValueError, OverflowError):
        return None
    return moment.date().isoformat()


TASK_TOOLS: Sequence[Tool[Any]] = (
    Tool(
        name="list_tasks",
        description="List the user's tasks, all of them or those that match the filters.",
        arguments=ListTasks,
        type="query_records",
        table="tasks",
        prepare=_list,
        find=_find,
    ),
    Tool(
        name="create_task",
        description="Create one task. The result names the new task's id.",
        arguments=CreateTask,
        type="create_record",
        table="tasks",
        prepare=prepare_creation,
    ),
    Tool(
        name="update_task",
        description="Change fields of one task; those left out stay as they are. To finish it, set its status to done.",
        arguments=UpdateTask,
        type="update_record",
        table="tasks",
        prepare=prepare_change("tasks"),
    ),
    Tool(
        name="delete_task",
        description="Delete one task for good. Only when the user asks for it; a finished task is marked done instead.",
        arguments=DeleteTask,
        type="delete_record",
        table="tasks",
        prepare=prepare_change("tasks"),
        destructive=True,
    ),
    Tool(
        name="list_tasks_due_today",
        description="List the tasks that are due on the user's current day.",
        arguments=ListTasksDueToday,
        type="query_records",
        table="tasks",
        prepare=_list_due_today,
        find=_find_due_today,
    ),
)


class ListTaskComments(Arguments):
    task_id: RecordId


class AddTaskComment(Arguments):
    task_id: RecordId
    content: Annotated[str, Field(min_length=1, max_length=10_000)]


class DeleteTaskComment(Arguments):
    comment_id: RecordId


def _list_comments(arguments: ListTaskComments, run: ToolRun) -> tuple[None, dict[str, Any]]:
    require(run, "tasks", arguments.task_id)
    return None, given_fields(arguments)


def _find_comments(arguments: ListTaskComments, run: ToolRun) -> list[Row]:
    return [row for row in run.records.rows("task_comments") if str(row.get("task_id")) == arguments.task_id]


def _add(arguments: AddTaskComment, run: ToolRun) -> tuple[str, dict[str, Any]]:
    require(run, "tasks", arguments.task_id)
    return run.context.ids.record(), given_fields(arguments)


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
        prepare=_list_comments,
        find=_find_comments,
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

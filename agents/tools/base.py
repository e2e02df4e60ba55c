"""What a tool is: typed arguments in, one Action out; a read tool also finds rows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from adiuva.api import json
from adiuva.api.errors import ValidationFailed
from agents.actions import Action, ActionType, Table, new_id
from agents.run_context import RunContext
from agents.tools.arguments import Arguments, given_fields, given_values
from agents.tools.records import Row, RunRecords


class ToolError(Exception):
    """The call cannot be carried out; ``str(error)`` is told to the model, which may try again."""


A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True, slots=True)
class ToolRun:
    """What a tool may look at: the records known in this turn and the turn itself."""

    records: RunRecords
    context: RunContext


Prepare = Callable[[A, ToolRun], tuple[str | None, dict[str, Any]]]
Find = Callable[[A, ToolRun], list[Row]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool(Generic[A]):
    """One tool.

    ``prepare`` gives ``(record_id, data)`` of the Action, or raises ``ToolError``. ``find`` makes it a read tool: the
    rows that answer the call, from what the client sent as context.
    """

    name: str
    description: str
    arguments: type[A]
    type: ActionType
    table: Table
    prepare: Prepare[A]
    find: Find[A] | None = None
    destructive: bool = False

    def schema(self) -> dict[str, Any]:
        """As the ``tools`` parameter of a chat completion takes it: made once (0.2 ms), so not to be changed."""
        return _make_schema(self)

    def parse(self, text: str) -> A:
        """The arguments in ``text``; raises ``ToolError`` that names each bad field, never its value."""
        try:
            value = json.loads(text or "{}")
        except ValidationFailed:
            raise ToolError("The arguments are not valid JSON; nothing was done. Send one JSON object.") from None
        try:
            return self.arguments.model_validate(value)
        except ValidationError as error:
            raise ToolError(_explain(error)) from None

    def action(self, arguments: A, run: ToolRun) -> Action:
        """Raises ``ToolError`` when the records known do not allow it."""
        record_id, data = self.prepare(arguments, run)
        return Action(
            name=self.name,
            type=self.type,
            table=self.table,
            record_id=record_id,
            data=data,
            destructive=self.destructive,
            # A read changes nothing: whether it is repeated does not change the ids of what follows.
            id=run.context.ids.action() if self.find is None else new_id(),
        )


@cache
def _make_schema(tool: Tool[Any]) -> dict[str, Any]:
    parameters = tool.arguments.model_json_schema()
    parameters.pop("title", None)
    parameters.pop("description", None)
    for field in parameters.get("properties", {}).values():
        field.pop("title", None)
    function = {"name": tool.name, "description": tool.description, "parameters": parameters}
    return {"type": "function", "function": function}


def _explain(error: ValidationError) -> str:
    problems = [
        f"{'.'.join(map(str, item['loc'])) or 'arguments'}: {item['msg']}"
        for item in error.errors(include_url=False, include_input=False, include_context=False)
    ]
    return "Nothing was done; the arguments are not valid. " + "; ".join(problems)


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


def prepare_list(arguments: Arguments, run: ToolRun) -> tuple[None, dict[str, Any]]:
    """``data`` are the filters; a project among them must be known."""
    require_project(run, getattr(arguments, "project_id", None))
    return None, given_values(arguments)


def prepare_creation(arguments: Arguments, run: ToolRun) -> tuple[str, dict[str, Any]]:
    """A fresh id and the new record's fields; the project it belongs to must be known."""
    require_project(run, getattr(arguments, "project_id", None))
    return run.context.ids.record(), given_values(arguments)


def prepare_change(table: Table) -> Prepare[Any]:
    """The record's id and its new fields; the record and the project it shall belong to must be known."""
    id_field = f"{_NAMES[table]}_id"

    def prepare(arguments: Arguments, run: ToolRun) -> tuple[str, dict[str, Any]]:
        record_id: str = getattr(arguments, id_field)
        require(run, table, record_id)
        require_project(run, getattr(arguments, "project_id", None))
        return record_id, given_fields(arguments, without=id_field)

    return prepare


def find_one(table: Table) -> Find[Any]:
    """The row of the one record that the arguments name."""
    id_field = f"{_NAMES[table]}_id"
    return lambda arguments, run: [
        row for row in run.records.rows(table) if str(row.get("id")) == getattr(arguments, id_field)
    ]


def holds(row: Row, search: str | None, fields: Iterable[str]) -> bool:
    """Every word of ``search`` stands in one of the row's ``fields``, in whatever case; no search fits every row."""
    text = " ".join(str(row.get(field) or "") for field in fields).casefold()
    return all(word in text for word in (search or "").casefold().split())

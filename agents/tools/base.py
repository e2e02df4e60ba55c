"""What a tool is: typed arguments in, one Action out; a read tool also finds rows. The fields of arguments, too."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from adiuva.api import json
from adiuva.api.errors import ValidationFailed
from agents.actions import Action, ActionType, Table
from agents.run_context import RunContext
from agents.tools.records import Row, RunRecords

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _check_date(text: str) -> str:
    """``date.fromisoformat`` alone would also take ``20260131`` and week dates."""
    if not _ISO_DATE.fullmatch(text):
        raise ValueError("must be a date as YYYY-MM-DD")
    date.fromisoformat(text)
    return text


IsoDate = Annotated[str, Field(description="A calendar day, YYYY-MM-DD.", max_length=10), AfterValidator(_check_date)]
RecordId = Annotated[str, Field(min_length=1, max_length=128)]
Title = Annotated[str, Field(min_length=1, max_length=500)]
LongText = Annotated[str, Field(max_length=20_000)]
Search = Annotated[str, Field(max_length=200, description="Words the record holds.")]
Limit = Annotated[int, Field(ge=1, le=200)]
TaskStatus = Literal["todo", "in_progress", "done"]
ProjectStatus = Literal["active", "archived"]
Priority = Literal["high", "medium", "low"]


class ToolError(Exception):
    """The call cannot be carried out; ``str(error)`` is told to the model, which may try again."""


class Arguments(BaseModel):
    """Base of the argument models: what a model may not say is refused, never dropped."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, frozen=True)


A = TypeVar("A", bound=Arguments)


@dataclass(frozen=True, slots=True)
class ToolRun:
    """What a tool may look at: the records known in this turn and the turn itself."""

    records: RunRecords
    context: RunContext


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
    prepare: Callable[[A, ToolRun], tuple[str | None, dict[str, Any]]]
    find: Callable[[A, ToolRun], list[Row]] | None = None
    destructive: bool = False

    def schema(self) -> dict[str, Any]:
        """As the ``tools`` parameter of a chat completion takes it."""
        parameters = self.arguments.model_json_schema()
        parameters.pop("title", None)
        parameters.pop("description", None)
        for field in parameters.get("properties", {}).values():
            field.pop("title", None)
        function = {"name": self.name, "description": self.description, "parameters": parameters}
        return {"type": "function", "function": function}

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
        )


def given(arguments: Arguments, *, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The fields that were given, as JSON."""
    return arguments.model_dump(mode="json", exclude_unset=True, exclude=set(without))


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


def holds(row: Row, search: str | None, fields: Iterable[str]) -> bool:
    """Every word of ``search`` stands in one of the row's ``fields``, in whatever case; no search fits every row."""
    text = " ".join(str(row.get(field) or "") for field in fields).casefold()
    return all(word in text for word in (search or "").casefold().split())

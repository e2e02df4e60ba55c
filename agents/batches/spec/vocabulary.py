"""What a BatchSpec may name: the agents' tools, and the fields of each table with what can be asked of them.

The fields are those that the tools take, so a table that gets one there has it here.
"""

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from agents.actions import Table
from agents.tools.arguments import IsoDate
from agents.tools.base import Tool
from agents.tools.by_agent import TOOLS_BY_AGENT

TABLES: tuple[Table, ...] = get_args(Table)

Op = Literal["eq", "ne", "lt", "lte", "gt", "gte", "in", "contains", "is_empty", "within_days", "older_than_days"]
OPS: tuple[Op, ...] = get_args(Op)


class FieldKind(StrEnum):
    TEXT = "text"
    CHOICE = "choice"
    DAY = "day"
    FLAG = "flag"
    ID = "id"


_ANY: tuple[Op, ...] = ("eq", "ne", "in", "is_empty")
OPS_OF: Mapping[FieldKind, tuple[Op, ...]] = {
    FieldKind.TEXT: (*_ANY, "contains"),
    FieldKind.CHOICE: _ANY,
    FieldKind.DAY: (*_ANY, "lt", "lte", "gt", "gte", "within_days", "older_than_days"),
    FieldKind.FLAG: ("eq", "ne", "is_empty"),
    FieldKind.ID: _ANY,
}


@dataclass(frozen=True, slots=True)
class Field:
    """``choices`` are the values of a CHOICE; ``table`` is the one that an ID names a record of.

    ``is_past``: a DAY on which something has happened, so that ``within_days`` looks back from today and not ahead.
    """

    kind: FieldKind
    choices: tuple[str, ...] = ()
    table: Table | None = None
    is_past: bool = False

    @property
    def ops(self) -> tuple[Op, ...]:
        return OPS_OF[self.kind]


TOOLS: Mapping[str, Tool[Any]] = {tool.name: tool for tools in TOOLS_BY_AGENT.values() for tool in tools}
AGENT_OF: Mapping[str, str] = {tool.name: agent for agent, tools in TOOLS_BY_AGENT.items() for tool in tools}
DESTRUCTIVE_TOOLS = frozenset(name for name, tool in TOOLS.items() if tool.destructive)
READ_TOOLS = frozenset(name for name, tool in TOOLS.items() if tool.find is not None)

_ID_FIELDS: Mapping[str, Table] = {
    "task_id": "tasks",
    "comment_id": "task_comments",
    "project_id": "projects",
    "checkpoint_id": "checkpoints",
    "note_id": "notes",
}


def _fields_of(table: Table) -> dict[str, Field]:
    """The record's own id, what the tools write, and when the record was made and last changed."""
    found = {"id": Field(FieldKind.ID, table=table)}
    for tool in TOOLS.values():
        if tool.table != table or tool.type not in {"create_record", "update_record"}:
            continue
        for name, field in tool.arguments.model_fields.items():
            # Of an update it is the record itself.
            if _ID_FIELDS.get(name) != table:
                found.setdefault(name, _field(name, field.annotation))
    for name in ("created_at", "updated_at"):
        found[name] = Field(FieldKind.DAY, is_past=True)
    return found


def _field(name: str, annotation: Any) -> Field:
    if name in _ID_FIELDS:
        return Field(FieldKind.ID, table=_ID_FIELDS[name])
    for part in _parts(annotation):
        if get_origin(part) is Literal:
            return Field(FieldKind.CHOICE, choices=get_args(part))
        if part is bool:
            return Field(FieldKind.FLAG)
        if part == IsoDate:
            return Field(FieldKind.DAY)
    return Field(FieldKind.TEXT)


def _parts(annotation: Any) -> Iterator[Any]:
    """``annotation`` and the members of its union and of what is annotated in it."""
    yield annotation
    origin = get_origin(annotation)
    if origin in {Union, types.UnionType}:
        for member in get_args(annotation):
            yield from _parts(member)
    elif origin is Annotated:
        yield from _parts(get_args(annotation)[0])


FIELDS: Mapping[Table, Mapping[str, Field]] = {table: _fields_of(table) for table in TABLES}

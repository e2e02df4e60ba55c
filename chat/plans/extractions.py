"""Extractions: the records in a model's answer to an extracting template, as a create action takes them.

The fields are those of the agents' tools, so what is valid here is valid there.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from agents.actions import Table
from agents.json_answers import json_in
from agents.tools.arguments import IsoDate, LongText, Priority, TaskStatus, Title

MAX_RECORDS = 200
_MAX_PROBLEMS = 10


class InvalidExtractionError(Exception):
    """The answer does not match the schema; ``str(error)`` tells the model what is wrong without quoting its answer."""


def _normalize_enum(value: Any) -> Any:
    """Models write ``"In progress"`` for in_progress, and ``""`` where they mean nothing."""
    return "_".join(value.lower().split()) or None if isinstance(value, str) else value


def _date_of(value: Any) -> Any:
    """The date of a timestamp (RFC 3339)."""
    if not isinstance(value, str):
        return value
    return value[:10] if value[10:11] == "T" else value.strip() or None


class ExtractedRecord(BaseModel):
    """Fields beyond those of the table are dropped."""

    model_config = ConfigDict(extra="ignore", frozen=True, str_strip_whitespace=True)


class TaskRecord(ExtractedRecord):
    title: Title
    description: LongText | None = None
    status: Annotated[TaskStatus | None, BeforeValidator(_normalize_enum)] = None
    priority: Annotated[Priority | None, BeforeValidator(_normalize_enum)] = None
    due_date: Annotated[IsoDate | None, BeforeValidator(_date_of)] = None


class NoteRecord(ExtractedRecord):
    title: Title
    content: Annotated[str, Field(min_length=1, max_length=20_000, description="Markdown.")]


class Extraction(BaseModel):
    """Base of the result models; a subclass says which table its ``records`` are for."""

    table: ClassVar[Table]
    records: Sequence[ExtractedRecord]

    def as_list(self) -> list[dict[str, Any]]:
        """The records as JSON, without their empty fields."""
        return [record.model_dump(mode="json", exclude_none=True) for record in self.records]


class ExtractedTasks(Extraction):
    table: ClassVar[Table] = "tasks"
    records: Annotated[list[TaskRecord], Field(max_length=MAX_RECORDS)]


class WeeklyNote(Extraction):
    table: ClassVar[Table] = "notes"
    records: Annotated[list[NoteRecord], Field(min_length=1, max_length=1)]


def parse(answer: str, kind: type[Extraction]) -> Extraction:
    """The records in a model's ``answer``, whatever text is around their JSON. Raises ``InvalidExtractionError``."""
    try:
        value = json_in(answer)
    except ValueError as error:
        raise InvalidExtractionError(str(error)) from None
    try:
        return kind.model_validate({"records": _records_in(value)})
    except ValidationError as error:
        problems = [
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}"
            for item in error.errors(include_url=False, include_input=False, include_context=False)
        ]
        raise InvalidExtractionError("; ".join(problems[:_MAX_PROBLEMS])) from None


def schema(kind: type[Extraction]) -> dict[str, Any]:
    """JSON schema with a title, as ``LanguageModel.complete`` takes it."""
    return kind.model_json_schema()


def schema_text(kind: type[Extraction]) -> str:
    """The schema for a prompt, since not every model takes one as a parameter."""
    return json.dumps(schema(kind), separators=(",", ":"))


def _records_in(value: Any) -> Any:
    """Models put the list under a key of their own, leave the object out, or send a single record bare."""
    if not isinstance(value, Mapping):
        return value
    if "records" in value:
        return value["records"]
    lists = [item for item in value.values() if isinstance(item, list)]
    return lists[0] if len(lists) == 1 and "title" not in value else [value]

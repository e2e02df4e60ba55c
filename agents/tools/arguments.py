"""The arguments of tools: their fields, and what holds for all of them."""

import re
from datetime import date
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

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


class Arguments(BaseModel):
    """Base of the argument models: what a model may not say is refused, never dropped."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True, frozen=True)


class Change(Arguments):
    """Arguments that change one record: its id (``id_field``) and at least one other field."""

    id_field: ClassVar[str]
    never_null: ClassVar[tuple[str, ...]]

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if self.model_fields_set <= {self.id_field}:
            raise ValueError("name at least one field to change")
        if any(getattr(self, name) is None for name in self.model_fields_set.intersection(self.never_null)):
            raise ValueError(f"{', '.join(self.never_null[:-1])} and {self.never_null[-1]} cannot be null")
        return self


def given_fields(arguments: Arguments, *, without: str = "") -> dict[str, Any]:
    """The fields that were given, as JSON."""
    return arguments.model_dump(mode="json", exclude_unset=True, exclude={without})


def given_values(arguments: Arguments) -> dict[str, Any]:
    """The fields that were given and are not null, as JSON."""
    return {name: value for name, value in given_fields(arguments).items() if value is not None}

"""The kinds of field that arguments are made of."""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _real_date(text: str) -> str:
    """``date.fromisoformat`` alone would also take ``20260131`` and week dates."""
    if not _ISO_DATE.fullmatch(text):
        raise ValueError("must be a date as YYYY-MM-DD")
    date.fromisoformat(text)
    return text


IsoDate = Annotated[str, Field(description="A calendar day, YYYY-MM-DD.", max_length=10), AfterValidator(_real_date)]
RecordId = Annotated[str, Field(min_length=1, max_length=128)]
Title = Annotated[str, Field(min_length=1, max_length=500)]
LongText = Annotated[str, Field(max_length=20_000)]
Search = Annotated[str, Field(max_length=200, description="Words the record holds.")]
Limit = Annotated[int, Field(ge=1, le=200)]
TaskStatus = Literal["todo", "in_progress", "done"]
ProjectStatus = Literal["active", "archived"]
Priority = Literal["high", "medium", "low"]

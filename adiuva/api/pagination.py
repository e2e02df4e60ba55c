"""Lists as docs/api.md § 1 has them: ``{"items": […], "total", "page", "limit"}``."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request

from adiuva.api.errors import ValidationFailed

MAX_INTEGER = 2**53 - 1  # what JavaScript, the other side, counts to
DEEP = 1000  # rows passed over, from which on two steps cost less than one


class Rows(Protocol):
    """A QuerySet, as far as paging goes."""

    def count(self) -> int: ...
    def __getitem__(self, rows: slice, /) -> Iterable[Any]: ...


@dataclass(frozen=True, slots=True)
class KeysFirst:
    """Rows whose deep pages are found in two steps of one query: the keys, then the rows of these keys alone.

    For a queryset whose filter and order an index holds together with ``id``, which tells its rows apart: what a page
    passes over is then read from that index and not from the table. (The last of 5,000 pages of 20 of a tenth of a
    million rows, PostgreSQL 15: 7 ms instead of 123. Before row 1,000 the one step takes half a millisecond less.)
    """

    rows: QuerySet[Any, Any]

    def count(self) -> int:
        return self.rows.count()

    def __getitem__(self, rows: slice, /) -> Iterable[Any]:
        if rows.start < DEEP:
            return self.rows[rows]
        # Not by ``pk``: of a key of two columns Django asks SQLite in a way that forgets the slice.
        return self.rows.filter(id__in=self.rows.values("id")[rows])


@dataclass(frozen=True, slots=True)
class InMemoryRows:
    """Rows that are there already, in their order."""

    rows: Sequence[Any]

    def count(self) -> int:
        return len(self.rows)

    def __getitem__(self, rows: slice, /) -> Iterable[Any]:
        return self.rows[rows]


@dataclass(frozen=True, slots=True)
class Page:
    """``number`` counts from 1, ``limit`` is the most items it holds."""

    number: int
    limit: int

    def of(self, rows: Rows, serialize: Callable[[Iterable[Any]], Iterable[Any]]) -> dict[str, Any]:
        """The list's document. ``rows`` must have a total order, or pages would overlap; past the end it is empty."""
        first = (self.number - 1) * self.limit
        total = rows.count()
        items = list(serialize(rows[first : first + self.limit])) if first < total else []
        return {"items": items, "total": total, "page": self.number, "limit": self.limit}


def serialized_by(serializer: type[serializers.Serializer[Any]]) -> Callable[[Iterable[Any]], Iterable[Any]]:
    """One serializer for all rows of a page (200 members: 2.6 ms): one for each of them costs 6 to 9 times as much."""
    return lambda rows: serializer(rows, many=True).data


def requested_page(request: Request, *, limit: int, most: int) -> Page:
    """``?page`` and ``?limit`` (``limit`` where none is named, ``most`` where more is asked for).

    Raises:
        ValidationFailed: not a whole number of at least 1.
    """
    return Page(
        number=whole_number(request, "page", default=1, least=1),
        limit=min(whole_number(request, "limit", default=limit, least=1), most),
    )


def whole_number(request: Request, name: str, *, default: int, least: int) -> int:
    """A query parameter. Raises ``ValidationFailed`` for what is no integer, or below ``least``."""
    text = request.query_params.get(name)
    if text is None:
        return default
    digits = text.removeprefix("-")
    number = int(text) if digits.isascii() and digits.isdigit() and len(digits) <= len(str(MAX_INTEGER)) else None
    if number is None or not least <= number <= MAX_INTEGER:
        raise ValidationFailed({name: [f"Must be a whole number of at least {least}."]})
    return number


class ListSerializer(serializers.Serializer[Any]):
    # For schemas: a subclass adds ``items``.
    total = serializers.IntegerField(min_value=0)
    page = serializers.IntegerField(min_value=1)
    limit = serializers.IntegerField(min_value=1)


def whole_numbers(*, least: int, most: int) -> dict[str, Any]:
    """The schema of a parameter that is one of these."""
    return {"type": "integer", "minimum": least, "maximum": most}


def limit_parameter(*, limit: int, most: int) -> OpenApiParameter:
    bounds = whole_numbers(least=1, most=most)
    return OpenApiParameter("limit", bounds, default=limit, description=f"More counts as {most}.")


def page_parameters(*, limit: int, most: int) -> list[OpenApiParameter]:
    bounds = whole_numbers(least=1, most=MAX_INTEGER)
    return [
        OpenApiParameter("page", bounds, default=1, description="Counts from 1; past the last one `items` is empty."),
        limit_parameter(limit=limit, most=most),
    ]

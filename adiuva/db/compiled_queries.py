"""A query that Django compiles once.

The ORM makes the SQL of a queryset anew each time one is used. For a join of three tables that is three times the CPU
that asking PostgreSQL takes, and authentication pays it for every request. The shape of such a query never changes;
only its values do.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeVar
from uuid import UUID, uuid4

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Model, QuerySet, UUIDField
from django.db.models.query import ModelIterable

Row = TypeVar("Row", bound=Model)
_ID: "UUIDField[UUID, UUID]" = UUIDField()


class CompiledQuery(Generic[Row]):
    """Of a fixed shape: ``make(*ids)`` is the queryset for these ids, each of which it compares with a column.

    ::

        session_of = CompiledQuery(lambda id, user_id: Session.objects.filter(id=id, user_id=user_id))
        session_of.first(session_id, user_id)

    What is found is what the queryset would find, ``select_related`` and ``only`` included. Thread-safe.
    """

    def __init__(self, make: Callable[..., QuerySet[Row]]) -> None:
        self._make = make

    def first(self, *ids: UUID) -> Row | None:
        """The first row of ``make(*ids)``, in the order it names."""
        compiled = self._compiled
        # Django's compiler holds the SQL, which columns make which model, and the connection of one thread.
        compiler = copy.copy(compiled.compiler)
        compiler.connection = connection
        bound = compiled.sql, compiled.parameters(ids)
        compiler.as_sql = lambda: bound
        return next(iter(ModelIterable(_Asked(compiler))), None)  # type: ignore[arg-type]  # as much as it needs

    @cached_property
    def _compiled(self) -> "_Compiled":
        # Which parameter is which id is found by the ids themselves: random ones, asked with once.
        ids = [uuid4() for _ in range(self._make.__code__.co_argcount)]
        queryset = self._make(*ids)[:1]
        compiler = queryset.query.get_compiler(using=DEFAULT_DB_ALIAS)
        sql, parameters = compiler.as_sql()
        return _Compiled(compiler, sql, [*parameters], [_as_parameter(id_) for id_ in ids])


@dataclass(frozen=True, slots=True)
class _Compiled:
    compiler: Any
    sql: str
    placeholders: Sequence[Any]
    ids: Sequence[Any]

    def parameters(self, ids: Sequence[UUID]) -> list[Any]:
        values = dict(zip(self.ids, map(_as_parameter, ids), strict=True))
        return [values.get(placeholder, placeholder) for placeholder in self.placeholders]


class _Asked:
    """As much of a queryset, and of the query inside it, as ``ModelIterable`` asks for."""

    db = DEFAULT_DB_ALIAS
    _known_related_objects: ClassVar[dict[Any, Any]] = {}

    def __init__(self, compiler: Any) -> None:
        self._compiler = compiler

    @property
    def query(self) -> "_Asked":
        return self

    def get_compiler(self, using: str) -> Any:
        return self._compiler


def _as_parameter(value: UUID) -> Any:
    """A native UUID on PostgreSQL, 32 hex digits on SQLite."""
    return _ID.get_db_prep_value(value, connection)

"""A query that Django compiles once.

The ORM makes the SQL of a queryset anew each time one is used. For a join of three tables that is three times the CPU
that asking PostgreSQL takes, and authentication pays it for every request. The shape of such a query never changes;
only its values do.
"""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar
from uuid import UUID, uuid4

from django.db import DEFAULT_DB_ALIAS, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model, QuerySet, UUIDField
from django.db.models.query import get_related_populators

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
        own = connections[DEFAULT_DB_ALIAS]  # this thread's: each look at the proxy of it costs a microsecond
        with own.cursor() as cursor:
            cursor.execute(compiled.sql, compiled.parameters(ids, own))
            values = cursor.fetchone()
        return None if values is None else compiled.make_row(values, own)

    @cached_property
    def _compiled(self) -> "_Compiled[Row]":
        # Which parameter is which id is found by the ids themselves: random ones, asked with once.
        ids = [uuid4() for _ in range(self._make.__code__.co_argcount)]
        queryset = self._make(*ids)[:1]
        connection = connections[DEFAULT_DB_ALIAS]
        compiler = queryset.query.get_compiler(using=DEFAULT_DB_ALIAS)
        sql, parameters = compiler.as_sql()
        return _Compiled(compiler, sql, parameters, [_as_parameter(id_, connection) for id_ in ids])


class _Compiled(Generic[Row]):
    """The SQL, and all that Django's ``ModelIterable`` works out anew each time to make a model of a row."""

    def __init__(self, compiler: Any, sql: str, placeholders: Sequence[Any], ids: Sequence[Any]) -> None:
        self.sql = sql
        self._placeholders = placeholders
        self._ids = ids
        own = compiler.klass_info["select_fields"]
        self._model: type[Row] = compiler.klass_info["model"]
        self._own = slice(own[0], own[-1] + 1)
        self._names = [column[0].target.attname for column in compiler.select[self._own]]
        self._related = get_related_populators(  # type: ignore[call-arg]  # the stubs are of Django 6
            compiler.klass_info, compiler.select, DEFAULT_DB_ALIAS
        )
        self._annotations = [*compiler.annotation_col_map.items()]
        self._converters = [*compiler.get_converters(column[0] for column in compiler.select).items()]

    def parameters(self, ids: Sequence[UUID], own: BaseDatabaseWrapper) -> list[Any]:
        values = dict(zip(self._ids, (_as_parameter(id_, own) for id_ in ids), strict=True))
        return [values.get(placeholder, placeholder) for placeholder in self._placeholders]

    def make_row(self, selected: Sequence[Any], own: BaseDatabaseWrapper) -> Row:
        values = [*selected]
        for at, (converters, expression) in self._converters:
            for convert in converters:
                values[at] = convert(values[at], expression, own)
        row = self._model.from_db(DEFAULT_DB_ALIAS, self._names, values[self._own])
        for related in self._related:
            related.populate(values, row)
        for name, at in self._annotations:
            setattr(row, name, values[at])
        return row


def _as_parameter(value: UUID, own: BaseDatabaseWrapper) -> Any:
    """A native UUID on PostgreSQL, 32 hex digits on SQLite."""
    return _ID.get_db_prep_value(value, own)

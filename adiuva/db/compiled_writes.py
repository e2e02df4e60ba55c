"""Rows that are written whole, by SQL that is made once: what ``adiuva.db.compiled_queries`` is for reading.

``Model.save()`` makes its statement anew each time, which costs five times what PostgreSQL's client does for it. Values
are prepared by the model's own fields, so that what is written is what ``save()`` writes.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar

from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection, connections, transaction
from django.db.models import Field, Model

Row = TypeVar("Row", bound=Model)


class CompiledWrites(Generic[Row]):
    """Of a model whose key is known before it is written. No signals are sent; our models have no receivers.

    Thread-safe: what is kept is the SQL alone.
    """

    def __init__(self, model: type[Row]) -> None:
        self._model = model

    def insert(self, row: Row) -> None:
        """As ``save(force_insert=True)``. Raises ``IntegrityError`` likewise."""
        self._execute(self._insert, self._values(self._columns, row, adds=True))
        state = row._state  # noqa: SLF001 - what save() leaves behind
        state.adding, state.db = False, DEFAULT_DB_ALIAS

    def update(self, row: Row) -> None:
        """As ``save(force_update=True)``: every column. Raises ``IntegrityError`` likewise, and ``DatabaseError`` where
        there is no such row.
        """
        values = [*self._values(self._others, row, adds=False), *self._values(self._key, row, adds=False)]
        if not self._execute(self._update, values):
            raise DatabaseError("The row that was to be updated is gone.")

    def insert_many(self, rows: Sequence[Row]) -> None:
        self._execute_many(self._insert, [self._values(self._columns, row, adds=True) for row in rows])
        for row in rows:
            row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS  # noqa: SLF001 - as ``insert``

    def update_many(self, rows: Sequence[Row]) -> None:
        columns = [*self._others, *self._key]
        if self._execute_many(self._update, [self._values(columns, row, adds=False) for row in rows]) != len(rows):
            raise DatabaseError("A row that was to be updated is gone.")

    @cached_property
    def _columns(self) -> list["Field[Any, Any]"]:
        return [*self._model._meta.local_concrete_fields]

    @cached_property
    def _key(self) -> list["Field[Any, Any]"]:
        return [*self._model._meta.pk_fields]

    @cached_property
    def _others(self) -> list["Field[Any, Any]"]:
        return [field for field in self._columns if field not in self._key]

    @cached_property
    def _insert(self) -> str:
        names = ", ".join(_name(field) for field in self._columns)
        values = ", ".join(["%s"] * len(self._columns))
        return f"INSERT INTO {self._table} ({names}) VALUES ({values})"  # noqa: S608 - names of the model

    @cached_property
    def _update(self) -> str:
        changes = ", ".join(f"{_name(field)} = %s" for field in self._others)
        which = " AND ".join(f"{_name(field)} = %s" for field in self._key)
        return f"UPDATE {self._table} SET {changes} WHERE {which}"  # noqa: S608 - names of the model

    @property
    def _table(self) -> str:
        return connection.ops.quote_name(self._model._meta.db_table)

    @staticmethod
    def _values(fields: list["Field[Any, Any]"], row: Row, *, adds: bool) -> list[Any]:
        own = connections[DEFAULT_DB_ALIAS]  # this thread's: the proxy of it would look it up for each field anew
        return [field.get_db_prep_save(field.pre_save(row, adds), own) for field in fields]

    @staticmethod
    def _execute(sql: str, values: list[Any]) -> int:
        """How many rows it was. What fails in a transaction has broken it, as with ``save()``."""
        with transaction.mark_for_rollback_on_error(DEFAULT_DB_ALIAS), connection.cursor() as cursor:
            cursor.execute(sql, values)
            changed: int = cursor.rowcount
            return changed

    @staticmethod
    def _execute_many(sql: str, rows: list[list[Any]]) -> int:
        """One statement a row, sent together: on PostgreSQL in one pipeline."""
        if not rows:
            return 0
        with transaction.mark_for_rollback_on_error(DEFAULT_DB_ALIAS), connection.cursor() as cursor:
            cursor.executemany(sql, rows)
            changed: int = cursor.rowcount
            return changed


def _name(field: "Field[Any, Any]") -> str:
    assert field.column is not None  # noqa: S101 - it is concrete
    return connection.ops.quote_name(field.column)

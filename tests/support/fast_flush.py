"""After a test that commits, what it wrote goes; what Django's flush does besides has the same outcome each time.

Django empties every table, full or not, and then makes all content types and permissions anew: 70 ms on SQLite, several
hundred on PostgreSQL, for each of more than a thousand tests. So the first such test of a process is followed by
Django's own flush. After the others the tables that hold rows are emptied, but those that it fills again; and where
these are not as it left them, it has its turn once more.
"""

import functools
from typing import Any

from django.core.management.color import no_style
from django.db import connection, transaction
from django.test import TransactionTestCase
from psycopg.errors import InsufficientPrivilege

FILLED_AGAIN = ("django_content_type", "auth_permission")  # by who listens to post_migrate

Case: Any = TransactionTestCase  # the stubs leave the hooks out
django_flush = Case._fixture_teardown
_left_by_django: list[object] = []


def use_for_tests() -> None:
    Case._fixture_teardown = flush


def flush(case: Any) -> None:
    is_plain = case.available_apps is None and not case.serialized_rollback
    if is_plain and _left_by_django and _left_by_django[-1] == _filled_again() and _emptied():
        return
    django_flush(case)
    _left_by_django[:] = [_filled_again()] if is_plain else []


def _filled_again() -> list[list[tuple[Any, ...]]]:
    with connection.cursor() as cursor:
        contents = []
        for table in FILLED_AGAIN:
            cursor.execute(f"SELECT * FROM {table} ORDER BY id")  # noqa: S608
            contents.append(cursor.fetchall())
    return contents


@functools.cache
def _tables() -> list[str]:
    return [
        name
        for name in connection.introspection.django_table_names(only_existing=True, include_views=False)
        if name not in FILLED_AGAIN
    ]


def _emptied() -> bool:
    """False where PostgreSQL only lets its administrators leave foreign keys and triggers aside."""
    quote = connection.ops.quote_name
    holds_rows = " UNION ALL ".join(f"SELECT '{name}' WHERE EXISTS (SELECT 1 FROM {quote(name)})" for name in _tables())  # noqa: S608
    with connection.cursor() as cursor:
        cursor.execute(holds_rows)
        full = [name for (name,) in cursor.fetchall()]
    if connection.vendor != "postgresql":
        connection.ops.execute_sql_flush(connection.ops.sql_flush(no_style(), full))
        return True
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL session_replication_role = replica")
            cursor.execute(";".join(f"DELETE FROM {quote(name)}" for name in full) or "SELECT 1")  # noqa: S608
    except Exception as error:
        if not isinstance(error.__cause__, InsufficientPrivilege):
            raise
        return False
    return True

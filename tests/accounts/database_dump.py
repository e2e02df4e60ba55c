"""What the database holds, all of it, to search for what must not be there."""

from django.db import connection


def whole_database() -> str:
    lines = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")  # noqa: S608 - the tables' own names
            lines += [f"{table}: {row!r}" for row in cursor.fetchall()]
    return "\n".join(lines)

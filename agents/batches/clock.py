"""The one clock of leases and due times: of several servers none needs to be right."""

from datetime import UTC, datetime

from django.db import connection


def database_now() -> datetime:
    """Now, not when the transaction began or a statement of it. Embedded, the server's clock is the database's."""
    if connection.vendor != "postgresql":
        return datetime.now(UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (now,) = cursor.fetchone()
    moment: datetime = now
    return moment.astimezone(UTC)

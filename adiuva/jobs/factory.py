"""Which queue the settings choose: procrastinate's on PostgreSQL, one in memory on SQLite."""

from functools import cache

from django.db import connection

from adiuva.jobs.port import Queue


@cache
def get_queue() -> Queue:
    """One a process."""
    from adiuva.jobs.embedded import EmbeddedQueue

    if connection.vendor == "postgresql":
        from adiuva.jobs.procrastinate.queue import ProcrastinateQueue

        return ProcrastinateQueue(in_server=EmbeddedQueue(only_in_server=True))
    return EmbeddedQueue()

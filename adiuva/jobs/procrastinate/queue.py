"""Jobs as rows of PostgreSQL (procrastinate's tables), worked off by ``manage.py work``.

A job is written in the transaction that makes it necessary, through Django's connection: both are committed or neither
is, so no crash comes between them.
"""

import asyncio
import threading
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection
from psycopg.types.json import Jsonb

from adiuva.jobs.port import Job, Queue, State, set_stopping
from adiuva.jobs.procrastinate import library, worker
from adiuva.jobs.registry import load

# Not by procrastinate's ``defer``, which fails where the same job waits. To leave it at that would be wrong: a worker
# may take the waiting one before this transaction is committed, and not see what it was wanted for. Setting it to
# what it is already locks it until then, and workers pass by what is locked.
PUT = """
    INSERT INTO procrastinate_jobs (queue_name, task_name, lock, queueing_lock, args)
    VALUES (%(queue)s, %(name)s, %(key)s, %(key)s, %(arguments)s)
    ON CONFLICT (queueing_lock) WHERE status = 'todo' DO UPDATE SET queueing_lock = excluded.queueing_lock
"""
FORGET = "DELETE FROM procrastinate_jobs WHERE args @> %(arguments)s AND status <> 'doing'"
STATE = """
    WITH job AS (
        SELECT id, status, scheduled_at, status = 'todo' AND coalesce(scheduled_at <= now(), true) AS is_due
        FROM procrastinate_jobs WHERE status IN ('todo', 'doing', 'failed')
    )
    SELECT count(*) FILTER (WHERE is_due), count(*) FILTER (WHERE status = 'todo' AND NOT is_due),
        count(*) FILTER (WHERE status = 'doing'), count(*) FILTER (WHERE status = 'failed'),
        coalesce(extract(epoch FROM now() - (
            SELECT min(coalesce(job.scheduled_at, event.at)) FROM job
            JOIN procrastinate_events event ON event.job_id = job.id AND event.type = 'deferred' WHERE is_due
        )), 0),
        (SELECT count(*) FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => %(stale)s))
    FROM job
"""


class ProcrastinateQueue:
    """``in_server`` follows what the schedule has for servers alone."""

    def __init__(self, *, in_server: Queue) -> None:
        self._in_server = in_server

    def put(self, job: Job[...], arguments: Mapping[str, Any]) -> None:
        key = job.key(arguments)
        row: dict[str, Any] = {"queue": job.queue, "name": job.name, "key": key, "arguments": Jsonb(dict(arguments))}
        with connection.cursor() as cursor:
            cursor.execute(PUT, row)

    def forget(self, arguments: Mapping[str, Any]) -> None:
        named: dict[str, Any] = {"arguments": Jsonb(dict(arguments))}
        with connection.cursor() as cursor:
            cursor.execute(FORGET, named)

    def start(self) -> None:
        """What only servers can do; workers are processes of their own."""
        self._in_server.start()

    def stop(self, *, seconds: float) -> None:
        self._in_server.stop(seconds=seconds)

    def work(self, *, queues: Sequence[str] | None, concurrency: int) -> None:
        load()
        set_stopping(stopping=False)
        asyncio.run(worker.work(queues=queues, concurrency=concurrency))

    def drain(self, *, seconds: float = 60) -> None:
        """With a worker of its own in this process, which leaves the schedule alone."""
        load()
        ended: list[BaseException | None] = []

        def run() -> None:
            try:
                asyncio.run(asyncio.wait_for(worker.drain(), seconds))
                ended.append(None)
            except BaseException as error:  # noqa: BLE001 - raised by who waits
                ended.append(error)

        thread = threading.Thread(target=run, name="jobs-drain")  # the caller may be in an event loop
        thread.start()
        thread.join()
        if ended[0] is not None:
            raise ended[0]

    def clear(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_periodic_defers")
            cursor.execute("DELETE FROM procrastinate_jobs")

    def state(self) -> State:
        with connection.cursor() as cursor:
            cursor.execute(STATE, {"stale": library.STALE})
            waiting, delayed, running, failed, oldest, workers = cursor.fetchone()
        return State(
            waiting=waiting,
            delayed=delayed,
            running=running,
            failed=failed,
            oldest_seconds=float(oldest),
            workers=workers,
        )

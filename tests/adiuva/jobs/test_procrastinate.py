"""What is true of the queue in PostgreSQL alone."""

import threading
import time
from datetime import datetime, timedelta, tzinfo

import pytest
from django.contrib import admin
from django.core.management import call_command
from django.db import connection, transaction

from adiuva.jobs import enqueue, factory, registry
from adiuva.jobs.port import Queue, Scheduled
from tests.adiuva.jobs import samples
from tests.adiuva.jobs.conftest import eventually
from tests.adiuva.jobs.samples import notes

pytestmark = pytest.mark.postgres

ADOPTED = """
    WITH worker AS (
        INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - %s::interval) RETURNING id
    )
    UPDATE procrastinate_jobs SET worker_id = worker.id FROM worker WHERE args->>'word' = %s
"""


@pytest.fixture
def queue(database: None) -> Queue:
    queue = factory.get_queue()
    queue.clear()
    return queue


def sql(statement: str, *values: str) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


def test_a_job_that_waits_is_not_begun_before_what_it_was_wanted_for_again_is_committed(queue: Queue) -> None:
    enqueue(samples.write, word="x")
    with transaction.atomic():
        enqueue(samples.write, word="x")
        thread = threading.Thread(target=queue.drain)
        thread.start()
        time.sleep(0.5)
        assert notes() == []
    thread.join()
    assert notes() == ["x"]


def test_a_job_that_is_to_be_tried_again_covers_its_like(queue: Queue) -> None:
    enqueue(samples.fail_slowly)
    queue.drain()
    enqueue(samples.fail_slowly)
    assert (queue.state().delayed, queue.state().waiting) == (1, 0)


@pytest.mark.parametrize("ahead", [0, 25, -25])
def test_the_jobs_of_living_workers_are_left_alone_and_those_of_the_dead_are_not(
    queue: Queue, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    """Whatever the clock of the worker that looks says: it is ``ahead`` of the database's by so many seconds."""
    from adiuva.jobs.procrastinate import housekeeping
    from adiuva.jobs.procrastinate.housekeeping import recover

    class WorkersTime(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "WorkersTime":
            return super().now(tz) + timedelta(seconds=ahead)

    monkeypatch.setattr(housekeeping, "datetime", WorkersTime)
    for word in ("living", "dead", "forgotten"):
        enqueue(samples.write, word=word)
    sql("UPDATE procrastinate_jobs SET status = 'doing'")
    sql("DELETE FROM procrastinate_workers")
    for word, silent in (("living", "20 s"), ("dead", "40 s")):
        sql(ADOPTED, silent, word)
    assert queue.state().workers == 1
    assert recover() == 2
    assert recover() == 0
    assert sql("SELECT args->>'word', attempts FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id") == [
        ("dead", 1),
        ("forgotten", 1),
    ]
    sql("DELETE FROM procrastinate_workers")


def test_ended_jobs_are_kept_for_a_day_and_failed_ones_for_a_month(queue: Queue) -> None:
    from adiuva.jobs.procrastinate.housekeeping import forget_ended_jobs

    for hours in (23, 25):
        enqueue(samples.write, word=str(hours))
    queue.drain()
    for hours in (29 * 24, 31 * 24):
        enqueue(samples.write, word=str(hours))
        sql("UPDATE procrastinate_jobs SET status = 'failed' WHERE args->>'word' = %s", str(hours))
    enqueue(samples.write, word="1000")
    sql("""UPDATE procrastinate_events event SET at = now() - make_interval(hours => (args->>'word')::int)
        FROM procrastinate_jobs job WHERE job.id = event.job_id""")
    forget_ended_jobs()
    assert sql("SELECT args->>'word' FROM procrastinate_jobs ORDER BY id") == [("23",), ("696",), ("1000",)]


def test_two_transactions_that_want_the_same_job_queue_it_once(queue: Queue) -> None:
    def other() -> None:
        with transaction.atomic():
            enqueue(samples.write, word="x")
        connection.close()

    with transaction.atomic():
        enqueue(samples.write, word="x")
        thread = threading.Thread(target=other)
        thread.start()
        time.sleep(0.2)
    thread.join()
    assert queue.state().waiting == 1


def test_its_tables_are_installed_and_shown_to_nobody(queue: Queue) -> None:
    from procrastinate.contrib.django import models

    assert models.ProcrastinateJob.objects.count() == 0
    assert not admin.site.is_registered(models.ProcrastinateJob)


def test_its_migrations_are_complete(database: None) -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_what_only_servers_can_do_is_done_there_and_by_no_worker(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> None:
    from adiuva.jobs.procrastinate.library import make_app

    in_server = Scheduled(cron="* * * * *", job=samples.tick, at_start=True, in_server=True)
    by_workers = Scheduled(cron="* * * * *", job=samples.give_up, at_start=True)
    monkeypatch.setattr(registry, "_schedule", {entry.job.name: entry for entry in (in_server, by_workers)})

    app, _ = make_app(with_schedule=True)
    of_workers = {periodic.task.name for periodic in app.periodic_registry.periodic_tasks.values()}
    assert samples.give_up.name in of_workers
    assert samples.tick.name not in of_workers

    queue.start()
    eventually(lambda: any(note.startswith("tick-") for note in notes()))
    queue.stop(seconds=10)
    assert [note for note in notes() if not note.startswith("tick-")] == []

"""`manage.py work` as processes on PostgreSQL: killed, stopped, and several at once."""

import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connection, transaction

from adiuva.jobs import enqueue, factory
from adiuva.jobs.port import Queue
from tests.adiuva.jobs import samples
from tests.adiuva.jobs.conftest import eventually
from tests.adiuva.jobs.samples import beginnings, notes
from tests.adiuva.jobs.workers import Worker

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

StartWorker = Callable[..., Worker]


@pytest.fixture
def queue(database: None) -> Queue:
    return factory.get_queue()


def test_what_a_killed_worker_was_doing_is_done_by_another(queue: Queue, start_worker: StartWorker, gate: Path) -> None:
    enqueue(samples.hold, word="x", gate=str(gate))
    first = start_worker()
    eventually(lambda: beginnings("x") == [first.pid])
    second = start_worker()
    first.kill()
    eventually(lambda: beginnings("x") == [first.pid, second.pid])
    gate.touch()
    eventually(lambda: queue.state().running == 0)
    assert notes()[-1] == "x-ends"
    assert (queue.state().waiting, queue.state().failed) == (0, 0)
    assert "jobs of workers that died were found" in second.log()


def test_a_job_that_waits_because_its_like_was_killed_is_not_blocked_for_ever(
    queue: Queue, start_worker: StartWorker, gate: Path
) -> None:
    enqueue(samples.hold, word="x", gate=str(gate))
    first = start_worker()
    eventually(lambda: len(beginnings("x")) == 1)
    enqueue(samples.hold, word="x", gate=str(gate))
    first.kill()
    second = start_worker()
    eventually(lambda: beginnings("x") == [first.pid, second.pid])
    gate.touch()
    eventually(lambda: queue.state().running == 0)
    time.sleep(0.5)
    assert len(beginnings("x")) == 2


def test_a_job_that_kills_its_worker_each_time_ends_as_failed(queue: Queue, start_worker: StartWorker) -> None:
    enqueue(samples.kill)
    enqueue(samples.write, word="innocent")
    for tries in range(1, 4):
        worker = start_worker()
        eventually(lambda tries=tries: notes().count("kills") == tries)  # type: ignore[misc]
        eventually(lambda worker=worker: not worker.is_running)  # type: ignore[misc]
    worker = start_worker()
    eventually(lambda: queue.state().failed == 1)
    assert "a job has failed" in worker.log()
    assert "WorkerDied" in worker.log()
    assert notes().count("kills") == 3
    assert "innocent" in notes()


def test_two_workers_do_each_job_once(queue: Queue, start_worker: StartWorker) -> None:
    words = [f"word-{number}" for number in range(200)]
    workers = [start_worker(), start_worker()]
    eventually(lambda: queue.state().workers == 2)
    with transaction.atomic():
        for word in words:
            enqueue(samples.write_with_pid, word=word)
    eventually(lambda: len(notes()) >= len(words))
    eventually(lambda: queue.state().running == 0)
    done = [note.rpartition("-") for note in notes()]
    assert Counter(word for word, _, _ in done) == Counter(words)
    assert {int(pid) for _, _, pid in done} == {worker.pid for worker in workers}


def test_a_worker_of_one_queue_leaves_the_others_alone(queue: Queue, start_worker: StartWorker) -> None:
    enqueue(samples.write, word="default")
    enqueue(samples.slow_lane, word="slow")
    start_worker("--queues", "slow", "--concurrency", "1")
    eventually(lambda: "slow" in notes())
    enqueue(samples.slow_lane, word="slower")
    eventually(lambda: "slower" in notes())
    assert "default" not in notes()
    assert queue.state().waiting >= 1


def test_a_job_that_fails_ten_times_is_visible(queue: Queue, start_worker: StartWorker) -> None:
    enqueue(samples.fail, secret="terces-a")
    worker = start_worker()
    eventually(lambda: queue.state().failed == 1)
    assert len(notes()) == 10
    log = worker.log()
    assert log.count("a job is to be tried again") == 9
    assert log.count("a job has failed") == 1
    assert log.count("ERROR") == 1
    assert "a-secret" not in log


def test_sigterm_lets_jobs_end_and_tells_those_that_ask(queue: Queue, start_worker: StartWorker, gate: Path) -> None:
    enqueue(samples.hold, word="x", gate=str(gate))
    enqueue(samples.hold, word="polite", gate=str(gate))
    worker = start_worker()
    eventually(lambda: len(notes()) == 2)
    enqueue(samples.hold, word="late", gate=str(gate))
    eventually(lambda: len(notes()) == 3)
    os.kill(worker.pid, signal.SIGTERM)
    eventually(lambda: "polite-ends" in notes())
    enqueue(samples.write, word="too-late")
    assert worker.is_running
    gate.touch()
    assert worker.stop() == 0
    assert {"x-ends", "late-ends"} <= set(notes())
    assert "too-late" not in notes()
    assert (queue.state().running, queue.state().waiting, queue.state().workers) == (0, 1, 0)


def test_a_job_that_does_not_end_in_time_is_given_back(queue: Queue, start_worker: StartWorker, gate: Path) -> None:
    enqueue(samples.hold, word="x", gate=str(gate))
    worker = start_worker(GRACE=1)
    eventually(lambda: len(notes()) == 1)
    assert worker.stop() == 0
    assert "jobs did not end in time" in worker.log()
    state = queue.state()
    assert (state.running, state.waiting + state.delayed) == (0, 1)
    gate.touch()
    start_worker()
    eventually(lambda: "x-ends" in notes())


def test_what_the_clock_starts_is_started_once_by_two_workers(queue: Queue, start_worker: StartWorker) -> None:
    for _ in range(2):
        start_worker(TICK="* * * * * *")
    eventually(lambda: len(notes()) >= 5)
    assert len(notes()) <= 8
    assert max(Counter(notes()).values()) <= 2  # each at its own second, late by less than one


def test_a_worker_after_a_long_night_does_once_what_it_has_missed(queue: Queue, start_worker: StartWorker) -> None:
    first = start_worker(TICK="0 3 1 1 *")
    eventually(lambda: len(notes()) == 1)
    assert first.stop() == 0
    start_worker(TICK="0 3 1 1 *")
    enqueue(samples.write, word="later")
    eventually(lambda: "later" in notes())
    time.sleep(1)
    assert len(notes()) == 2


def test_a_job_of_a_newer_version_is_tried_again_later(queue: Queue, start_worker: StartWorker) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO procrastinate_jobs (queue_name, task_name) VALUES ('default', 'sample.of_tomorrow')"
        )
    worker = start_worker()
    eventually(lambda: queue.state().delayed == 1)
    assert "UnknownJob" in worker.log()
    assert worker.is_running

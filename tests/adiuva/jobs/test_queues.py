"""What every queue does: the same tests on the one in memory and on the one in PostgreSQL."""

import math
import uuid
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from adiuva.jobs import enqueue
from adiuva.jobs.port import Queue
from tests.adiuva.jobs import samples
from tests.adiuva.jobs.conftest import draining, eventually, settle
from tests.adiuva.jobs.samples import notes


def counts(queue: Queue) -> tuple[int, int, int, int]:
    state = queue.state()
    return state.waiting, state.delayed, state.running, state.failed


class Rollback(Exception):  # noqa: N818
    pass


def test_a_job_runs_once_with_its_arguments(queue: Queue) -> None:
    enqueue(samples.write, word="hello")
    queue.drain()
    assert notes() == ["hello"]
    queue.drain()
    assert notes() == ["hello"]


def test_nothing_runs_before_the_transaction_is_committed(queue: Queue) -> None:
    with transaction.atomic():
        enqueue(samples.write, word="hello")
        queue.drain()
        assert notes() == []
    queue.drain()
    assert notes() == ["hello"]


def test_a_transaction_that_is_rolled_back_has_queued_nothing(queue: Queue) -> None:
    with suppress(Rollback), transaction.atomic():
        enqueue(samples.write, word="hello")
        raise Rollback
    queue.drain()
    assert notes() == []


def test_jobs_that_name_what_is_erased_are_forgotten_and_no_others(queue: Queue, gate: Path) -> None:
    for word in ("x", "y"):  # both threads of the queue in memory
        enqueue(samples.hold, word=word, gate=str(gate))
    eventually(lambda: queue.state().running == 2 or queue.state().workers is not None)
    for word in ("erased", "kept"):
        enqueue(samples.write, word=word)
    queue.forget({"word": "erased"})
    gate.touch()
    queue.drain()
    assert {"x-ends", "y-ends", "kept"} <= set(notes())
    assert "erased" not in notes()


def test_of_identical_jobs_one_waits(queue: Queue, gate: Path) -> None:
    for word in ("x", "y"):  # both threads of the queue in memory
        enqueue(samples.hold, word=word, gate=str(gate))
    eventually(lambda: queue.state().running == 2 or queue.state().workers is not None)
    with transaction.atomic():
        for word in ("a", "b", "a", "a", "b"):
            enqueue(samples.write, word=word)
    enqueue(samples.write, word="a")
    gate.touch()
    queue.drain()
    assert sorted(note for note in notes() if "-" not in note) == ["a", "b"]


def test_a_job_that_is_queued_while_its_like_runs_runs_after_it(queue: Queue, gate: Path) -> None:
    enqueue(samples.hold, word="x", gate=str(gate))
    with draining(queue):
        eventually(lambda: len(notes()) == 1)
        enqueue(samples.hold, word="x", gate=str(gate))
        enqueue(samples.hold, word="x", gate=str(gate))
        assert (queue.state().running, queue.state().waiting) == (1, 1)
        gate.touch()
    queue.drain()
    assert [note.split("-")[1] for note in notes()] == ["begins", "ends", "begins", "ends"]


def test_a_job_may_queue_others(queue: Queue) -> None:
    enqueue(samples.chain, left=3)
    queue.drain()
    assert notes() == ["chain-3", "chain-2", "chain-1", "chain-0"]


def test_a_job_that_fails_is_tried_again(queue: Queue) -> None:
    enqueue(samples.fail, secret="x", times=3)
    settle(queue)
    assert len(notes()) == 4
    assert queue.state().failed == 0


def test_a_job_that_always_fails_ends_as_failed(queue: Queue, caplog: pytest.LogCaptureFixture) -> None:
    enqueue(samples.fail, secret="terces-a")
    settle(queue)
    assert len(notes()) == 10
    assert queue.state().failed == 1
    times = [float(note.removeprefix("try-")) for note in notes()]
    pauses = [after - before for before, after in pairwise(times)]
    assert all(pause >= samples.QUICK.first_seconds * 1.5**n for n, pause in enumerate(pauses[:4])), pauses
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert [(error.getMessage(), vars(error)["job"], vars(error)["tries"]) for error in errors] == [
        ("a job has failed", "sample.fail", 10)
    ]
    assert "RuntimeError" in caplog.text
    assert "a-secret" not in caplog.text


def test_a_failed_try_gives_way_to_its_like_that_waits(queue: Queue) -> None:
    enqueue(samples.return_and_fail)
    settle(queue)
    assert notes() == ["runs", "runs"]
    assert queue.state().failed == 0


@pytest.mark.parametrize("value", [uuid.UUID(int=1), math.nan, b"bytes", "x" * 1000])
def test_what_is_no_argument_is_refused_at_once(queue: Queue, value: Any) -> None:
    with pytest.raises((TypeError, ValueError)):
        enqueue(samples.write, word=value)
    queue.drain()
    assert notes() == []


def test_arguments_come_as_json_has_them(queue: Queue) -> None:
    value: Any = ("ä", 1.5, None, {"b": (True,)})
    enqueue(samples.write, word=value)
    queue.drain()
    assert "".join(notes()) == "['ä',1.5,None,{'b':[True]}]"


def test_the_state_is_counted(queue: Queue, gate: Path) -> None:
    assert counts(queue) == (0, 0, 0, 0)
    enqueue(samples.fail_slowly)
    enqueue(samples.give_up)
    enqueue(samples.hold, word="x", gate=str(gate))
    with draining(queue):
        eventually(lambda: counts(queue) == (0, 1, 1, 1))
        gate.touch()
    assert counts(queue) == (0, 1, 0, 1)


def test_the_oldest_of_those_that_wait_is_known(queue: Queue, gate: Path) -> None:
    for word in ("x", "y", "z"):
        enqueue(samples.hold, word=word, gate=str(gate))
    eventually(lambda: queue.state().oldest_seconds > 0.2)
    assert queue.state().waiting >= 1
    gate.touch()
    queue.drain()
    assert queue.state().oldest_seconds == 0


def test_what_is_cleared_does_not_run(queue: Queue) -> None:
    enqueue(samples.fail, secret="x")
    queue.drain()
    tried = len(notes())
    queue.clear()
    enqueue(samples.write, word="hello")
    settle(queue)
    assert len(notes()) in {tried + 1, tried + 2}  # a try may have been under way
    assert notes()[-1] == "hello"


def test_the_database_can_be_used(transactional_db: None, queue: Queue) -> None:
    from accounts.models import User

    enqueue(samples.count_users)
    queue.drain()
    User.objects.create_user(email="a@example.com", password="a long sentence")
    enqueue(samples.count_users)
    queue.drain()
    assert notes() == ["0", "1"]

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connection, connections
from django.test.utils import setup_databases, teardown_databases
from pytest_django import DjangoDbBlocker

from adiuva.jobs import registry
from adiuva.jobs.port import Queue, set_stopping
from tests.adiuva.jobs import samples
from tests.adiuva.jobs.workers import Worker

# "embedded" runs on either database, as far as a queue in memory cares.
QUEUES = [pytest.param("embedded"), pytest.param("procrastinate", marks=pytest.mark.postgres)]


def eventually(is_so: Callable[[], bool], *, seconds: float = 180) -> None:
    ends = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < ends, f"it did not happen; {samples.notes()}"
        time.sleep(0.02)


def settle(queue: Queue) -> None:
    """Until nothing waits, not even for another try."""
    eventually(lambda: _is_settled(queue))


def _is_settled(queue: Queue) -> bool:
    queue.drain()
    state = queue.state()
    return not state.waiting and not state.delayed and not state.running


@contextmanager
def draining(queue: Queue) -> Iterator[None]:
    """Something works the jobs off meanwhile."""
    thread = threading.Thread(target=queue.drain, name="draining")
    thread.start()
    yield
    thread.join()


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Path]:
    """What ``samples.hold`` waits for; open at the end."""
    path = tmp_path / "gate"
    yield path
    path.touch()


@pytest.fixture(autouse=True)
def diary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "diary"
    monkeypatch.setenv(samples.DIARY, str(path))
    return path


@pytest.fixture(autouse=True)
def _nothing_is_scheduled(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """But by a test."""
    monkeypatch.setattr(registry, "_schedule", {})
    yield
    set_stopping(stopping=False)


@pytest.fixture(scope="session")
def _database_of_tests(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """pytest-django makes one where a collected test is marked for it. Without one, a test here would empty the queue
    of the database that `DATABASE_URL` names.
    """
    if not os.environ.get("DATABASE_URL", "").endswith(f"/{connection.settings_dict['NAME']}"):
        yield
        return
    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False)
    yield
    with django_db_blocker.unblock():
        teardown_databases(made, verbosity=0)


@pytest.fixture
def database(_database_of_tests: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """Real commits, and no table of ours written to: emptying them all would take longer than the test."""
    with django_db_blocker.unblock():
        yield
        connections.close_all()


@pytest.fixture(params=QUEUES)
def queue(request: pytest.FixtureRequest, database: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Queue]:
    """Each implementation of the port, empty, and the one that ``enqueue`` finds."""
    made: Queue
    from adiuva.jobs.embedded import EmbeddedQueue

    if request.param == "embedded":
        made = EmbeddedQueue()
    else:
        from adiuva.jobs.procrastinate.queue import ProcrastinateQueue

        made = ProcrastinateQueue(in_server=EmbeddedQueue(only_in_server=True))
    made.clear()
    monkeypatch.setattr("adiuva.jobs.get_queue", lambda: made)
    yield made
    made.clear()
    made.stop(seconds=5)


@pytest.fixture
def start_worker(tmp_path: Path, diary: Path, database: None) -> Iterator[Callable[..., Worker]]:
    """``start_worker("--concurrency", "1", POLL=1)``: `manage.py work` on the database of the test."""
    from adiuva.jobs.embedded import EmbeddedQueue
    from adiuva.jobs.procrastinate.queue import ProcrastinateQueue

    url = os.environ["DATABASE_URL"].rpartition("/")[0] + f"/{connection.settings_dict['NAME']}"
    environment = {"DATABASE_URL": url, samples.DIARY: str(diary), "DATA_DIR": str(tmp_path)}
    started: list[Worker] = []

    def start(*options: str, **given: object) -> Worker:
        started.append(Worker(tmp_path / f"worker-{len(started)}.log", environment, options, given))
        return started[-1]

    ProcrastinateQueue(in_server=EmbeddedQueue(only_in_server=True)).clear()
    yield start
    for worker in started:
        worker.kill()
    ProcrastinateQueue(in_server=EmbeddedQueue(only_in_server=True)).clear()
    with connection.cursor() as cursor:  # killed ones count as living for a while
        cursor.execute("DELETE FROM procrastinate_workers")

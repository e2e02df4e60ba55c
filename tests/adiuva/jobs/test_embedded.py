"""What is true of the queue in memory alone."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from adiuva.jobs import enqueue, is_stopping, schedule
from adiuva.jobs.embedded import MOST_WAITING, EmbeddedQueue
from tests.adiuva.jobs import samples
from tests.adiuva.jobs.conftest import eventually
from tests.adiuva.jobs.samples import notes
from tests.support.server import PROJECT_DIR, clean_environment


@pytest.fixture
def queue(database: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedQueue]:
    made = EmbeddedQueue()
    monkeypatch.setattr("adiuva.jobs.get_queue", lambda: made)
    yield made
    made.stop(seconds=5)


@pytest.mark.thorough
def test_its_schedule_begins_with_the_server(queue: EmbeddedQueue) -> None:
    schedule("* * * * * *", samples.tick)
    enqueue(samples.write, word="x")
    queue.drain()
    time.sleep(1.1)
    assert notes() == ["x"]
    queue.start()
    eventually(lambda: len(notes()) >= 4)
    assert len(set(notes())) == len(notes())


def test_what_finds_lost_jobs_runs_at_the_start(queue: EmbeddedQueue) -> None:
    schedule("0 3 1 1 *", samples.tick, at_start=True)
    schedule("0 3 1 1 *", samples.give_up)
    queue.start()
    queue.drain()
    assert len(notes()) == 1
    assert queue.state().failed == 0


def test_stopping_waits_for_what_runs_and_begins_nothing(queue: EmbeddedQueue, gate: Path) -> None:
    for word in ("polite", "x", "waits"):
        enqueue(samples.hold, word=word, gate=str(gate))
    eventually(lambda: len(notes()) == 2)
    queue.stop(seconds=0.5)
    assert is_stopping()
    assert "polite-ends" in notes()
    assert "x-ends" not in notes()
    gate.touch()
    queue.stop(seconds=10)
    assert "x-ends" in notes()
    enqueue(samples.write, word="late")
    time.sleep(0.2)
    assert not [note for note in notes() if note.startswith(("waits", "late"))]


def test_it_can_be_started_again(queue: EmbeddedQueue) -> None:
    queue.start()
    queue.stop(seconds=5)
    queue.start()
    assert not is_stopping()
    enqueue(samples.write, word="x")
    queue.drain()
    assert notes() == ["x"]


def test_it_holds_so_many_and_no_more(queue: EmbeddedQueue, gate: Path, caplog: pytest.LogCaptureFixture) -> None:
    for word in ("x", "y"):
        enqueue(samples.hold, word=word, gate=str(gate))
    eventually(lambda: queue.state().running == 2)
    for number in range(MOST_WAITING + 1):
        enqueue(samples.write, word=str(number))
    assert queue.state().waiting == MOST_WAITING
    assert "too many jobs wait" in caplog.text
    gate.touch()
    queue.drain()


@pytest.mark.thorough
def test_a_command_ends_when_its_jobs_have(diary: Path, tmp_path: Path) -> None:
    code = """
import os
os.environ["DJANGO_SETTINGS_MODULE"] = "adiuva.settings"
import django
django.setup()
from adiuva.jobs import enqueue
from tests.adiuva.jobs import samples
enqueue(samples.chain, left=3)
"""
    environment = {"DATA_DIR": str(tmp_path / "data"), samples.DIARY: str(diary), "PYTHONPATH": os.curdir}
    subprocess.run([sys.executable, "-c", code], cwd=PROJECT_DIR, env=clean_environment() | environment, check=True)
    assert notes() == ["chain-3", "chain-2", "chain-1", "chain-0"]


@pytest.mark.thorough
def test_a_commands_jobs_may_start_threads(diary: Path, tmp_path: Path) -> None:
    code = "from adiuva.jobs import enqueue; from tests.adiuva.jobs import samples; enqueue(samples.read_in_a_thread)"
    environment = {"DATA_DIR": str(tmp_path / "data"), samples.DIARY: str(diary)}
    command = [sys.executable, "manage.py", "shell", "--verbosity=0", "-c", code]
    ended = subprocess.run(
        command, cwd=PROJECT_DIR, env=clean_environment() | environment, check=True, capture_output=True, text=True
    )
    assert (notes(), ended.stderr) == (["reads", "has-read"], "")


@pytest.mark.skipif(connection.vendor == "postgresql", reason="with PostgreSQL there is something to start")
def test_there_is_no_worker_to_start() -> None:
    with pytest.raises(CommandError, match="jobs run in the server process") as ended:
        call_command("work")
    assert ended.value.returncode == 1

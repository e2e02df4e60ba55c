"""`manage.py work` while PostgreSQL goes away and comes back."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.adiuva.jobs import samples
from tests.adiuva.jobs.conftest import eventually
from tests.adiuva.jobs.samples import beginnings, notes
from tests.adiuva.jobs.workers import Worker, put
from tests.conftest import SERVER_SECRET
from tests.support.postgres_server import PATIENCE_SECONDS, PostgresServer, programs
from tests.support.server import RunningServer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[PostgresServer, dict[str, str]]]:
    """A PostgreSQL to stop, and the environment of those who use it."""
    if programs() is None:
        pytest.skip("there is no PostgreSQL to start")
    folder = tmp_path_factory.mktemp("postgres")
    own = PostgresServer()
    environment = {"DATABASE_URL": own.url, "DATA_DIR": str(folder / "data"), "JWT_SECRET": SERVER_SECRET}
    try:
        own.start()
        own.make_database()
        RunningServer(folder=folder, env=environment).manage("migrate", "--verbosity=0")
        own.stop(signal.SIGINT)
        yield own, environment
    finally:
        own.remove()


@pytest.fixture
def postgres(migrated: tuple[PostgresServer, dict[str, str]]) -> Iterator[PostgresServer]:
    own, _ = migrated
    own.start()
    yield own
    own.stop()


@pytest.fixture
def environment(migrated: tuple[PostgresServer, dict[str, str]], diary: Path) -> dict[str, str]:
    return migrated[1] | {samples.DIARY: str(diary)}


def test_postgresql_is_restarted_underneath(
    postgres: PostgresServer, environment: dict[str, str], tmp_path: Path, gate: Path
) -> None:
    put(environment, ("sample.hold", {"word": "x", "gate": str(gate)}), ("sample.write", {"word": "before"}))
    # However long the server takes to go, the worker waits for the job, which then ends without it.
    worker = Worker(tmp_path / "worker.log", environment, (), {"LONGEST_PAUSE": 2, "GRACE": PATIENCE_SECONDS})
    try:
        eventually(lambda: len(notes()) == 2)
        postgres.stop()
        gate.touch()  # the job ends while nobody can be told
        eventually(lambda: "x-ends" in notes())
        eventually(lambda: "has lost its queue" in worker.log())
        postgres.start()
        put(environment, ("sample.write", {"word": "after"}))
        eventually(lambda: "after" in notes())
        eventually(lambda: notes().count("x-ends") == 2)  # run twice, as jobs may be
        assert beginnings("x") == [worker.pid] * 2
        assert worker.stop() == 0
        assert "ERROR" not in worker.log()
    finally:
        worker.kill()


def test_a_worker_whose_job_goes_on_without_postgresql_ends_for_who_watches_it_to_start_another(
    postgres: PostgresServer, environment: dict[str, str], tmp_path: Path, gate: Path
) -> None:
    put(environment, ("sample.hold", {"word": "x", "gate": str(gate)}))
    worker = Worker(tmp_path / "worker.log", environment, (), {"GRACE": 2})
    try:
        eventually(lambda: len(notes()) == 1)
        postgres.stop()
        eventually(lambda: not worker.is_running)
        assert worker.stop() == 1
    finally:
        worker.kill()
        postgres.start()

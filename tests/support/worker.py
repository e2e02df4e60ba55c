"""What serves deferred work beside a real server: on PostgreSQL `manage.py work`, on SQLite the server itself."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.support.server import PROJECT_DIR, RunningServer, clean_environment


@contextmanager
def worker_beside(server: RunningServer, folder: Path) -> Iterator[None]:
    """With the environment of ``server``. It begins with what the schedule has missed; what it says goes to
    ``worker.log``.
    """
    database_url = server.env["DATABASE_URL"]
    if not database_url.startswith("postgres"):
        yield
        return
    # Nothing is missed in a database where another test's worker has served the same ten minutes.
    with psycopg.connect(database_url) as connection:
        connection.execute("DELETE FROM procrastinate_periodic_defers")
    with (folder / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "work"],
            cwd=PROJECT_DIR,
            env=clean_environment() | server.env,
            stdout=log,
            stderr=log,
        )
    try:
        yield
        assert process.poll() is None, (folder / "worker.log").read_text()
    finally:
        process.terminate()
        process.wait(120)

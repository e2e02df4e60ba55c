"""Worker processes of their own, which know the sample jobs."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.server import PROJECT_DIR, clean_environment

# Of production's, what a test would wait for.
TIMES = {"POLL": 0.1, "SWEEP": 0.5, "HEARTBEAT": 0.5, "STALE": 3.0}


class Worker:
    """`manage.py work OPTIONS`; ``given`` is in the place of ``adiuva.jobs.procrastinate.library``."""

    def __init__(
        self, log: Path, environment: dict[str, str], options: tuple[str, ...], given: dict[str, object]
    ) -> None:
        self._log = log
        with log.open("ab") as file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.adiuva.jobs.process", json.dumps(TIMES | given), "work", *options],
                cwd=PROJECT_DIR,
                env=clean_environment() | environment,
                stdout=file,
                stderr=file,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def log(self) -> str:
        return self._log.read_text()

    def stop(self, *, seconds: float = 120) -> int:
        """By SIGTERM; the exit status."""
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(seconds)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(120)


def put(environment: dict[str, str], *jobs: tuple[str, dict[str, Any]]) -> None:
    """Queues jobs in the database of ``environment``."""
    subprocess.run(
        [sys.executable, "-m", "tests.adiuva.jobs.process", "{}", "put"],
        cwd=PROJECT_DIR,
        env=clean_environment() | environment,
        input="\n".join(map(json.dumps, jobs)),
        text=True,
        check=True,
    )

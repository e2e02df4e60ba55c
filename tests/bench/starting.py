"""From nothing to a first answer, and what a management command costs before it does anything."""

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from tests.bench.environment import BaselineServer, Stage
from tests.bench.report import Goal, Row
from tests.support.server import PROJECT_DIR, RunningServer

EMPTY_DJANGO = "import django; from django.conf import settings; settings.configure(); django.setup()"
ROUNDS = 3


def rows(stage: Stage) -> Iterator[Row]:
    ours = _best(lambda: _start_seconds(RunningServer(folder=stage.folder, env=stage.variables)))
    bare = _best(lambda: _start_seconds(BaselineServer("bare", folder=stage.folder, env=stage.variables)))
    yield Row("first answer after start", "s", ours, bare, "bare ASGI on our settings")
    check = _best(lambda: _command_cpu(stage, "manage.py", "check"))
    nothing = _best(lambda: _command_cpu(stage, "-c", EMPTY_DJANGO))
    yield Row("manage.py check", "CPU s", check, nothing, "django.setup() of nothing", Goal(most=3))


def _best(measure: Callable[[], float]) -> float:
    return min(measure() for _ in range(ROUNDS))


def _start_seconds(server: RunningServer) -> float:
    started = time.monotonic()
    server.start()
    seconds = time.monotonic() - started
    server.stop()
    return seconds


def _command_cpu(stage: Stage, *arguments: str) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, *arguments], cwd=PROJECT_DIR, env=stage.environment, check=True, capture_output=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

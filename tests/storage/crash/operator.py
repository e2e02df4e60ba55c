"""The operator of a running service: management commands in one process that stays, for each start costs seconds."""

import json
import subprocess
import sys
from typing import Self

from tests.support.server import PROJECT_DIR, RunningServer, clean_environment

SERVE = """
import io, json, sys
from django.core.management import CommandError, call_command
for line in sys.stdin:
    output = io.StringIO()
    try:
        call_command(*json.loads(line), stdout=output)
        code = 0
    except CommandError as error:
        code = error.returncode
    print(json.dumps([code, output.getvalue()]), flush=True)
"""


class Operator:
    """``with Operator(server) as operator: code, output = operator.manage("reap_storage", "--dry-run")``."""

    def __init__(self, server: RunningServer) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "manage.py", "shell", "--verbosity=0", "-c", SERVE],
            cwd=PROJECT_DIR,
            env=clean_environment() | server.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.communicate()  # closes its input, which ends it

    def manage(self, *arguments: str) -> tuple[int, str]:
        """The exit code, and what was printed on stdout."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(arguments) + "\n")
        self._process.stdin.flush()
        code, output = json.loads(self._process.stdout.readline())
        return code, output

"""The real server, as its own process, on a free port with a database of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

import psycopg

from adiuva.environment import Environment
from tests.support.inspected_server import MARK
from tests.support.ports import held_port

PROJECT_DIR = Path(__file__).resolve().parents[2]
START_SECONDS = 180


def clean_environment() -> dict[str, str]:
    """This process's environment without any variable of ours, nor the settings module of the tests."""
    ours = {*Environment.model_fields, "DJANGO_SETTINGS_MODULE"}
    return {name: value for name, value in os.environ.items() if name not in ours}


class RunningServer:
    """`python -m adiuva.server.serve`. ``env`` are the variables it got; what it writes goes to ``server-PORT.log``."""

    module = "adiuva.server.serve"

    def __init__(self, *, folder: Path, env: dict[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = held_port(self)
        self.url = f"http://127.0.0.1:{self.port}"
        self.ws_url = f"ws://127.0.0.1:{self.port}"
        self.env = {"PORT": str(self.port), **env}
        self._log = folder / f"server-{self.port}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def start(self) -> Self:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                cwd=PROJECT_DIR,
                env=clean_environment() | self.env,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                break
            try:
                with urllib.request.urlopen(f"{self.url}/api/v1/health", timeout=30):  # noqa: S310 - our own URL
                    return self
            except OSError:
                time.sleep(0.1)
        log_text = self.log_text()
        self.stop()
        raise RuntimeError(f"the server did not start:\n{log_text}")

    def stop(self, sig: signal.Signals = signal.SIGTERM, timeout: float = 120) -> int:
        """Sends ``sig`` and waits; returns the exit status (negative: the signal that ended it)."""
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(sig)
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise

    def signal(self, sig: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(sig)

    def wait(self, timeout: float) -> int:
        assert self._process is not None
        return self._process.wait(timeout)

    def log_text(self) -> str:
        return self._log.read_text(errors="replace")

    def manage(self, *arguments: str) -> str:
        """Runs `manage.py` against the same database; returns what it printed."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT_DIR,
            env=clean_environment() | self.env,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout


class ShortMinuteServer(RunningServer):
    """Its minute, in which the limits of the tiers are used up, is a second."""

    module = "tests.support.short_minute"


class InspectedServer(RunningServer):
    """One that can be asked what it holds."""

    module = "tests.support.inspected_server"

    def inspect(self) -> dict[str, Any]:
        """``frozen``: objects that the garbage collector leaves alone; ``encodings``: tiktoken's that are loaded."""
        told = self.log_text().count(MARK)
        self.signal(signal.SIGUSR1)
        self.await_log(lambda text: text.count(MARK) > told)
        held: dict[str, Any] = json.loads(self.log_text().rpartition(MARK)[2].splitlines()[0])
        return held

    def await_log(self, holds: Callable[[str], bool]) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not holds(self.log_text()):
            assert time.monotonic() < deadline, self.log_text()
            time.sleep(0.05)


def new_database(name: str, folder: Path, *, template: str = "template1") -> str:
    """The URL of an empty database beside the one of `DATABASE_URL`, or of an SQLite file. On PostgreSQL it has what
    ``template`` has.
    """
    base = os.environ.get("DATABASE_URL", "")
    if not base.startswith("postgres"):
        return f"sqlite:///{folder / name}.sqlite3"
    assert re.fullmatch(r"[a-z0-9_]+ [a-z0-9_]+", f"{name} {template}")
    parts = urlsplit(base.replace("+psycopg", ""))
    with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
    return urlunsplit(parts._replace(path=f"/{name}"))


def drop_database(url: str) -> None:
    if not url.startswith("postgres"):
        return
    parts = urlsplit(url)
    with psycopg.connect(urlunsplit(parts._replace(path="/postgres")), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{parts.path.lstrip("/")}" WITH (FORCE)')

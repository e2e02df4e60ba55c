"""What every group of rows stands on: a folder, a migrated database, accounts, servers that end with the run."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

from tests.bench.provider import Provider
from tests.support.server import PROJECT_DIR, RunningServer, clean_environment
from tests.support.transfer import wait_until_idle

SECRET = "bench-9f8e7d6c5b4a39281706f5e4d3c2b1a0"
MAKE_ACCOUNTS = """
import django; django.setup()
from tests.support.accounts import make_account
for _ in range({count}):
    account = make_account(tier="team")
    print(account.access_token, account.user.id)
"""


Running = TypeVar("Running", bound=RunningServer)


class SkippedError(Exception):
    """This machine lacks what a group needs; the message says what."""


class BaselineServer(RunningServer):
    """A module of `tests.bench.baselines`, run as a process."""

    def __init__(self, name: str, *, folder: Path, env: dict[str, str]) -> None:
        super().__init__(folder=folder, env=env)
        self.module = f"tests.bench.baselines.{name}"


@dataclass(frozen=True, slots=True)
class Member:
    token: str
    user_id: str


class Stage:
    """``postgres``: the URL of an empty database, or "" for SQLite."""

    def __init__(self, folder: Path, stack: ExitStack, *, postgres: str = "") -> None:
        self.folder = folder
        self._stack = stack
        # The model client costs a start 5 s of CPU: only who chats loads it.
        self.variables = {"DATA_DIR": str(folder / "data"), "JWT_SECRET": SECRET, "LLM_PRELOAD": "false"}
        if postgres:
            self.variables["DATABASE_URL"] = postgres
        RunningServer(folder=folder, env=self.variables).manage("migrate", "--verbosity=0")

    @property
    def environment(self) -> dict[str, str]:
        return clean_environment() | self.variables | {"DJANGO_SETTINGS_MODULE": "adiuva.settings"}

    def accounts(self, count: int) -> list[Member]:
        """New ones on the team tier: 200 requests a minute each."""
        made = subprocess.run(
            [sys.executable, "-c", MAKE_ACCOUNTS.format(count=count)],
            cwd=PROJECT_DIR,
            env=self.environment,
            check=True,
            capture_output=True,
            text=True,
        )
        return [Member(*line.split()) for line in made.stdout.splitlines()]

    def ours(self, **extra: str) -> RunningServer:
        """Ended with the stage, unless somebody did before."""
        return self._running(RunningServer(folder=self.folder, env=self.variables | extra))

    def baseline(self, name: str, **extra: str) -> RunningServer:
        return self._running(BaselineServer(name, folder=self.folder, env=self.variables | extra))

    def provider(self) -> Provider:
        return self._running(Provider(folder=self.folder, env={}))

    def _running(self, server: Running) -> Running:
        server.start()
        self._stack.callback(server.stop)
        wait_until_idle(server.pid)
        return server

    @classmethod
    @contextmanager
    def set_up(cls, folder: Path, *, postgres: str = "") -> Iterator[Self]:
        folder.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            yield cls(folder, stack, postgres=postgres)


def postgres_url() -> str:
    """Of the server whose databases the run may create, from ``DATABASE_URL``. Raises ``SkippedError`` without one."""
    url = os.environ.get("DATABASE_URL", "")
    if not url.startswith("postgres"):
        raise SkippedError("set DATABASE_URL to a PostgreSQL server; the rows make a database of their own there")
    return url

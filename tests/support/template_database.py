"""A migrated SQLite database, kept from one test run to the next.

Migrating costs seconds of CPU, and the outcome is the same until something that decides it changes. So whoever needs it
first migrates and keeps a copy, under a name that says what it came from (``schema_fingerprint``); the others take a
copy of that. Any number of runs and workers may do so at once: one migrates, and the others wait for it.
"""

import contextlib
import fcntl
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.backends.sqlite3.creation import DatabaseCreation

from tests.support.server import RunningServer

SQLITE = "sqlite:///"
KEPT = 6  # as many branches may take turns; one is about 1 MB
PATIENCE_SECONDS = 300  # on a busy machine a migration takes minutes; who dies meanwhile lets go of the lock


class Templates:
    """Those in ``folder``. Without a folder or a fingerprint there are none, and each database is migrated."""

    def __init__(self, folder: Path | None, fingerprint: str | None) -> None:
        self._folder = folder if fingerprint else None
        self._name = f"{fingerprint}.sqlite3"

    def place(self, database: Path, migrate: Callable[[], object]) -> bool:
        """True: ``database``, which was not there, is a copy of the template now. False: ``migrate`` has made it."""
        if self._copied(database):
            return True
        with self._turn() as is_ours:
            if self._copied(database):  # made while this one waited
                return True
            migrate()
            if is_ours:
                # Without a template all is well, only slower.
                with contextlib.suppress(OSError, sqlite3.Error):
                    self._keep(database)
        return False

    def migrate(self, server: RunningServer) -> None:
        """Its new database: on SQLite by a copy, where there is one."""

        def migrate() -> None:
            server.manage("migrate", "--verbosity=0")

        url = server.env["DATABASE_URL"]
        if url.startswith(SQLITE):
            self.place(Path(url.removeprefix(SQLITE)), migrate)
        else:
            migrate()

    def _copied(self, database: Path) -> bool:
        if self._folder is None:
            return False
        template = self._folder / self._name
        try:
            os.utime(template)  # what was used last is kept longest
        except OSError:
            return False
        try:
            shutil.copyfile(template, database)
        except FileNotFoundError:
            return False
        return True

    @contextlib.contextmanager
    def _turn(self) -> Iterator[bool]:
        """One process after the other; False for one that waited too long or may not write in the folder."""
        with contextlib.ExitStack() as opened:
            yield self._folder is not None and _locked(self._folder / "lock", opened)

    def _keep(self, database: Path) -> None:
        """All of it or nothing, with what is still in the write-ahead log only."""
        assert self._folder is not None
        unfinished = self._folder / "unfinished"
        unfinished.unlink(missing_ok=True)
        with (
            contextlib.closing(sqlite3.connect(database)) as source,
            contextlib.closing(sqlite3.connect(unfinished)) as target,
        ):
            source.backup(target)
        unfinished.replace(self._folder / self._name)
        newest_first = sorted(self._folder.glob("*.sqlite3"), key=lambda file: file.stat().st_mtime, reverse=True)
        for file in newest_first[KEPT:]:
            file.unlink()


def _locked(path: Path, opened: contextlib.ExitStack) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    try:
        lock = opened.enter_context(path.open("w"))
        while time.monotonic() < deadline:
            with contextlib.suppress(BlockingIOError):
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            time.sleep(0.05)
    except OSError:
        return False
    return False


class CopiedDatabase(DatabaseCreation):
    """Django's way to a test database, with a copy in the place of its ``migrate``."""

    def __init__(self, connection: Any, templates: Templates) -> None:
        super().__init__(connection)
        self._templates = templates

    def create_test_db(
        self, verbosity: int = 1, autoclobber: bool = False, serialize: bool | None = True, keepdb: bool = False
    ) -> str:
        name: str = self._get_test_db_name()  # type: ignore[attr-defined]  # the stubs leave the hooks out
        create = super().create_test_db
        if keepdb or self.is_in_memory_db(name):
            return create(verbosity, autoclobber, bool(serialize), keepdb)
        self._create_test_db(verbosity, autoclobber)  # type: ignore[attr-defined]  # that is: away with an old one
        if self._templates.place(Path(name), lambda: create(verbosity, autoclobber, bool(serialize))):
            self.connection.close()
            settings.DATABASES[self.connection.alias]["NAME"] = name
            self.connection.settings_dict["NAME"] = name
            if serialize:
                self.connection._test_serialized_contents = self.serialize_db_to_string()  # type: ignore[attr-defined]
            self.connection.ensure_connection()
        return name


def use_for_tests(templates: Templates) -> None:
    """Test databases on SQLite are copied from now on; those of another kind are still migrated."""
    for connection in connections.all():
        if connection.vendor == "sqlite":
            connection.creation = CopiedDatabase(connection, templates)

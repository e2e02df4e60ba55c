"""A database that is copied is the one that would be migrated, whoever else is about to make it."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings as project_settings
from django.db import connection
from pytest_django import Settings

from tests.support import template_database
from tests.support.postgres_template import PREFIX
from tests.support.schema_fingerprint import PROJECT_DIR, fingerprint, sources
from tests.support.server import RunningServer
from tests.support.template_database import KEPT, CopiedDatabase, Templates

# --- what it comes from ----------------------------------------------------------------------------------------


def _names() -> set[str]:
    return {file.relative_to(PROJECT_DIR).as_posix() for file in sources()}


def test_it_comes_from_every_migration_of_ours_and_what_they_need() -> None:
    folders = [apps.get_app_config(label).path for label in ("accounts", "billing", "storage", "marketplace", "chat")]
    migrations = [file for folder in folders for file in Path(folder).rglob("migrations/*.py")]

    assert len(migrations) > len(folders)
    assert _names() >= {file.relative_to(PROJECT_DIR).as_posix() for file in migrations}
    assert any(name.endswith("manifest.json") for name in _names())  # of the plugins that a migration publishes
    for router in project_settings.DATABASE_ROUTERS:
        module = import_module(router.rpartition(".")[0])
        assert Path(str(module.__file__)).relative_to(PROJECT_DIR).as_posix() in _names()


def test_it_does_not_come_from_what_is_worked_on() -> None:
    """A test run after an edit there would begin with migrating: a migration keeps what it needs to itself."""
    assert not [name for name in _names() if "models" in name or "views" in name or "templates" in name]


def _read_as_changed(changed: Path) -> Callable[[Path], bytes]:
    read = Path.read_bytes
    return lambda file: read(file) + b"\n" * (file == changed)


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["0001_initial.py", "manifest.json"])
def test_a_changed_file_changes_the_fingerprint(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint()
    for file in (file for file in sources() if file.name == kind):
        with monkeypatch.context() as changing:
            changing.setattr(Path, "read_bytes", _read_as_changed(file))
            assert fingerprint() != before, file
    assert fingerprint() == before


def test_so_do_permissions_and_settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    before = fingerprint()
    with monkeypatch.context() as changing:
        changing.setattr(apps.get_model("accounts", "User")._meta, "permissions", [("wave", "Can wave")])
        assert fingerprint() != before
    settings.DATABASE_ROUTERS = []
    assert fingerprint() != before


def test_there_is_none_where_a_model_has_no_migrations(settings: Settings) -> None:
    settings.MIGRATION_MODULES = settings.MIGRATION_MODULES | {"chat": None}
    assert fingerprint() is None


# --- what is in it ---------------------------------------------------------------------------------------------


def _read(database: Path, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(database)) as opened:
        return opened.execute(query).fetchall()


@pytest.mark.thorough
def test_a_copy_is_as_if_migrated(tmp_path: Path, database_templates: Templates) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("databases on PostgreSQL are copied by it, and migrate after that")

    def migrate(database: Path) -> None:
        env = {"DATABASE_URL": f"sqlite:///{database}", "DATA_DIR": str(tmp_path / "data")}
        RunningServer(folder=tmp_path, env=env).manage("migrate", "--verbosity=0")

    copied, migrated = tmp_path / "copied.sqlite3", tmp_path / "migrated.sqlite3"
    database_templates.place(copied, lambda: migrate(copied))
    migrate(migrated)

    queries = [
        "PRAGMA journal_mode",
        "SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY name",
        "SELECT app, name FROM django_migrations ORDER BY app, name",
        "SELECT app_label, model FROM django_content_type ORDER BY app_label, model",
        """SELECT app_label, model, codename, name FROM auth_permission
           JOIN django_content_type AS type ON type.id = content_type_id ORDER BY app_label, model, codename""",
        """SELECT auth_group.name, codename FROM auth_group_permissions JOIN auth_group ON auth_group.id = group_id
           JOIN auth_permission ON auth_permission.id = permission_id ORDER BY codename""",
        "SELECT slug, version, rank, status, s3_package_key, created_at FROM plugins ORDER BY slug",
    ]
    tables = [name for (name,) in _read(migrated, "SELECT name FROM sqlite_master WHERE type = 'table'")]
    for query in [*queries, *(f'SELECT count(*) FROM "{table}"' for table in tables)]:  # noqa: S608 - our own tables
        assert _read(copied, query) == _read(migrated, query), query


@pytest.mark.django_db
def test_tests_begin_with_one(database_templates: Templates) -> None:
    assert isinstance(connection.creation, CopiedDatabase) == (connection.vendor == "sqlite")
    if connection.vendor == "postgresql":
        assert connection.settings_dict["TEST"]["TEMPLATE"] == f"{PREFIX}{fingerprint()}"


# --- how it is kept --------------------------------------------------------------------------------------------


class Migration:
    """In the place of Django's: what it writes is in the write-ahead log still when it is copied."""

    def __init__(self) -> None:
        self.made: list[Path] = []
        self._open: list[sqlite3.Connection] = []

    def __call__(self, database: Path) -> None:
        opened = sqlite3.connect(database)
        self._open.append(opened)
        opened.execute("PRAGMA journal_mode = WAL")
        opened.executescript("CREATE TABLE made (name TEXT); INSERT INTO made VALUES ('it');")
        self.made.append(database)

    def close(self) -> None:
        for opened in self._open:
            opened.close()


@pytest.fixture
def migration() -> Iterator[Migration]:
    new = Migration()
    yield new
    new.close()


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    (tmp_path / "kept").mkdir()
    return tmp_path / "kept"


def _place(templates: Templates, database: Path, migration: Migration) -> bool:
    placed = templates.place(database, lambda: migration(database))
    assert _read(database, "SELECT name FROM made") == [("it",)]
    return placed


def test_the_first_is_migrated_and_the_next_are_copied(kept: Path, tmp_path: Path, migration: Migration) -> None:
    first, second = tmp_path / "first", tmp_path / "second"

    assert not _place(Templates(kept, "a"), first, migration)
    assert _place(Templates(kept, "a"), second, migration)
    assert migration.made == [first]
    assert {file.name for file in kept.iterdir()} == {"a.sqlite3", "lock"}


def test_another_fingerprint_is_another_template(kept: Path, tmp_path: Path, migration: Migration) -> None:
    for fingerprint_ in "ab":
        assert not _place(Templates(kept, fingerprint_), tmp_path / fingerprint_, migration)


@pytest.mark.parametrize("missing", ["folder", "fingerprint", "right to write"])
def test_without_a_place_to_keep_it_each_is_migrated(
    missing: str, kept: Path, tmp_path: Path, migration: Migration
) -> None:
    folder = {"folder": None, "right to write": kept / "no such folder"}.get(missing, kept)
    templates = Templates(folder, None if missing == "fingerprint" else "a")

    for name in ("first", "second"):
        assert not _place(templates, tmp_path / name, migration)


def test_a_migration_that_fails_leaves_nothing_behind(kept: Path, tmp_path: Path, migration: Migration) -> None:
    def fail() -> None:
        migration(tmp_path / "half")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        Templates(kept, "a").place(tmp_path / "half", fail)
    assert not _place(Templates(kept, "a"), tmp_path / "whole", migration)


def test_what_a_killed_run_left_is_no_template(kept: Path, tmp_path: Path, migration: Migration) -> None:
    (kept / "unfinished").write_bytes(b"SQLite format 3\0 and no more")

    assert not _place(Templates(kept, "a"), tmp_path / "first", migration)
    assert _place(Templates(kept, "a"), tmp_path / "second", migration)


def test_those_not_used_for_the_longest_time_go(kept: Path, tmp_path: Path, migration: Migration) -> None:
    for number in range(KEPT):
        _place(Templates(kept, f"{number}"), tmp_path / f"{number}", migration)
        os.utime(kept / f"{number}.sqlite3", (number, number))
    _place(Templates(kept, "0"), tmp_path / "again", migration)
    _place(Templates(kept, "new"), tmp_path / "new", migration)

    assert {file.stem for file in kept.glob("*.sqlite3")} == {"new", "0", *map(str, range(2, KEPT))}


def test_who_has_waited_long_enough_migrates(
    kept: Path, tmp_path: Path, migration: Migration, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(template_database, "PATIENCE_SECONDS", 0.2)

    def migrate() -> None:
        assert not _place(Templates(kept, "a"), tmp_path / "second", migration)
        assert list(kept.glob("*.sqlite3")) == []
        migration(tmp_path / "first")

    assert not Templates(kept, "a").place(tmp_path / "first", migrate)
    assert _place(Templates(kept, "a"), tmp_path / "third", migration)


ONE_OF_TWO = """
import sqlite3, sys, time
from pathlib import Path
from tests.support.template_database import Templates

folder, me, other = Path(sys.argv[1]), sys.argv[2], sys.argv[3]

def migrate():
    while not (folder / f"{other} is about to").exists():
        time.sleep(0.01)
    time.sleep(0.3)
    opened = sqlite3.connect(folder / me)
    opened.executescript("CREATE TABLE made (name TEXT); INSERT INTO made VALUES ('it');")
    opened.close()

(folder / f"{me} is about to").touch()
print(Templates(folder / "kept", "a").place(folder / me, migrate))
"""


@pytest.mark.thorough
def test_of_two_at_once_one_migrates_and_the_other_waits(kept: Path, tmp_path: Path) -> None:
    both = [
        subprocess.Popen([sys.executable, "-c", ONE_OF_TWO, tmp_path, *names], cwd=PROJECT_DIR, stdout=subprocess.PIPE)
        for names in (("first", "second"), ("second", "first"))
    ]
    said = [process.communicate(timeout=60)[0].strip() for process in both]

    assert sorted(said) == [b"False", b"True"]
    for name in ("first", "second"):
        assert _read(tmp_path / name, "SELECT name FROM made") == [("it",)]

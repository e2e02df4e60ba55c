"""What a migrated database comes from, in a few digits."""

import ast
import hashlib
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any
from weakref import ReferenceType

import django
from django.apps import apps
from django.conf import settings
from django.db.migrations.loader import MigrationLoader
from django.db.models.signals import post_migrate, pre_migrate

PROJECT_DIR = Path(__file__).resolve().parents[2]
LIBRARIES = Path(django.__file__).resolve().parents[1]
PAGES = {"static", "templates"}
SETTINGS = (
    "INSTALLED_APPS",
    "MIGRATION_MODULES",
    "DATABASE_ROUTERS",
    "AUTH_USER_MODEL",
    "DEFAULT_AUTO_FIELD",
    "USE_TZ",
)


def fingerprint() -> str | None:
    """Changes with whatever decides what ``migrate`` leaves behind; None where that cannot be told.

    Those are our files (``sources``), some settings, the names that content types and permissions are made from, and
    the versions of Python, SQLite and all libraries.
    """
    if not all(_migrations_of(config.label) for config in apps.get_app_configs() if any(config.get_models())):
        return None  # a table made from a model without migrations changes with any line of the model
    facts = (
        sys.version_info,
        sqlite3.sqlite_version,
        sorted(folder.name for folder in LIBRARIES.iterdir() if folder.suffix in {".dist-info", ".egg-info"}),
        [(name, getattr(settings, name)) for name in SETTINGS],
        [(database["ENGINE"], _options_of(database)) for database in settings.DATABASES.values()],
        sorted(map(_names_of, apps.get_models(include_auto_created=True))),
    )
    digest = hashlib.sha256(repr(facts).encode())
    for file in sorted(sources()):
        content = file.read_bytes()
        digest.update(f"{file.relative_to(PROJECT_DIR)} {len(content)}\n".encode() + content)
    return digest.hexdigest()[:32]


def sources() -> set[Path]:
    """Our migrations, our modules that say which tables there are or listen to ``migrate``, what those import, and the
    data beside our migrations that they may read.
    """
    waiting = {*_migrations(), *_deciders(), *_data()}
    found: set[Path] = set()
    while waiting:
        file = waiting.pop()
        found.add(file)
        if file.suffix == ".py":
            imported = _files_of_all(_imported(ast.parse(file.read_bytes())))
            waiting |= imported - found
    return found


def _options_of(database: dict[str, Any]) -> dict[str, Any]:
    """A pool decides how fast, not what; and the functions in it are others in each process."""
    return {name: value for name, value in database.get("OPTIONS", {}).items() if name != "pool"}


def _names_of(model: Any) -> tuple[str, ...]:
    meta = model._meta
    facts = (meta.verbose_name_raw, meta.default_permissions, meta.permissions, meta.managed, meta.proxy, meta.swapped)
    return (meta.label, *map(repr, facts))


def _our_folders() -> Iterator[Path]:
    """Of migrations."""
    for config in apps.get_app_configs():
        folder = _migrations_of(config.label)
        if folder and folder.is_relative_to(PROJECT_DIR) and not folder.is_relative_to(LIBRARIES):
            yield folder


def _migrations() -> Iterator[Path]:
    for folder in _our_folders():
        yield from folder.glob("*.py")


def _data() -> Iterator[Path]:
    for folder in _our_folders():
        for file in folder.parent.rglob("*.*"):
            if file.is_file() and file.suffix not in {".py", ".pyc"} and PAGES.isdisjoint(file.parts):
                yield file


def _migrations_of(label: str) -> Path | None:
    name, _ = MigrationLoader.migrations_module(label)
    if name is None:
        return None
    try:
        return Path(*import_module(name).__path__).resolve()
    except ModuleNotFoundError:
        return None


def _deciders() -> set[Path]:
    names = [router.rpartition(".")[0] for router in settings.DATABASE_ROUTERS]
    for _, receiver, *_ in [*pre_migrate.receivers, *post_migrate.receivers]:
        function = receiver() if isinstance(receiver, ReferenceType) else receiver
        names.append(getattr(function, "__module__", ""))
    return _files_of_all(names)


def _imported(tree: ast.Module) -> Iterator[str]:
    """Names of modules, and of what may be one: only looking tells ``from package import module`` from another."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from modules
            if not all(map(_files_of, modules)):
                yield node.module


def _files_of_all(modules: Iterable[str]) -> set[Path]:
    return {file for module in modules for file in _files_of(module)}


def _files_of(module: str) -> list[Path]:
    """The module's, and those that run before it. None of a library's."""
    path = PROJECT_DIR.joinpath(*module.split("."))
    own = next(filter(Path.is_file, (path.with_suffix(".py"), path / "__init__.py")), None)
    if own is None:
        return []
    above = (folder / "__init__.py" for folder in path.parents if folder.is_relative_to(PROJECT_DIR))
    return [own, *filter(Path.is_file, above)]

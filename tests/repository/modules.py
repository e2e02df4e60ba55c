"""What the modules of the product import, read from their source: at run time, for types only, and inside functions."""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.repository.paths import ROOT

APPS = ("adiuva", "accounts", "billing", "storage", "backups", "marketplace", "agents", "chat")


@cache
def product_modules() -> dict[str, Path]:
    """Dotted names and files of the product, without migrations: generated, and nobody's to arrange."""
    files = (path for app in APPS for path in sorted((ROOT / app).rglob("*.py")) if "migrations" not in path.parts)
    return {_dotted_name(path): path for path in files}


@cache
def imports() -> dict[str, frozenset[str]]:
    """For each module of the product the modules of the product that it names in an import, wherever that stands."""
    known = product_modules()
    return {name: frozenset(_imported_names(path, known)) - {name} for name, path in known.items()}


def circles() -> list[list[str]]:
    """The groups of modules each of which reaches every other one (Tarjan's strongly connected components)."""
    graph = imports()
    order: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def visit(name: str) -> None:
        order[name] = low[name] = len(order)
        stack.append(name)
        for other in sorted(graph[name]):
            if other not in order:
                visit(other)
                low[name] = min(low[name], low[other])
            elif other in stack:
                low[name] = min(low[name], order[other])
        if low[name] == order[name]:
            start = stack.index(name)
            group, stack[start:] = stack[start:], []
            if len(group) > 1:
                found.append(sorted(group))

    for name in graph:
        if name not in order:
            visit(name)
    return found


def importers(name: str) -> set[str]:
    return {other for other, named in imports().items() if name in named}


def _dotted_name(path: Path) -> str:
    return re.sub(r"\.__init__$", "", ".".join(path.relative_to(ROOT).with_suffix("").parts))


def _imported_names(path: Path, known: dict[str, Path]) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module in known:
            whole = {f"{node.module}.{alias.name}" for alias in node.names} & known.keys()
            yield from whole
            if len(whole) < len(node.names):
                yield node.module

"""Sections, modules, names and files that texts refer to are there: in documents, comments and docstrings.

A dotted name counts where it is quoted (`pkg.module`): elsewhere it may be the name of a job, a permission or a check.
"""

import io
import re
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.repository.modules import APPS
from tests.repository.paths import ROOT

FOLDERS = (*APPS, "tests", "docs", "scripts", "clients")
DOCUMENTS = [
    *ROOT.glob("*.md"),
    *(ROOT / "docs").rglob("*.md"),
    ROOT / "docs" / "alerts.example.yml",
    ROOT / "clients" / "typescript" / "README.md",
    *(ROOT / name for name in ("Makefile", "Dockerfile", "docker-compose.yml", "pyproject.toml", ".env.example")),
]
SOURCES = [path for folder in (*APPS, "tests", "scripts") for path in sorted((ROOT / folder).rglob("*.py"))]

SECTION = re.compile(r"(?P<page>[\w/]+\.md|wire contract|ARCHITECTURE|contract)\s+§\s*(?P<number>\d+)")
NAME = re.compile(rf"`((?:{'|'.join((*APPS, 'tests'))})(?!\.[EW]\d{{3}}`)(?:\.[A-Za-z_]\w*)+)(?:\([^`]*\))?`")
FILE = re.compile(rf"(?<![\w./@-])((?:{'|'.join(FOLDERS)})/[\w./-]*\.(?:py|md|sh|ts|css|html|txt|yml|json|mjs))\b")
JOB = re.compile(r'@job\(name="([\w.]+)"')

# Templates and static files are named without the folder that Django looks for them in.
FOUND_BY_DJANGO = ("templates", "static")


def _texts(path: Path) -> Iterator[str]:
    """What is written for people: a document whole, of source the comments and docstrings."""
    if path.suffix != ".py":
        yield path.read_text()
        return
    for token in tokenize.generate_tokens(io.StringIO(path.read_text()).readline):
        if token.type == tokenize.COMMENT or (
            token.type == tokenize.STRING and token.string.startswith(('"""', 'r"""'))
        ):
            yield token.string


@cache
def _sections() -> set[str]:
    return set(re.findall(r"^## (\d+)\. ", (ROOT / "docs" / "api.md").read_text(), re.MULTILINE))


@cache
def _jobs() -> set[str]:
    """Their names look like modules."""
    return {name for app in APPS for path in (ROOT / app).rglob("*.py") for name in JOB.findall(path.read_text())}


def _is_there(dotted: str) -> bool:
    if dotted in _jobs():
        return True
    parts = dotted.split(".")
    for length in range(len(parts), 0, -1):
        folder = ROOT.joinpath(*parts[:length])
        module = next((path for path in (folder.with_suffix(".py"), folder / "__init__.py") if path.is_file()), None)
        if module or folder.is_dir():
            rest = parts[length:]
            text = module.read_text() if module else ""
            return all(re.search(rf"\b{re.escape(name)}\b", text) for name in rest)
    return False


def _file_is_there(name: str) -> bool:
    app, *_ = name.split("/")
    return (ROOT / name).exists() or any((ROOT / app / kind / name).exists() for kind in FOUND_BY_DJANGO)


def dangling(text: str) -> list[str]:
    """References in ``text`` that lead nowhere."""
    sections = [
        match[0]
        for match in SECTION.finditer(text)
        if match["page"] not in {"docs/api.md", "api.md"} or match["number"] not in _sections()
    ]
    names = [name for name in NAME.findall(text) if not _is_there(name)]
    return [*sections, *names, *(name for name in FILE.findall(text) if not _file_is_there(name))]


@pytest.mark.parametrize("files", [DOCUMENTS, SOURCES], ids=["documents", "source"])
def test_what_a_text_refers_to_is_there(files: list[Path]) -> None:
    found = {
        f"{path.relative_to(ROOT)}: {reference}"
        for path in files
        for text in _texts(path)
        for reference in dangling(text)
    }
    assert sorted(found) == []


@pytest.mark.parametrize(
    "text",
    [
        "see docs/api.md § 99",
        "see wire contract § 4",
        "ARCHITECTURE § 2.8",
        "``accounts.rotation``",
        "`accounts.refresh_tokens.rotate_everything`",
        "`tests.chat.sockets`",
        "in accounts/rotation.py",
        "docs/no_such_page.md",
    ],
)
def test_a_reference_that_leads_nowhere_is_found(text: str) -> None:
    assert dangling(text) != []


@pytest.mark.parametrize(
    "text",
    [
        "docs/api.md § 12",
        "RFC 9110 § 14.2",
        "``accounts.refresh_tokens.GRACE``",
        "`storage.records`",
        "tests/repository/paths.py",
        "billing/stub.html",
    ],
)
def test_one_that_leads_somewhere_is_not(text: str) -> None:
    assert dangling(text) == []

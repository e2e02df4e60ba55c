"""docs/architecture.md names files that are there, and every place where a library is reached into."""

import re

import pytest

from tests.repository.modules import product_modules
from tests.repository.paths import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text()
PATH = re.compile(
    r"(?<![\w/.])((?:adiuva|accounts|billing|storage|backups|marketplace|agents|chat|tests|docs)/(?:[\w/.]*\w/?)?)"
)


def _section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def test_every_file_that_the_page_names_is_there() -> None:
    named = set(PATH.findall(PAGE))
    assert len(named) > 60
    assert sorted(name for name in named if not (ROOT / name).exists()) == []


@pytest.mark.parametrize("walk", ["A chat turn", "A record upload", "A webhook", "A plugin install"])
def test_each_walk_is_drawn_and_told(walk: str) -> None:
    text = _section("Walks").split(f"### {walk}\n", 1)[1].split("\n### ", 1)[0]
    assert "```mermaid" in text
    assert len(set(PATH.findall(text))) >= 5


def test_every_place_that_reaches_into_a_library_is_named() -> None:
    table = set(PATH.findall(_section("Pinned internals")))
    reaching = {
        str(path.relative_to(ROOT)) for path in product_modules().values() if "noqa: SLF001" in path.read_text()
    }
    assert reaching - table == set()


@pytest.mark.parametrize("library", ["uvicorn", "psycopg-pool", "procrastinate", "pinecone", "qdrant-client"])
def test_what_is_reached_into_is_pinned_to_a_minor(library: str) -> None:
    (pin,) = re.findall(rf'"{library}>=(\d+)\.(\d+),<(\d+)\.(\d+)"', (ROOT / "pyproject.toml").read_text())
    major, minor, below_major, below_minor = map(int, pin)
    assert (below_major, below_minor) == (major, minor + 1)


def test_every_folder_of_the_product_is_described() -> None:
    rooms = _section("Rooms")
    apps = {path.relative_to(ROOT).parts[0] for path in product_modules().values()}
    shared = {
        f"adiuva/{path.parent.name}" for path in product_modules().values() if path.parent.parent == ROOT / "adiuva"
    }
    described = {name.rstrip("/") for name in PATH.findall(rooms)}
    assert apps - described == set()
    assert shared - described == set()

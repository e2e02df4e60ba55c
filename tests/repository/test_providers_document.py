"""docs/providers.md: the variables of each provider, and a table in which each cell is a test."""

import inspect
import re

import pytest

from agents.llm.providers import PROVIDERS, Provider
from tests.agents.llm import test_conformance, test_conformance_turns
from tests.agents.llm.cases import CASES
from tests.repository.paths import ROOT

_TABLES = re.findall(r"(?:^\|.*\|\n)+", (ROOT / "docs" / "providers.md").read_text(), re.MULTILINE)
VARIABLES, TESTED = (
    [[cell.strip() for cell in row.strip("|").split("|")] for row in table.splitlines()] for table in _TABLES
)
COLUMNS = TESTED[0][1:-1]
# By title: what each cell says, and who reads the stream.
ROWS = {row[0]: row[1:] for row in TESTED[2:]}


@pytest.mark.parametrize("provider", PROVIDERS, ids=[provider.prefix for provider in PROVIDERS])
def test_each_provider_has_its_row_of_variables(provider: Provider) -> None:
    (row,) = (row for row in VARIABLES[2:] if row[0] == provider.title)
    told = {name for cell in row for name in re.findall(r"`([A-Z][A-Z0-9_]+)`", cell)}
    assert told >= {*provider.key_variables, provider.base_variable, *provider.options.values()}
    assert f"`{provider.default_model}`" in row[1] or not provider.default_model


def test_each_provider_that_is_tested_has_its_row_of_tests() -> None:
    assert list(ROWS) == [case.title for case in CASES]
    assert {provider.prefix for provider in PROVIDERS} == {case.provider.prefix for case in CASES}


@pytest.mark.parametrize("column", COLUMNS)
def test_each_cell_is_a_test(column: str) -> None:
    """One that takes the fixture ``server`` runs against each provider of ``CASES``."""
    name = "test_" + re.sub(r"\W", "_", column)
    tests = [getattr(module, name) for module in (test_conformance, test_conformance_turns) if hasattr(module, name)]
    assert tests
    assert all("server" in inspect.signature(test).parameters for test in tests)
    said = {title: cells[COLUMNS.index(column)] for title, cells in ROWS.items()}
    nothing_to_test = {case.title for case in CASES if column == "refusal" and not case.server.filters}
    assert said == {case.title: "–" if case.title in nothing_to_test else "yes" for case in CASES}


def test_who_reads_the_stream_is_said() -> None:
    assert {title: cells[-1] for title, cells in ROWS.items()} == {
        case.title: "us" if case.is_read_here else "LiteLLM" for case in CASES
    }

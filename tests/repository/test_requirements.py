"""The compiled requirements hold what pyproject.toml asks for, and nothing that belongs to one machine."""

import tomllib
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.repository.paths import ROOT

COMPILED = ("requirements.txt", "requirements-dev.txt", "requirements-bench.txt")
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def _lines(name: str) -> list[str]:
    return [line for line in (ROOT / name).read_text().splitlines() if line.strip() and not line.startswith("#")]


def _pins(name: str) -> dict[str, set[Version]]:
    """Package → its versions: one, or one for each marker of a universal lock."""
    pins: dict[str, set[Version]] = {}
    for requirement in map(Requirement, _lines(name)):
        (specifier,) = requirement.specifier
        pins.setdefault(canonicalize_name(requirement.name), set()).add(Version(specifier.version))
    return pins


@pytest.mark.parametrize("name", COMPILED)
def test_every_line_is_an_exact_pin_and_names_no_index(name: str) -> None:
    for line in _lines(name):
        requirement = Requirement(line)
        assert not requirement.url, line
        assert [specifier.operator for specifier in requirement.specifier] == ["=="], line


@pytest.mark.parametrize(
    ("wanted", "compiled"),
    [
        *((requirement, "requirements.txt") for requirement in PROJECT["dependencies"]),
        *((requirement, "requirements-dev.txt") for requirement in PROJECT["dependencies"]),
        *((requirement, "requirements-dev.txt") for requirement in PROJECT["optional-dependencies"]["dev"]),
        *((requirement, "requirements-bench.txt") for requirement in PROJECT["optional-dependencies"]["bench"]),
    ],
)
def test_the_lock_satisfies_pyproject(wanted: str, compiled: str) -> None:
    requirement = Requirement(wanted)
    versions = _pins(compiled).get(canonicalize_name(requirement.name), set())

    assert versions, f"{requirement.name} is not in {compiled}: make lock"
    for version in versions:
        assert requirement.specifier.contains(version), f"{requirement} has {version} in {compiled}: make lock"


def test_development_runs_the_same_versions_as_production() -> None:
    production = _pins("requirements.txt")

    for other in ("requirements-dev.txt", "requirements-bench.txt"):
        pins = _pins(other)
        assert {name: pins.get(name) for name in production} == production, other

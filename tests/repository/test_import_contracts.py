"""The import contracts bind every package there is: a new folder cannot stay outside them unseen."""

import tomllib
from typing import Any

import pytest

from tests.repository.modules import imports
from tests.repository.paths import ROOT

CONFIG: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
PACKAGES = {folder.parent.name for folder in ROOT.glob("*/__init__.py")} - {"tests"}
SDK_HOMES = {
    "The LLM SDK stays behind agents.llm.factory": set(),
    "The Stripe SDK stays in billing": {"billing"},
    "Blob and vector SDKs stay in storage": {"storage"},
    "Procrastinate stays behind adiuva.jobs": set(),
}


def _contract(name: str) -> dict[str, Any]:
    (contract,) = (contract for contract in CONFIG["contracts"] if contract["name"] == name)
    return dict(contract)


def test_every_package_is_analysed() -> None:
    assert set(CONFIG["root_packages"]) == PACKAGES


def test_every_package_has_its_layer() -> None:
    layers = {name.strip("() ") for layer in _contract("Imports point down")["layers"] for name in layer.split("|")}

    assert PACKAGES - {"adiuva"} <= layers


@pytest.mark.parametrize(("name", "home"), SDK_HOMES.items())
def test_every_package_but_its_home_is_kept_from_an_sdk(name: str, home: set[str]) -> None:
    assert set(_contract(name)["source_modules"]) == PACKAGES - home


def test_commands_import_nothing_above_their_app() -> None:
    """Django finds commands in folders that are no packages, where import-linter does not look."""
    layers = [layer.split(" | ") for layer in _contract("Imports point down")["layers"]]
    height = {name.strip(): len(layers) - at for at, layer in enumerate(layers) for name in layer}
    upward = {
        (name, other)
        for name, others in imports().items()
        for other in others
        if ".management.commands." in name
        and not name.startswith("adiuva.")  # those look at several apps
        and height.get(other.split(".")[0], 0) > height[name.split(".")[0]]
    }
    assert upward == set()

"""The TypeScript client's folder holds together: types of the committed schema, locks, licence, version."""

import hashlib
import json
import re
from pathlib import Path

import pytest

from tests.support import contract
from tests.support.server import PROJECT_DIR

CLIENT = PROJECT_DIR / "clients/typescript"
LOCKS = sorted((PROJECT_DIR / "tests/clients").glob("*/package-lock.json"))


def test_the_types_were_made_from_the_committed_schema() -> None:
    made_from = re.search("SHA-256 ([0-9a-f]{64})", (CLIENT / "src/schema.ts").read_text())
    assert made_from is not None
    assert made_from[1] == hashlib.sha256(contract.DOCUMENT.read_bytes()).hexdigest(), "`make schema` writes them anew"


def test_each_schema_is_a_type_of_its_own_name() -> None:
    """Which editors show; they have no name for a shape that is written into another one."""
    types = (CLIENT / "src/schema.ts").read_text()
    names = json.loads(contract.DOCUMENT.read_text())["components"]["schemas"]
    declared = set(re.findall(r"^export (?:interface|type) (\w+)", types, re.MULTILINE))
    assert set(names) <= declared
    assert all(re.search(rf"^        {name}: {name};$", types, re.MULTILINE) for name in names)


@pytest.mark.parametrize("lock", [CLIENT / "package-lock.json", *LOCKS], ids=lambda lock: lock.parent.name)
def test_a_lock_names_no_registry(lock: Path) -> None:
    packages = json.loads(lock.read_text())["packages"]
    assert not [name for name, package in packages.items() if "resolved" in package]


def test_the_package_has_the_repositorys_licence_and_its_changelogs_version() -> None:
    assert (CLIENT / "LICENSE").read_text() == (PROJECT_DIR / "LICENSE").read_text()
    newest = re.search(r"^## (\S+)", (CLIENT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest is not None
    assert json.loads((CLIENT / "package.json").read_text())["version"] == newest[1]
    tarballs = re.findall(r"adiuva-cloud-client-(\S+)\.tgz", (CLIENT / "README.md").read_text())
    assert set(tarballs) == {newest[1]}

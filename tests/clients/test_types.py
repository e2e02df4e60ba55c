"""The TypeScript client's types are those of the committed schema."""

import hashlib
import json
import re

from tests.support import contract
from tests.support.server import PROJECT_DIR

CLIENT = PROJECT_DIR / "clients/typescript"


def test_the_types_were_made_from_the_committed_schema() -> None:
    made_from = re.search("SHA-256 ([0-9a-f]{64})", (CLIENT / "src/schema.ts").read_text())
    assert made_from is not None
    assert made_from[1] == hashlib.sha256(contract.DOCUMENT.read_bytes()).hexdigest(), "`make schema` writes them anew"


def test_the_lock_names_no_registry() -> None:
    lock = json.loads((CLIENT / "package-lock.json").read_text())
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]

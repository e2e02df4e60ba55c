"""docs/README.md leads to every document."""

import re

from tests.repository.paths import ROOT

DOCS = ROOT / "docs"


def test_the_index_names_every_document_and_folder() -> None:
    linked = {target.split("/")[0] for target in re.findall(r"\]\(([^)]+)\)", (DOCS / "README.md").read_text())}
    there = {entry.name for entry in DOCS.iterdir()} - {"README.md"}
    assert sorted(there - linked) == []

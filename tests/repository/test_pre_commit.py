"""What pre-commit runs is what `make lint` runs, with nothing downloaded."""

import re
from typing import Any

import pytest
import yaml

from tests.repository.paths import ROOT

REPOSITORIES: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
HOOKS = [hook for repository in REPOSITORIES for hook in repository["hooks"]]


def test_the_only_hook_is_make_lint() -> None:
    assert [hook["entry"] for hook in HOOKS] == ["make lint"]
    assert re.search(r"^lint:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_every_repository_is_this_one() -> None:
    assert {repository["repo"] for repository in REPOSITORIES} == {"local"}


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_looks_at_everything_with_the_tools_of_the_environment(hook: dict[str, Any]) -> None:
    assert hook["language"] == "system"
    # A commit of documents alone may break an import contract of before, and make takes no files.
    assert (hook["always_run"], hook["pass_filenames"]) == (True, False)

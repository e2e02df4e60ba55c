"""Who has read a rule of docs/api.md finds the module that keeps it by the rule's own words."""

import re
import tomllib
from collections.abc import Iterable
from pathlib import Path

from tests.repository.paths import ROOT
from tests.repository.rules_of_the_contract import RULES

RULES_IN_ALL = 60
RULES_TO_BE_FOUND = 55


def singular(word: str) -> str:
    if word.endswith("ies"):
        return f"{word[:-3]}y"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def words(text: str) -> frozenset[str]:
    return frozenset(singular(word) for word in re.split(r"[\W_]+", text.lower()) if word)


def product_modules() -> list[Path]:
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["root_packages"]
    modules = [module for package in packages for module in (ROOT / package).rglob("*.py")]
    return [module.relative_to(ROOT) for module in modules if "migrations" not in module.parts]


def missed_rules(modules: Iterable[Path]) -> list[str]:
    paths = [words(module.with_suffix("").as_posix()) for module in modules]
    return [
        f"{rule}: {' or '.join(alternatives)}"
        for rule, alternatives in RULES
        if not any(words(alternative) <= path for alternative in alternatives for path in paths)
    ]


def test_there_are_sixty_different_rules_with_one_to_three_alternatives_each() -> None:
    assert len({rule for rule, _ in RULES}) == len(RULES) == RULES_IN_ALL
    assert not [rule for rule, alternatives in RULES if not 1 <= len(alternatives) <= 3]


def test_the_words_are_those_of_the_contract() -> None:
    document = words((ROOT / "docs/api.md").read_text())
    strange = {
        alternative for _, alternatives in RULES for alternative in alternatives if not words(alternative) <= document
    }
    assert strange == set()


def test_nearly_every_rule_is_found_among_the_names_of_the_modules() -> None:
    missed = missed_rules(product_modules())
    assert len(missed) <= RULES_IN_ALL - RULES_TO_BE_FOUND, "\n" + "\n".join(missed)


def test_a_rule_is_found_by_all_words_of_one_alternative_in_one_path_whatever_separates_them() -> None:
    assert words("accounts/refresh_tokens") >= words("refresh token")
    assert not words("accounts/refresh") >= words("refresh token")
    assert len(missed_rules([])) == RULES_IN_ALL

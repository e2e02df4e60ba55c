import itertools

import pytest

from marketplace.review.page import UNKNOWN_PERMISSION, describe_permission, visible
from marketplace.submissions.manifest import is_newer, version_fault

# https://semver.org § 11, in order
ORDERED = ["0.9.9", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta", "1.0.0-beta.2", "1.0.0-beta.11"]
ORDERED += ["1.0.0-rc.1", "1.0.0", "1.0.1", "1.2.0", "1.10.0", "2.0.0-0", "2.0.0", f"{10**40}.0.0"]


@pytest.mark.parametrize(("older", "newer"), list(itertools.pairwise(ORDERED)))
def test_versions_are_ordered_as_the_standard_says(older: str, newer: str) -> None:
    assert is_newer(newer, than=older)
    assert not is_newer(older, than=newer)


def test_what_it_was_built_from_does_not_count() -> None:
    for one, other in itertools.permutations(["1.0.0+a", "1.0.0+b.2", "1.0.0"], 2):
        assert not is_newer(one, than=other)


@pytest.mark.parametrize(
    "text", ["", "1", "1.0", "v1.0.0", "01.0.0", "1.0.0-01", "1.0.0-", "1.0.0\n", "\u0661.0.0", "1.0.0+"]
)
def test_no_version(text: str) -> None:
    assert version_fault(text)
    assert not is_newer(text, than="0.0.0-0")
    assert not is_newer("1.0.0", than=text)


@pytest.mark.parametrize("verb", ["read", "write"])
@pytest.mark.parametrize("thing", ["tasks", "projects", "notes", "checkpoints", "calendar"])
def test_each_permission_has_words(verb: str, thing: str) -> None:
    assert describe_permission(f"{verb}:{thing}") not in {"", UNKNOWN_PERMISSION}


@pytest.mark.parametrize("name", ["", "read", "read:", "read:mail", "delete:tasks", "read:tasks:x", "READ:tasks"])
def test_another_permission_is_called_unknown(name: str) -> None:
    assert describe_permission(name) == UNKNOWN_PERMISSION


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("Plain text – ä 漢字 🙂\n\tx", "Plain text – ä 漢字 🙂\n\tx"),
        ("a\u202eb\u2066c", "a⟨U+202E⟩b⟨U+2066⟩c"),
        ("a\u200bb\ufeff", "a⟨U+200B⟩b⟨U+FEFF⟩"),
        ("a\r\nb", "a\nb"),
        ("a\rb\x00\x1b\x85", "a⟨U+000D⟩b⟨U+0000⟩⟨U+001B⟩⟨U+0085⟩"),
        ("\ud800\ue000\u2028", "⟨U+D800⟩⟨U+E000⟩⟨U+2028⟩"),
        ("\U000e0041", "⟨U+E0041⟩"),
    ],
)
def test_hidden_characters_get_a_sign(text: str, seen: str) -> None:
    assert visible(text) == seen

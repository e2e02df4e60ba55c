"""Strangers' text for reviewers' eyes: what a browser would not show, or would show elsewhere, gets a sign."""

import unicodedata
from typing import Final

# Controls, formats (zero width, and bidirectional overrides, which show code in another order than it runs in; see
# CVE-2021-42574), lone surrogates, private use, and separators of lines that are no line feed.
_HIDDEN: Final = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})


def visible(text: str) -> str:
    r"""``"a\u202eb"`` is ``"a⟨U+202E⟩b"``; tabs and ends of lines stay."""
    text = text.replace("\r\n", "\n")
    if text.isascii() and text.isprintable():
        return text
    return "".join(_sign(character) for character in text)


def _sign(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in _HIDDEN:
        return character
    return f"⟨U+{ord(character):04X}⟩"


_VERBS: Final = {"read": "See", "write": "Create, change and delete"}
_THINGS: Final = {
    "tasks": "tasks",
    "projects": "projects",
    "notes": "notes",
    "checkpoints": "checkpoints (states of work to come back to)",
    "calendar": "calendar entries",
}
UNKNOWN: Final = "Unknown: no such permission exists"


def in_words(permission: str) -> str:
    """``"read:notes"`` is ``"See the user's notes"``."""
    verb, _, thing = permission.partition(":")
    if verb not in _VERBS or thing not in _THINGS:
        return UNKNOWN
    return f"{_VERBS[verb]} the user’s {_THINGS[thing]}"

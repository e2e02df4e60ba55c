"""Signs for characters that a browser would hide, or show in another place. Needs nothing of Django: the process that
reads strangers' code uses it, too.
"""

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
    return "".join(_mark_hidden(character) for character in text)


def _mark_hidden(character: str) -> str:
    if character in "\n\t" or unicodedata.category(character) not in _HIDDEN:
        return character
    return f"⟨U+{ord(character):04X}⟩"

"""Folding: a text reduced to its letters and digits, whatever they look like and whatever is between them.

Each character folds by itself (to none, one or several characters), so that a stream folds to the same text however it
is cut. Protected texts and answers are folded alike: it does not matter that "1" and "l" both become "i".
"""

import unicodedata

from adiuva.homoglyphs import HOMOGLYPHS

# "1" stands for both i and l, therefore l is i as well.
_LEET = dict(zip("0134567829l", "oieasgtbzgi", strict=True))
# Symbols that are leet as often as they are punctuation: they fold to nothing; `prompt_runs` tries the letter, too.
SYMBOL_LETTERS = dict(zip("@$!|+€£¢¥§", "asiiteicys", strict=True))


def _fold_character(character: str) -> str:
    visible = HOMOGLYPHS.get(character, character)
    letters = "".join(
        HOMOGLYPHS.get(part, HOMOGLYPHS.get(part.casefold(), part.casefold()))
        for part in unicodedata.normalize("NFKD", visible)
    )
    return "".join(_LEET.get(letter, letter) for letter in letters if letter.isalnum())


class _Folded(dict[str, str]):
    """Character to its folding, computed at its first use; never larger than Unicode."""

    def __missing__(self, character: str) -> str:
        folded = self[character] = _fold_character(character)
        return folded


FOLDED = _Folded()


def fold(text: str) -> str:
    return "".join([FOLDED[character] for character in text])


class _Plain(dict[str, str]):
    """Character to its form in markup: folded letters, signs in their ordinary width, "" for invisible ones."""

    def __missing__(self, character: str) -> str:
        plain = FOLDED[character]
        if not plain:
            wide = unicodedata.normalize("NFKC", HOMOGLYPHS.get(character, character))
            plain = "".join(sign for sign in wide if not _is_ignored(sign))
            plain = " " if plain.isspace() else plain
        self[character] = plain
        return plain


def _is_ignored(sign: str) -> bool:
    """Invisible, a combining mark, or the backslash that Markdown escapes with."""
    return sign == "\\" or (unicodedata.category(sign) in ("Cf", "Mn", "Me", "Cc") and not sign.isspace())


PLAIN = _Plain()


def plain(text: str) -> str:
    """``text`` for the scanners of markup: letters folded, signs kept, each white space one blank."""
    return "".join([PLAIN[character] for character in text])


class _Letters(dict[str, str]):
    """A character to its first folded letter, or to a blank: a text keeps its length."""

    def __missing__(self, character: str) -> str:
        letter = " " if character.isnumeric() else FOLDED[character][:1] or " "
        self[character] = letter
        return letter


_LETTERS = _Letters()
_ASCII_LETTERS = {code: _LETTERS[chr(code)] for code in range(128)}


def separate_words(text: str) -> str:
    """``text`` in folded letters, with a blank for each other character, numbers included."""
    # Five times faster, but for ASCII only.
    return text.translate(_ASCII_LETTERS) if text.isascii() else "".join(map(_LETTERS.__getitem__, text))

r"""Reads characters written as references or escapes: ``&#89;``, ``&nbsp;``, ``\u0059``, ``\x59``, ``%59``."""

import re
from html.entities import html5
from typing import NamedTuple

ESCAPING = frozenset("&\\%")
_HEX = "[0-9a-fA-F]"
# Whole ones. A number after "&#" may go on, and ends with any other character.
_ENDED = re.compile(
    rf"&[a-zA-Z][a-zA-Z0-9]*;|&#\d{{1,8}};|&#[xX]{_HEX}{{1,8}};"
    rf"|\\x{_HEX}{{2}}|\\u{{{_HEX}{{1,8}}}}|\\U{_HEX}{{8}}|\\[0-3][0-7]{{2}}|%[2-7]{_HEX}"
    rf"|\\u(?![dD][89abAB]){_HEX}{{4}}|\\u[dD][89abAB]{_HEX}{{2}}\\u[dD][c-fC-F]{_HEX}{{2}}"
)
_OPEN_NUMBER = re.compile(rf"&#(?:\d{{1,8}}|[xX]{_HEX}{{1,8}})")
# What may become one; no longer than 34 characters, which is less than a stream may hold back.
_BEGUN = re.compile(
    rf"&(?:[a-zA-Z][a-zA-Z0-9]{{0,31}}|#(?:\d{{0,8}}|[xX]{_HEX}{{0,8}}))?"
    rf"|\\(?:x{_HEX}?|u{{{_HEX}{{0,8}}|U{_HEX}{{0,7}}|[0-3][0-7]?)?|%[2-7]?"
    rf"|\\u{_HEX}{{0,3}}|\\u[dD][89abAB]{_HEX}{{2}}(?:\\(?:u{_HEX}{{0,3}})?)?"
)


class Reading(NamedTuple):
    """``shown`` is what the escape shows, or, ``is_escape`` being false, the characters that turned out to be none.

    ``takes_last``: the character just read belongs to it.
    """

    shown: str
    is_escape: bool
    takes_last: bool


class EscapeReader:
    """Of one stream; ``begun`` holds the characters of an escape that has not ended, "" between them."""

    __slots__ = ("begun",)

    def __init__(self) -> None:
        self.begun = ""

    def push(self, character: str) -> Reading | None:
        """``character`` is one of ``ESCAPING``, or ``begun`` is not empty. None where the escape may go on."""
        text = self.begun + character
        if _ENDED.fullmatch(text):
            self.begun = ""
            shown = _decode(text)
            return Reading(text if shown is None else shown, is_escape=shown is not None, takes_last=True)
        if _BEGUN.fullmatch(text):
            self.begun = text
            return None
        before, self.begun = self.begun, ""
        shown = _decode(before) if _OPEN_NUMBER.fullmatch(before) else None
        return Reading(before if shown is None else shown, is_escape=shown is not None, takes_last=False)


def decode(text: str) -> str:
    """``text`` with what its references and escapes show."""
    if ESCAPING.isdisjoint(text):
        return text
    reader = EscapeReader()
    parts = []
    # A line break ends a number; an escape may show the beginning of another, as "&amp;#89;" does.
    waiting = [*reversed(text + "\n")]
    while waiting:
        character = waiting.pop()
        if not reader.begun and character not in ESCAPING:
            parts.append(character)
            continue
        if (reading := reader.push(character)) is None:
            continue
        if not reading.takes_last:
            waiting.append(character)
        if reading.is_escape and reading.shown in ESCAPING:
            waiting.append(reading.shown)
        else:
            parts.append(reading.shown)
    return "".join(parts)


def _decode(text: str) -> str | None:
    """What a whole escape shows; None where there is no such character."""
    if text[0] == "&" and text[1] != "#":
        return html5.get(text[1:])
    if len(text) > len("\\u0059") and text.count("\\") > 1:
        return _decode_code(0x10000 + (int(text[2:6], 16) - 0xD800) * 0x400 + int(text[8:], 16) - 0xDC00)
    digits = text.strip("&#xXuU\\{};%")
    is_decimal = text[:2] == "&#" and text[2] not in "xX"
    is_octal = text[0] == "\\" and text[1].isdigit()
    return _decode_code(int(digits, 10 if is_decimal else 8 if is_octal else 16))


def _decode_code(code: int) -> str | None:
    return chr(code) if code < 0x110000 else None  # noqa: PLR2004 - the size of Unicode

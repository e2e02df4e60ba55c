"""Enclosures, redacted to their end: the text after an opening marker, the JSON object around metadata.

``push`` says of each character whether it is ``INSIDE``, the ``LAST`` one, or already ``OUTSIDE``.
"""

from enum import Enum
from typing import Protocol

from chat.sanitizer.markers import FoundMarker, MarkerScanner, Role

# A broken object must not hide the rest of a long answer; the largest tool schema has a third of this.
_MAX_OBJECT = 10_000


class Position(Enum):
    INSIDE = "inside"
    LAST = "last"
    OUTSIDE = "outside"


class Enclosure(Protocol):
    def push(self, character: str) -> Position: ...


class MarkedText:
    """Up to the closing marker, or to the end of the answer. Tags may be nested."""

    __slots__ = ("_before", "_depth", "_family", "_in_tag", "_scanner")

    def __init__(self, found: FoundMarker) -> None:
        self._family = found.marker.family
        self._in_tag = found.in_tag
        self._depth = 1
        self._scanner = MarkerScanner()
        self._before = found.text[-1:]

    def push(self, character: str) -> Position:
        before, self._before = self._before, character
        if self._in_tag and character == ">":
            self._in_tag = False
            if before == "/":
                return Position.LAST
        found = self._scanner.push(character, 0, before)
        if found is not None and found.marker.family == self._family and not found.in_tag:
            if found.marker.role is Role.OPENS:
                self._depth += self._family == "tag"
            elif found.marker.role is Role.CLOSES:
                self._depth -= 1
        return Position.INSIDE if self._depth else Position.LAST


class JsonObject:
    """Up to the bracket that closes the current object (which stays), or a blank line if there is none."""

    __slots__ = ("_depth", "_escaped", "_left", "_line_is_blank", "_quote")

    def __init__(self, *, depth: int, quote: str) -> None:
        """``depth``: open brackets besides the object's own; ``quote``: of the current string, "" outside strings."""
        self._depth = depth
        self._quote = quote
        self._escaped = False
        self._left = _MAX_OBJECT
        self._line_is_blank = False

    def push(self, character: str) -> Position:
        self._left -= 1
        if not self._left or self._ends_with(character):
            return Position.OUTSIDE
        return Position.INSIDE

    def _ends_with(self, character: str) -> bool:
        if character == "\n":
            blank, self._line_is_blank = self._line_is_blank, True
            return blank
        self._line_is_blank = self._line_is_blank and character.isspace()
        if self._quote:
            if self._escaped:
                self._escaped = False
            elif character == "\\":
                self._escaped = True
            elif character == self._quote:
                self._quote = ""
        elif character in "\"'":
            self._quote = character
        elif character in "{[(":
            self._depth += 1
        elif character in "}])":
            self._depth -= 1
        return self._depth < 0

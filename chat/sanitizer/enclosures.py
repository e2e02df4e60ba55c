"""Enclosures: the text between markers, the JSON object around metadata.

``MarkedText`` and ``JsonObject`` are redacted while they last: ``push`` says of each character whether it is
``INSIDE``, the ``LAST`` one, or already ``OUTSIDE``. ``OpenMarkers`` are those that need their closers.
"""

from dataclasses import dataclass
from enum import Enum

from chat.sanitizer.markers import FoundMarker, Marker, MarkerScanner, Role

# A broken object must not hide the rest of a long answer; the largest tool schema has a third of this.
_MAX_OBJECT = 10_000
# Within so many characters an opener in the middle of an answer has its closer, or encloses nothing (docs/api.md § 5).
MAX_ENCLOSED = 4_000
NEVER = 1 << 62


class Position(Enum):
    INSIDE = "inside"
    LAST = "last"
    OUTSIDE = "outside"


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


@dataclass(slots=True)
class Opener:
    """An opening marker from ``start`` to before ``end``. ``leads``: nothing of the answer is before it."""

    marker: Marker
    start: int
    end: int
    leads: bool
    in_tag: bool


class OpenMarkers:
    """The openers whose closers have not come: nothing from the first of them on may be shown before it is given up."""

    __slots__ = ("_openers", "in_tag", "limit", "start")

    def __init__(self) -> None:
        self._openers: list[Opener] = []
        self._update()

    def _update(self) -> None:
        # The first place that may not be shown, and where the first opener is given up.
        self.start = self._openers[0].start if self._openers else NEVER
        self.limit = min((opener.end + MAX_ENCLOSED for opener in self._openers), default=NEVER)
        # Whether the end of a tag with attributes is still to come.
        self.in_tag = bool(self._openers) and self._openers[-1].in_tag

    def open(self, found: FoundMarker, *, start: int, end: int, leads: bool) -> None:
        self._openers.append(Opener(found.marker, start, end, leads, found.in_tag))
        self._update()

    def has(self, family: str) -> bool:
        return any(opener.marker.family == family for opener in self._openers)

    def end_tag(self, *, end: int, is_empty: bool) -> None:
        """The ``>`` of a tag with attributes, before ``end``. An empty element encloses nothing."""
        if is_empty:
            self._openers.pop()
        else:
            self._openers[-1].end = end
            self._openers[-1].in_tag = False
        self._update()

    def close(self, marker: Marker) -> Opener | None:
        """The opener that ``marker`` closes: of tags the last, if possible of its name; of others the first."""
        same = [place for place, opener in enumerate(self._openers) if opener.marker.family == marker.family]
        if not same:
            return None
        place = same[0]
        if marker.family == "tag":
            named = [place for place in same if self._openers[place].marker.name == marker.name]
            place = (named or same)[-1]
        opener = self._openers[place]
        del self._openers[place:]
        self._update()
        return opener

    def give_up(self, end: int) -> list[Opener]:
        """The openers that have had no closer before ``end``, which is too far away."""
        given_up = [opener for opener in self._openers if opener.end + MAX_ENCLOSED <= end]
        self._openers = [opener for opener in self._openers if opener.end + MAX_ENCLOSED > end]
        self._update()
        return given_up


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

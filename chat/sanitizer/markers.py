"""Finds markers in a stream, also with odd case, width, spacing, escapes and invisible characters in between."""

import re
from dataclasses import dataclass

from chat.sanitizer.folding import PLAIN, plain
from chat.sanitizer.marker_table import MARKERS, PREFIXES, STARTS, TAG_NAMES, Marker, Role

# More than any marker with a blank on each side of its parts, and less than may be held back.
_MAX_LENGTH = 32
# A tag with attributes counts from the first "=" on: what follows may be of any length.
_ATTRIBUTE = re.compile(rf"<(?:{'|'.join(map(re.escape, map(plain, TAG_NAMES)))}) [a-z_:-]+(=)?")
_TYPE_ARGUMENT = re.compile(r"<[A-Z][A-Za-z]*>")
_OPEN_TAG = Marker("<…", "tag", Role.OPENS)


@dataclass(frozen=True, slots=True)
class Found:
    """``before`` is the character before the marker, "" at the beginning; ``in_tag``: its ``>`` is still to come."""

    marker: Marker
    start: int
    before: str
    said: str
    in_tag: bool = False


class _Candidate:
    __slots__ = ("before", "loose", "raw", "start", "tight")

    def __init__(self, start: int, before: str) -> None:
        self.start = start
        self.before = before
        self.raw = self.loose = self.tight = ""

    def push(self, character: str, sign: str) -> Found | bool:
        """What is found; else whether it may still be a marker."""
        self.raw += character
        if not (sign == " " and self.loose.endswith(" ")):
            self.loose += sign
        if sign != " ":
            self.tight += sign
        if self.tight in MARKERS:
            return not self._is_code() and Found(MARKERS[self.tight], self.start, self.before, self.raw)
        if len(self.raw) >= _MAX_LENGTH:
            return False
        if self.tight in PREFIXES:
            return True
        attribute = _ATTRIBUTE.fullmatch(self.loose)
        if attribute and attribute[1]:
            return Found(_OPEN_TAG, self.start, self.before, self.raw, in_tag=True)
        return bool(attribute)

    def _is_code(self) -> bool:
        """``List<Thought>`` is a type; ``[think](…)`` a link, where the marker is always in capitals."""
        if MARKERS[self.tight].family == "bracket":
            return self.raw != self.raw.upper()
        return self.before.isalnum() and _TYPE_ARGUMENT.fullmatch(self.raw) is not None


class MarkerScanner:
    __slots__ = ("_candidates",)

    def __init__(self) -> None:
        self._candidates: list[_Candidate] = []

    @property
    def idle(self) -> bool:
        """A letter cannot change anything now."""
        return not self._candidates

    def push(self, character: str, place: int, before: str) -> Found | None:
        """The marker that ends with this character."""
        sign = PLAIN[character]
        if sign[:1] in STARTS:
            self._candidates.append(_Candidate(place, before))
        elif not self._candidates:
            return None
        going_on = []
        for candidate in self._candidates:
            outcome = candidate.push(character, sign)
            if isinstance(outcome, Found):
                self._candidates = []
                return outcome
            if outcome:
                going_on.append(candidate)
        self._candidates = going_on
        return None

    def hold(self, end: int) -> int:
        """The place of the first character that may be part of a marker; ``end`` when there is none."""
        return self._candidates[0].start if self._candidates else end

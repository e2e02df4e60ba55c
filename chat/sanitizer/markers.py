"""The markers that models put around reasoning and around the turns of a conversation, and their scanner."""

import re
from dataclasses import dataclass, replace
from enum import Enum

from chat.sanitizer.folding import PLAIN, plain

TAG_NAMES = (
    "think",
    "thinking",
    "thought",
    "thoughts",
    "reasoning",
    "reflection",
    "scratchpad",
    "inner_monologue",
    "internal_monologue",
    "chain_of_thought",
    "antthinking",
    "seed:think",
)
# Opener and closer of each family; the first ones are Llama's, Mistral's, Kimi's and Gemma's.
_PAIRS = {
    "inst": ("[INST]", "[/INST]"),
    "sys": ("<<SYS>>", "<</SYS>>"),
    "bracket": ("[THINK]", "[/THINK]"),
    "triangle": ("◁think▷", "◁/think▷"),
    "turn": ("<start_of_turn>", "<end_of_turn>"),
}
_CONTROL_OPENERS = (
    "im_start",
    "start",
    "channel",
    "message",
    "start_header_id",
    "system",
    "user",
    "assistant",
    "begin_of_thought",
    "thinking",
)
_CONTROL_CLOSERS = ("im_end", "end", "return", "eot_id", "end_of_text", "endoftext", "end_of_thought", "/thinking")


class Role(Enum):
    OPENS = "opens"
    CLOSES = "closes"
    STANDS_ALONE = "stands alone"


@dataclass(frozen=True, slots=True)
class Marker:
    """``text`` is squeezed. Only a closer of the same ``family`` ends what an opener begins.

    ``name`` is that of a tag, without brackets. ``reasons``: it is put around reasoning, not around a turn.
    """

    text: str
    family: str
    role: Role
    name: str = ""
    reasons: bool = False


def _build_markers() -> dict[str, Marker]:
    markers: dict[str, Marker] = {}

    def add(text: str, family: str, role: Role, name: str = "") -> None:
        squeezed = plain(text).replace(" ", "")
        reasons = family in ("tag", "bracket", "triangle") or "thinking" in text or "thought" in text
        markers[squeezed] = Marker(squeezed, family, role, plain(name), reasons)

    for name in TAG_NAMES:
        for left, right in (("<", ">"), ("&lt;", "&gt;")):
            add(f"{left}{name}{right}", "tag", Role.OPENS, name)
            add(f"{left}/{name}{right}", "tag", Role.CLOSES, name)
            add(f"{left}{name}/{right}", "tag", Role.STANDS_ALONE, name)
    for family, (opener, closer) in _PAIRS.items():
        add(opener, family, Role.OPENS)
        add(closer, family, Role.CLOSES)
    for name in _CONTROL_OPENERS:
        add(f"<|{name}|>", "control", Role.OPENS)
    for name in _CONTROL_CLOSERS:
        add(f"<|{name}|>", "control", Role.CLOSES)
    return markers


MARKERS = _build_markers()


MARKERS_BY_FAMILY: dict[str, list[str]] = {}
for _text, _marker in MARKERS.items():
    MARKERS_BY_FAMILY.setdefault(_marker.family, []).append(_text)
PREFIXES = frozenset(text[:length] for text in MARKERS for length in range(1, len(text) + 1))
STARTS = frozenset(text[0] for text in MARKERS)
# More than any marker with a blank on each side of its parts, and less than may be held back.
_MAX_LENGTH = 32
# A tag with attributes is one from its first "=" on: what follows may be of any length.
_ATTRIBUTE = re.compile(rf"<({'|'.join(map(re.escape, map(plain, TAG_NAMES)))}) [a-z_:-]+(=)?")
_TYPE_ARGUMENT = re.compile(r"<[A-Z][A-Za-z]*>")
_COMPONENT = re.compile(r"<[A-Z][A-Za-z]*\s*/>")


@dataclass(frozen=True, slots=True)
class FoundMarker:
    """``before`` is the character before the marker, "" at the beginning; ``in_tag``: its ``>`` is still to come."""

    marker: Marker
    start: int
    before: str
    text: str
    in_tag: bool = False


class _Candidate:
    __slots__ = ("before", "loose", "raw", "start", "tight")

    def __init__(self, start: int, before: str) -> None:
        self.start = start
        self.before = before
        self.raw = self.loose = self.tight = ""

    def push(self, character: str, sign: str) -> FoundMarker | bool:
        """The marker if it is complete, otherwise whether it may still become one."""
        self.raw += character
        if not (sign == " " and self.loose.endswith(" ")):
            self.loose += sign
        if sign != " ":
            self.tight += sign
        if self.tight in MARKERS:
            return not self._is_code() and FoundMarker(MARKERS[self.tight], self.start, self.before, self.raw)
        if len(self.raw) >= _MAX_LENGTH:
            return False
        if self.tight in PREFIXES:
            return True
        attribute = _ATTRIBUTE.fullmatch(self.loose)
        if attribute and attribute[2]:
            marker = replace(MARKERS[f"<{attribute[1]}>"], text=self.tight)
            return FoundMarker(marker, self.start, self.before, self.raw, in_tag=True)
        return bool(attribute)

    def _is_code(self) -> bool:
        """``List<Thought>`` a type, ``<Thought />`` a component, ``[think](…)`` a link: the marker is in capitals."""
        if MARKERS[self.tight].family == "bracket":
            return self.raw != self.raw.upper()
        if MARKERS[self.tight].role is Role.STANDS_ALONE:
            return _COMPONENT.fullmatch(self.raw) is not None
        return self.before.isalnum() and _TYPE_ARGUMENT.fullmatch(self.raw) is not None


class MarkerScanner:
    __slots__ = ("_candidates",)

    def __init__(self) -> None:
        self._candidates: list[_Candidate] = []

    @property
    def idle(self) -> bool:
        """Whether a letter would change nothing now."""
        return not self._candidates

    def push(self, character: str, place: int, before: str) -> FoundMarker | None:
        """The marker that ends with this character, if any."""
        sign = PLAIN[character]
        if sign[:1] in STARTS:
            self._candidates.append(_Candidate(place, before))
        elif not self._candidates:
            return None
        remaining = []
        for candidate in self._candidates:
            outcome = candidate.push(character, sign)
            if isinstance(outcome, FoundMarker):
                self._candidates = []
                return outcome
            if outcome:
                remaining.append(candidate)
        self._candidates = remaining
        return None

    def hold(self, end: int) -> int:
        """The index of the first character that may be part of a marker; ``end`` if there is none."""
        return self._candidates[0].start if self._candidates else end

"""Decides about a stream character by character: what of it is redacted, and what may be let go."""

from collections.abc import Iterable
from dataclasses import dataclass

from chat.sanitizer.enclosures import NEVER, JsonObject, MarkedText, Opener, OpenMarkers, Position
from chat.sanitizer.folding import FOLDED, PLAIN
from chat.sanitizer.identifiers import IdentifierScanner, Vocabulary
from chat.sanitizer.markers import FoundMarker, MarkerScanner, Role
from chat.sanitizer.ngrams import GramIndex
from chat.sanitizer.plain_pieces import PlainPieces
from chat.sanitizer.prompt_runs import PromptRunScanner
from chat.sanitizer.redactions import Redactions
from chat.sanitizer.slices import ProtectedWords
from chat.sanitizer.user_texts import UserTexts

# Of a stream, in characters, but for what an opening marker may enclose and for white space before the first word.
MAX_HELD = 40
MARKER_RULE = "reasoning_marker"
_CLOSING_QUOTES = {"`": "`", '"': '"', "'": "'", "“": "”", "„": "“", "«": "»"}
# Around a closing tag in a sentence about it.
_BEFORE_MENTION, _AFTER_MENTION = frozenset(" ("), frozenset(" .,;:)?!")
_FENCE = 3


@dataclass(frozen=True, slots=True)
class Protected:
    """What is known of the protected texts, the same for every stream."""

    index: GramIndex
    vocabulary: Vocabulary
    words: ProtectedWords
    pieces: PlainPieces


class CharacterRedactor:
    """In terms of places (indices into the whole stream): characters from ``_released`` on may still be redacted.

    With ``whole`` nothing is released before the end.
    """

    def __init__(self, protected: Protected, user: UserTexts, *, whole: bool) -> None:
        self._user = user
        self._whole = whole
        self._runs = PromptRunScanner(protected.index, user)
        self._markers = MarkerScanner()
        self._identifiers = IdentifierScanner(protected.vocabulary, user)
        self._pending = ""
        self._base = self._end = self._released = 0
        self._before = ""
        self._redactions = Redactions()
        # Where the answer begins, and its first character that is no white space.
        self._beginning = 0
        self._first = NEVER
        # A reasoning block was dropped at the beginning: so is the white space behind it.
        self._swallows = False
        self._dropped: MarkedText | None = None
        self._drops_space = True
        self._object: tuple[JsonObject, str] | None = None
        self._open = OpenMarkers()
        # A marker that may be only mentioned, until the next character shows whether it is.
        self._quoted: FoundMarker | None = None
        self._ticks = 0
        self._is_fenced = False
        # From here on the next words of a prompt that is told in slices may come.
        self._slice_start = NEVER

    @property
    def held(self) -> int:
        """The number of characters neither emitted nor redacted yet."""
        return len(self._pending)

    @property
    def is_open(self) -> bool:
        """Whether more is held than ``MAX_HELD``: what a marker may enclose, or white space at the beginning."""
        return self._open.start != NEVER or self._first == NEVER

    def _take(self, character: str, place: int) -> None:
        if self._quoted is not None:
            self._settle_quoted(self._quoted, character, place)
        if place >= self._open.limit:
            self._give_up(self._open.give_up(place))
        if self._dropped is not None:
            self._drop_character(self._dropped, character, place)
        elif self._object is None or not self._is_in_object(*self._object, character, place):
            self._read_character(character, place)

    def _read_character(self, character: str, place: int) -> None:
        end = place + 1
        if self._first == NEVER and PLAIN[character].strip():
            self._first = place
            if self._swallows:
                self._redactions.drop(self._beginning, place, MARKER_RULE)
        folded = FOLDED[character]
        if run := self._runs.push(character, folded, place):
            if run.allowed:
                self._redactions.unmark(max(run.start, self._released))
            else:
                self._mark(run.start, end - run.behind, run.rule)
        hold = self._runs.hold(end)
        if not (folded and self._identifiers.idle and self._markers.idle):
            # More than a letter within an ordinary word.
            self._look_for_structure(character, place)
            if self._dropped is not None or self._object is not None:
                return
            hold = min(hold, self._hold_structure(end))
        if not self._whole:
            self._release(hold, end)

    def _hold_structure(self, end: int) -> int:
        """The first place that a marker or a finding may begin at."""
        hold = self._markers.hold(end)
        if hold < end and self._released <= self._beginning:
            # What comes before a reasoning block is dropped with it as long as nothing is out.
            hold = self._beginning
        if self._quoted is not None:
            hold = min(hold, self._quoted.start)
        return min(hold, self._identifiers.hold(end))

    def _release(self, hold: int, end: int) -> None:
        """Let go of what is before ``hold``, and of more than may be held, but of nothing that a marker may enclose."""
        hold = min(hold, self._slice_start)
        hold = max(hold, end - MAX_HELD)
        hold = min(hold, self._open.start)
        if self._first == NEVER and hold > self._beginning:
            hold = self._beginning
        self._released = max(self._released, hold)

    def _look_for_structure(self, character: str, place: int) -> None:
        if character == "`":
            self._ticks = self._ticks + 1 if self._before == "`" else 1
            self._is_fenced ^= self._ticks == _FENCE
        if self._open.in_tag and character == ">":
            self._open.end_tag(end=place + 1, is_empty=self._before == "/")
        if found := self._markers.push(character, place, self._before):
            self._handle_marker(found, place + 1)
        if self._dropped is not None:
            return
        finding = self._identifiers.push(character, place)
        if finding is None:
            return
        self._mark(finding.start, finding.end, finding.rule)
        if finding.enclosure is not None:
            self._object = finding.enclosure, finding.rule
            self._is_in_object(finding.enclosure, finding.rule, character, place)

    def _is_in_object(self, enclosure: JsonObject, rule: str, character: str, place: int) -> bool:
        found = self._markers.push(character, place, self._before)
        if found and found.marker.role is Role.CLOSES and (opener := self._open.close(found.marker)):
            self._object = None
            self._redact_enclosed(opener, found, place + 1)
            return True
        where = enclosure.push(character)
        if where is not Position.INSIDE:
            self._object = None
        if where is Position.OUTSIDE:
            return False
        self._mark(place, place + 1, rule)
        self._released = place + 1 if not self._whole and self._open.start == NEVER else self._released
        return True

    def _handle_marker(self, found: FoundMarker, end: int) -> None:
        if self._user.names(found.marker):
            return
        may_be_mention = found.before in _CLOSING_QUOTES and not found.in_tag
        is_orphan = found.marker.role is Role.CLOSES and not self._open.has(found.marker.family)
        if may_be_mention or (is_orphan and found.before in _BEFORE_MENTION):
            self._quoted = found
        else:
            self._redact_marker(found, end)

    def _settle_quoted(self, found: FoundMarker, character: str, place: int) -> None:
        """``<think>`` in quotes on both sides and a closing tag between the words of a sentence are only mentioned."""
        self._quoted = None
        is_quotation = character == _CLOSING_QUOTES.get(found.before)
        if not (is_quotation or (found.before in _BEFORE_MENTION and character in _AFTER_MENTION)):
            self._redact_marker(found, place)

    def _redact_marker(self, found: FoundMarker, end: int) -> None:
        marker = found.marker
        if marker.role is Role.OPENS:
            leads = found.start == self._first
            if leads and marker.reasons:
                self._dropped = MarkedText(found)
                self._drops_space = not self._beginning or self._swallows or found.before.isspace()
                self._redactions.drop(self._drop_start(), end, MARKER_RULE)
            else:
                self._open.open(found, start=self._drop_start() if leads else found.start, end=end, leads=leads)
        elif marker.role is Role.STANDS_ALONE:
            self._mark(found.start, end, MARKER_RULE)
        elif opener := self._open.close(marker):
            self._redact_enclosed(opener, found, end)
        elif marker.reasons and self._released <= self._beginning and not self._is_fenced:
            # All that came before is reasoning whose opener was in the prompt, and none of it is out.
            self._redactions.drop(self._drop_start(), end, MARKER_RULE)
            self._begin(end, swallows=True)
        elif not (marker.reasons and self._is_fenced):
            self._mark(found.start, end, MARKER_RULE)

    def _redact_enclosed(self, opener: Opener, found: FoundMarker, end: int) -> None:
        enclosed = self._pending[opener.end - self._base : found.start - self._base]
        if enclosed.strip() and not enclosed.strip(" .…"):
            return  # <think>…</think> is a mention, too
        if opener.leads:
            self._redactions.drop(self._drop_start(), end, MARKER_RULE)
            self._begin(end, swallows=True)
        else:
            self._mark(opener.start, end, MARKER_RULE)

    def _drop_character(self, enclosure: MarkedText, character: str, place: int) -> None:
        self._redactions.drop(place, place + 1, MARKER_RULE)
        if enclosure.push(character) is not Position.INSIDE:
            self._dropped = None
            self._begin(place + 1, swallows=self._drops_space)
        if not self._whole:
            self._released = place + 1

    def _drop_start(self) -> int:
        """White space before a block goes, too, but for that behind an earlier answer of the turn."""
        return self._first if self._beginning and not self._swallows else self._beginning

    def _begin(self, place: int, *, swallows: bool) -> None:
        self._beginning, self._first, self._swallows = place, NEVER, swallows

    def _give_up(self, openers: Iterable[Opener]) -> None:
        """They enclose nothing. A tag may be one of XML, a control token is nothing but what it is."""
        for opener in openers:
            if opener.marker.family != "tag":
                self._mark(opener.start, opener.end, MARKER_RULE)

    def _mark(self, start: int, end: int, rule: str) -> None:
        self._redactions.mark(max(start, self._released), end, rule)

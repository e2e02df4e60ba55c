"""Redacts one stream of text, however its chunks are cut."""

import logging
from dataclasses import dataclass

from adiuva.observability.metrics import REDACTIONS
from chat.sanitizer.enclosures import Enclosure, MarkedText, Position
from chat.sanitizer.folding import FOLDED
from chat.sanitizer.identifiers import IdentifierScanner, Vocabulary
from chat.sanitizer.markers import FoundMarker, MarkerScanner, Role
from chat.sanitizer.ngrams import GramIndex
from chat.sanitizer.prompt_runs import PromptRunScanner
from chat.sanitizer.user_texts import UserQuotation, UserTexts

logger = logging.getLogger(__name__)

REPLACEMENT = "[REDACTED]"
MAX_HELD = 40
_MARKER_RULE = "reasoning_marker"
_CLOSING_QUOTES = {"`": "`", '"': '"', "'": "'", "“": "”", "„": "“", "«": "»"}


@dataclass(slots=True)
class _Mark:
    """A range to be redacted; ``emitted``: its replacement has been sent."""

    start: int
    end: int
    rule: str
    emitted: bool = False


class StreamRedactor:
    """Takes a text in chunks of any size and returns what may be shown of it; the cuts make no difference.

    Every decision is made character by character, in terms of places (indices into the whole stream). Characters
    from ``_released`` on, at most ``MAX_HELD``, may still be redacted.
    """

    def __init__(self, index: GramIndex, vocabulary: Vocabulary, user: UserTexts) -> None:
        self._user = user
        self._runs = PromptRunScanner(index, user)
        self._markers = MarkerScanner()
        self._identifiers = IdentifierScanner(vocabulary, user)
        self._pending = ""
        self._base = 0
        self._released = 0
        self._before = ""
        self._marks: list[_Mark] = []
        self._enclosure: Enclosure | None = None
        self._rule = ""
        # While the user's own words are repeated: the enclosure that they would otherwise have begun.
        self._quotation: tuple[UserQuotation, Enclosure] | None = None
        # A marker in quotes, until the next character shows whether it is only being mentioned.
        self._quoted: FoundMarker | None = None

    @property
    def held(self) -> int:
        """The number of characters neither emitted nor redacted yet."""
        return len(self._pending)

    def feed(self, text: str) -> str:
        """What may be emitted now."""
        place = self._base + len(self._pending)
        self._pending += text
        for character in text:
            self._take(character, place)
            self._before = character
            place += 1
        return self._emit()

    def finish(self) -> str:
        """What may be emitted at the end of the stream."""
        end = self._base + len(self._pending)
        if self._quoted is not None:
            self._mark(self._quoted.start, end, _MARKER_RULE)
        elif finding := self._identifiers.finish(end):
            self._mark(finding.start, finding.end, finding.rule)
        self._released = end
        return self._emit()

    def _take(self, character: str, place: int) -> None:
        if self._quoted is not None:
            self._settle_quoted(self._quoted, character, place)
        if self._enclosure is not None and self._is_enclosed(self._enclosure, character, place):
            return
        folded = FOLDED[character]
        end = place + 1
        if run := self._runs.push(character, folded, place):
            if run.allowed:
                self._unmark(run.start)
            else:
                self._mark(run.start, end, "system_prompt")
        if folded and self._identifiers.idle and self._markers.idle and self._quotation is None:
            # A letter within an ordinary word: nearly every character.
            hold = self._runs.hold(end)
        else:
            if self._quotation is not None:
                self._follow_quotation(*self._quotation, character, place)
            else:
                self._look_for_structure(character, place)
            if self._enclosure is not None:
                self._released = end
                return
            hold = min(self._runs.hold(end), self._markers.hold(end), self._identifiers.hold(end))
            if self._quoted is not None:
                hold = min(hold, self._quoted.start)
        self._released = max(self._released, hold, end - MAX_HELD)

    def _is_enclosed(self, enclosure: Enclosure, character: str, place: int) -> bool:
        where = enclosure.push(character)
        if where is not Position.INSIDE:
            self._enclosure = None
        if where is Position.OUTSIDE:
            return False
        self._mark(place, place + 1, self._rule)
        self._released = place + 1
        return True

    def _look_for_structure(self, character: str, place: int) -> None:
        if found := self._markers.push(character, place, self._before):
            self._handle_marker(found, place + 1)
        finding = self._identifiers.push(character, place)
        if finding is None or self._enclosure is not None:
            return
        self._mark(finding.start, finding.end, finding.rule)
        if finding.enclosure is not None:
            self._enter(finding.enclosure, finding.rule)
            self._is_enclosed(finding.enclosure, character, place)

    def _handle_marker(self, found: FoundMarker, end: int) -> None:
        quotation = UserQuotation(self._user, found.text)
        if found.marker.role is not Role.OPENS:
            if not quotation:
                self._mark(found.start, end, _MARKER_RULE)
        elif found.before in _CLOSING_QUOTES:
            self._quoted = found
        elif quotation:
            self._quotation = (quotation, MarkedText(found))
        else:
            self._mark(found.start, end, _MARKER_RULE)
            self._enter(MarkedText(found), _MARKER_RULE)

    def _settle_quoted(self, found: FoundMarker, character: str, place: int) -> None:
        """``<think>`` in quotes on both sides encloses nothing."""
        self._quoted = None
        quotation = UserQuotation(self._user, found.text)
        is_mention = character == _CLOSING_QUOTES[found.before]
        if not quotation:
            self._mark(found.start, place, _MARKER_RULE)
            if not is_mention:
                self._enter(MarkedText(found), _MARKER_RULE)
        elif not is_mention:
            self._quotation = (quotation, MarkedText(found))

    def _follow_quotation(self, quotation: UserQuotation, enclosure: Enclosure, character: str, place: int) -> None:
        if not quotation.follow(character):
            self._quotation = None
            self._enter(enclosure, _MARKER_RULE)
            self._is_enclosed(enclosure, character, place)
        elif enclosure.push(character) is not Position.INSIDE:
            self._quotation = None

    def _enter(self, enclosure: Enclosure, rule: str) -> None:
        self._enclosure = enclosure
        self._rule = rule

    def _mark(self, start: int, end: int, rule: str) -> None:
        """Redact from ``start`` to before ``end``, as far as it is not released; touching marks become one."""
        mark = _Mark(max(start, self._released), end, rule)
        while self._marks and self._marks[-1].end >= mark.start:
            last = self._marks.pop()
            mark = _Mark(min(last.start, mark.start), max(last.end, mark.end), last.rule, last.emitted)
        self._marks.append(mark)

    def _unmark(self, start: int) -> None:
        """From ``start`` on the user wrote it: keep what is not released yet."""
        start = max(start, self._released)
        while self._marks and self._marks[-1].start >= start and not self._marks[-1].emitted:
            self._marks.pop()
        if self._marks:
            self._marks[-1].end = min(self._marks[-1].end, start)

    def _emit(self) -> str:
        parts = []
        place, end = self._base, self._released
        for mark in self._marks:
            if mark.start >= end:
                break
            parts.append(self._pending[place - self._base : max(mark.start - self._base, 0)])
            if not mark.emitted:
                mark.emitted = True
                parts.append(REPLACEMENT)
                logger.warning("redacted", extra={"rule": mark.rule})
                REDACTIONS.labels(mark.rule).inc()
            place = min(mark.end, end)
        parts.append(self._pending[place - self._base : end - self._base])
        # A mark that ends here could still grow.
        self._marks = [mark for mark in self._marks if mark.end >= end]
        self._pending = self._pending[end - self._base :]
        self._base = end
        return "".join(parts)

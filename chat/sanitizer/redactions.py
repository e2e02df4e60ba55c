"""The places of a stream that are redacted: replaced or, at the beginning of an answer, dropped."""

import logging
from dataclasses import dataclass

from adiuva.observability.metrics import REDACTIONS

logger = logging.getLogger(__name__)

REPLACEMENT = "[REDACTED]"


@dataclass(slots=True)
class _Mark:
    """From ``start`` to before ``end``, places in the stream; ``emitted``: it has been logged and its text sent."""

    start: int
    end: int
    rule: str
    replacement: str = REPLACEMENT
    emitted: bool = False


class Redactions:
    """In the order of their places; those that touch are one."""

    __slots__ = ("_marks", "any")

    def __init__(self) -> None:
        self._marks: list[_Mark] = []
        # Whether there may be some.
        self.any = False

    def mark(self, start: int, end: int, rule: str) -> None:
        if end > start:
            self._add(_Mark(start, end, rule))

    def drop(self, start: int, end: int, rule: str) -> None:
        """As ``mark``, with nothing in its place."""
        while self._marks and self._marks[-1].start >= start and not self._marks[-1].emitted:
            self._marks.pop()
        if end > start:
            self._add(_Mark(start, end, rule, replacement=""))

    def _add(self, mark: _Mark) -> None:
        marks = self._marks
        self.any = True
        place = len(marks)
        while place and marks[place - 1].start > mark.start:
            place -= 1
        marks.insert(place, mark)
        # Nearly always it is the last, and touches the one before it or none.
        place = max(place - 1, 0)
        while place + 1 < len(marks) and marks[place].start <= mark.end:
            left, right = marks[place], marks[place + 1]
            if left.end >= right.start and left.replacement == right.replacement:
                left.end = max(left.end, right.end)
                del marks[place + 1]
            else:
                place += 1

    def unmark(self, start: int) -> None:
        """From ``start`` on the user wrote it."""
        while self._marks and self._marks[-1].start >= start and not self._marks[-1].emitted:
            self._marks.pop()
        if self._marks:
            self._marks[-1].end = min(self._marks[-1].end, start)

    def render(self, text: str, *, base: int, end: int) -> str:
        """What is shown of ``text``, whose place is ``base``, up to ``end``. Each redaction is logged and counted."""
        parts = []
        place = base
        for mark in self._marks:
            if mark.start >= end:
                break
            parts.append(text[place - base : max(mark.start - base, 0)])
            if not mark.emitted:
                mark.emitted = True
                parts.append(mark.replacement)
                logger.warning("redacted", extra={"rule": mark.rule})
                REDACTIONS.labels(mark.rule).inc()
            place = max(place, min(mark.end, end))
        parts.append(text[place - base : end - base])
        # A mark that ends here could still grow.
        self._marks = [mark for mark in self._marks if mark.end >= end]
        self.any = bool(self._marks)
        return "".join(parts)

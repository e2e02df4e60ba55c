"""What all rules share: the tree of one piece of code, and where findings go."""

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from marketplace.review.hidden_characters import visible
from marketplace.review.reach.findings import MAX_NAME, MAX_WHAT, Finding, quote
from marketplace.review.reach.globals import KNOWN
from marketplace.review.reach.scopes import Names
from marketplace.review.reach.syntax import Deadline, Node
from marketplace.review.reach.values import Values

MAX_COLLECTED: Final = 5_000  # of a package
_LONG_LINE: Final = 20_000


class Lines:
    """Where a byte of a file is: line and column from 1, columns in characters."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._is_ascii = source.isascii()
        self._starts = [0]
        at = source.find(b"\n")
        while at >= 0:
            self._starts.append(at + 1)
            at = source.find(b"\n", at + 1)

    def place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        start = self._starts[line - 1]
        if self._is_ascii or offset - start > _LONG_LINE:  # nobody counts the characters of such a line
            return line, offset - start + 1
        return line, len(self._source[start:offset].decode("utf-8", "replace")) + 1


@dataclass(slots=True)
class Collected:
    """Of a package. ``uses``: what permissions are needed for, with the first places. ``guessed``: what they may be
    needed for, with a place where that is likely.
    """

    findings: list[Finding] = field(default_factory=list)
    uses: dict[str, list[Finding]] = field(default_factory=dict)
    guessed: dict[str, Finding | None] = field(default_factory=dict)
    has_computed_use: bool = False
    imports: set[tuple[str, str]] = field(default_factory=set)  # by which file, of which name
    is_full: bool = False

    def add(self, finding: Finding) -> None:
        if len(self.findings) < MAX_COLLECTED:
            self.findings.append(finding)
        else:
            self.is_full = True


@dataclass(eq=False)
class Look:
    """One piece of code: a file, or a script in one. ``place`` says where a byte of it is in the file."""

    file: str
    source: bytes
    root: Node
    place: Callable[[int], tuple[int, int]]
    collected: Collected
    deadline: Deadline

    @cached_property
    def names(self) -> Names:
        return Names(self.root, self.source)

    @cached_property
    def values(self) -> Values:
        return Values(self.names, KNOWN, self.deadline)

    def text(self, node: Node) -> str:
        return self.names.text(node)

    def quoted(self, node: Node) -> str:
        return f"“{quote(self.text(node))}”"

    def finding(self, at: Node | int, kind: str, severity: str, what: str) -> Finding:
        line, column = self.place(at if isinstance(at, int) else at.start)
        return Finding(
            file=visible(self.file)[:MAX_NAME],
            line=line,
            column=column,
            kind=kind,
            severity=severity,
            what=visible(what)[:MAX_WHAT],
        )

    def tell(self, at: Node | int, kind: str, severity: str, what: str) -> None:
        self.collected.add(self.finding(at, kind, severity, what))

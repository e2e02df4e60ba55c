"""The lines of one file's diff as rows of an HTML table, side by side; a file with one side has one column.

Rows are strings put together here: a template would take several times as long for thousands of them. Every text of an
author's goes through ``paint``, which escapes it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Final

from django.utils.safestring import SafeString, mark_safe

from marketplace.review.diff.coloured_code import Palette, Segment, paint
from marketplace.review.diff.findings import Finding
from marketplace.review.diff.line_diff import Block
from marketplace.review.page import visible

CONTEXT: Final = 3  # lines around a change
MAX_LINE: Final = 1000  # characters of one that is shown as a whole
_EDGE: Final = 250  # of a longer one, around what differs
_HALF: Final = 1000  # of what differs itself: its beginning, and its end
MAX_PAGE_CHARACTERS: Final = 2_500_000  # of HTML
_HUNK: Final = 200  # rows that are put together at once
_ALIKE: Final = 0.3  # of the longer line: less in common, and the two are other lines altogether


@dataclass(frozen=True, slots=True)
class Row:
    """Places of lines, from 0; None where the side has none. ``skipped``: so many that are the same are left out."""

    old: int | None
    new: int | None
    is_same: bool = False
    skipped: int = 0


@dataclass(slots=True)
class Room:
    """What is left of a page."""

    characters: int = field(default_factory=lambda: MAX_PAGE_CHARACTERS)
    palette: Palette = field(default_factory=Palette)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """One file on both sides."""

    number: int
    name: str
    old: Sequence[str]
    new: Sequence[str]
    blocks: Sequence[Block]
    findings: Mapping[int, Sequence[Finding]]
    needle: str = ""


def changed_lines(blocks: Sequence[Block]) -> tuple[list[int], list[int]]:
    """Places of what was removed, and of what was added."""
    changed = [block for block in blocks if not block.is_same]
    removed = [line for block in changed for line in range(block.old_start, block.old_end)]
    added = [line for block in changed for line in range(block.new_start, block.new_end)]
    return removed, added


def rows_of(blocks: Sequence[Block]) -> Iterator[Row]:
    """Changed lines in pairs, with some of the same ones around them."""
    if all(block.is_same for block in blocks):
        return
    for place, block in enumerate(blocks):
        olds, news = range(block.old_start, block.old_end), range(block.new_start, block.new_end)
        if not block.is_same:
            for at in range(max(len(olds), len(news))):
                yield Row(olds[at] if at < len(olds) else None, news[at] if at < len(news) else None)
            continue
        pairs = [Row(old, new, is_same=True) for old, new in zip(olds, news, strict=True)]
        head, tail = CONTEXT if place else 0, CONTEXT if place < len(blocks) - 1 else 0
        if len(pairs) <= head + tail + 1:
            yield from pairs
            continue
        yield from pairs[:head]
        yield Row(None, None, is_same=True, skipped=len(pairs) - head - tail)
        yield from pairs[len(pairs) - tail :] if tail else []


def render(sides: Sides, room: Room) -> tuple[SafeString, int]:
    """The table's rows, and how many of them found no room."""
    html: list[str] = []
    rows = list(rows_of(sides.blocks))
    done = 0
    for hunk in _hunks(rows):
        if room.characters <= 0:
            break
        part = _render_hunk(sides, hunk, room.palette)
        room.characters -= sum(map(len, part))
        html += part
        done += len(hunk)
    return mark_safe("".join(html)), len(rows) - done  # noqa: S308 - texts are escaped by ``paint`` and ``escape``


def _hunks(rows: Sequence[Row]) -> Iterator[list[Row]]:
    """Runs without a gap, since code is coloured by whole runs."""
    hunk: list[Row] = []
    for row in rows:
        if hunk and (row.skipped or len(hunk) >= _HUNK):
            yield hunk
            hunk = []
        hunk.append(row)
    if hunk:
        yield hunk


def _render_hunk(sides: Sides, hunk: Sequence[Row], palette: Palette) -> list[str]:
    pairs = [_shown_pair(sides, row) for row in hunk]
    has_old = any(row.old is not None and not row.is_same for row in hunk)
    olds = _colour(palette, [text for text, _, _, _ in pairs] if has_old else [None] * len(pairs), sides.name)
    news = _colour(palette, [text for _, _, text, _ in pairs], sides.name)
    one_sided = not sides.old or not sides.new
    width = 2 if one_sided else 4
    html: list[str] = []
    for row, (_, old_mark, _, new_mark), old, new in zip(hunk, pairs, olds, news, strict=True):
        if row.skipped:
            html.append(f'<tr class="gap"><td colspan="{width}">{row.skipped} lines are the same</td></tr>')
            continue
        shown = paint(new, new_mark) if new is not None else ""
        if row.is_same:
            html.append(_same(sides.number, row, shown))
        else:
            before = paint(old, old_mark) if old is not None else ""
            html.append(_changed(sides, row, before, shown, one_sided=one_sided))
            html += [_note(one, width) for one in sides.findings.get(-1 if row.new is None else row.new, ())]
    return html


def _colour(palette: Palette, texts: Sequence[str | None], name: str) -> list[list[Segment] | None]:
    coloured = iter(palette.colour([text for text in texts if text is not None], name))
    return [None if text is None else next(coloured) for text in texts]


def _same(number: int, row: Row, shown: str) -> str:
    old, new = (row.old or 0) + 1, (row.new or 0) + 1
    return (
        f'<tr><td class="n">{old}</td><td class="c o">{shown}</td>'
        f'<td class="n" id="f{number}-L{new}">{new}</td><td class="c w">{shown}</td></tr>'
    )


def _changed(sides: Sides, row: Row, before: str, shown: str, *, one_sided: bool) -> str:
    lines = [sides.old[row.old] if row.old is not None else "", sides.new[row.new] if row.new is not None else ""]
    is_hit = bool(sides.needle) and any(sides.needle in line.lower() for line in lines)
    cells = []
    if not one_sided or row.old is not None:
        cells.append(_cell(f"f{sides.number}-O", row.old, before, "o del"))
    if not one_sided or row.new is not None:
        cells.append(_cell(f"f{sides.number}-L", row.new, shown, "w add"))
    kind = "found " if row.new is not None and row.new in sides.findings else ""
    return f'<tr class="{kind}chg{" hit" if is_hit else ""}">{"".join(cells)}</tr>'


def _cell(anchor: str, line: int | None, shown: str, kind: str) -> str:
    if line is None:
        return f'<td class="n {kind} x"></td><td class="c {kind} x"></td>'
    name = f"{anchor}{line + 1}"
    return f'<td class="n {kind}" id="{name}"><a href="#{name}">{line + 1}</a></td><td class="c {kind}">{shown}</td>'


def _note(finding: Finding, width: int) -> str:
    """Under the line that it is about."""
    return (
        f'<tr class="note sev-{finding.severity}"><td colspan="{width}"><b>{finding.severity}</b> '
        f"{escape(finding.shown)} <code>{escape(visible(finding.kind))}</code></td></tr>"
    )


_Mark = tuple[int, int] | None


def _shown_pair(sides: Sides, row: Row) -> tuple[str | None, _Mark, str | None, _Mark]:
    """Text and mark of both halves. A long line is cut to what differs, and says so."""
    if row.skipped:
        return None, None, None, None
    old = visible(sides.old[row.old]) if row.old is not None else None
    new = visible(sides.new[row.new]) if row.new is not None else None
    marks: tuple[_Mark, _Mark] = (None, None)
    if old is not None and new is not None and not row.is_same:
        marks = differing(old, new)
    return *_window(old, marks[0]), *_window(new, marks[1])


def differing(old: str, new: str) -> tuple[_Mark, _Mark]:
    """The half-open ranges between what both begin and end with; none where they have too little in common."""
    shorter = min(len(old), len(new))
    head = _common(old, new, shorter)
    tail = _common(old[::-1], new[::-1], shorter - head)
    longer = max(len(old), len(new))
    if head + tail < longer * _ALIKE:
        return None, None
    return (head, len(old) - tail), (head, len(new) - tail)


def _common(one: str, other: str, most: int) -> int:
    """How many characters both begin with, at most ``most``; by halving, for lines of a million."""
    least = 0
    while least < most:
        middle = (least + most + 1) // 2
        if one[least:middle] == other[least:middle]:
            least = middle
        else:
            most = middle - 1
    return least


def _window(text: str | None, mark: _Mark) -> tuple[str | None, _Mark]:
    """The beginning and the end of what is marked, with a little around it; signs stand for the rest."""
    if text is None or len(text) <= MAX_LINE:
        return text, mark
    first, last = mark or (0, len(text))
    start, end = max(0, first - _EDGE), min(len(text), last + _EDGE)
    gap_start, gap_end = first + _HALF, last - _HALF
    if gap_start >= gap_end:
        gap_start = gap_end = end
    before, gap, after = _left_out(start), _left_out(gap_end - gap_start), _left_out(len(text) - end)
    shown = before + text[start:gap_start] + gap + text[gap_end:end] + after
    moved = len(before) - start
    lost = gap_end - gap_start - len(gap)
    return shown, (first + moved, last + moved - lost) if mark else None


def _left_out(characters: int) -> str:
    return f"⟨{characters} characters are not shown⟩" if characters else ""

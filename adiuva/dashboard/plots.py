"""Where everything in a plot is: x in percent of its width, y in pixels, so that it fits any screen and its text keeps
its size. Pure; the templates write it down as SVG. Why not unfold's charts: docs/adr/0015-plots-are-svg-with-links.md.
"""

import math
from dataclasses import dataclass

from adiuva.dashboard.figures import Card, Figure, Row, Series, short
from adiuva.money import split_money

HEIGHT = 176  # of columns, from the top of the labels to the foot of the ticks
_TOP, _FOOT = 22, 24  # room for a label over the tallest column, and for the ticks
_BAR, _BAR_ROW = 12, 46
_FILLED = 0.7  # of a column's share of the width
_APART = 14  # percent between two columns that both have their number on top
_STEPS = (1, 2, 4, 6, 8, 10)


@dataclass(frozen=True, slots=True)
class Mark:
    """A rectangle that leads to a list. ``tone`` is empty for the area that only catches the mouse."""

    x: str
    y: str
    width: str
    height: str
    tone: str
    href: str
    title: str


@dataclass(frozen=True, slots=True)
class Text:
    x: str
    y: str
    text: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Drawing:
    """``lines`` are the grid's and ``zero`` the base line's heights; ``axis`` stands left of the plot."""

    height: int
    marks: list[Mark]
    labels: list[Text]
    ticks: list[Text]
    axis: list[Text]
    lines: list[str]
    zero: str
    is_empty: bool


def draw(card: Card) -> Drawing:
    return _columns(card) if card.kind == "columns" else _bars(card)


def ceiling(most: int) -> int:
    """The end of an axis: a round number not under ``most``, and 1 where there is nothing."""
    if most <= 1:
        return 1
    power: int = 10 ** int(math.log10(most))
    return next(step * power for step in _STEPS if step * power >= most)


def _columns(card: Card) -> Drawing:
    ups, downs = _sums(card, below=False), _sums(card, below=True)
    highest, lowest = ceiling(max(ups, default=0)), max(downs, default=0)
    scale = (HEIGHT - _TOP - _FOOT) / (highest + lowest)
    zero = _TOP + highest * scale
    share = 100 / max(len(card.rows), 1)
    marks, ticks = [], []
    for index, row in enumerate(card.rows):
        left, width = share * (index + (1 - _FILLED) / 2), share * _FILLED
        marks.append(_hit(card, row, index * share, share))
        heights = {False: zero, True: zero}
        for series, figure in _list_drawn(card, row):
            high = figure.value * scale
            top = heights[series.below] if series.below else heights[series.below] - high
            heights[series.below] += high if series.below else -high
            title = f"{row.label}: {series.name} {figure.text}"
            marks.append(_mark(left, top, width, high, str(series.tone), figure.href, title))
        if row.tick:
            ticks.append(Text(_n(share * (index + 0.5)), str(HEIGHT - 6), row.tick))
    is_empty = not (any(ups) or any(downs))
    levels = [0] if is_empty else [highest, highest // 2, 0] if highest % 2 == 0 else [highest, 0]
    return Drawing(
        height=HEIGHT,
        marks=marks,
        labels=_labels(card, ups, share=share, zero=zero, scale=scale),
        ticks=ticks,
        axis=[Text("100", _n(zero - level * scale + 4), _level(card, level)) for level in levels],
        lines=[_n(zero - level * scale) for level in levels if level],
        zero=_n(zero),
        is_empty=is_empty,
    )


def _bars(card: Card) -> Drawing:
    sums = _sums(card, below=False)
    longest = max(sums, default=0) or 1
    marks, labels, ticks = [], [], []
    for index, row in enumerate(card.rows):
        top, x = _BAR_ROW * index, 0.0
        marks.append(_mark(0, top + 24, 100, _BAR, "ground", "", ""))
        for series, figure in _list_drawn(card, row):
            width = 100 * figure.value / longest
            title = f"{row.label}: {series.name} {figure.text}"
            marks.append(_mark(x, top + 24, width, _BAR, str(series.tone), figure.href, title))
            x += width
        total = row.total or row.figures[0]
        ticks.append(Text("0", str(top + 15), row.label))
        labels.append(Text("100", str(top + 15), total.text, total.href))
    return Drawing(
        height=_BAR_ROW * len(card.rows) - 8,
        marks=marks,
        labels=labels,
        ticks=ticks,
        axis=[],
        lines=[],
        zero="",
        is_empty=not any(sums),
    )


def _list_drawn(card: Card, row: Row) -> list[tuple[Series, Figure]]:
    """Those that are drawn, in the order of the stack."""
    pairs = zip(card.series, row.figures, strict=True)
    return [(series, figure) for series, figure in pairs if series.tone and figure.value > 0]


def _sums(card: Card, *, below: bool) -> list[int]:
    return [sum(one.value for series, one in _list_drawn(card, row) if series.below is below) for row in card.rows]


def _hit(card: Card, row: Row, left: float, width: float) -> Mark:
    """The whole height of a column: one that is low, or none, can be pointed at all the same."""
    said = ", ".join(f"{series.name} {one.text}" for series, one in zip(card.series, row.figures, strict=True))
    return _mark(left, 0, width, HEIGHT - _FOOT, "hit", row.figures[0].href, f"{row.label}: {said}")


def _labels(card: Card, sums: list[int], *, share: float, zero: float, scale: float) -> list[Text]:
    """The highest column has its number on top, and so has the last one where both have room."""
    most = max(sums, default=0)
    if not most:
        return []
    highest, last = len(sums) - 1 - sums[::-1].index(most), len(sums) - 1
    shown = [highest] + ([last] if (last - highest) * share >= _APART and sums[last] else [])
    return [
        Text(_n(share * (index + 0.5)), _n(zero - sums[index] * scale - 6), _level(card, sums[index]))
        for index in shown
    ]


def _level(card: Card, level: int) -> str:
    if card.unit == "count":
        return short(level)
    sign, units = split_money(level, card.currency)
    return f"{sign}{short(units)}"


def _mark(left: float, top: float, width: float, height: float, tone: str, href: str, title: str) -> Mark:
    return Mark(_n(left), _n(top), _n(width), _n(height), tone, href, title)


def _n(number: float) -> str:
    return f"{number:.2f}".rstrip("0").rstrip(".")

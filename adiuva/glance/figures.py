"""What the page shows: numbers, each with the list of what it counts, in tiles and behind plots."""

from dataclasses import dataclass
from typing import Literal

# Of a series. By lightness and, where they meet in one plot, by pattern too: no meaning hangs on a colour alone.
Tone = Literal["a", "b", "c", "d"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """``value`` is what is measured and drawn (cents, bytes, people), ``text`` how it is read, ``href`` the list of
    what it counts, which has ``rows`` rows.
    """

    value: int
    text: str
    href: str
    rows: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """Something that a person may have to look at. ``note`` is the line beneath the number; ``alarm`` says that it
    must not wait.
    """

    slug: str
    title: str
    figure: Figure
    note: str
    alarm: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One column of a plot's table. Without a tone it is in the table only; ``below`` the line are losses."""

    name: str
    tone: Tone | None = None
    below: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """``figures`` has one for each series. ``tick`` is what the axis says of it, often nothing; ``total`` sums up a
    row of bars.
    """

    label: str
    figures: tuple[Figure, ...]
    tick: str = ""
    total: Figure | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A plot and the table behind it. ``columns`` stand over time, ``bars`` lie under their names.

    ``heads`` are the numbers on top, with what each is, over ``period``; ``empty`` is said where there is nothing to
    draw; ``unit`` is that of the axis.
    """

    slug: str
    title: str
    about: str
    kind: Literal["columns", "bars"]
    heads: tuple[tuple[Figure, str], ...]
    label: str
    series: tuple[Series, ...]
    rows: tuple[Row, ...]
    empty: str
    period: str = ""
    unit: Literal["count", "cents"] = "count"


Item = Tile | Card

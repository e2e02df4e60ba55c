"""What the dashboard shows: numbers, each with the list of what it counts, in tiles and behind plots."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal
from urllib.parse import urlencode

from django.urls import reverse

from adiuva.money import format_money

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
    draw; ``unit`` is that of the axis, and of ``cents`` ``currency`` says whose.
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
    currency: str = "eur"


Item = Tile | Card


DAYS = 30
MONTHS = 12


def days_until(now: datetime) -> list[date]:
    today = now.astimezone(UTC).date()
    return [today - timedelta(days=ago) for ago in range(DAYS - 1, -1, -1)]


def months_until(now: datetime) -> list[date]:
    """The first days of the months."""
    this = now.astimezone(UTC).date()
    numbers = range(this.year * 12 + this.month - MONTHS, this.year * 12 + this.month)
    return [date(number // 12, number % 12 + 1, 1) for number in numbers]


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def tick_of_day(day: date, today: date) -> str:
    """One a week, today's weekday."""
    return f"{day:%-d %b}" if (today - day).days % 7 == 0 else ""


_STEPS = ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "k"))


def format_count(number: int) -> str:
    """``"1,234"``."""
    return f"{number:,}"


def euros(cents: int) -> str:
    """``"€1,234.05"``."""
    return format_money(cents, "eur")


def short(number: float) -> str:
    """``"950"``, ``"1.2k"``, ``"3M"``: for axes."""
    for step, letter in _STEPS:
        if abs(number) >= step:
            return f"{number / step:.1f}".removesuffix(".0") + letter
    return f"{number:.1f}".removesuffix(".0")


def list_url(model: str, **filters: str | int) -> str:
    """``address("accounts_user", live_tier="pro")``; the filters are the list's own, or lookups of its columns."""
    path = reverse(f"admin:{model}_changelist")
    return f"{path}?{urlencode(filters)}" if filters else path


def on_day(field: str, day: date) -> dict[str, int]:
    """As the list's ``date_hierarchy`` says it, which then shows the day and the way back."""
    return in_month(field, day) | {f"{field}__day": day.day}


def in_month(field: str, day: date) -> dict[str, int]:
    return {f"{field}__year": day.year, f"{field}__month": day.month}

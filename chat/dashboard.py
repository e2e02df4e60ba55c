"""Turns and tokens by day, for the admin's dashboard."""

from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from django.db.models import Count, Sum

from adiuva.dashboard import registry
from adiuva.dashboard.figures import (
    DAYS,
    Card,
    Figure,
    Row,
    Series,
    days_until,
    format_count,
    list_url,
    on_day,
    tick_of_day,
)
from chat.models import DailyUsage

USAGE = "chat_dailyusage"
COLUMNS = ("turns", "input_tokens", "output_tokens")


def register() -> None:
    registry.register("usage", _by_day, permissions=("chat.view_dailyusage",), order=30)


def _by_day(now: datetime) -> Iterator[Card]:
    """Both cards from one query."""
    days = days_until(now)
    usage = DailyUsage.objects.filter(day__gte=days[0], day__lte=days[-1]).order_by()
    sums = {name: Sum(name) for name in COLUMNS}
    found: dict[date, dict[str, Any]] = {
        row["day"]: {**row} for row in usage.values("day").annotate(users=Count("pk"), **sums)
    }
    in_all = list_url(USAGE, day__gte=days[0].isoformat(), day__lte=days[-1].isoformat())
    rows_in_all = sum(row["users"] for row in found.values())

    def figure(day: date, name: str) -> Figure:
        row = found.get(day, {})
        value = row.get(name, 0)
        href = list_url(USAGE, **on_day("day", day))
        return Figure(value=value, text=format_count(value), href=href, rows=row.get("users", 0))

    def head(name: str) -> Figure:
        value = sum(row[name] for row in found.values())
        return Figure(value=value, text=format_count(value), href=in_all, rows=rows_in_all)

    def rows(*names: str) -> tuple[Row, ...]:
        return tuple(
            Row(
                label=f"{day:%-d %b %Y}",
                tick=tick_of_day(day, days[-1]),
                figures=tuple(figure(day, name) for name in names),
            )
            for day in days
        )

    yield Card(
        slug="turns",
        title="Turns by day",
        about=f"A column for each of the last {DAYS} days.",
        kind="columns",
        heads=((head("turns"), "turns"),),
        period=f"{DAYS} days",
        label="Day",
        series=(Series(name="Turns", tone="a"), Series(name="Users")),
        rows=rows("turns", "users"),
        empty=f"Nobody has asked anything in {DAYS} days.",
    )
    yield Card(
        slug="tokens",
        title="Tokens by day",
        about=f"A column for each of the last {DAYS} days: what the models read, and on top what they wrote.",
        kind="columns",
        heads=((head("input_tokens"), "read"), (head("output_tokens"), "written")),
        period=f"{DAYS} days",
        label="Day",
        series=(Series(name="Read", tone="a"), Series(name="Written", tone="b")),
        rows=rows("input_tokens", "output_tokens"),
        empty=f"No model was asked in {DAYS} days.",
    )

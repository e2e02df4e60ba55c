"""Turns and tokens by day, and budgets by tier: for the admin's dashboard."""

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
    in_month,
    list_url,
    on_day,
    tick_of_day,
)
from chat.budgets.fullness import NEAR_PERCENT, Fullness, limited_tiers, with_fullness
from chat.budgets.ledger import this_month
from chat.models import DailyUsage, MonthlyBudget

USAGE = "chat_dailyusage"
BUDGETS = "chat_monthlybudget"
COLUMNS = ("turns", "input_tokens", "output_tokens")


def register() -> None:
    registry.register("usage", _by_day, permissions=("chat.view_dailyusage",), order=30)
    registry.register("budgets", _by_tier, permissions=("chat.view_monthlybudget",), order=31)


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


def _by_tier(now: datetime) -> Iterator[Card]:  # noqa: ARG001 - as the registry asks
    """Nothing where no tier has a limit. One query."""
    tiers = limited_tiers()
    if not tiers:
        return
    month = this_month()
    budgets = with_fullness(MonthlyBudget.objects.filter(month=month).order_by())
    found = {
        (row["tier"], row["fullness"]): row["users"]
        for row in budgets.values("tier", "fullness").annotate(users=Count("pk"))
    }

    def figure(users: int, **filters: str) -> Figure:
        href = list_url(BUDGETS, **in_month("month", month), **filters)
        return Figure(value=users, text=format_count(users), href=href, rows=users)

    def head(fullness: Fullness) -> Figure:
        return figure(sum(found.get((tier, fullness), 0) for tier in tiers), fullness=fullness)

    yield Card(
        slug="budgets",
        title="Budgets by tier",
        about=f"A bar for each tier with a limit: users who have asked a model in {month:%B %Y}, by how much of their "
        "tokens is used.",
        kind="bars",
        heads=((head(Fullness.USED_UP), "used up"), (head(Fullness.NEAR), "near the limit")),
        period=f"{month:%B %Y}",
        label="Tier",
        series=(
            Series(name=f"Below {NEAR_PERCENT} %", tone="a"),
            Series(name="Near the limit", tone="b"),
            Series(name="Used up", tone="c"),
        ),
        rows=tuple(
            Row(
                label=tier.title(),
                figures=tuple(figure(found.get((tier, one), 0), live_tier=tier, fullness=one) for one in Fullness),
                total=figure(sum(found.get((tier, one), 0) for one in Fullness), live_tier=tier),
            )
            for tier in tiers
        ),
        empty=f"No model was asked in {month:%B %Y}.",
    )

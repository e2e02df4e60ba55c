"""How many there are, by tier, and how many come: for the admin's first page."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count
from django.db.models.functions import TruncDay

from accounts import live_tier
from accounts.models import User
from accounts.serializers import TIERS
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
    midnight,
    on_day,
    tick_of_day,
)

USERS = "accounts_user"


def register() -> None:
    registry.register("users", _cards, permissions=("accounts.view_user",), order=20)


def _cards(now: datetime) -> Iterator[Card]:
    yield _by_tier()
    yield _by_day(now)


def _users(count: int, href: str) -> Figure:
    return Figure(value=count, text=format_count(count), href=href, rows=count)


def _by_tier() -> Card:
    grouped = User.objects.order_by().values_list(live_tier.expression()).annotate(count=Count("pk"))
    counts: dict[str, int] = dict(grouped)
    rows = [
        Row(label=tier.title(), figures=(_users(counts.get(tier, 0), list_url(USERS, live_tier=tier)),))
        for tier in TIERS
    ]
    total = sum(counts.values())
    return Card(
        slug="users-by-tier",
        title="Users by tier",
        about="A bar for each tier, as long as it has users.",
        kind="bars",
        heads=((_users(total, list_url(USERS)), "user" if total == 1 else "users"),),
        label="Tier",
        series=(Series(name="Users", tone="a"),),
        rows=tuple(rows),
        empty="Nobody has registered yet.",
    )


def _by_day(now: datetime) -> Card:
    days = days_until(now)
    since = midnight(days[0])
    new = User.objects.filter(created_at__gte=since).order_by()
    grouped = new.annotate(day=TruncDay("created_at")).values_list("day").annotate(count=Count("pk"))
    counts = {moment.date(): count for moment, count in grouped}
    rows = [
        Row(
            label=f"{day:%-d %b %Y}",
            tick=tick_of_day(day, days[-1]),
            figures=(_users(counts.get(day, 0), list_url(USERS, **on_day("created_at", day))),),
        )
        for day in days
    ]
    total = sum(counts.values())
    return Card(
        slug="new-users",
        title="New users by day",
        about=f"A column for each of the last {DAYS} days.",
        kind="columns",
        heads=(
            (
                _users(total, list_url(USERS, created_at__gte=since.isoformat())),
                "new user" if total == 1 else "new users",
            ),
        ),
        period=f"{DAYS} days",
        label="Day",
        series=(Series(name="New users", tone="a"),),
        rows=tuple(rows),
        empty=f"Nobody has registered in {DAYS} days.",
    )

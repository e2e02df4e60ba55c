"""What a developer has earned: summed up from the ledger and the transfers, and from nothing else.

A month's figures are those of its bookings and stay as they are: what a later month gives back is that month's.
"""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from django.db.models import Count, Q, QuerySet, Sum
from django.db.models.functions import Coalesce

from accounts.models import User
from adiuva.api.errors import ValidationFailed
from marketplace.models import LedgerAccount, LedgerEntry, Plugin, Transfer, TransferStatus
from marketplace.payouts.ledger import SALES

_MONTH = re.compile(r"(\d{4})-(0[1-9]|1[0-2])", re.ASCII)
FIRST_YEAR, LAST_YEAR = 1970, 9998
LONGEST_MONTH = timedelta(days=31)


@dataclass(frozen=True, slots=True)
class Period:
    """A month by UTC: from ``start`` to before ``end``."""

    start: datetime
    end: datetime

    @classmethod
    def of(cls, text: str) -> Self:
        """``YYYY-MM``. Raises ValidationFailed."""
        matched = _MONTH.fullmatch(text)
        year, month = (int(part) for part in matched.groups()) if matched else (0, 0)
        if not FIRST_YEAR <= year <= LAST_YEAR:
            raise ValidationFailed({"period": ["This is not a month: use YYYY-MM."]})
        start = datetime(year, month, 1, tzinfo=UTC)
        return cls(start=start, end=(start + LONGEST_MONTH).replace(day=1))


ALL_TIME = Period(start=datetime(1, 1, 1, tzinfo=UTC), end=datetime(9999, 12, 31, tzinfo=UTC))


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Cents, and numbers of sales. ``marketplace.payouts.views.FiguresSerializer`` says what they mean."""

    gross_cents: int = 0
    developer_share_cents: int = 0
    platform_share_cents: int = 0
    paid_cents: int = 0
    pending_cents: int = 0
    sales: int = 0
    refunds: int = 0
    refunded_cents: int = 0

    def __add__(self, other: "Figures") -> "Figures":
        return Figures(**{one.name: getattr(self, one.name) + getattr(other, one.name) for one in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class PluginEarnings:
    plugin_id: str
    name: str
    figures: Figures


def earnings_of(user: User, *, period: Period = ALL_TIME) -> list[PluginEarnings]:
    """By plugin, those with any figure other than zero, by id."""
    within = Q(booked_at__gte=period.start, booked_at__lt=period.end)
    moved_within = Q(done_at__gte=period.start, done_at__lt=period.end)
    entries = LedgerEntry.objects.filter(revenue_event__developer=user, booked_at__lt=period.end)
    booked = _by_plugin(
        entries,
        gross=_cents(within & Q(account=LedgerAccount.BUYER)),
        developer=_cents(within & Q(account=LedgerAccount.DEVELOPER)),
        platform=_cents(within & Q(account=LedgerAccount.PLATFORM)),
        owed=_cents(Q(account=LedgerAccount.DEVELOPER)),
        refunded=_cents(within & Q(account=LedgerAccount.BUYER) & ~SALES),
        made=Count("pk", filter=within & Q(account=LedgerAccount.BUYER) & SALES),
    )
    undone = _undone_by_plugin(entries, within=within)
    moved = _by_plugin(
        Transfer.objects.filter(revenue_event__developer=user, status=TransferStatus.DONE, done_at__lt=period.end),
        paid=_cents(moved_within),
        paid_ever=_cents(Q()),
    )
    names = dict(Plugin.objects.filter(pk__in=booked).values_list("pk", "name"))
    figures = {slug: _figures(booked[slug], moved.get(slug, {}), undone[slug]) for slug in sorted(booked)}
    return [
        PluginEarnings(plugin_id=slug, name=names[slug], figures=one)
        for slug, one in figures.items()
        if one != Figures()
    ]


@dataclass(slots=True)
class _Undone:
    """Sales given back in full: those made in the period that are so at its end, and those that became so in it."""

    made: int = 0
    became: int = 0


def _undone_by_plugin(entries: QuerySet[LedgerEntry], *, within: Q) -> defaultdict[str, _Undone]:
    """Looks at the few sales of which anything was ever given back."""
    of_buyers = entries.filter(account=LedgerAccount.BUYER)
    touched = of_buyers.exclude(SALES).values("revenue_event")
    rows = of_buyers.filter(revenue_event__in=touched).order_by().values("revenue_event", "revenue_event__plugin_id")
    found: defaultdict[str, _Undone] = defaultdict(_Undone)
    for row in rows.annotate(
        at_end=Sum("amount_cents"), within=_cents(within), made=Count("pk", filter=within & SALES)
    ):
        if row["at_end"] == 0:
            one = found[row["revenue_event__plugin_id"]]
            one.made += row["made"]
            # What a sale of the period comes to in it is zero too; before, it did not exist.
            one.became += bool(row["made"] or row["within"])
    return found


def _figures(booked: Mapping[str, int], moved: Mapping[str, int], undone: _Undone) -> Figures:
    return Figures(
        gross_cents=-booked["gross"],
        developer_share_cents=booked["developer"],
        platform_share_cents=booked["platform"],
        paid_cents=moved.get("paid", 0),
        pending_cents=booked["owed"] - moved.get("paid_ever", 0),
        sales=booked["made"] - undone.made,
        refunds=undone.became,
        refunded_cents=booked["refunded"],
    )


def _cents(condition: Q) -> Coalesce:
    return Coalesce(Sum("amount_cents", filter=condition), 0)


def _by_plugin(rows: Any, **sums: Any) -> dict[str, dict[str, int]]:
    grouped = rows.order_by().values("revenue_event__plugin_id").annotate(**sums)
    return {row["revenue_event__plugin_id"]: row for row in grouped}

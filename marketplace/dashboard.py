"""The dashboard's part of the marketplace: pending reviews, payouts, and revenue by month."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from django.db.models import Count, Min, Q, Sum
from django.db.models.functions import TruncMonth
from django.utils.timesince import timesince

from adiuva.dashboard import registry
from adiuva.dashboard.figures import (
    MONTHS,
    Card,
    Figure,
    Row,
    Series,
    Tile,
    euros,
    format_count,
    in_month,
    list_url,
    midnight,
    months_until,
)
from billing.models import SubscriptionPayment
from marketplace.models import LedgerAccount, LedgerEntry, PluginStatus, PluginVersion, Transfer, TransferStatus
from marketplace.payouts.ledger import SALES

PAYMENTS, LEDGER, TRANSFERS = "billing_subscriptionpayment", "marketplace_ledgerentry", "marketplace_transfer"
# In the order of the table, each with the ledger's list that adds up to it; what came in is booked as the buyer's loss.
PARTS: dict[str, tuple[Q, dict[str, str], int]] = {
    "sales": (Q(account=LedgerAccount.BUYER) & SALES, {"account__exact": "buyer", "kind": "sale"}, -1),
    "developers": (Q(account=LedgerAccount.DEVELOPER) & SALES, {"account__exact": "developer", "kind": "sale"}, 1),
    "ours": (Q(account=LedgerAccount.PLATFORM) & SALES, {"account__exact": "platform", "kind": "sale"}, 1),
    "refunds": (Q(account=LedgerAccount.BUYER) & ~SALES, {"account__exact": "buyer", "kind": "return"}, 1),
}


def register() -> None:
    registry.register("reviews", _reviews, permissions=("marketplace.review_plugins",), order=10)
    registry.register("payouts", _payouts, permissions=("marketplace.view_transfer",), order=13)
    registry.register(
        "revenue",
        _revenue,
        permissions=("marketplace.view_ledgerentry", "billing.view_subscriptionpayment"),
        order=50,
    )


def _reviews(now: datetime) -> Iterator[Tile]:
    waiting = PluginVersion.objects.filter(status=PluginStatus.PENDING_REVIEW)
    found = waiting.aggregate(count=Count("pk"), since=Min("submitted_at"))
    count = found["count"]
    yield Tile(
        slug="pending-reviews",
        title="Pending reviews",
        figure=Figure(
            value=count,
            text=format_count(count),
            href=list_url("marketplace_pluginversion", status__exact=PluginStatus.PENDING_REVIEW),
            rows=count,
        ),
        note=f"the oldest for {timesince(found['since'], now, depth=1)}" if count else "the queue is empty",
    )


def _payouts(now: datetime) -> Iterator[Tile]:
    """As the filter of the list says it: one that has failed is tried again, one that was never tried waits."""
    pending = Q(status=TransferStatus.PENDING)
    kinds = {"failing": pending & ~Q(last_failure=""), "waiting": pending & Q(attempts=0)}
    found = Transfer.objects.filter(pending).aggregate(
        **{kind: Count("pk", filter=condition) for kind, condition in kinds.items()},
        **{f"{kind}_cents": Sum("amount_cents", filter=condition, default=0) for kind, condition in kinds.items()},
        since=Min("created_at", filter=kinds["failing"]),
    )
    for kind, title in (("failing", "Payouts failing"), ("waiting", "Payouts waiting")):
        count, cents = found[kind], found[f"{kind}_cents"]
        note = euros(cents) if count else "none"
        if kind == "failing" and count:
            note = f"{note}, the oldest for {timesince(found['since'], now, depth=1)}"
        yield Tile(
            slug=f"payouts-{kind}",
            title=title,
            figure=Figure(value=count, text=format_count(count), href=list_url(TRANSFERS, state=kind), rows=count),
            note=note,
            alarm=kind == "failing" and bool(count),
        )


def _revenue(now: datetime) -> Iterator[Card]:
    months = months_until(now)
    since = midnight(months[0])
    paid, booked = _subscriptions(since), _ledger(since)
    rows = []
    for month in months:
        paid_in, booked_in = paid.get((month.year, month.month), {}), booked.get((month.year, month.month), {})
        cents = paid_in.get("cents", 0)
        href = list_url(PAYMENTS, **in_month("paid_at", month))
        figures = [Figure(value=cents, text=euros(cents), href=href, rows=paid_in.get("count", 0))]
        for name, (_, filters, sign) in PARTS.items():
            cents = sign * (booked_in.get(name) or 0)
            href = list_url(LEDGER, **filters, **in_month("booked_at", month))
            figures.append(Figure(value=cents, text=euros(cents), href=href, rows=booked_in.get(f"{name}_rows", 0)))
        rows.append(Row(label=f"{month:%b %Y}", tick=f"{month:%b}", figures=tuple(figures)))
    this = rows[-1].figures
    yield Card(
        slug="revenue",
        title="Revenue by month",
        about=f"A column for each of {MONTHS} months: subscriptions, our and the developers’ shares of plugins sold, "
        "and below the line what was refunded of those.",
        kind="columns",
        heads=tuple(zip(this, ("subscriptions", "plugins, gross", "developers’", "ours", "refunds"), strict=True)),
        label="Month",
        series=(
            Series(name="Subscriptions", tone="a"),
            Series(name="Plugins, gross"),
            Series(name="Developers’ share", tone="b"),
            Series(name="Our share", tone="c"),
            Series(name="Plugin refunds", tone="d", below=True),
        ),
        rows=tuple(rows),
        empty=f"Nothing has come in for {MONTHS} months.",
        unit="cents",
        period=f"{months[-1]:%B} so far",
    )


def _subscriptions(since: datetime) -> dict[tuple[int, int], dict[str, Any]]:
    months = SubscriptionPayment.objects.filter(paid_at__gte=since).order_by()
    months = months.annotate(month=TruncMonth("paid_at", tzinfo=UTC))
    grouped = months.values("month").annotate(cents=Sum("amount_cents"), count=Count("pk"))
    return {(row["month"].year, row["month"].month): {**row} for row in grouped}


def _ledger(since: datetime) -> dict[tuple[int, int], dict[str, Any]]:
    months = LedgerEntry.objects.filter(booked_at__gte=since).order_by()
    months = months.annotate(month=TruncMonth("booked_at", tzinfo=UTC))
    sums: dict[str, Any] = {name: Sum("amount_cents", filter=part) for name, (part, _, _) in PARTS.items()}
    counts = {f"{name}_rows": Count("pk", filter=part) for name, (part, _, _) in PARTS.items()}
    grouped = months.values("month").annotate(**sums, **counts)
    return {(row["month"].year, row["month"].month): {**row} for row in grouped}

"""The dashboard's part of the marketplace: pending reviews, payouts, and revenue by month and currency."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
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
from adiuva.money import format_amounts, format_money
from billing.revenue.figures import Revenue, revenue_by_month
from marketplace.models import (
    LedgerAccount,
    LedgerEntry,
    PluginReport,
    PluginStatus,
    PluginVersion,
    ReportReason,
    Transfer,
    TransferStatus,
)
from marketplace.payouts.ledger import SALES

PLUGINS_CURRENCY = "eur"  # all of them are sold in it
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
    reports = PluginReport.objects.filter(closed_at__isnull=True).aggregate(
        count=Count("pk"), malware=Count("pk", filter=Q(reason=ReportReason.MALWARE))
    )
    yield Tile(
        slug="pending-reviews",
        title="Pending reviews",
        figure=Figure(
            value=count,
            text=format_count(count),
            href=list_url("marketplace_pluginversion", status__exact=PluginStatus.PENDING_REVIEW),
            rows=count,
        ),
        note="; ".join(
            [
                f"the oldest for {timesince(found['since'], now, depth=1)}" if count else "the queue is empty",
                *_say_reports(reports["count"], reports["malware"]),
            ]
        ),
        alarm=bool(reports["malware"]),
    )


def _say_reports(count: int, malware: int) -> Iterator[str]:
    """What users report, in the note: nothing where nothing is open."""
    if count:
        yield f"{format_count(count)} report{'' if count == 1 else 's'} open"
    if malware:
        yield f"{format_count(malware)} of malware"


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
    earned, booked = revenue_by_month(since=since), _ledger(since)
    rows = []
    for month in months:
        booked_in = booked.get((month.year, month.month), {})
        figures = [_earned(earned, month, PLUGINS_CURRENCY)]
        for name, (_, filters, sign) in PARTS.items():
            cents = sign * (booked_in.get(name) or 0)
            href = list_url(LEDGER, **filters, **in_month("booked_at", month))
            figures.append(Figure(value=cents, text=euros(cents), href=href, rows=booked_in.get(f"{name}_rows", 0)))
        rows.append(Row(label=f"{month:%b %Y}", tick=f"{month:%b}", figures=tuple(figures)))
    this = (_earned(earned, months[-1]), *rows[-1].figures[1:])
    yield Card(
        slug="revenue",
        title="Revenue by month",
        about=f"A column for each of {MONTHS} months: what subscriptions earned in euros, less what went back, our and "
        "the developers’ shares of plugins sold, and below the line what went back of those. A developer’s earnings "
        "have the two taken together.",
        kind="columns",
        heads=tuple(zip(this, ("subscriptions", "plugins sold", "developers’", "ours", "refunds"), strict=True)),
        label="Month",
        series=(
            Series(name="Subscriptions", tone="a"),
            Series(name="Plugins sold"),
            Series(name="Developers’ share", tone="b"),
            Series(name="Our share", tone="c"),
            Series(name="Plugin refunds", tone="d", below=True),
        ),
        rows=tuple(rows),
        empty=f"Nothing has come in for {MONTHS} months.",
        unit="cents",
        period=f"{months[-1]:%B} so far",
    )
    others = {currency for month in earned.values() for currency in month} - {PLUGINS_CURRENCY}
    for currency in sorted(others):
        yield _revenue_in(currency, earned, months)


def _revenue_in(currency: str, earned: Revenue, months: list[date]) -> Card:
    """Amounts of two currencies are never added up, and never stand in one column."""
    name = currency.upper()
    rows = [
        Row(label=f"{month:%b %Y}", tick=f"{month:%b}", figures=(_earned(earned, month, currency),)) for month in months
    ]
    return Card(
        slug=f"revenue-{currency}",
        title=f"Revenue by month, {name}",
        about=f"A column for each of {MONTHS} months: what subscriptions earned in {name}, less what went back.",
        kind="columns",
        heads=((rows[-1].figures[0], "subscriptions"),),
        label="Month",
        series=(Series(name=f"Subscriptions, {name}", tone="a"),),
        rows=tuple(rows),
        empty=f"Nothing has come in for {MONTHS} months.",
        unit="cents",
        currency=currency,
        period=f"{months[-1]:%B} so far",
    )


def _earned(earned: Revenue, month: date, currency: str = "") -> Figure:
    """In one currency, or in all of them side by side: then what is drawn of it is the euros."""
    of_month = earned.get(month, {})
    shown = {code: amount for code, amount in of_month.items() if currency in ("", code)}
    cents = {code: amount.cents for code, amount in shown.items()}
    drawn = currency or PLUGINS_CURRENCY
    return Figure(
        value=cents.get(drawn, 0),
        text=format_money(cents.get(currency, 0), currency) if currency else format_amounts(cents),
        href=list_url(PAYMENTS, **({"currency": currency} if currency else {}), **in_month("paid_at", month)),
        rows=sum(amount.rows for amount in shown.values()),
    )


def _ledger(since: datetime) -> dict[tuple[int, int], dict[str, Any]]:
    months = LedgerEntry.objects.filter(booked_at__gte=since).order_by()
    months = months.annotate(month=TruncMonth("booked_at", tzinfo=UTC))
    sums: dict[str, Any] = {name: Sum("amount_cents", filter=part) for name, (part, _, _) in PARTS.items()}
    counts = {f"{name}_rows": Count("pk", filter=part) for name, (part, _, _) in PARTS.items()}
    grouped = months.values("month").annotate(**sums, **counts)
    return {(row["month"].year, row["month"].month): {**row} for row in grouped}

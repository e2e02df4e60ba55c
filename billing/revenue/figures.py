"""What subscriptions have earned: the one sum that the dashboard, the metrics and ``manage.py sync_stripe`` show.

By currency, in its smallest unit, less refunds and lost disputes, and gross of taxes and of Stripe's fees. Months are
UTC's. A payment counts when it was paid, and what went back when it went back.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db.models import Count, Sum
from django.db.models.functions import TruncMonth

from billing.revenue.models import SubscriptionPayment


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """``cents`` may be negative; ``rows`` of ``SubscriptionPayment`` add up to it."""

    cents: int
    rows: int


Revenue = Mapping[date, Mapping[str, Amount]]


def revenue_by_month(*, since: datetime | None = None) -> Revenue:
    """By the first day of the month, then by currency; months and currencies of nothing are left out."""
    rows = SubscriptionPayment.objects.order_by()
    if since is not None:
        rows = rows.filter(paid_at__gte=since)
    months = rows.annotate(month=TruncMonth("paid_at", tzinfo=UTC)).values("month", "currency")
    revenue: dict[date, dict[str, Amount]] = defaultdict(dict)
    for row in months.annotate(cents=Sum("amount_cents"), rows=Count("pk")):
        revenue[row["month"].date()][row["currency"]] = Amount(cents=row["cents"], rows=row["rows"])
    return revenue


def revenue_of_month(day: date) -> dict[str, int]:
    """Cents by currency of the month that ``day`` is in, so far where it is this one."""
    first = day.replace(day=1)
    revenue = revenue_by_month(since=datetime(first.year, first.month, 1, tzinfo=UTC))
    return {currency: amount.cents for currency, amount in revenue.get(first, {}).items()}


def total_revenue() -> dict[str, int]:
    """Cents by currency of all times."""
    total: dict[str, int] = defaultdict(int)
    for month in revenue_by_month().values():
        for currency, amount in month.items():
            total[currency] += amount.cents
    return dict(total)

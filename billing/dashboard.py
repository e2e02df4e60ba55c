"""Who owes, and what an operator has to look at: for the admin's first page."""

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, Min
from django.utils.timesince import timesince

from adiuva.dashboard import registry
from adiuva.dashboard.figures import Figure, Tile, format_count, list_url
from billing.entitlements import is_grace_over
from billing.models import OperatorAlert, Subscription, SubscriptionStatus


def register() -> None:
    registry.register("alerts", _alerts, permissions=("billing.view_operatoralert",), order=11)
    registry.register("past due", _past_due, permissions=("billing.view_subscription",), order=12)


def _alerts(now: datetime) -> Iterator[Tile]:
    found = OperatorAlert.objects.filter(resolved_at=None).aggregate(count=Count("pk"), since=Min("created_at"))
    count = found["count"]
    href = list_url("billing_operatoralert", resolved_at__isempty=1)
    yield Tile(
        slug="operator-alerts",
        title="Operator alerts",
        figure=Figure(value=count, text=format_count(count), href=href, rows=count),
        note=f"the oldest for {timesince(found['since'], now, depth=1)}" if count else "all resolved",
        alarm=bool(count),
    )


def _past_due(now: datetime) -> Iterator[Tile]:
    owing = Subscription.objects.filter(status=SubscriptionStatus.PAST_DUE)
    found = owing.aggregate(count=Count("pk"), since=Min("past_due_since"))
    count, since = found["count"], found["since"]
    is_over = bool(count) and is_grace_over(Subscription(status=SubscriptionStatus.PAST_DUE, past_due_since=since))
    note = f"the oldest for {timesince(since, now, depth=1)}{', grace over' if is_over else ''}" if count else ""
    yield Tile(
        slug="past-due",
        title="Past due",
        figure=Figure(
            value=count,
            text=format_count(count),
            href=list_url("billing_subscription", status__exact=SubscriptionStatus.PAST_DUE),
            rows=count,
        ),
        note=note or "nobody owes",
    )

"""What an operator watches of subscriptions, read when the metrics are asked for."""

from collections.abc import Mapping

from django.db.models import Count

from adiuva.observability import scraping
from billing.models import OperatorAlert, Subscription, SubscriptionStatus


def open_alerts() -> Mapping[str, float]:
    """By kind; the kinds are ``billing.alerts``'."""
    rows = OperatorAlert.objects.filter(resolved_at__isnull=True).order_by().values("kind").annotate(number=Count("id"))
    return {row["kind"]: row["number"] for row in rows}


def past_due() -> float:
    return Subscription.objects.filter(status=SubscriptionStatus.PAST_DUE).count()


def register() -> None:
    scraping.register(
        "adiuva_operator_alerts_open", "Operator alerts that nobody has resolved", open_alerts, label="kind"
    )
    scraping.register("adiuva_subscriptions_past_due", "Subscriptions whose payment has failed", past_due)

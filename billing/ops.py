"""What operators see of billing: system checks, doctor's examinations, gauges."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning
from django.core.checks.registry import registry
from django.db.models import Count

from adiuva.observability import probes
from adiuva.observability.probes import DoctorOptions, Finding
from billing.models import OperatorAlert, Subscription, SubscriptionStatus
from billing.prices import PriceBook, tier_lists
from billing.revenue.figures import revenue_of_month, total_revenue
from billing.stripe.factory import get_gateway, is_stubbed
from billing.tiers import PAID_TIERS

THROTTLE = "billing.rate_limit.throttle.TierThrottle"


@register("billing")
def check_prices(**_: Any) -> list[CheckMessage]:
    """A price decides which tier was bought, so every paid tier needs one that no other tier has."""
    prices = tier_lists()
    messages: list[CheckMessage] = [
        Error(f"STRIPE_PRICE_{tier.upper()} is empty: {tier} cannot be sold", id="billing.E001")
        for tier in PAID_TIERS
        if not prices.get(tier)
    ]
    named = [price for names in prices.values() for price in names]
    messages.extend(
        Error(f"two tiers share the Stripe price {price}: which was bought cannot be told", id="billing.E002")
        for price in sorted({price for price in named if named.count(price) > 1})
    )
    return messages


@register("billing")
def check_throttle(**_: Any) -> list[CheckMessage]:
    rest_framework: dict[str, Any] = settings.REST_FRAMEWORK
    if THROTTLE in rest_framework.get("DEFAULT_THROTTLE_CLASSES", ()):
        return []
    return [Error(f"REST is not rate limited: DEFAULT_THROTTLE_CLASSES lacks {THROTTLE}", id="billing.E003")]


@register("billing")
def check_stripe(**_: Any) -> list[CheckMessage]:
    """Money is taken with the key, and a tier given by the webhook: one without the other loses customers."""
    if settings.STRIPE_SECRET_KEY and not settings.STRIPE_WEBHOOK_SECRET:
        return [
            CheckWarning(
                "STRIPE_SECRET_KEY is set and STRIPE_WEBHOOK_SECRET is not: buyers will not get their tier",
                hint="Make an endpoint for /api/v1/billing/webhook in Stripe's dashboard and set its signing secret.",
                id="billing.W001",
            )
        ]
    return []


def drop_djstripe_checks() -> None:
    """Two of dj-stripe's checks ask the database, at every start, for endpoints that belong to its own webhook view."""
    from djstripe import checks

    for check in (checks.check_webhook_validation, checks.check_webhook_endpoint_has_secret):
        registry.registered_checks.discard(check)


STRIPE = "https://api.stripe.com"
TEST_KEYS = ("sk_test_", "rk_test_")


def examine_stripe(_options: DoctorOptions) -> Finding:
    if is_stubbed():
        return Finding("ok", "a stub plays it (no STRIPE_SECRET_KEY); no money moves")
    if not settings.STRIPE_SECRET_KEY:
        return Finding("warn", "no STRIPE_SECRET_KEY: nothing can be bought (503)")
    next(iter(get_gateway().list_subscriptions()), None)  # the cheapest question that needs the key
    unknown = [name for name in _unlearned_prices() if get_gateway().find_price(name) is None]
    lacking = [
        name for name in ("STRIPE_WEBHOOK_SECRET", "STRIPE_CONNECT_WEBHOOK_SECRET") if not getattr(settings, name)
    ]
    if unknown:
        found = Finding("fail", f"accepts the key, and knows no price {', '.join(unknown)} (STRIPE_PRICE_…)")
    elif "STRIPE_WEBHOOK_SECRET" in lacking:
        found = Finding("fail", f"accepts the key, but without {' and '.join(lacking)} buyers will not get their tier")
    elif settings.IS_PROD and settings.STRIPE_SECRET_KEY.startswith(TEST_KEYS):
        found = Finding("warn", "accepts the key, which is a test key: no money moves")
    elif lacking:
        found = Finding(
            "warn", f"accepts the key; without {lacking[0]} changes of developers' accounts are noticed late"
        )
    else:
        found = Finding("ok", "accepts the key; both webhook secrets are set")
    return found


def _unlearned_prices() -> list[str]:
    book = PriceBook.load()
    return [name for tier in PAID_TIERS for name in book.lacking(tier)]


def examine_alerts(_options: DoctorOptions) -> Finding:
    unresolved = OperatorAlert.objects.filter(resolved_at=None)
    kinds = sorted(set(unresolved.values_list("kind", flat=True)))
    if not kinds:
        return Finding("ok", "none is open")
    return Finding("warn", f"{unresolved.count()} open ({', '.join(kinds)}): see /admin/billing/operatoralert/")


def register_examinations() -> None:
    probes.register_examination("stripe", examine_stripe)
    probes.register_examination("alerts", examine_alerts)
    probes.register_clock(
        "Stripe",
        lambda: (
            (lambda: probes.read_http_date(settings.STRIPE_API_BASE or STRIPE)) if settings.STRIPE_SECRET_KEY else None
        ),
    )


def open_alerts() -> Mapping[str, float]:
    """By kind; the kinds are ``billing.alerts``'."""
    rows = OperatorAlert.objects.filter(resolved_at__isnull=True).order_by().values("kind").annotate(number=Count("id"))
    return {row["kind"]: row["number"] for row in rows}


def past_due() -> float:
    return Subscription.objects.filter(status=SubscriptionStatus.PAST_DUE).count()


def revenue_of_this_month() -> Mapping[str, float]:
    return revenue_of_month(datetime.now(UTC).date())


def register_gauges() -> None:
    probes.register_gauge(
        "adiuva_operator_alerts_open", "Operator alerts that nobody has resolved", open_alerts, label="kind"
    )
    probes.register_gauge("adiuva_subscriptions_past_due", "Subscriptions whose payment has failed", past_due)
    probes.register_gauge(
        "adiuva_subscription_revenue_cents", "What subscriptions have earned", total_revenue, label="currency"
    )
    probes.register_gauge(
        "adiuva_subscription_revenue_month_cents",
        "What subscriptions have earned in this month (UTC)",
        revenue_of_this_month,
        label="currency",
    )

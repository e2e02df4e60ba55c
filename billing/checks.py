"""What an operator can get wrong about tiers and limits."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.checks import Warning as CheckWarning
from django.core.checks.registry import registry

from billing.tiers import PAID_TIERS

THROTTLE = "billing.throttling.TierThrottle"


@register("billing")
def check_prices(**_: Any) -> list[CheckMessage]:
    """A price decides which tier was bought, so every paid tier needs one that no other tier has."""
    prices: dict[str, str] = settings.STRIPE_PRICES
    messages: list[CheckMessage] = [
        Error(f"STRIPE_PRICE_{tier.upper()} is empty: {tier} cannot be sold", id="billing.E001")
        for tier in PAID_TIERS
        if not prices.get(tier)
    ]
    named = [price for price in prices.values() if price]
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
                "STRIPE_SECRET_KEY is set and STRIPE_WEBHOOK_SECRET is not: who pays gets no tier",
                hint="Make an endpoint for /api/v1/billing/webhook in Stripe's dashboard and set its signing secret.",
                id="billing.W001",
            )
        ]
    return []


def drop_djstripes() -> None:
    """Two of dj-stripe's checks ask the database, at every start, for endpoints that belong to its own webhook view."""
    from djstripe import checks

    for check in (checks.check_webhook_validation, checks.check_webhook_endpoint_has_secret):
        registry.registered_checks.discard(check)

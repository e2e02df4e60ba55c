"""What an operator can get wrong about tiers and limits."""

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, register

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

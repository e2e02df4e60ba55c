"""Stripe's objects and events for purchases that are only played, in the shapes of the pinned API version, and the
addresses of the pages on which they are made: nobody can guess one, and each works for a day.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core import signing

from billing.stripe.hooks import Offer
from billing.stripe.port import SESSION_LIFETIME

JsonObject = dict[str, Any]

SUBSCRIPTION_PREFIX = "sub_stub_"
MONTH_SECONDS = 30 * 24 * 3600
# What the stub's page shows; what is really charged is the price's at Stripe.
PRICES_CENTS: Mapping[str, int] = {"pro": 900, "power": 1900, "team": 4900}
CURRENCY = "eur"

_signer = signing.TimestampSigner(salt="billing.stripe.stub.purchases")
_onboarding_signer = signing.TimestampSigner(salt="billing.stripe.stub.purchases.onboarding")


def subscription(
    subscription_id: str, *, customer_id: str, price_id: str, created: int, period_end: int, status: str = "active"
) -> JsonObject:
    tier = next((tier for tier, known in settings.STRIPE_PRICES.items() if known == price_id), "")
    ended_at = int(time.time()) if status == "canceled" else None
    item = {
        "id": subscription_id.replace("sub_", "si_", 1),
        "object": "subscription_item",
        "created": created,
        "current_period_end": period_end,
        "current_period_start": period_end - MONTH_SECONDS,
        "metadata": {},
        "price": {
            "id": price_id,
            "object": "price",
            "active": True,
            "currency": CURRENCY,
            "livemode": False,
            "metadata": {},
            "product": f"prod_stub_{tier}",
            "recurring": {"interval": "month", "interval_count": 1, "usage_type": "licensed"},
            "type": "recurring",
            "unit_amount": PRICES_CENTS.get(tier, 0),
        },
        "quantity": 1,
        "subscription": subscription_id,
    }
    return {
        "id": subscription_id,
        "object": "subscription",
        "cancel_at_period_end": False,
        "canceled_at": ended_at,
        "collection_method": "charge_automatically",
        "created": created,
        "currency": CURRENCY,
        "customer": customer_id,
        "ended_at": ended_at,
        "items": {"object": "list", "data": [item], "has_more": False, "total_count": 1},
        "livemode": False,
        "metadata": {},
        "start_date": created,
        "status": status,
    }


def completed_session(
    session_id: str, *, customer_id: str, subscription_id: str, user_id: str, tier: str, created: int
) -> JsonObject:
    return {
        "id": session_id,
        "object": "checkout.session",
        "amount_total": PRICES_CENTS[tier],
        "client_reference_id": user_id,
        "created": created,
        "currency": CURRENCY,
        "customer": customer_id,
        "livemode": False,
        "metadata": {"user_id": user_id, "tier": tier},
        "mode": "subscription",
        "payment_status": "paid",
        "status": "complete",
        "subscription": subscription_id,
        "url": None,
    }


def paid_session(offer: Offer, *, created: int) -> JsonObject:
    return {
        "id": offer.session_id,
        "object": "checkout.session",
        "amount_total": offer.sale.amount_cents,
        "client_reference_id": offer.user_id,
        "created": created,
        "currency": offer.sale.currency,
        "customer": offer.sale.customer_id,
        "livemode": False,
        "metadata": dict(offer.sale.metadata),
        "mode": "payment",
        "payment_intent": offer.session_id.replace("cs_", "pi_", 1),
        "payment_status": "paid",
        "status": "complete",
        "subscription": None,
        "url": None,
    }


def event(event_id: str, kind: str, about: JsonObject, *, created: int) -> bytes:
    """The body of its delivery."""
    return json.dumps(
        {
            "id": event_id,
            "object": "event",
            "api_version": settings.STRIPE_API_VERSION,
            "created": created,
            "data": {"object": about},
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": None, "idempotency_key": None},
            "type": kind,
        }
    ).encode()


def signature(body: bytes, secret: str) -> str:
    """The ``Stripe-Signature`` of a delivery that is made now (docs.stripe.com/webhooks/signature)."""
    timestamp = int(time.time())
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def page_url(session_id: str) -> str:
    return f"{settings.PUBLIC_URL}/billing/stub/{_signer.sign(session_id)}"


def session_of(token: str) -> str | None:
    """The session that a page's address names; None for an address that we did not make, or that is too old."""
    try:
        return _signer.unsign(token, max_age=SESSION_LIFETIME)
    except signing.BadSignature:
        return None


def onboarding_url(account_id: str) -> str:
    """Where the stub plays Stripe Connect's questions."""
    return f"{settings.PUBLIC_URL}/plugins/onboarding/stub/{_onboarding_signer.sign(account_id)}"


def account_of(token: str) -> str | None:
    """As ``session_of``, for a developer's account."""
    try:
        return _onboarding_signer.unsign(token, max_age=SESSION_LIFETIME)
    except signing.BadSignature:
        return None

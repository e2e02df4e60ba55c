"""Stripe's objects and events for purchases that are only played, in the shapes of the pinned API version."""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from django.conf import settings

from billing.prices import Interval, guess_interval, tier_lists
from billing.stripe.hooks import Offer
from billing.stripe.stub import addresses

JsonObject = dict[str, Any]
BillingReason = Literal["subscription_create", "subscription_cycle"]

SUBSCRIPTION_PREFIX = "sub_stub_"
INVOICE_PREFIX = "in_stub_"
EVENT_PREFIX = "evt_stub_"
PERIOD_SECONDS: Mapping[Interval, int] = {"month": 30 * 24 * 3600, "year": 365 * 24 * 3600}
# What the stub's page shows; what is really charged is the price's at Stripe.
PRICES_CENTS: Mapping[str, int] = {"pro": 900, "power": 1900, "team": 4900}
MONTHS_PAID: Mapping[Interval, int] = {"month": 1, "year": 10}  # two months of a year are free
CURRENCY = "eur"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlayedSubscription:
    """Times are Stripe's: whole seconds. ``heard_at`` is that of the newest event about it, 0 where there was none;
    ``user_id`` and ``named_tier`` are what a checkout of ours writes into the metadata.
    """

    id: str
    customer_id: str
    user_id: str
    named_tier: str
    price_id: str
    quantity: int = 1
    status: str = "active"
    created: int
    period_end: int
    ends_with_period: bool = False
    latest_invoice_id: str = ""
    heard_at: int = 0

    @property
    def tier(self) -> str:
        """By today's lists."""
        return tier_of_price(self.price_id) or self.named_tier

    @property
    def interval(self) -> Interval:
        return guess_interval(self.price_id)

    @property
    def cents(self) -> int:
        """What a period of it costs."""
        return price_cents(self.tier, self.interval) * self.quantity

    @property
    def period_start(self) -> int:
        return self.period_end - PERIOD_SECONDS[self.interval]

    @property
    def version(self) -> str:
        """Another one after whatever happens to it."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:20]


def price_cents(tier: str, interval: Interval) -> int:
    return PRICES_CENTS.get(tier, 0) * MONTHS_PAID[interval]


def tier_of_price(price_id: str) -> str:
    return next((tier for tier, names in tier_lists().items() if price_id in names), "")


def subscription(one: PlayedSubscription) -> JsonObject:
    ended_at = int(time.time()) if one.status == "canceled" else None
    ends_with_period = one.ends_with_period and ended_at is None
    item = {
        "id": one.id.replace("sub_", "si_", 1),
        "object": "subscription_item",
        "created": one.created,
        "current_period_end": one.period_end,
        "current_period_start": one.period_start,
        "metadata": {},
        "price": _price(one),
        "quantity": one.quantity,
        "subscription": one.id,
    }
    return {
        "id": one.id,
        "object": "subscription",
        "cancel_at": one.period_end if ends_with_period else None,
        "cancel_at_period_end": ends_with_period,
        "canceled_at": ended_at,
        "collection_method": "charge_automatically",
        "created": one.created,
        "currency": CURRENCY,
        "customer": one.customer_id,
        "ended_at": ended_at,
        "items": {"object": "list", "data": [item], "has_more": False, "total_count": 1},
        "latest_invoice": one.latest_invoice_id or None,
        "livemode": False,
        "metadata": _metadata(one),
        "start_date": one.created,
        "status": one.status,
    }


def _price(one: PlayedSubscription) -> JsonObject:
    return {
        "id": one.price_id,
        "object": "price",
        "active": True,
        "currency": CURRENCY,
        "livemode": False,
        "metadata": {},
        "product": _product_of(one),
        "recurring": {"interval": one.interval, "interval_count": 1, "usage_type": "licensed"},
        "type": "recurring",
        "unit_amount": price_cents(one.tier, one.interval),
    }


def _product_of(one: PlayedSubscription) -> str:
    return f"prod_stub_{one.tier}"


def _metadata(one: PlayedSubscription) -> JsonObject:
    return {"user_id": one.user_id, "tier": one.named_tier} if one.named_tier else {}


def invoice(of: PlayedSubscription, *, number: str, reason: BillingReason, paid: bool, created: int) -> JsonObject:
    """For the period of a subscription that is running, with the id ``of.latest_invoice_id``."""
    invoice_id, unit = of.latest_invoice_id, price_cents(of.tier, of.interval)
    line = {
        "id": invoice_id.replace("in_", "il_", 1),
        "object": "line_item",
        "amount": of.cents,
        "currency": CURRENCY,
        "description": f"{of.quantity} × Adiuva {of.tier.title()} (at €{unit / 100:.2f} / {of.interval})",
        "discount_amounts": [],
        "discounts": [],
        "invoice": invoice_id,
        "livemode": False,
        "metadata": _metadata(of),
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": {
                "invoice_item": None,
                "proration": False,
                "subscription": of.id,
                "subscription_item": of.id.replace("sub_", "si_", 1),
            },
            "type": "subscription_item_details",
        },
        "period": {"start": of.period_start, "end": of.period_end},
        "pricing": {
            "price_details": {"price": of.price_id, "product": _product_of(of)},
            "type": "price_details",
            "unit_amount_decimal": str(unit),
        },
        "quantity": of.quantity,
        "subtotal": of.cents,
        "taxes": [],
    }
    unpaid = {
        "id": invoice_id,
        "object": "invoice",
        "amount_due": of.cents,
        "amount_paid": 0,
        "amount_remaining": of.cents,
        "attempt_count": 1,
        "attempted": True,
        "billing_reason": reason,
        "collection_method": "charge_automatically",
        "created": created,
        "currency": CURRENCY,
        "customer": of.customer_id,
        "hosted_invoice_url": addresses.invoice_url(invoice_id),
        "invoice_pdf": addresses.pdf_url(invoice_id),
        "lines": {"object": "list", "data": [line], "has_more": False, "total_count": 1},
        "livemode": False,
        "metadata": {},
        "number": number,
        "parent": {
            "quote_details": None,
            "subscription_details": {"metadata": _metadata(of), "subscription": of.id},
            "type": "subscription_details",
        },
        "period_end": created,
        "period_start": created,
        "status": "open",
        "status_transitions": {"finalized_at": created, "paid_at": None},
        "subtotal": of.cents,
        "total": of.cents,
    }
    return paid_invoice(unpaid, paid_at=created) if paid else unpaid


def paid_invoice(unpaid: Mapping[str, Any], *, paid_at: int) -> JsonObject:
    return {
        **unpaid,
        "amount_paid": unpaid["amount_due"],
        "amount_remaining": 0,
        "status": "paid",
        "status_transitions": {**unpaid["status_transitions"], "paid_at": paid_at},
    }


def completed_session(session_id: str, of: PlayedSubscription) -> JsonObject:
    return {
        "id": session_id,
        "object": "checkout.session",
        "amount_total": of.cents,
        "client_reference_id": of.user_id,
        "created": of.created,
        "currency": CURRENCY,
        "customer": of.customer_id,
        "invoice": of.latest_invoice_id,
        "livemode": False,
        "metadata": _metadata(of),
        "mode": "subscription",
        "payment_status": "paid",
        "status": "complete",
        "subscription": of.id,
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

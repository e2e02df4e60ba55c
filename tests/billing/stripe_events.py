"""Stripe's events as they arrive at a webhook, of API version 2026-05-27.dahlia, and how they are signed.

Shapes as in docs.stripe.com/api: the period is on the subscription's items, an invoice's subscription is in
``parent.subscription_details``. Each builder returns the whole event as a dict; change what a test is about.
"""

import hashlib
import hmac
import itertools
import json
import time
from typing import Any

from django.conf import settings

JsonObject = dict[str, Any]

MONTH = 30 * 24 * 3600
T = 1_790_000_000
_numbers = itertools.count(1)


def new_id(prefix: str) -> str:
    """``new_id("sub")``: as long as Stripe's own, and never the same twice."""
    return f"{prefix}_1Tst{next(_numbers):020d}"


def signature(body: bytes, secret: str, *, at: float | None = None) -> str:
    """The ``Stripe-Signature`` header: docs.stripe.com/webhooks/signature."""
    timestamp = int(time.time() if at is None else at)
    digest = hmac.new(secret.encode(), f"{timestamp}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={timestamp},v1={digest}"


def encode(event: JsonObject) -> bytes:
    return json.dumps(event, indent=2).encode()  # Stripe indents too


def event(kind: str, obj: JsonObject, *, created: int, previous: JsonObject | None = None) -> JsonObject:
    data: JsonObject = {"object": obj}
    if previous is not None:
        data["previous_attributes"] = previous
    return {
        "id": new_id("evt"),
        "object": "event",
        "api_version": settings.STRIPE_API_VERSION,
        "created": created,
        "data": data,
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": new_id("req"), "idempotency_key": None},
        "type": kind,
    }


def customer(customer_id: str, *, email: str = "payer@example.com") -> JsonObject:
    return {
        "id": customer_id,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": 1_760_000_000,
        "currency": "eur",
        "default_source": None,
        "delinquent": False,
        "description": None,
        "email": email,
        "invoice_prefix": "0759376C",
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": "pm_1QsQVu2eZvKYlo2CmgQf1dlP",
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": {},
        "name": "Ada Payer",
        "phone": None,
        "preferred_locales": ["de"],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }


def price(price_id: str, *, cents: int = 900) -> JsonObject:
    return {
        "id": price_id,
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": 1_760_000_000,
        "currency": "eur",
        "custom_unit_amount": None,
        "livemode": False,
        "lookup_key": None,
        "metadata": {},
        "nickname": None,
        "product": f"prod_{price_id.removeprefix('price_')}",
        "recurring": {
            "interval": "month",
            "interval_count": 1,
            "meter": None,
            "trial_period_days": None,
            "usage_type": "licensed",
        },
        "tax_behavior": "inclusive",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "recurring",
        "unit_amount": cents,
        "unit_amount_decimal": str(cents),
    }


def subscription(
    subscription_id: str,
    *,
    customer_id: str,
    price_id: str = "price_pro_monthly",
    status: str = "active",
    period_start: int = 1_790_000_000,
    cancel_at_period_end: bool = False,
    ended_at: int | None = None,
) -> JsonObject:
    """The subscription object; a period is ``MONTH`` long."""
    period_end = period_start + MONTH
    item: JsonObject = {
        "id": "si_" + subscription_id.removeprefix("sub_"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": 1_790_000_000,
        "current_period_end": period_end,
        "current_period_start": period_start,
        "discounts": [],
        "metadata": {},
        "price": price(price_id),
        "quantity": 1,
        "subscription": subscription_id,
        "tax_rates": [],
    }
    return {
        "id": subscription_id,
        "object": "subscription",
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor": 1_790_000_000,
        "billing_mode": {"type": "flexible"},
        "cancel_at": period_end if cancel_at_period_end else None,
        "cancel_at_period_end": cancel_at_period_end,
        "canceled_at": ended_at,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "created": 1_790_000_000,
        "currency": "eur",
        "customer": customer_id,
        "days_until_due": None,
        "default_payment_method": "pm_1QsQVu2eZvKYlo2CmgQf1dlP",
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "ended_at": ended_at,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "items": {
            "object": "list",
            "data": [item],
            "has_more": False,
            "total_count": 1,
            "url": f"/v1/subscription_items?subscription={subscription_id}",
        },
        "latest_invoice": "in_1QsQVv2eZvKYlo2CqNnqCZ3S",
        "livemode": False,
        "metadata": {},
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {"payment_method_options": None, "payment_method_types": None},
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "start_date": 1_790_000_000,
        "status": status,
        "test_clock": None,
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": None,
    }


def invoice(
    subscription_id: str,
    *,
    customer_id: str,
    paid: bool,
    cents: int = 900,
    created: int = 1_790_000_000,
    **changes: Any,
) -> JsonObject:
    """A renewal's invoice, without the lines."""
    invoice_id = new_id("in")
    return {
        "id": invoice_id,
        "object": "invoice",
        "amount_due": cents,
        "amount_paid": cents if paid else 0,
        "amount_remaining": 0 if paid else cents,
        "attempt_count": 1,
        "attempted": True,
        "billing_reason": "subscription_cycle",
        "collection_method": "charge_automatically",
        "created": created,
        "currency": "eur",
        "customer": customer_id,
        "customer_email": "payer@example.com",
        "hosted_invoice_url": f"https://invoice.stripe.com/i/{invoice_id}",
        "invoice_pdf": f"https://pay.stripe.com/invoice/{invoice_id}/pdf",
        "lines": {"object": "list", "data": [], "has_more": False, "url": "/v1/invoices/in_1/lines"},
        "livemode": False,
        "metadata": {},
        "next_payment_attempt": None if paid else 1_790_300_000,
        "parent": {
            "quote_details": None,
            "subscription_details": {"metadata": {}, "subscription": subscription_id},
            "type": "subscription_details",
        },
        "period_end": 1_790_000_000,
        "period_start": 1_787_400_000,
        "status": "paid" if paid else "open",
        "total": cents,
    } | changes


def checkout_session(
    *,
    customer_id: str,
    subscription_id: str,
    user_id: str | None = None,
    tier: str | None = None,
    payment_status: str = "paid",
    **changes: Any,
) -> JsonObject:
    """A completed checkout of ours: ``client_reference_id`` and metadata say whose it is."""
    metadata = {"user_id": user_id} if user_id else {}
    return {
        "id": new_id("cs_test"),
        "object": "checkout.session",
        "amount_total": 900,
        "client_reference_id": user_id,
        "created": 1_790_000_000,
        "currency": "eur",
        "customer": customer_id,
        "customer_details": {"email": "payer@example.com", "name": "Ada Payer"},
        "customer_email": None,
        "livemode": False,
        "metadata": metadata | ({"tier": tier} if tier else {}),
        "mode": "subscription",
        "payment_status": payment_status,
        "status": "complete",
        "subscription": subscription_id,
        "success_url": "https://example.com/done",
        "url": None,
    } | changes


# --- whole events ------------------------------------------------------------------------------------------------


def subscription_created(subscription_id: str, *, created: int, **fields: Any) -> JsonObject:
    return event("customer.subscription.created", subscription(subscription_id, **fields), created=created)


def subscription_updated(subscription_id: str, *, created: int, **fields: Any) -> JsonObject:
    obj = subscription(subscription_id, **fields)
    return event("customer.subscription.updated", obj, created=created, previous={"metadata": {}})


def subscription_deleted(subscription_id: str, *, created: int, **fields: Any) -> JsonObject:
    obj = subscription(subscription_id, **{"status": "canceled", "ended_at": created, **fields})
    return event("customer.subscription.deleted", obj, created=created)


def payment_failed(subscription_id: str, *, created: int, customer_id: str, **of_invoice: Any) -> JsonObject:
    """Of an invoice that was made at that time, unless ``of_invoice`` says otherwise."""
    failed = invoice(subscription_id, customer_id=customer_id, paid=False, **{"created": created} | of_invoice)
    return event("invoice.payment_failed", failed, created=created)


def invoice_paid(subscription_id: str, *, created: int, customer_id: str, **of_invoice: Any) -> JsonObject:
    """As ``payment_failed``."""
    paid = invoice(subscription_id, customer_id=customer_id, paid=True, **{"created": created} | of_invoice)
    return event("invoice.paid", paid, created=created)


def checkout_completed(*, created: int, **fields: Any) -> JsonObject:
    return event("checkout.session.completed", checkout_session(**fields), created=created)

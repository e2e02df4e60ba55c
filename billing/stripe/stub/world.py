"""What the stub has made so far, read back from what it sent: subscriptions from the facts of its events, invoices from
the events that the mirror keeps. It has no store of its own, so nothing of it is left when an account is erased.
"""

import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db.models import Max

from accounts.models import User
from billing.models import BillingFact, FactKind
from billing.stripe.djstripe import mirror
from billing.stripe.projection import FINAL, PAYMENTS, newest_snapshot
from billing.stripe.stub import addresses
from billing.stripe.stub.objects import EVENT_PREFIX, SUBSCRIPTION_PREFIX, JsonObject, PlayedSubscription

_EPOCH = datetime.fromtimestamp(0, UTC)


def find_subscription(subscription_id: str) -> PlayedSubscription | None:
    facts = list(BillingFact.objects.filter(subscription_id=subscription_id).exclude(kind=FactKind.OTHER))
    newest = newest_snapshot(facts)
    if newest is None:
        return None
    user_id = User.objects.filter(stripe_customer_id=newest.subject_id).values_list("id", flat=True).first()
    ends = newest.current_period_end
    return PlayedSubscription(
        id=subscription_id,
        customer_id=newest.subject_id,
        user_id=str(user_id or ""),
        named_tier=next((fact.named_tier for fact in sorted(facts, key=_age) if fact.named_tier), ""),
        price_id=next(iter(newest.price_tiers), ""),
        quantity=newest.seats or 1,
        status=newest.status,
        created=_seconds(min(fact.occurred_at for fact in facts)),
        period_end=_seconds(ends) if ends else int(time.time()),
        ends_with_period=newest.cancel_at_period_end,
        latest_invoice_id=_latest_invoice_id(facts),
        heard_at=_seconds(max(fact.occurred_at for fact in facts)),
    )


def list_subscriptions(customer_id: str | None = None) -> list[PlayedSubscription]:
    """Newest first."""
    facts = BillingFact.objects.filter(subscription_id__startswith=SUBSCRIPTION_PREFIX)
    if customer_id is not None:
        facts = facts.filter(subject_id=customer_id)
    found = (find_subscription(name) for name in facts.values_list("subscription_id", flat=True).distinct())
    return sorted((one for one in found if one is not None), key=lambda one: (one.created, one.id), reverse=True)


def running_subscription(customer_id: str) -> PlayedSubscription | None:
    """The newest that has not ended."""
    return next((one for one in list_subscriptions(customer_id) if one.status not in FINAL), None)


def list_invoices(customer_id: str) -> list[JsonObject]:
    """Newest first, as they are now; their addresses are new."""
    told = BillingFact.objects.filter(subject_id=customer_id, kind__in=PAYMENTS, event_id__startswith=EVENT_PREFIX)
    newest = {fact.invoice_id: fact.event_id for fact in told.order_by("occurred_at")}
    found = mirror.objects_of_events(newest.values())
    return sorted(map(_with_addresses, found), key=lambda one: (one["created"], one["number"]), reverse=True)


def find_invoice(invoice_id: str) -> JsonObject | None:
    fact = BillingFact.objects.filter(invoice_id=invoice_id, kind__in=PAYMENTS).first()
    invoices = list_invoices(fact.subject_id) if fact is not None else []
    return next((one for one in invoices if one["id"] == invoice_id), None)


def next_number(customer_id: str) -> str:
    """Of the customer's next invoice; as at Stripe, each customer's have a beginning of their own."""
    return f"{customer_id[-8:].upper()}-{len(list_invoices(customer_id)) + 1:04d}"


def next_time(customer_id: str, *, apart_from: str = "") -> int:
    """Now, but a second after all that was heard of the customer, ``apart_from`` that subscription: the order of events
    is that of their seconds, and a person or a script does much within one.
    """
    heard = BillingFact.objects.filter(subject_id=customer_id).exclude(kind=FactKind.OTHER)
    if apart_from:
        heard = heard.exclude(subscription_id=apart_from)
    newest = heard.aggregate(newest=Max("occurred_at"))["newest"]
    now = int(time.time())
    return now if newest is None else max(now, _seconds(newest) + 1)


def _with_addresses(invoice: Mapping[str, Any]) -> JsonObject:
    named = str(invoice["id"])
    return {
        **invoice,
        "hosted_invoice_url": addresses.invoice_url(named),
        "invoice_pdf": addresses.pdf_url(named),
    }


def _latest_invoice_id(facts: list[BillingFact]) -> str:
    told = [fact for fact in facts if fact.kind in PAYMENTS]
    return max(told, key=lambda fact: fact.invoice_created_at or _EPOCH).invoice_id if told else ""


def _age(fact: BillingFact) -> tuple[datetime, str]:
    return fact.occurred_at, fact.event_id


def _seconds(moment: datetime) -> int:
    return int(moment.timestamp())

"""What Stripe tells us: checked, kept and applied in one transaction, without a call to anybody.

Stripe repeats an event until it gets a 200, in any order and in parallel. So whatever fails is rolled back whole, and
the repetition finds nothing of the first try.
"""

import logging
from dataclasses import dataclass
from typing import NoReturn

import stripe
from django.conf import settings
from django.db import transaction

from accounts.models import User
from adiuva.api.errors import NotConfigured, ValidationFailed
from adiuva.jobs import enqueue
from adiuva.observability.metrics import EVENT_TYPES, WEBHOOKS, bound_label
from billing import alerts
from billing.customers import find_locked_user_of_event, lock_subject
from billing.jobs import refresh_customer
from billing.models import BillingFact, FactKind
from billing.projection import LIVE, has_several, is_ambiguous, newest_snapshot, tier_of_prices
from billing.stripe import hooks
from billing.stripe.djstripe import mirror
from billing.stripe.events import IncomingEvent, read_event
from billing.subscriptions import apply_facts, tiers_by_price

logger = logging.getLogger(__name__)

TOLERANCE_SECONDS = 300
SIGNATURE_FIELD = "Stripe-Signature"
UNREAD = "unread"  # what the metrics call the type of an event that was not looked into


@dataclass(frozen=True, slots=True)
class Receipt:
    """``duplicate``: the event was here before, and nothing has changed."""

    duplicate: bool


def receive(*, body: bytes, signature: str, secret: str, connect_secret: str = "") -> Receipt:
    """One delivery. ``connect_secret``: of the endpoint for connected accounts, which Stripe signs by another one.

    Raises:
        NotConfigured: no secret to check the signature by.
        ValidationFailed: missing, wrong or stale signature; signed, but no event that can be acted on. Nothing of it
            is stored.
    """
    is_of_connect = bool(connect_secret) and _is_signed(body=body, signature=signature, secret=connect_secret)
    verify(body=body, signature=signature, secret=connect_secret if is_of_connect else secret)
    try:
        event = read_event(body, prices=settings.STRIPE_PRICES)
    except ValidationFailed:
        WEBHOOKS.labels(UNREAD, "malformed").inc()
        raise
    subject = bound_label(event.type.partition(".")[0], EVENT_TYPES)
    try:
        is_new = _apply_once(event)
    except Exception:
        WEBHOOKS.labels(subject, "failed").inc()
        raise
    WEBHOOKS.labels(subject, "applied" if is_new else "duplicate").inc()
    logger.info("Stripe event", extra={"event": event.id, "type": event.type, "duplicate": not is_new})
    return Receipt(duplicate=not is_new)


def verify(*, body: bytes, signature: str, secret: str) -> None:
    """Raises NotConfigured or ValidationFailed. An empty secret would be one that everybody knows."""
    if not secret:
        WEBHOOKS.labels(UNREAD, "not_configured").inc()
        raise NotConfigured("No webhook secret is set on this server.")
    if not signature:
        _refuse_signature("The header is missing.")
    if not _is_signed(body=body, signature=signature, secret=secret):
        _refuse_signature("The signature is wrong, or older than five minutes.")


def _is_signed(*, body: bytes, signature: str, secret: str) -> bool:
    try:
        stripe.WebhookSignature.verify_header(body, signature, secret, TOLERANCE_SECONDS)
    except (stripe.SignatureVerificationError, ValueError, TypeError):
        # ValueError: the body is not UTF-8; TypeError: the signature is not ASCII.
        return False
    return True


@transaction.atomic
def _apply_once(event: IncomingEvent) -> bool:
    """False for a repetition."""
    lock_subject(event.fact.subject_id or event.id)
    if mirror.has_event(event.id):
        return False
    user = find_locked_user_of_event(event)
    # Somebody else's customer: what they are called is not ours to keep.
    mirror.store_event(event, whole=user is not None or not (event.customer_id or event.account_id))
    fact = event.fact
    if event.unknown_status:
        _report_unknown_status(event)
        fact = BillingFact(kind=FactKind.OTHER, event_id=event.id, subject_id=event.customer_id)
        fact.occurred_at = event.created
    fact.save(force_insert=True)
    facts = list(BillingFact.objects.filter(subject_id=fact.subject_id))
    mirror.store_object(event, user=user, facts=facts)
    if user is None:
        if fact.status in LIVE:
            _report_unknown_customer(event)
    else:
        _apply(event, fact, facts, user=user)
    hooks.run(event)
    return True


def _apply(event: IncomingEvent, fact: BillingFact, facts: list[BillingFact], *, user: User) -> None:
    apply_facts(user=user, facts=facts)
    of_subscription = [one for one in facts if fact.subscription_id and one.subscription_id == fact.subscription_id]
    newest = newest_snapshot(of_subscription)
    is_newest = newest is not None and newest.event_id == event.id
    if fact.kind == FactKind.SNAPSHOT and is_newest:
        mirror.store_subscription(event.data_object, user=user)
    has_unknown_price = is_newest and fact.status in LIVE and tier_of_prices(fact.price_ids, tiers_by_price()) is None
    if has_unknown_price:
        _report_unknown_price(event)
    has_no_snapshot = bool(of_subscription) and (newest is None or newest.kind != FactKind.SNAPSHOT)
    is_open = has_unknown_price or has_no_snapshot or event.unknown_status or is_ambiguous(fact, facts)
    if is_open or has_several(facts):
        enqueue(refresh_customer, customer_id=event.customer_id)


def _report_unknown_price(event: IncomingEvent) -> None:
    named = ", ".join(event.fact.price_ids)
    alerts.raise_alert(
        alerts.UNKNOWN_PRICE,
        reference=event.fact.price_ids[0] if event.fact.price_ids else "",
        message=f"{event.fact.subscription_id} of {event.customer_id} has the price {named}, which stands for no tier "
        f"(STRIPE_PRICE_…); the customer keeps the tier they had.",
    )


def _report_unknown_status(event: IncomingEvent) -> None:
    alerts.raise_alert(
        alerts.UNKNOWN_STATUS,
        reference=event.fact.subscription_id,
        message=f"{event.fact.subscription_id} of {event.customer_id} has the status {event.unknown_status!r}, which "
        f"Stripe did not have in API version {settings.STRIPE_API_VERSION}; the customer keeps the tier they had.",
    )


def _report_unknown_customer(event: IncomingEvent) -> None:
    alerts.raise_alert(
        alerts.UNKNOWN_CUSTOMER,
        reference=event.customer_id,
        message=f"The customer {event.customer_id} has the subscription {event.fact.subscription_id} "
        f"({event.fact.status}), and no user of ours has that customer.",
    )


def _refuse_signature(message: str) -> NoReturn:
    WEBHOOKS.labels(UNREAD, "refused_signature").inc()
    raise ValidationFailed({SIGNATURE_FIELD: [message]})

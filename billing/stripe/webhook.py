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
from billing.jobs import refresh_customer
from billing.models import BillingFact, FactKind
from billing.prices import PriceBook, learn
from billing.stripe import hooks
from billing.stripe.customers import find_locked_user_of_event, lock_subject
from billing.stripe.djstripe import mirror
from billing.stripe.events import IncomingEvent, read_event, read_prices
from billing.stripe.projection import (
    DUE,
    LIVE,
    has_several,
    is_ambiguous,
    is_of_unread_invoice,
    newest_snapshot,
    our_subscription_ids,
)
from billing.subscriptions import apply_facts

logger = logging.getLogger(__name__)

TOLERANCE_SECONDS = 300
SIGNATURE_FIELD = "Stripe-Signature"
MODES = {"live_": True, "test_": False}  # what follows "sk_" or "rk_" in a key: whether money moves
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
        book = PriceBook.load()
        event = read_event(body, book=book)
    except ValidationFailed:
        WEBHOOKS.labels(UNREAD, "malformed").inc()
        raise
    subject = bound_label(event.type.partition(".")[0], EVENT_TYPES)
    if not _is_of_our_mode(event):
        return _record_only(event, subject)
    try:
        is_new = _apply_once(event, book=book)
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


def _is_of_our_mode(event: IncomingEvent) -> bool:
    """Whether it tells of money where our key moves money, and of play where it plays. Stripe sends events of test mode
    to live endpoints, of connected accounts as a rule (docs.stripe.com/connect/webhooks). Without a key all are ours.
    """
    kind = settings.STRIPE_SECRET_KEY[3:8]
    return kind not in MODES or event.livemode is MODES[kind]


def _record_only(event: IncomingEvent, subject: str) -> Receipt:
    """It was here, and nothing follows from it."""
    with transaction.atomic():
        lock_subject(event.id)
        is_new = not mirror.has_event(event.id) and mirror.store_event(event, whole=False)
    WEBHOOKS.labels(subject, "other_mode" if is_new else "duplicate").inc()
    if is_new:
        logger.warning(
            "a Stripe event of the other mode changes nothing",
            extra={"event": event.id, "type": event.type, "livemode": event.livemode},
        )
    return Receipt(duplicate=not is_new)


@transaction.atomic
def _apply_once(event: IncomingEvent, *, book: PriceBook) -> bool:
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
    learn(read_prices(event), book=book, from_event=True)
    facts = list(BillingFact.objects.filter(subject_id=fact.subject_id))
    mirror.store_object(event, user=user, facts=facts)
    if user is None:
        # Other products in the account have customers of their own.
        if fact.status in LIVE and our_subscription_ids([fact]):
            _report_unknown_customer(event)
    else:
        _apply(event, fact, facts, user=user, book=book)
    hooks.run(event)
    return True


def _apply(event: IncomingEvent, fact: BillingFact, facts: list[BillingFact], *, user: User, book: PriceBook) -> None:
    state = apply_facts(user=user, facts=facts)
    of_subscription = [one for one in facts if fact.subscription_id and one.subscription_id == fact.subscription_id]
    newest = newest_snapshot(of_subscription)
    is_newest = newest is not None and newest.event_id == event.id
    if fact.kind == FactKind.SNAPSHOT and is_newest:
        mirror.store_subscription(event.data_object, user=user)
    is_live = fact.kind == FactKind.SNAPSHOT and is_newest and fact.status in LIVE
    has_unknown_price = is_live and _has_unlisted_price(event, of_subscription, book=book)
    if has_unknown_price:
        _report_unknown_price(event)
    has_no_snapshot = bool(of_subscription) and (newest is None or newest.kind != FactKind.SNAPSHOT)
    lacks_page = state is not None and state.status in DUE and not state.pay_url
    is_open = has_unknown_price or has_no_snapshot or event.unknown_status or is_ambiguous(fact, facts)
    if not has_several(facts):
        alerts.resolve(alerts.SECOND_SUBSCRIPTION, reference=event.customer_id)
    if is_open or lacks_page or is_of_unread_invoice(fact, of_subscription) or has_several(facts):
        enqueue(refresh_customer, customer_id=event.customer_id)


def _has_unlisted_price(event: IncomingEvent, of_subscription: list[BillingFact], *, book: PriceBook) -> bool:
    """Whether it is a subscription of ours that goes on, and no list of today names what it pays for.

    Ours by what it was before, by our own checkout, or by a product that a price of ours is of. Any other is a matter
    of another product in the account.
    """
    prices = read_prices(event)
    if any(book.listed_tier(price) is not None for price in prices):
        return False
    return bool(our_subscription_ids(of_subscription)) or any(book.is_of_our_product(price) for price in prices)


def _report_unknown_price(event: IncomingEvent) -> None:
    named = sorted(event.fact.price_tiers)
    alerts.raise_alert(
        alerts.UNKNOWN_PRICE,
        reference=named[0] if named else "",
        message=f"{event.fact.subscription_id} of {event.customer_id} has the price {', '.join(named)}, which is in no "
        f"list (STRIPE_PRICE_…); the customer keeps the tier they had.",
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

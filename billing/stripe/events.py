"""Stripe's signed events: what each one says, as a fact about a tier and as the types that handlers of ours act on.

Handlers outside ``billing.stripe`` ask the readers here and look into no payload themselves.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from adiuva.api import json
from billing.models import BillingFact, FactKind, SubscriptionStatus
from billing.prices import Price, PriceBook
from billing.stripe import objects
from billing.stripe.objects import Invoice, JsonObject, refuse, text
from billing.stripe.port import (
    SUCCEEDED,
    CheckoutSession,
    ConnectAccount,
    Payment,
    StripeSubscription,
    SubscriptionItem,
)
from billing.stripe.projection import RANK_CREATED, RANK_DELETED, RANK_FETCHED, RANK_UPDATED

_TYPE = re.compile(r"[a-z0-9_.]{1,250}")
_ABOUT = "data.object."  # leads to what an event is about
_LONGEST_PAYMENT_ID = 255
_NOBODY = str(UUID(int=0))
_SAME_FOR_ALL = {"application", "capability"}  # objects whose ids every connected account has: "transfers", ours

SUBSCRIPTION_EVENT = "customer.subscription."
PRICE_EVENTS = {"price.created", "price.updated"}
RANKS = {"customer.subscription.created": RANK_CREATED, "customer.subscription.deleted": RANK_DELETED}
INVOICES = {
    "invoice.payment_failed": FactKind.PAYMENT_FAILED,
    "invoice.paid": FactKind.PAYMENT_SUCCEEDED,
    "invoice.payment_succeeded": FactKind.PAYMENT_SUCCEEDED,
}
CHECKOUTS = {"checkout.session.completed", "checkout.session.async_payment_succeeded"}
CHARGE_REFUNDED = "charge.refunded"
OPEN = "open"  # an invoice that can be paid


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingEvent:
    """A signed event. ``data_object`` is what it is about; ``customer_id`` is "" where there is none of ours.

    ``fact.status`` is "" for a status that we do not know (``unknown_status`` names it): such a fact cannot be kept.
    ``payload`` and ``data_object`` are Stripe's JSON: for the readers of this package only.
    """

    id: str
    type: str
    created: datetime
    api_version: str
    livemode: bool
    account_id: str
    request_id: str
    customer_id: str
    fact: BillingFact
    unknown_status: str = ""
    idempotency_key: str = ""
    payload: JsonObject = field(repr=False)
    data_object: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReturnedPayment:
    """Money of a payment that went back, or may: a charge with all that was refunded of it, one refund, or a dispute.

    ``id`` is that object's and ``status`` its own word; a charge's is of no interest. ``evidence_due``: until when a
    dispute may be answered, where it may.
    """

    id: str
    payment_intent_id: str
    amount_cents: int
    status: str
    evidence_due: datetime | None = None


def read_event(body: bytes, *, book: PriceBook) -> IncomingEvent:
    """Raises ValidationFailed for what is no event of Stripe's, or lacks what we act on.

    ``book`` decides what a payment buys: here, once and for all.
    """
    payload = json.loads(body)
    if not isinstance(payload, dict) or payload.get("object") != "event":
        refuse("object", "This is not an event.")
    event_id, kind = objects.required_id(payload.get("id"), "id"), payload.get("type")
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
        refuse("type", "This is not a type of event.")
    data = payload.get("data")
    data_object = data.get("object") if isinstance(data, dict) else None
    if not isinstance(data_object, dict):
        refuse("data.object", "This is not an object.")
    created = objects.required_moment(payload.get("created"), "created")
    account_id = objects.optional_id(payload.get("account"), "account")
    # A connected account's customers are not ours.
    customer_id = "" if account_id else _customer_of(kind, data_object)
    fact, unknown_status = _build_fact(kind, data_object, customer_id=customer_id, book=book)
    fact.event_id, fact.occurred_at = event_id, created
    if account_id and data_object.get("object") in _SAME_FOR_ALL:
        fact.subject_id = account_id
    request = payload.get("request")
    return IncomingEvent(
        id=event_id,
        type=kind,
        created=created,
        api_version=text(payload.get("api_version"), 64),
        livemode=payload.get("livemode") is True,
        account_id=account_id,
        request_id=text(objects.id_of(request), 50),
        idempotency_key=text(request.get("idempotency_key")) if isinstance(request, dict) else "",
        payload=payload,
        data_object=data_object,
        customer_id=customer_id,
        fact=fact,
        unknown_status=unknown_status,
    )


def build_fetched_fact(subscription: StripeSubscription, *, as_of: datetime | None, book: PriceBook) -> BillingFact:
    """What Stripe's API says of a subscription. ``as_of``: the newest fact about it that was known before we asked.

    Its time is not our clock's, which may differ from Stripe's: it is as new as what we knew and as the object's own
    stamps, so that whatever happens later is newer. Its latest invoice is one of them: of a debt we have not heard of,
    the grace begins no earlier.
    Raises ValidationFailed for one without a customer, or with a status we do not know.
    """
    fact, unknown_status = _build_snapshot(subscription, rank=RANK_FETCHED, book=book)
    if unknown_status:
        refuse("status", "This is not a known status.")
    fact.subject_id = objects.required_id(subscription.customer_id, "customer")
    fact.event_id = f"fetched:{fact.subscription_id}"
    latest = subscription.latest_invoice
    stamps = (subscription.created, subscription.ended_at, latest.created if latest is not None else None, as_of)
    fact.occurred_at = max(filter(None, stamps))
    return fact


def read_prices(event: IncomingEvent) -> list[Price]:
    """Those that a price's or a subscription's event shows, of our own account."""
    if event.account_id:
        return []
    if event.type in PRICE_EVENTS:
        return [objects.read_price(event.data_object, at=_ABOUT)]
    if not event.type.startswith(SUBSCRIPTION_EVENT) or event.data_object.get("object") != "subscription":
        return []
    return [item.price for item in _read_subscription(event.type, event.data_object).items]


def read_session(event: IncomingEvent) -> CheckoutSession:
    """What one of ``CHECKOUTS`` is about."""
    return objects.read_checkout_session(event.data_object, at=_ABOUT)


def read_succeeded_payment(event: IncomingEvent) -> Payment | None:
    """The payment that ``payment_intent.succeeded`` or one of ``CHECKOUTS`` is about, with the metadata of either.

    None for a session that is not of a payment or not paid, and for connected accounts, which have shops of their own.
    """
    if event.account_id:
        return None
    if event.type not in CHECKOUTS:
        return objects.read_payment({**event.data_object, "status": SUCCEEDED}, at=_ABOUT)
    session = read_session(event)
    if session.mode != "payment" or not session.is_paid or not session.payment_intent_id:
        return None
    return Payment(id=session.payment_intent_id, status=SUCCEEDED, metadata=session.metadata)


def read_returned_payment(event: IncomingEvent) -> ReturnedPayment | None:
    """Of ``charge.refunded``, and of the events about refunds and disputes.

    None where there is no payment of ours. Raises ValidationFailed.
    """
    obj = event.data_object
    payment_intent_id = objects.id_of(obj.get("payment_intent"))
    if event.account_id or payment_intent_id is None:
        return None
    amount = "amount_refunded" if event.type == CHARGE_REFUNDED else "amount"
    evidence = obj.get("evidence_details")
    return ReturnedPayment(
        id=_payment_id(obj.get("id"), "id"),
        payment_intent_id=_payment_id(payment_intent_id, "payment_intent"),
        amount_cents=objects.required_cents(obj.get(amount), f"{_ABOUT}{amount}"),
        status=text(obj.get("status")),
        evidence_due=objects.moment(evidence.get("due_by")) if isinstance(evidence, dict) else None,
    )


def read_account(event: IncomingEvent) -> ConnectAccount:
    """What ``account.updated`` is about."""
    return objects.read_account(event.data_object)


def read_account_id(event: IncomingEvent) -> str:
    """Of the connected account that an event comes from; "" for one of our own account."""
    return event.account_id


def _build_fact(kind: str, obj: JsonObject, *, customer_id: str, book: PriceBook) -> tuple[BillingFact, str]:
    fact, unknown_status = BillingFact(kind=FactKind.OTHER), ""
    if kind.startswith(SUBSCRIPTION_EVENT) and obj.get("object") == "subscription":
        if customer_id:
            fact, unknown_status = _build_snapshot(
                _read_subscription(kind, obj), rank=RANKS.get(kind, RANK_UPDATED), book=book
            )
    elif kind in RANKS or kind == "customer.subscription.updated":
        refuse("data.object.object", "This is not a subscription.")
    elif kind in INVOICES:
        invoice = objects.read_invoice(obj, at=_ABOUT)
        if customer_id and invoice.subscription_id:
            fact = _build_payment_fact(INVOICES[kind], invoice)
    elif kind in CHECKOUTS:
        session = objects.read_checkout_session(obj, at=_ABOUT)
        fact = _build_checkout_fact(session, customer_id=customer_id)
    fact.subject_id = customer_id or text(obj.get("id"), 255)
    return fact, unknown_status


def _read_subscription(kind: str, obj: JsonObject) -> StripeSubscription:
    is_deleted = kind == "customer.subscription.deleted"
    shown = {**obj, "status": SubscriptionStatus.CANCELED.value} if is_deleted else obj
    return objects.read_subscription(shown, at=_ABOUT)


def _customer_of(kind: str, obj: JsonObject) -> str:
    if obj.get("object") == "customer" and not kind.startswith(SUBSCRIPTION_EVENT):
        return objects.required_id(obj.get("id"), "data.object.id")
    customer = objects.id_of(obj.get("customer"))
    if kind.startswith(SUBSCRIPTION_EVENT):
        return objects.required_id(customer, "data.object.customer")
    if kind in INVOICES or kind in CHECKOUTS:
        return objects.optional_id(customer, "data.object.customer")
    return customer if objects.is_id(customer) else ""


def _build_snapshot(subscription: StripeSubscription, *, rank: int, book: PriceBook) -> tuple[BillingFact, str]:
    """The fact, and its status where we do not know it."""
    is_known = subscription.status in SubscriptionStatus.values
    item = _item_of_ours(subscription, book)
    period_end = item.current_period_end if item is not None else None
    latest = subscription.latest_invoice
    fact = BillingFact(
        kind=FactKind.SNAPSHOT,
        subscription_id=subscription.id,
        rank=rank,
        status=subscription.status if is_known else "",
        price_tiers={one.price.id: book.tier_of(one.price) or "" for one in subscription.items},
        named_tier=subscription.named_tier,
        current_period_end=period_end,
        cancel_at_period_end=subscription.cancel_at_period_end or subscription.cancel_at is not None,
        cancel_at=subscription.cancel_at or (period_end if subscription.cancel_at_period_end else None),
        seats=item.quantity if item is not None else None,
        invoice_id=subscription.latest_invoice_id,
        invoice_created_at=latest.created if latest is not None else None,
        pay_url=latest.hosted_url if latest is not None and latest.status == OPEN else "",
    )
    return fact, "" if is_known else subscription.status[:64]


def _item_of_ours(subscription: StripeSubscription, book: PriceBook) -> SubscriptionItem | None:
    """The one with our price, whatever else was bought with it; else one of a product of ours, else the first."""
    by_price = (one for one in subscription.items if book.tier_of(one.price) is not None)
    by_product = (one for one in subscription.items if book.is_of_our_product(one.price))
    return next(by_price, None) or next(by_product, None) or next(iter(subscription.items), None)


def _build_payment_fact(kind: FactKind, invoice: Invoice) -> BillingFact:
    return BillingFact(
        kind=kind,
        subscription_id=invoice.subscription_id,
        invoice_id=invoice.id,
        invoice_created_at=invoice.created,
        pay_url=invoice.hosted_url if kind is FactKind.PAYMENT_FAILED else "",
        amount_cents=invoice.due_cents if kind is FactKind.PAYMENT_FAILED else None,
        currency=invoice.currency,
    )


def _build_checkout_fact(session: CheckoutSession, *, customer_id: str) -> BillingFact:
    """A subscription that was bought and paid for on a page of ours; any other session is no fact about a tier."""
    # The page says whose it is in a field of its own as well. A session that names nobody is taken for its customer's.
    named = session.client_reference_id or session.metadata.get("user_id") or _NOBODY
    tier = objects.named_tier({**session.metadata, "user_id": named})
    if not (customer_id and session.subscription_id and session.is_paid and tier):
        return BillingFact(kind=FactKind.OTHER)
    return BillingFact(
        kind=FactKind.CHECKOUT,
        subscription_id=session.subscription_id,
        status=SubscriptionStatus.ACTIVE,
        named_tier=tier,
    )


def _payment_id(value: Any, name: str) -> str:
    """The ids of payments are opaque: nothing is built of them, so any short text will do."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_PAYMENT_ID:
        refuse(f"{_ABOUT}{name}", "This is not an id.")
    return value

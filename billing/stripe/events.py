"""Stripe's signed events: what each one says, as a fact about a tier and as the types that handlers of ours act on.

Handlers outside ``billing.stripe`` ask the readers here and look into no payload themselves.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from adiuva.api import json
from billing.models import BillingFact, FactKind, SubscriptionStatus
from billing.projection import RANK_CREATED, RANK_DELETED, RANK_FETCHED, RANK_UPDATED
from billing.stripe import objects
from billing.stripe.objects import Invoice, JsonObject, refuse, text
from billing.stripe.port import SUCCEEDED, CheckoutSession, ConnectAccount, Payment, StripeSubscription

_TYPE = re.compile(r"[a-z0-9_.]{1,250}")
_ABOUT = "data.object."  # leads to what an event is about
_LONGEST_PAYMENT_ID = 255

SUBSCRIPTION_EVENT = "customer.subscription."
RANKS = {"customer.subscription.created": RANK_CREATED, "customer.subscription.deleted": RANK_DELETED}
INVOICES = {
    "invoice.payment_failed": FactKind.PAYMENT_FAILED,
    "invoice.paid": FactKind.PAYMENT_SUCCEEDED,
    "invoice.payment_succeeded": FactKind.PAYMENT_SUCCEEDED,
}
CHECKOUTS = {"checkout.session.completed", "checkout.session.async_payment_succeeded"}
CHARGE_REFUNDED = "charge.refunded"


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

    ``id`` is that object's and ``status`` its own word; a charge's is of no interest.
    """

    id: str
    payment_intent_id: str
    amount_cents: int
    status: str


def read_event(body: bytes, *, prices: Mapping[str, str]) -> IncomingEvent:
    """Raises ValidationFailed for what is no event of Stripe's, or lacks what we act on.

    ``prices``: the price id of each tier, for checkouts of ours, which name the tier.
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
    fact, unknown_status = _build_fact(kind, data_object, customer_id=customer_id, prices=prices)
    fact.event_id, fact.occurred_at = event_id, created
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


def build_fetched_fact(subscription: StripeSubscription, *, as_of: datetime | None) -> BillingFact:
    """What Stripe's API says of a subscription. ``as_of``: the newest fact about it that was known before we asked.

    Its time is not our clock's, which may differ from Stripe's: it is as new as what we knew and as the object's own
    stamps, so that whatever happens later is newer.
    Raises ValidationFailed for one without a customer, or with a status we do not know.
    """
    fact, unknown_status = _build_snapshot(subscription, rank=RANK_FETCHED)
    if unknown_status:
        refuse("status", "This is not a known status.")
    fact.subject_id = objects.required_id(subscription.customer_id, "customer")
    fact.event_id = f"fetched:{fact.subscription_id}"
    fact.occurred_at = max(filter(None, (subscription.created, subscription.ended_at, as_of)))
    return fact


def read_session(event: IncomingEvent) -> CheckoutSession:
    """What one of ``CHECKOUTS`` is about."""
    return objects.read_checkout_session(event.data_object, at=_ABOUT)


def read_paid_invoice(event: IncomingEvent) -> Invoice | None:
    """None unless one of a subscription of ours was paid, with money: a trial's invoice is of nothing."""
    if event.fact.kind != FactKind.PAYMENT_SUCCEEDED:
        return None
    invoice = objects.read_invoice(event.data_object, at=_ABOUT)
    return invoice if invoice.id and invoice.paid_cents else None


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
    return ReturnedPayment(
        id=_payment_id(obj.get("id"), "id"),
        payment_intent_id=_payment_id(payment_intent_id, "payment_intent"),
        amount_cents=objects.required_cents(obj.get(amount), f"{_ABOUT}{amount}"),
        status=text(obj.get("status")),
    )


def read_account(event: IncomingEvent) -> ConnectAccount:
    """What ``account.updated`` is about."""
    return objects.read_account(event.data_object)


def _build_fact(kind: str, obj: JsonObject, *, customer_id: str, prices: Mapping[str, str]) -> tuple[BillingFact, str]:
    fact, unknown_status = BillingFact(kind=FactKind.OTHER), ""
    if kind.startswith(SUBSCRIPTION_EVENT) and obj.get("object") == "subscription":
        if customer_id:
            is_deleted = kind == "customer.subscription.deleted"
            shown = {**obj, "status": SubscriptionStatus.CANCELED.value} if is_deleted else obj
            subscription = objects.read_subscription(shown, at=_ABOUT)
            fact, unknown_status = _build_snapshot(subscription, rank=RANKS.get(kind, RANK_UPDATED))
    elif kind in RANKS or kind == "customer.subscription.updated":
        refuse("data.object.object", "This is not a subscription.")
    elif kind in INVOICES:
        subscription_id = objects.read_invoice(obj, at=_ABOUT).subscription_id
        if customer_id and subscription_id:
            fact = BillingFact(kind=INVOICES[kind], subscription_id=subscription_id)
    elif kind in CHECKOUTS:
        session = objects.read_checkout_session(obj, at=_ABOUT)
        fact = _build_checkout_fact(session, customer_id=customer_id, prices=prices)
    fact.subject_id = customer_id or text(obj.get("id"), 255)
    return fact, unknown_status


def _customer_of(kind: str, obj: JsonObject) -> str:
    if obj.get("object") == "customer" and not kind.startswith(SUBSCRIPTION_EVENT):
        return objects.required_id(obj.get("id"), "data.object.id")
    customer = objects.id_of(obj.get("customer"))
    if kind.startswith(SUBSCRIPTION_EVENT):
        return objects.required_id(customer, "data.object.customer")
    if kind in INVOICES or kind in CHECKOUTS:
        return objects.optional_id(customer, "data.object.customer")
    return customer if objects.is_id(customer) else ""


def _build_snapshot(subscription: StripeSubscription, *, rank: int) -> tuple[BillingFact, str]:
    """The fact, and its status where we do not know it."""
    is_known = subscription.status in SubscriptionStatus.values
    fact = BillingFact(
        kind=FactKind.SNAPSHOT,
        subscription_id=subscription.id,
        rank=rank,
        status=subscription.status if is_known else "",
        price_ids=list(subscription.price_ids),
        current_period_end=subscription.current_period_end,
        cancel_at_period_end=subscription.cancel_at_period_end,
    )
    return fact, "" if is_known else subscription.status[:64]


def _build_checkout_fact(session: CheckoutSession, *, customer_id: str, prices: Mapping[str, str]) -> BillingFact:
    """A subscription that was bought and paid for on a page of ours; any other session is no fact about a tier."""
    price_id = prices.get(session.metadata.get("tier", ""))
    if not (customer_id and session.subscription_id and session.is_paid and price_id):
        return BillingFact(kind=FactKind.OTHER)
    return BillingFact(
        kind=FactKind.CHECKOUT,
        subscription_id=session.subscription_id,
        status=SubscriptionStatus.ACTIVE,
        price_ids=[price_id],
    )


def _payment_id(value: Any, name: str) -> str:
    """The ids of payments are opaque: nothing is built of them, so any short text will do."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_PAYMENT_ID:
        refuse(f"{_ABOUT}{name}", "This is not an id.")
    return value

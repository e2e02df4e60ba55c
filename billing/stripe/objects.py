"""Stripe's JSON, checked and reduced to what billing acts on.

Only what we act on has to be right; the rest of a payload is Stripe's business and is kept as it came. Shapes are those
of API version 2026-05-27.dahlia, with the older places of a period's end and of an invoice's subscription understood.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn

from adiuva.api import json
from adiuva.api.errors import ValidationFailed
from billing.models import BillingFact, FactKind, SubscriptionStatus
from billing.projection import RANK_CREATED, RANK_DELETED, RANK_FETCHED, RANK_UPDATED

JsonObject = Mapping[str, Any]

_ID = re.compile(r"[A-Za-z0-9_\-]{1,255}")
_TYPE = re.compile(r"[a-z0-9_.]{1,250}")
_LAST_SECOND = 253_402_300_799  # the year 9999

SUBSCRIPTION_EVENT = "customer.subscription."
RANKS = {"customer.subscription.created": RANK_CREATED, "customer.subscription.deleted": RANK_DELETED}
PAYMENTS = {
    "invoice.payment_failed": FactKind.PAYMENT_FAILED,
    "invoice.paid": FactKind.PAYMENT_SUCCEEDED,
    "invoice.payment_succeeded": FactKind.PAYMENT_SUCCEEDED,
}
CHECKOUTS = {"checkout.session.completed", "checkout.session.async_payment_succeeded"}


@dataclass(frozen=True, slots=True, kw_only=True)
class IncomingEvent:
    """A signed event. ``data_object`` is what it is about; ``customer_id`` is "" where there is none of ours.

    ``fact.status`` is "" for a status that we do not know (``unknown_status`` names it): such a fact cannot be kept.
    """

    id: str
    type: str
    created: datetime
    api_version: str
    livemode: bool
    account_id: str
    request_id: str
    payload: JsonObject
    data_object: JsonObject
    customer_id: str
    fact: BillingFact
    unknown_status: str = ""


def read_event(body: bytes, *, prices: Mapping[str, str]) -> IncomingEvent:
    """Raises ValidationFailed for what is no event of Stripe's, or lacks what we act on.

    ``prices``: the price id of each tier, for checkouts of ours, which name the tier.
    """
    payload = json.loads(body)
    if not isinstance(payload, dict) or payload.get("object") != "event":
        _refuse("object", "This is not an event.")
    event_id, kind = _id(payload.get("id"), "id"), payload.get("type")
    if not isinstance(kind, str) or not _TYPE.fullmatch(kind):
        _refuse("type", "This is not a type of event.")
    data = payload.get("data")
    data_object = data.get("object") if isinstance(data, dict) else None
    if not isinstance(data_object, dict):
        _refuse("data.object", "This is not an object.")
    created = _moment(payload.get("created"), "created")
    account_id = _optional_id(payload.get("account"), "account")
    # A connected account's customers are not ours.
    customer_id = "" if account_id else _customer_of(kind, data_object)
    fact, unknown_status = _fact(kind, data_object, customer_id=customer_id, prices=prices)
    fact.event_id, fact.occurred_at = event_id, created
    request = payload.get("request")
    return IncomingEvent(
        id=event_id,
        type=kind,
        created=created,
        api_version=_text(payload.get("api_version"), 64),
        livemode=payload.get("livemode") is True,
        account_id=account_id,
        request_id=_text(request.get("id") if isinstance(request, dict) else request, 50),
        payload=payload,
        data_object=data_object,
        customer_id=customer_id,
        fact=fact,
        unknown_status=unknown_status,
    )


def fetched_fact(subscription: JsonObject, *, as_of: datetime | None) -> BillingFact:
    """What Stripe's API says of a subscription. ``as_of``: the newest fact about it that was known before we asked.

    Its time is not our clock's, which may differ from Stripe's: it is as new as what we knew and as the object's own
    stamps, so that whatever happens later is newer.
    Raises ValidationFailed for what is no subscription, or one with a status we do not know.
    """
    fact, unknown_status = _snapshot(subscription, rank=RANK_FETCHED, is_deleted=False)
    if unknown_status:
        _refuse("status", "This is not a known status.")
    fact.subject_id = _id(_id_in(subscription.get("customer")), "customer")
    fact.event_id = f"fetched:{fact.subscription_id}"
    stamps = [_moment(subscription[name], name) for name in ("created", "ended_at") if subscription.get(name)]
    fact.occurred_at = max(stamps + ([as_of] if as_of else []), default=datetime.fromtimestamp(0, UTC))
    return fact


def can_be_paid(account: JsonObject) -> bool:
    """Whether an account may be sent money, and gets it out: docs.stripe.com/connect/account-capabilities."""
    capabilities = account.get("capabilities")
    transfers = capabilities.get("transfers", "active") if isinstance(capabilities, dict) else "active"
    return account.get("payouts_enabled") is True and transfers == "active"


def _fact(kind: str, obj: JsonObject, *, customer_id: str, prices: Mapping[str, str]) -> tuple[BillingFact, str]:
    fact, unknown_status = BillingFact(kind=FactKind.OTHER), ""
    if kind.startswith(SUBSCRIPTION_EVENT) and obj.get("object") == "subscription":
        if customer_id:
            is_deleted = kind == "customer.subscription.deleted"
            fact, unknown_status = _snapshot(obj, rank=RANKS.get(kind, RANK_UPDATED), is_deleted=is_deleted)
    elif kind in RANKS or kind == "customer.subscription.updated":
        _refuse("data.object.object", "This is not a subscription.")
    elif kind in PAYMENTS:
        subscription_id = _subscription_of_invoice(obj)
        if customer_id and subscription_id:
            fact = BillingFact(kind=PAYMENTS[kind], subscription_id=subscription_id)
    elif kind in CHECKOUTS:
        fact = _checkout(obj, customer_id=customer_id, prices=prices)
    fact.subject_id = customer_id or _text(obj.get("id"), 255)
    return fact, unknown_status


def _customer_of(kind: str, obj: JsonObject) -> str:
    if kind.startswith(SUBSCRIPTION_EVENT):
        return _id(_id_in(obj.get("customer")), "data.object.customer")
    if obj.get("object") == "customer":
        return _id(obj.get("id"), "data.object.id")
    if kind in PAYMENTS or kind in CHECKOUTS:
        return _optional_id(_id_in(obj.get("customer")), "data.object.customer")
    customer = _id_in(obj.get("customer"))
    return customer if isinstance(customer, str) and _ID.fullmatch(customer) else ""


def _snapshot(obj: JsonObject, *, rank: int, is_deleted: bool) -> tuple[BillingFact, str]:
    status = obj.get("status")
    if is_deleted:
        status = SubscriptionStatus.CANCELED.value
    if not isinstance(status, str) or not status:
        _refuse("data.object.status", "This is not a status.")
    items = _items(obj, may_lack=status in {SubscriptionStatus.CANCELED, SubscriptionStatus.INCOMPLETE_EXPIRED})
    ends = next((item.get("current_period_end") for item in items), None) or obj.get("current_period_end")
    is_known = status in SubscriptionStatus.values
    fact = BillingFact(
        kind=FactKind.SNAPSHOT,
        subscription_id=_id(obj.get("id"), "data.object.id"),
        rank=rank,
        status=status if is_known else "",
        price_ids=[_id(_price_of(item), "data.object.items.data.price.id") for item in items],
        current_period_end=_moment(ends, "data.object.items.data.current_period_end") if ends is not None else None,
        cancel_at_period_end=obj.get("cancel_at_period_end") is True,
    )
    return fact, "" if is_known else _text(status, 64)


def _items(obj: JsonObject, *, may_lack: bool) -> list[JsonObject]:
    held = obj.get("items")
    items = held.get("data") if isinstance(held, dict) else None
    if items is None and held is None and may_lack:
        return []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items) or not (items or may_lack):
        _refuse("data.object.items", "This is not a list of subscription items.")
    return items


def _price_of(item: JsonObject) -> Any:
    """``plan`` is what a price was called before; its id is the same."""
    return _id_in(item.get("price") or item.get("plan"))


def _subscription_of_invoice(obj: JsonObject) -> str:
    """Empty for an invoice that is not a subscription's."""
    parent = obj.get("parent")
    details = parent.get("subscription_details") if isinstance(parent, dict) else None
    named = details.get("subscription") if isinstance(details, dict) else obj.get("subscription")
    return _optional_id(_id_in(named), "data.object.parent.subscription_details.subscription")


def _checkout(obj: JsonObject, *, customer_id: str, prices: Mapping[str, str]) -> BillingFact:
    """A subscription that was bought and paid for on a page of ours; any other session is no fact about a tier."""
    subscription_id = _optional_id(_id_in(obj.get("subscription")), "data.object.subscription")
    metadata = obj.get("metadata")
    tier = metadata.get("tier") if isinstance(metadata, dict) else None
    price_id = prices.get(tier) if isinstance(tier, str) else None
    is_paid = obj.get("payment_status") in ("paid", "no_payment_required")
    if not (customer_id and subscription_id and is_paid and price_id):
        return BillingFact(kind=FactKind.OTHER)
    return BillingFact(
        kind=FactKind.CHECKOUT,
        subscription_id=subscription_id,
        status=SubscriptionStatus.ACTIVE,
        price_ids=[price_id],
    )


def _id_in(value: Any) -> Any:
    """Stripe gives the id, or the whole object where the account expands it."""
    return value.get("id") if isinstance(value, dict) else value


def _id(value: Any, field: str) -> str:
    if not isinstance(value, str) or not _ID.fullmatch(value):
        _refuse(field, "This is not an id.")
    return value


def _optional_id(value: Any, field: str) -> str:
    return _id(value, field) if value is not None else ""


def _moment(value: Any, field: str) -> datetime:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LAST_SECOND:
        _refuse(field, "This is not a time.")
    return datetime.fromtimestamp(value, UTC)


def _text(value: Any, longest: int) -> str:
    return value[:longest] if isinstance(value, str) else ""


def _refuse(field: str, message: str) -> NoReturn:
    raise ValidationFailed({field: [message]})

"""The one reader of Stripe's JSON: its objects as types of ours, whether an event or an answer of its API carried them.

Only what we act on has to be right; the rest of an object is Stripe's business. Shapes are those of API version
2026-05-27.dahlia, with the older places of a period's end and of an invoice's subscription understood. What a reader
refuses is a ValidationFailed that names the field; ``at`` leads to the object ("data.object." in an event).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeGuard

from adiuva.api.errors import ValidationFailed
from billing.projection import FINAL
from billing.stripe.port import SESSION_LIFETIME, CheckoutSession, ConnectAccount, Payment, StripeSubscription

JsonObject = Mapping[str, Any]

_ID = re.compile(r"[A-Za-z0-9_\-]{1,255}")
_LONGEST_ID = 255
_LAST_SECOND = 253_402_300_799  # the year 9999
_MOST_CENTS = 2**31 - 1  # what a column of ours holds
_CURRENCY_LETTERS = 3
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """``subscription_id`` is empty for one that is not a subscription's; ``paid_cents`` is 0 where nothing was paid."""

    id: str
    subscription_id: str
    paid_cents: int
    currency: str


def read_subscription(obj: JsonObject, *, at: str = "") -> StripeSubscription:
    status = obj.get("status")
    if not isinstance(status, str) or not status:
        refuse(f"{at}status", "This is not a status.")
    items = _items_of(obj, may_lack=status in FINAL, at=at)
    ends = next((item.get("current_period_end") for item in items), None) or obj.get("current_period_end")
    return StripeSubscription(
        id=required_id(obj.get("id"), f"{at}id"),
        customer_id=optional_id(id_of(obj.get("customer")), f"{at}customer"),
        status=status,
        price_ids=tuple(required_id(_price_of(item), f"{at}items.data.price.id") for item in items),
        current_period_end=required_moment(ends, f"{at}items.data.current_period_end") if ends is not None else None,
        cancel_at_period_end=obj.get("cancel_at_period_end") is True,
        created=moment(obj.get("created")) or _EPOCH,
        ended_at=moment(obj.get("ended_at")),
        payload=obj,
    )


def read_invoice(obj: JsonObject, *, at: str = "") -> Invoice:
    parent = obj.get("parent")
    details = parent.get("subscription_details") if isinstance(parent, dict) else None
    named = details.get("subscription") if isinstance(details, dict) else obj.get("subscription")
    paid = obj.get("amount_paid")
    return Invoice(
        id=text(obj.get("id"), _LONGEST_ID),
        subscription_id=optional_id(id_of(named), f"{at}parent.subscription_details.subscription"),
        paid_cents=paid if _is_cents(paid) else 0,
        currency=text(obj.get("currency"), _CURRENCY_LETTERS) or "eur",
    )


def read_checkout_session(obj: JsonObject, *, at: str = "") -> CheckoutSession:
    return CheckoutSession(
        id=required_id(obj.get("id"), f"{at}id"),
        url=text(obj.get("url")),
        status=text(obj.get("status")) or "open",
        expires_at=moment(obj.get("expires_at") or None) or datetime.now(UTC) + SESSION_LIFETIME,
        mode=text(obj.get("mode")),
        client_reference_id=text(obj.get("client_reference_id")),
        metadata=_metadata_of(obj),
        subscription_id=optional_id(id_of(obj.get("subscription")), f"{at}subscription"),
        payment_intent_id=text(id_of(obj.get("payment_intent"))),
        is_paid=obj.get("payment_status") in ("paid", "no_payment_required"),
    )


def read_payment(obj: JsonObject, *, at: str = "") -> Payment:
    status = text(obj.get("status")) or refuse(f"{at}status", "This is not a status.")
    return Payment(id=required_id(obj.get("id"), f"{at}id"), status=status, metadata=_metadata_of(obj))


def read_account(obj: JsonObject) -> ConnectAccount:
    """Whether it may be sent money, and gets it out: docs.stripe.com/connect/account-capabilities."""
    capabilities = obj.get("capabilities")
    transfers = capabilities.get("transfers", "active") if isinstance(capabilities, dict) else "active"
    is_payable = obj.get("payouts_enabled") is True and transfers == "active"
    return ConnectAccount(id=text(obj.get("id")), payouts_enabled=is_payable)


def id_of(reference: Any) -> Any:
    """Stripe gives the id, or the whole object where it was asked to expand it."""
    return reference.get("id") if isinstance(reference, Mapping) else reference


def required_id(value: Any, field: str) -> str:
    if not is_id(value):
        refuse(field, "This is not an id.")
    return value


def optional_id(value: Any, field: str) -> str:
    return required_id(value, field) if value is not None else ""


def is_id(value: Any) -> TypeGuard[str]:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def required_cents(value: Any, field: str) -> int:
    if not _is_cents(value):
        refuse(field, "This is not an amount.")
    return value


def required_moment(value: Any, field: str) -> datetime:
    found = moment(value)
    if found is None:
        refuse(field, "This is not a time.")
    return found


def moment(value: Any) -> datetime | None:
    """Stripe's times are whole seconds since 1970; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= _LAST_SECOND:
        return None
    return datetime.fromtimestamp(value, UTC)


def text(value: Any, longest: int | None = None) -> str:
    """Empty for what is no text."""
    return value[:longest] if isinstance(value, str) else ""


def refuse(field: str, message: str) -> NoReturn:
    raise ValidationFailed({field: [message]})


def _items_of(obj: JsonObject, *, may_lack: bool, at: str) -> list[JsonObject]:
    held = obj.get("items")
    items = held.get("data") if isinstance(held, dict) else None
    if items is None and held is None and may_lack:
        return []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items) or not (items or may_lack):
        refuse(f"{at}items", "This is not a list of subscription items.")
    return items


def _price_of(item: JsonObject) -> Any:
    """``plan`` is what a price was called before; its id is the same."""
    return id_of(item.get("price") or item.get("plan"))


def _metadata_of(obj: JsonObject) -> Mapping[str, str]:
    held = obj.get("metadata")
    return {name: value for name, value in held.items() if isinstance(value, str)} if isinstance(held, dict) else {}


def _is_cents(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _MOST_CENTS

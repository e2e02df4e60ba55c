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
from billing.models import PriceInterval
from billing.prices import Price
from billing.stripe.port import (
    SESSION_LIFETIME,
    CheckoutSession,
    ConnectAccount,
    Payment,
    StripeInvoice,
    StripeSubscription,
    SubscriptionItem,
)
from billing.stripe.projection import FINAL
from billing.tiers import PAID_TIERS

JsonObject = Mapping[str, Any]

_ID = re.compile(r"[A-Za-z0-9_\-]{1,255}")
_LONGEST_ID = 255
_USER_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_LAST_SECOND = 253_402_300_799  # the year 9999
MOST_CENTS = 2**53 - 1  # what JSON carries exactly: other products sell in currencies without decimals
_MOST_SEATS = 2**31 - 1  # what a column of ours holds
_CURRENCY_LETTERS = 3
_LONGEST_ADDRESS = 2048
_MOST_NAMES = 100
PENDING_VERIFICATION = "requirements.pending_verification"
_EPOCH = datetime.fromtimestamp(0, UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """What a payment event says of one. ``subscription_id`` is empty for one that is not a subscription's;
    ``hosted_url`` is the page on which it can be paid, and ``due_cents`` what is still to be paid there: None where it
    is not said. Of the money that was paid ``billing.stripe.money_objects`` tells.
    """

    id: str
    subscription_id: str
    created: datetime | None
    hosted_url: str
    due_cents: int | None
    currency: str


def read_subscription(obj: JsonObject, *, at: str = "") -> StripeSubscription:
    status = obj.get("status")
    if not isinstance(status, str) or not status:
        refuse(f"{at}status", "This is not a status.")
    items = _items_of(obj, may_lack=status in FINAL, at=at)
    latest = obj.get("latest_invoice")
    return StripeSubscription(
        id=required_id(obj.get("id"), f"{at}id"),
        customer_id=optional_id(id_of(obj.get("customer")), f"{at}customer"),
        status=status,
        items=tuple(_read_item(item, obj, at=at) for item in items),
        cancel_at_period_end=obj.get("cancel_at_period_end") is True,
        cancel_at=moment(obj.get("cancel_at")),
        named_tier=named_tier(_metadata_of(obj)),
        latest_invoice_id=text(id_of(latest), _LONGEST_ID),
        latest_invoice=read_whole_invoice(latest) if isinstance(latest, Mapping) else None,
        created=moment(obj.get("created")) or _EPOCH,
        ended_at=moment(obj.get("ended_at")),
        payload=obj,
    )


def _read_item(item: JsonObject, obj: JsonObject, *, at: str) -> SubscriptionItem:
    ends = item.get("current_period_end") or obj.get("current_period_end")
    quantity = item.get("quantity")
    return SubscriptionItem(
        price=read_price(item.get("price") or item.get("plan"), at=f"{at}items.data.price."),
        quantity=quantity if _is_cents(quantity) and quantity <= _MOST_SEATS else 1,
        current_period_end=required_moment(ends, f"{at}items.data.current_period_end") if ends is not None else None,
    )


def read_price(found: Any, *, at: str = "") -> Price:
    """``plan`` is what a price was called before; its id is the same, and its interval beside it."""
    obj: JsonObject = found if isinstance(found, Mapping) else {}
    named = obj.get("recurring")
    recurring: JsonObject = named if isinstance(named, Mapping) else obj
    is_single = recurring.get("interval_count") in (None, 1)
    return Price(
        id=_price_id(id_of(found), f"{at}id"),
        lookup_key=text(obj.get("lookup_key"), _LONGEST_ID),
        product_id=text(id_of(obj.get("product")), _LONGEST_ID),
        interval=text(recurring.get("interval")) if is_single else PriceInterval.OTHER,
    )


def _price_id(value: Any, field: str) -> str:
    """Operators may choose the ids of plans, with dots and spaces."""
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_ID or not value.isprintable():
        refuse(field, "This is not an id.")
    return value


def named_tier(metadata: Mapping[str, str]) -> str:
    """The tier that a checkout of ours wrote down, beside the user's id; empty for none, and for one that is not sold.

    ``tier`` alone is a word that other products in the account use as well.
    """
    tier = metadata.get("tier", "")
    return tier if tier in PAID_TIERS and _USER_ID.fullmatch(metadata.get("user_id", "")) else ""


def read_invoice(obj: JsonObject, *, at: str = "") -> Invoice:
    due = (obj.get("amount_remaining"), obj.get("amount_due"))
    return Invoice(
        id=text(obj.get("id"), _LONGEST_ID),
        subscription_id=_subscription_of(obj, at=at),
        created=moment(obj.get("created")),
        hosted_url=web_address(obj.get("hosted_invoice_url")),
        due_cents=next((cents for cents in due if _is_cents(cents)), None),
        currency=text(obj.get("currency"), _CURRENCY_LETTERS),
    )


def read_whole_invoice(obj: JsonObject) -> StripeInvoice:
    """As Stripe's API shows one."""
    total = obj.get("total")
    return StripeInvoice(
        id=required_id(obj.get("id"), "id"),
        subscription_id=_subscription_of(obj),
        number=text(obj.get("number"), _LONGEST_ID),
        status=text(obj.get("status")),
        total_cents=total if isinstance(total, int) else 0,  # below zero for a credit note's
        currency=text(obj.get("currency"), _CURRENCY_LETTERS) or "eur",
        created=moment(obj.get("created")),
        hosted_url=web_address(obj.get("hosted_invoice_url")),
        pdf_url=web_address(obj.get("invoice_pdf")),
    )


def _subscription_of(invoice: JsonObject, *, at: str = "") -> str:
    parent = invoice.get("parent")
    details = parent.get("subscription_details") if isinstance(parent, dict) else None
    named = details.get("subscription") if isinstance(details, dict) else invoice.get("subscription")
    return optional_id(id_of(named), f"{at}parent.subscription_details.subscription")


def web_address(value: Any) -> str:
    """A client opens it: nothing but a page."""
    address = text(value, _LONGEST_ADDRESS)
    return address if address.startswith(("https://", "http://")) else ""


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
    """Whether it may be sent money, and gets it out: docs.stripe.com/connect/account-capabilities, and why not:
    docs.stripe.com/connect/handling-api-verification. An account that never gave its details, or whose details are
    being verified, is on its way rather than restricted.
    """
    capabilities, told = obj.get("capabilities"), obj.get("requirements")
    transfers = capabilities.get("transfers", "active") if isinstance(capabilities, dict) else "active"
    required: JsonObject = told if isinstance(told, dict) else {}
    reason = text(required.get("disabled_reason"), _LONGEST_ID)
    is_payable = obj.get("payouts_enabled") is True and transfers == "active"
    is_disabled = reason != PENDING_VERIFICATION if reason else transfers != "pending"
    return ConnectAccount(
        id=text(obj.get("id")),
        payouts_enabled=is_payable,
        is_restricted=obj.get("details_submitted") is True and not is_payable and is_disabled,
        disabled_reason=reason,
        requirements=_names_in(required, "past_due", "currently_due"),
    )


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


def _names_in(obj: JsonObject, *fields: str) -> tuple[str, ...]:
    """Each once, in their order."""
    lists = (obj.get(field) for field in fields)
    named = (one for held in lists if isinstance(held, list) for one in held)
    return tuple(dict.fromkeys(one[:_LONGEST_ID] for one in named if isinstance(one, str)))[:_MOST_NAMES]


def _items_of(obj: JsonObject, *, may_lack: bool, at: str) -> list[JsonObject]:
    held = obj.get("items")
    items = held.get("data") if isinstance(held, dict) else None
    if items is None and held is None and may_lack:
        return []
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items) or not (items or may_lack):
        refuse(f"{at}items", "This is not a list of subscription items.")
    return items


def _metadata_of(obj: JsonObject) -> Mapping[str, str]:
    held = obj.get("metadata")
    return {name: value for name, value in held.items() if isinstance(value, str)} if isinstance(held, dict) else {}


def _is_cents(value: Any) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_CENTS

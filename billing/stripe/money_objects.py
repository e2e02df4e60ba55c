"""The reader of Stripe's JSON about money that has moved: as ``billing.stripe.objects``, whose helpers it uses.

Shapes are those of API version 2026-05-27.dahlia. Understood as well, for endpoints that an older version is set for:
a line's ``price`` and ``plan``, ``tax_amounts``, and an invoice's and a charge's names of each other, which are gone
since 2025-03-31 (docs.stripe.com/changelog/basil).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from billing.prices import Price
from billing.stripe.money_port import InvoiceLine, InvoicePaid, MoneyBack, PaymentOfInvoice
from billing.stripe.objects import (
    MOST_CENTS,
    JsonObject,
    id_of,
    is_id,
    moment,
    optional_id,
    read_invoice,
    refuse,
    required_cents,
    required_id,
    text,
)

_CURRENCY_LETTERS = 3
_LONGEST_WORD = 64
PAID = "paid"

# docs.stripe.com/api/refunds/object, ``status``: the money is on its way, with the payer, or with us again.
FAILED_REFUND = {"failed", "canceled"}
# docs.stripe.com/api/disputes/object, ``status``. An inquiry (``warning_…``) takes no money.
INQUIRY, OPEN, CLOSED = 0, 1, 2
WON = "won"
DISPUTE_STATES = {
    "warning_needs_response": (INQUIRY, False),
    "warning_under_review": (INQUIRY, False),
    "warning_closed": (INQUIRY, False),
    "needs_response": (OPEN, True),
    "under_review": (OPEN, True),
    WON: (CLOSED, False),
    "prevented": (CLOSED, False),
    "lost": (CLOSED, True),
}
ENDED_DISPUTE = {"warning_closed", WON, "prevented", "lost"}


def read_invoice_paid(obj: JsonObject, *, at: str = "") -> InvoicePaid:
    """Raises ValidationFailed."""
    lines = obj.get("lines")
    held = _dicts(lines)
    changes = obj.get("status_transitions")
    read = read_invoice(obj, at=at)
    return InvoicePaid(
        id=required_id(obj.get("id"), f"{at}id"),
        customer_id=optional_id(id_of(obj.get("customer")), f"{at}customer"),
        subscription_id=read.subscription_id,
        currency=_currency(obj) or refuse(f"{at}currency", "This is not a currency."),
        paid_cents=required_cents(obj.get("amount_paid") or 0, f"{at}amount_paid"),
        paid_at=moment(changes.get("paid_at")) if isinstance(changes, Mapping) else None,
        lines=tuple(_read_line(line) for line in held),
        is_whole=bool(held) and isinstance(lines, Mapping) and not lines.get("has_more"),
        payment_ids=tuple(dict.fromkeys(_payments_of(obj))),
        hosted_url=read.hosted_url,
    )


def read_payment_of_invoice(obj: JsonObject, *, at: str = "") -> PaymentOfInvoice | None:
    """Of an ``invoice_payment``; None for one that is not paid, or was paid outside Stripe."""
    payment_id = _paid_by(obj)
    if not payment_id or text(obj.get("status")) != PAID:
        return None
    return PaymentOfInvoice(payment_id=payment_id, invoice_id=required_id(id_of(obj.get("invoice")), f"{at}invoice"))


def read_refund(obj: JsonObject, *, heard_at: datetime | None = None, at: str = "") -> MoneyBack | None:
    """None where it names no payment. ``heard_at``: when Stripe said so, as of a failure only that is known, unless the
    object shows the transaction by which the money came back.
    """
    payment_id, status = _payment_id(obj), text(obj.get("status"), _LONGEST_WORD)
    if not payment_id:
        return None
    has_failed = status in FAILED_REFUND
    returned = obj.get("failure_balance_transaction")
    came_back = (moment(returned.get("created")) if isinstance(returned, Mapping) else None) or heard_at
    return MoneyBack(
        id=required_id(obj.get("id"), f"{at}id"),
        kind="refund",
        payment_id=payment_id,
        cents=required_cents(obj.get("amount"), f"{at}amount"),
        currency=_currency(obj),
        status=status,
        phase=int(has_failed),
        is_with_payer=not has_failed,
        taken_at=_created(obj, heard_at, at),
        back_at=came_back if has_failed else None,
    )


def read_dispute(obj: JsonObject, *, heard_at: datetime | None = None, at: str = "") -> MoneyBack | None:
    """As ``read_refund``. A status that Stripe did not have when this was written is taken for an open dispute: the
    money may be gone.
    """
    payment_id, status = _payment_id(obj), text(obj.get("status"), _LONGEST_WORD)
    if not payment_id:
        return None
    phase, is_with_payer = DISPUTE_STATES.get(status, (OPEN, True))
    evidence = obj.get("evidence_details")
    moves = _list(obj.get("balance_transactions"))
    # One that was prevented may never have taken anything.
    heard_back_at = heard_at if status == WON else None
    return MoneyBack(
        id=required_id(obj.get("id"), f"{at}id"),
        kind="dispute",
        payment_id=payment_id,
        cents=required_cents(obj.get("amount"), f"{at}amount"),
        currency=_currency(obj),
        status=status,
        phase=phase,
        is_with_payer=is_with_payer,
        taken_at=_time_of(moves, taken=True) or _created(obj, heard_at, at),
        back_at=None if is_with_payer else _time_of(moves, taken=False) or heard_back_at,
        reason=text(obj.get("reason"), _LONGEST_WORD),
        due_by=moment(evidence.get("due_by")) if isinstance(evidence, Mapping) else None,
    )


def read_refunded_charge(obj: JsonObject, *, heard_at: datetime, at: str = "") -> MoneyBack | None:
    """What has been refunded of a charge in all, by then. Its id is of the charge and the sum: a row for each step.
    None for what is no charge.
    """
    if obj.get("object") != "charge":
        return None
    charge_id = required_id(obj.get("id"), f"{at}id")
    cents = required_cents(obj.get("amount_refunded"), f"{at}amount_refunded")
    return MoneyBack(
        id=f"{charge_id}:{cents}",
        kind="charge",
        payment_id=_payment_id({"payment_intent": obj.get("payment_intent"), "charge": charge_id}),
        cents=cents,
        currency=_currency(obj),
        status="",
        phase=0,
        is_with_payer=True,
        taken_at=heard_at,
    )


def read_invoice_of_charge(obj: JsonObject) -> PaymentOfInvoice | None:
    """Before 2025-03-31 a charge named its invoice."""
    payment_id, invoice_id = _payment_id({**obj, "charge": obj.get("id")}), id_of(obj.get("invoice"))
    return PaymentOfInvoice(payment_id=payment_id, invoice_id=invoice_id) if payment_id and is_id(invoice_id) else None


def _read_line(line: JsonObject) -> InvoiceLine:
    cents = _cents(line.get("amount"))
    cents -= sum(_cents(one.get("amount")) for one in _list(line.get("discount_amounts")))
    for tax in _list(line.get("taxes")) or _list(line.get("tax_amounts")):
        if tax.get("tax_behavior") == "exclusive" or tax.get("inclusive") is False:
            cents += _cents(tax.get("amount"))
    return InvoiceLine(price=_price_of(line), cents=cents)


def _price_of(line: JsonObject) -> Price | None:
    pricing = line.get("pricing")
    details = pricing.get("price_details") if isinstance(pricing, Mapping) else None
    shown = details if isinstance(details, Mapping) else {}
    named = shown.get("price") or line.get("price") or line.get("plan")
    whole = named if isinstance(named, Mapping) else {}
    price_id = id_of(named)
    if not is_id(price_id):
        return None
    product_id = id_of(shown.get("product") or whole.get("product"))
    return Price(id=price_id, lookup_key=text(whole.get("lookup_key")), product_id=text(product_id))


def _payments_of(invoice: JsonObject) -> Iterator[str]:
    for payment in _dicts(invoice.get("payments")):
        if text(payment.get("status")) == PAID and (payment_id := _paid_by(payment)):
            yield payment_id
    for name in ("payment_intent", "charge"):
        if is_id(named := id_of(invoice.get(name))):
            yield named


def _paid_by(invoice_payment: JsonObject) -> str:
    payment = invoice_payment.get("payment")
    return _payment_id(payment) if isinstance(payment, Mapping) else ""


def _payment_id(obj: JsonObject) -> str:
    named = (id_of(obj.get(name)) for name in ("payment_intent", "charge"))
    return next((one for one in named if is_id(one)), "")


def _time_of(transactions: Sequence[JsonObject], *, taken: bool) -> datetime | None:
    """Of the first that took money of ours, or gave it back."""
    sign = -1 if taken else 1
    times = (moment(one.get("created")) for one in transactions if sign * _cents(one.get("amount")) > 0)
    return min((one for one in times if one is not None), default=None)


def _created(obj: JsonObject, heard_at: datetime | None, at: str) -> datetime:
    """By the object itself; an event about it is not much younger."""
    return moment(obj.get("created")) or heard_at or refuse(f"{at}created", "This is not a time.")


def _currency(obj: JsonObject) -> str:
    """Empty for what is none."""
    currency = text(obj.get("currency")).lower()
    return currency if len(currency) == _CURRENCY_LETTERS else ""


def _cents(value: Any) -> int:
    """Signed; 0 for what is no amount: a line that we cannot read has earned nothing that we know of."""
    is_amount = isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MOST_CENTS
    return value if is_amount else 0


def _dicts(listed: Any) -> list[JsonObject]:
    """Of Stripe's lists, ``{"data": […]}``."""
    return _list(listed.get("data")) if isinstance(listed, Mapping) else []


def _list(value: Any) -> list[JsonObject]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []

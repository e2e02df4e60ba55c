"""Stripe's events about money: refunds, disputes, and whether a developer can be paid.

They come in any order, repeated and in parallel, and leave the same state. What a connected account says of its own
business is none of ours.
"""

from typing import NoReturn

from adiuva.api.errors import ValidationFailed
from billing.stripe import hooks
from billing.stripe.objects import IncomingEvent, can_be_paid
from marketplace.models import DeveloperAccount, PaymentReturn, ReturnKind
from marketplace.payouts import queue
from marketplace.payouts.settlement import record_return

REFUNDS = ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated")
DISPUTES = (
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
)
FAILED_REFUND = {"failed", "canceled"}
# What a dispute's status says: how far it is, and whether the buyer has the money. An inquiry takes none.
INQUIRY, OPEN, CLOSED = 0, 1, 2
DISPUTE_STATES = {
    "warning_needs_response": (INQUIRY, False),
    "warning_under_review": (INQUIRY, False),
    "warning_closed": (INQUIRY, False),
    "needs_response": (OPEN, True),
    "under_review": (OPEN, True),
    "won": (CLOSED, False),
    "prevented": (CLOSED, False),
    "lost": (CLOSED, True),
}
MOST_CENTS = 2**31 - 1
LONGEST_ID = 255


def register() -> None:
    hooks.register("charge.refunded", on_charge_refunded)
    for kind in REFUNDS:
        hooks.register(kind, on_refund)
    for kind in DISPUTES:
        hooks.register(kind, on_dispute)
    hooks.register("account.updated", on_account_updated)


def on_charge_refunded(event: IncomingEvent) -> None:
    """The total is of this charge, however many refunds it came in."""
    _take_in(event, kind=ReturnKind.CHARGE, amount="amount_refunded", phase=0, is_with_buyer=True)


def on_refund(event: IncomingEvent) -> None:
    has_failed = event.data_object.get("status") in FAILED_REFUND
    _take_in(event, kind=ReturnKind.REFUND, amount="amount", phase=int(has_failed), is_with_buyer=not has_failed)


def on_dispute(event: IncomingEvent) -> None:
    """A status that Stripe did not have when this was written is taken for an open dispute: the money may be gone."""
    phase, is_with_buyer = DISPUTE_STATES.get(str(event.data_object.get("status")), (OPEN, True))
    _take_in(event, kind=ReturnKind.DISPUTE, amount="amount", phase=phase, is_with_buyer=is_with_buyer)


def on_account_updated(event: IncomingEvent) -> None:
    accounts = DeveloperAccount.objects.select_for_update(no_key=True)
    account = accounts.filter(stripe_account_id=event.data_object.get("id")).first()
    if account is None:
        return
    # Stripe's times are whole seconds: of two that are equal the better news counts, in whatever order they come.
    heard = event.created, can_be_paid(event.data_object)
    if account.said_at is not None and (account.said_at, account.payouts_enabled) >= heard:
        return
    account.said_at, account.payouts_enabled = heard
    account.save(update_fields=["said_at", "payouts_enabled", "updated_at"])
    if account.payouts_enabled:
        queue.queue(developer_id=account.user_id)


def _take_in(event: IncomingEvent, *, kind: ReturnKind, amount: str, phase: int, is_with_buyer: bool) -> None:
    payment = event.data_object.get("payment_intent")
    payment_intent_id = payment.get("id") if isinstance(payment, dict) else payment
    if event.account_id or payment_intent_id is None:
        return
    fact = PaymentReturn(
        stripe_id=_id(event.data_object.get("id"), "id"),
        payment_intent_id=_id(payment_intent_id, "payment_intent"),
        kind=kind,
        amount_cents=_cents(event.data_object.get(amount), amount),
        phase=phase,
        is_with_buyer=is_with_buyer,
        said_at=event.created,
    )
    record_return(fact, source=event.id)


def _id(value: object, field: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST_ID:
        _refuse(field, "This is not an id.")
    return value


def _cents(value: object, field: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MOST_CENTS:
        _refuse(field, "This is not an amount.")
    return value


def _refuse(field: str, message: str) -> NoReturn:
    raise ValidationFailed({f"data.object.{field}": [message]})

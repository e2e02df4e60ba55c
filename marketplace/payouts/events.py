"""Stripe's events about money: refunds, disputes, and whether a developer can be paid.

They come in any order, repeated and in parallel, and leave the same state. What a connected account says of its own
business is none of ours.
"""

from billing.stripe import hooks
from billing.stripe.events import (
    CHARGE_REFUNDED,
    IncomingEvent,
    ReturnedPayment,
    read_account,
    read_returned_payment,
)
from marketplace.jobs import queue_transfers
from marketplace.models import DeveloperAccount, PaymentReturn, ReturnKind
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


def register() -> None:
    hooks.register(CHARGE_REFUNDED, on_charge_refunded)
    for kind in REFUNDS:
        hooks.register(kind, on_refund)
    for kind in DISPUTES:
        hooks.register(kind, on_dispute)
    hooks.register("account.updated", on_account_updated)


def on_charge_refunded(event: IncomingEvent) -> None:
    """The total is of this charge, however many refunds it came in."""
    returned = read_returned_payment(event)
    if returned is not None:
        _take_in(event, returned, kind=ReturnKind.CHARGE, phase=0, is_with_buyer=True)


def on_refund(event: IncomingEvent) -> None:
    returned = read_returned_payment(event)
    if returned is not None:
        has_failed = returned.status in FAILED_REFUND
        _take_in(event, returned, kind=ReturnKind.REFUND, phase=int(has_failed), is_with_buyer=not has_failed)


def on_dispute(event: IncomingEvent) -> None:
    """A status that Stripe did not have when this was written is taken for an open dispute: the money may be gone."""
    returned = read_returned_payment(event)
    if returned is not None:
        phase, is_with_buyer = DISPUTE_STATES.get(returned.status, (OPEN, True))
        _take_in(event, returned, kind=ReturnKind.DISPUTE, phase=phase, is_with_buyer=is_with_buyer)


def on_account_updated(event: IncomingEvent) -> None:
    accounts = DeveloperAccount.objects.select_for_update(no_key=True)
    told = read_account(event)
    account = accounts.filter(stripe_account_id=told.id).first()
    if account is None:
        return
    # Stripe's times are whole seconds: of two that are equal the better news counts, in whatever order they come.
    heard = event.created, told.payouts_enabled
    if account.said_at is not None and (account.said_at, account.payouts_enabled) >= heard:
        return
    account.said_at, account.payouts_enabled = heard
    account.save(update_fields=["said_at", "payouts_enabled", "updated_at"])
    if account.payouts_enabled:
        queue_transfers(developer_id=account.user_id)


def _take_in(
    event: IncomingEvent, returned: ReturnedPayment, *, kind: ReturnKind, phase: int, is_with_buyer: bool
) -> None:
    fact = PaymentReturn(
        stripe_id=returned.id,
        payment_intent_id=returned.payment_intent_id,
        kind=kind,
        amount_cents=returned.amount_cents,
        phase=phase,
        is_with_buyer=is_with_buyer,
        said_at=event.created,
    )
    record_return(fact, source=event.id)

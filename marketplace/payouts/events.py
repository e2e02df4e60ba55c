"""Stripe's events about money: refunds, disputes, and whether a developer can be paid (``payouts.accounts``).

They come in any order, repeated and in parallel, and leave the same state. What a connected account says of its own
business is none of ours.
"""

from billing.stripe import hooks
from billing.stripe.events import (
    CHARGE_REFUNDED,
    IncomingEvent,
    ReturnedPayment,
    read_account,
    read_account_id,
    read_returned_payment,
)
from billing.stripe.money_objects import DISPUTE_STATES, ENDED_DISPUTE, FAILED_REFUND, OPEN
from marketplace.jobs import queue_refresh, queue_transfers
from marketplace.models import PaymentReturn, ReturnKind
from marketplace.payouts import accounts
from marketplace.payouts.settlement import record_return

REFUNDS = ("refund.created", "refund.updated", "refund.failed", "charge.refund.updated")
DISPUTES = (
    "charge.dispute.created",
    "charge.dispute.updated",
    "charge.dispute.funds_withdrawn",
    "charge.dispute.funds_reinstated",
    "charge.dispute.closed",
)
# They tell of a part of an account; whether it can be paid is the account's to say.
PARTS_OF_ACCOUNTS = ("capability.updated", "account.external_account.updated", "account.external_account.deleted")
_MOST_CENTS = 2**31 - 1  # what a column holds, and more than any sale of ours


def register() -> None:
    hooks.register(CHARGE_REFUNDED, on_charge_refunded)
    for kind in REFUNDS:
        hooks.register(kind, on_refund)
    for kind in DISPUTES:
        hooks.register(kind, on_dispute)
    hooks.register("account.updated", on_account_updated)
    hooks.register("account.application.deauthorized", on_deauthorized)
    for kind in PARTS_OF_ACCOUNTS:
        hooks.register(kind, on_part_of_account)


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
        is_open = returned.status not in ENDED_DISPUTE
        _take_in(event, returned, kind=ReturnKind.DISPUTE, phase=phase, is_with_buyer=is_with_buyer, is_open=is_open)


def on_account_updated(event: IncomingEvent) -> None:
    told = read_account(event)
    heard = accounts.hear(told, at=event.created)
    if heard is None:
        return
    if heard.is_unclear:
        queue_refresh(account_id=told.id, as_of=event.created)
    if heard.can_be_paid:
        queue_transfers(developer_id=heard.developer_id)


def on_deauthorized(event: IncomingEvent) -> None:
    """It is about our application; the account is the one it comes from."""
    accounts.deauthorize(read_account_id(event), at=event.created)


def on_part_of_account(event: IncomingEvent) -> None:
    account_id = read_account_id(event)
    if account_id:
        queue_refresh(account_id=account_id, as_of=event.created)


def _take_in(
    event: IncomingEvent,
    returned: ReturnedPayment,
    *,
    kind: ReturnKind,
    phase: int,
    is_with_buyer: bool,
    is_open: bool = False,
) -> None:
    fact = PaymentReturn(
        stripe_id=returned.id,
        payment_intent_id=returned.payment_intent_id,
        kind=kind,
        amount_cents=min(returned.amount_cents, _MOST_CENTS),
        phase=phase,
        is_with_buyer=is_with_buyer,
        is_open=is_open,
        evidence_due=returned.evidence_due,
        said_at=event.created,
    )
    record_return(fact, source=event.id)

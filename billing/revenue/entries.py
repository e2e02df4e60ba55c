"""From what Stripe said of an invoice and of the money that went back to what is booked: a pure function of a *set*.

Because it looks at the set, no order and no repetition of deliveries changes what it comes to. The rules:

- A refund is taken off when it was made, and comes again when it failed or was canceled.
- A dispute is taken off when the money was withdrawn, and comes again when it was won. An inquiry takes nothing.
- Stripe tells of refunds one by one and as a charge with their sum. What the single ones make up of the sum is theirs;
  the rest was refunded when the charge said so.
- No more goes back than was paid. Of an invoice that other products are part of, our part goes back in the relation in
  which it came in, and all of it when all was refunded.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from billing.revenue.models import MoneyKind, PaidInvoice, ReturnedMoney
from billing.revenue.shares import part_of

BACK = ":back"  # ends the source of an entry by which money came again


@dataclass(frozen=True, slots=True, order=True)
class _Move:
    """Money that went to the payer (positive), or came again."""

    at: datetime
    source: str
    kind: MoneyKind
    cents: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """``cents`` are signed: what comes in is positive. ``source`` is Stripe's id of what moved it, and unique."""

    source: str
    kind: MoneyKind
    cents: int
    at: datetime


def entries_of(invoice: PaidInvoice, returns: Iterable[ReturnedMoney]) -> list[Entry]:
    """``returns``: all that is known of the invoice's payments. Nothing that comes to 0 is an entry."""
    entries = [Entry(source=invoice.invoice_id, kind=MoneyKind.PAYMENT, cents=invoice.our_cents, at=invoice.paid_at)]
    gone = 0
    for move in sorted(_moves(invoice, list(returns))):
        before, gone = gone, gone + move.cents
        cents = _our_part(invoice, before) - _our_part(invoice, gone)
        entries.append(Entry(source=move.source, kind=move.kind, cents=cents, at=move.at))
    return [entry for entry in entries if entry.cents]


def _our_part(invoice: PaidInvoice, gone: int) -> int:
    return part_of(invoice.our_cents, gone, of=invoice.paid_cents)


def _moves(invoice: PaidInvoice, returns: list[ReturnedMoney]) -> Iterator[_Move]:
    refunded: dict[str, int] = defaultdict(int)
    for one in returns:
        if one.kind == MoneyKind.REFUND:
            refunded[one.payment_id] += one.amount_cents
    for one in returns:
        if one.kind == MoneyKind.CHARGE:
            continue
        # What a bank disputes in another currency is taken for all that was paid.
        cents = one.amount_cents if one.currency in ("", invoice.currency) else invoice.paid_cents
        if one.is_with_payer or one.back_at is not None:
            yield _Move(one.taken_at, one.stripe_id, MoneyKind(one.kind), cents)
        if not one.is_with_payer and one.back_at is not None:
            yield _Move(max(one.back_at, one.taken_at), one.stripe_id + BACK, MoneyKind(one.kind), -cents)
    totals = sorted(
        (one for one in returns if one.kind == MoneyKind.CHARGE), key=lambda one: (one.amount_cents, one.taken_at)
    )
    for one in totals:
        known = refunded[one.payment_id]
        if one.amount_cents > known:
            yield _Move(one.taken_at, one.stripe_id, MoneyKind.REFUND, one.amount_cents - known)
            refunded[one.payment_id] = one.amount_cents

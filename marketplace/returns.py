"""How much of a payment is back with its buyer, by all that Stripe has told of it; pure.

Stripe tells of refunds twice: one by one (``refund.…``), and as a charge with their total (``charge.refunded``). An
account may send either or both, and any of it may come late. The total of a charge leaves out refunds that had failed
by then; the single ones say which did.
"""

from collections.abc import Iterable

from marketplace.models import PaymentReturn, ReturnKind


def is_further(one: PaymentReturn, other: PaymentReturn) -> bool:
    """Whether ``one`` says more of the same thing than ``other``; a total order, so what counts is the greatest."""
    return _order(one) > _order(other)


def returned_cents(facts: Iterable[PaymentReturn], *, amount_cents: int) -> int:
    """Between 0 and ``amount_cents``: nobody gets back more than they paid, whatever a dispute adds to a refund."""
    charged = refunded = failed = disputed = 0
    for fact in facts:
        if fact.kind == ReturnKind.CHARGE:
            charged = max(charged, fact.amount_cents)
        elif fact.kind == ReturnKind.REFUND:
            refunded += fact.amount_cents
            failed += 0 if fact.is_with_buyer else fact.amount_cents
        elif fact.is_with_buyer:
            disputed += fact.amount_cents
    return min(max(max(charged, refunded) - failed, 0) + disputed, amount_cents)


def _order(fact: PaymentReturn) -> tuple[int, float, bool, int]:
    if fact.kind == ReturnKind.CHARGE:
        return 0, 0.0, True, fact.amount_cents
    return fact.phase, fact.said_at.timestamp(), fact.is_with_buyer, fact.amount_cents

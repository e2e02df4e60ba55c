"""Which part of an invoice our prices earned: pure.

The rule: a line counts by what it comes to, after its discounts and with the taxes that come on top; a credit for
unused time is a line too, and negative. Our lines' part of all lines is our part of what was paid. A balance of the
customer's makes what was paid less than what was owed, for all lines alike. Amounts are integers in the currency's
smallest unit, and the part is rounded down, so that the parts of an invoice never come to more than was paid. It is
never negative and never more than was paid.
"""

from collections.abc import Callable, Iterable

from billing.prices import Price
from billing.stripe.money_port import InvoiceLine


def earned_cents(lines: Iterable[InvoiceLine], *, paid_cents: int, is_ours: Callable[[Price], bool]) -> int:
    """Of ``paid_cents``, between 0 and all of it. ``lines`` are all that the invoice has."""
    every = list(lines)
    ours = sum(line.cents for line in every if line.price is not None and is_ours(line.price))
    return part_of(paid_cents, ours, of=sum(line.cents for line in every))


def part_of(cents: int, part: int, *, of: int) -> int:
    """``cents`` in the relation of ``part`` to ``of``, rounded down; between 0 and all of it."""
    if part <= 0:
        return 0
    return cents if part >= of else cents * part // of

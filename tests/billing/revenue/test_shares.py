"""Which part of an invoice is ours: pure."""

from hypothesis import given
from hypothesis import strategies as st

from billing.prices import Price
from billing.revenue.shares import earned_cents
from billing.stripe.money_port import InvoiceLine

LINES = st.lists(
    st.builds(
        lambda is_ours, cents: InvoiceLine(price=Price(id="ours" if is_ours else "theirs"), cents=cents),
        st.booleans(),
        st.integers(-(10**6), 10**6),
    ),
    max_size=8,
)
PAID = st.integers(0, 10**7)


def part(lines: list[InvoiceLine], paid_cents: int, whose: str) -> int:
    return earned_cents(lines, paid_cents=paid_cents, is_ours=lambda price: price.id == whose)


@given(lines=LINES, paid=PAID)
def test_the_parts_of_an_invoice_never_come_to_more_than_was_paid(lines: list[InvoiceLine], paid: int) -> None:
    ours, theirs = part(lines, paid, "ours"), part(lines, paid, "theirs")
    assert 0 <= ours <= paid
    assert 0 <= theirs <= paid
    assert ours + theirs <= paid
    if sum(line.cents for line in lines) > 0:
        assert ours + theirs >= paid - 1  # what does not divide


@given(lines=LINES)
def test_an_invoice_of_ours_alone_is_all_ours(lines: list[InvoiceLine]) -> None:
    ours = [InvoiceLine(price=Price(id="ours"), cents=abs(line.cents) + 1) for line in lines]
    total = sum(line.cents for line in ours)
    assert part(ours, total, "ours") == total


def test_a_line_without_a_price_is_not_ours() -> None:
    lines = [InvoiceLine(price=None, cents=500), InvoiceLine(price=Price(id="ours"), cents=500)]
    assert part(lines, 1000, "ours") == 500

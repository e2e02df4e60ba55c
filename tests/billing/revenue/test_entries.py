"""What an invoice and the money that went back come to: pure, and the same in every order."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from billing.revenue.books import merge
from billing.revenue.entries import entries_of
from billing.revenue.models import MoneyKind, PaidInvoice, ReturnedMoney

T0 = datetime(2026, 1, 31, 12, tzinfo=UTC)
PI = "pi_1"


def invoice(ours: int = 900, paid: int = 900) -> PaidInvoice:
    return PaidInvoice(invoice_id="in_1", our_cents=ours, paid_cents=paid, currency="eur", paid_at=T0, is_exact=True)


def returned(
    stripe_id: str,
    cents: int,
    *,
    kind: MoneyKind = MoneyKind.REFUND,
    days: float = 1,
    back: float | None = None,
    with_payer: bool | None = None,
    phase: int = 0,
    said: float = 0,
    currency: str = "eur",
) -> ReturnedMoney:
    return ReturnedMoney(
        stripe_id=stripe_id,
        kind=kind,
        payment_id=PI,
        amount_cents=cents,
        currency=currency,
        phase=phase,
        is_with_payer=back is None if with_payer is None else with_payer,
        taken_at=T0 + timedelta(days=days),
        back_at=None if back is None else T0 + timedelta(days=back),
        said_at=T0 + timedelta(days=days + said),
    )


def charge(cents: int, *, days: float = 1) -> ReturnedMoney:
    return returned(f"ch_1:{cents}", cents, kind=MoneyKind.CHARGE, days=days)


def booked(*returns: ReturnedMoney, of: PaidInvoice | None = None) -> list[tuple[str, int, int]]:
    """Source, cents and days since the payment."""
    return [(one.source, one.cents, (one.at - T0).days) for one in entries_of(of or invoice(), returns)]


PAYMENT = ("in_1", 900, 0)


def test_refunds_are_taken_off_when_they_were_made() -> None:
    assert booked(returned("re_1", 300), returned("re_2", 600, days=40)) == [
        PAYMENT,
        ("re_1", -300, 1),
        ("re_2", -600, 40),
    ]


def test_a_refund_that_failed_comes_again() -> None:
    assert booked(returned("re_1", 300, back=5)) == [PAYMENT, ("re_1", -300, 1), ("re_1:back", 300, 5)]


def test_one_of_which_nobody_says_when_it_failed_never_was() -> None:
    assert booked(returned("re_1", 300, with_payer=False)) == [PAYMENT]


def test_the_sum_of_a_charge_is_what_its_refunds_are_and_no_more() -> None:
    assert booked(returned("re_1", 300), charge(300)) == [PAYMENT, ("re_1", -300, 1)]
    assert booked(charge(300), charge(900, days=40)) == [PAYMENT, ("ch_1:300", -300, 1), ("ch_1:900", -600, 40)]
    assert booked(charge(300), charge(900, days=40), returned("re_1", 300)) == [
        PAYMENT,
        ("re_1", -300, 1),
        ("ch_1:900", -600, 40),
    ]


def test_of_the_next_refund_after_a_failed_one_the_charge_says_the_same() -> None:
    """The sum of a charge leaves out refunds that had failed by then."""
    failed, second = returned("re_1", 300, back=2), returned("re_2", 500, days=3)
    assert sum(cents for _, cents, _ in booked(failed, second, charge(300), charge(500, days=3))) == 900 - 500


def test_a_dispute_takes_the_money_until_it_is_won() -> None:
    taken = returned("du_1", 900, kind=MoneyKind.DISPUTE)
    won = returned("du_1", 900, kind=MoneyKind.DISPUTE, back=60)
    assert booked(taken) == [PAYMENT, ("du_1", -900, 1)]
    assert booked(won) == [PAYMENT, ("du_1", -900, 1), ("du_1:back", 900, 60)]


def test_no_more_goes_back_than_was_paid() -> None:
    both = returned("re_1", 600), returned("du_1", 900, kind=MoneyKind.DISPUTE, days=2)
    assert booked(*both) == [PAYMENT, ("re_1", -600, 1), ("du_1", -300, 2)]


def test_a_dispute_in_another_currency_is_of_all_that_was_paid() -> None:
    assert booked(returned("du_1", 1017, kind=MoneyKind.DISPUTE, currency="usd"))[1] == ("du_1", -900, 1)


def test_of_a_mixed_invoice_our_part_goes_back_and_in_the_end_all_of_it() -> None:
    mixed = invoice(ours=900, paid=1900)
    assert booked(returned("re_1", 950), of=mixed) == [PAYMENT, ("re_1", -450, 1)]
    thirds = [returned(f"re_{n}", cents, days=n) for n, cents in ((1, 633), (2, 633), (3, 634))]
    assert sum(cents for _, cents, _ in booked(*thirds, of=mixed)) == 0


RETURNS = st.lists(
    st.builds(
        lambda n, kind, cents, days, back, said: returned(
            f"{'re' if kind is MoneyKind.REFUND else 'du'}_{n}",
            cents,
            kind=kind,
            days=days,
            back=None if back is None else days + back,
            phase=2 if back is not None else 1,
            said=said,
        ),
        st.integers(1, 3),
        st.sampled_from([MoneyKind.REFUND, MoneyKind.DISPUTE]),
        st.integers(1, 2000),
        st.integers(0, 90),
        st.none() | st.integers(0, 90),
        st.integers(0, 3),
    )
    | st.builds(lambda cents, days: charge(cents, days=days), st.integers(1, 2000), st.integers(0, 90)),
    max_size=7,
)


def kept(told: list[ReturnedMoney]) -> list[ReturnedMoney]:
    """As the books keep them: of each thing what is known of it."""
    facts: dict[str, ReturnedMoney] = {}
    for one in told:
        copy = ReturnedMoney(**{field.name: getattr(one, field.name) for field in ReturnedMoney._meta.fields})
        facts[one.stripe_id] = merge(copy, facts.get(one.stripe_id))
    return list(facts.values())


@given(data=st.data(), told=RETURNS, ours=st.integers(1, 2000), more=st.integers(0, 1000))
def test_no_order_and_no_repetition_changes_what_it_comes_to(
    data: st.DataObject, told: list[ReturnedMoney], ours: int, more: int
) -> None:
    of = invoice(ours=ours, paid=ours + more)
    again = data.draw(st.lists(st.sampled_from(told), max_size=3)) if told else []
    other = data.draw(st.permutations([*told, *again]))
    entries = booked(*kept(told), of=of)
    assert booked(*kept(other), of=of) == entries
    assert len({source for source, _, _ in entries}) == len(entries)
    left = 0
    for _, cents, _ in entries:
        left += cents
        assert 0 <= left <= ours

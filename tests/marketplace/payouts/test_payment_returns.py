"""What is back with the buyer, by facts that come in any order."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from marketplace.models import PaymentReturn, ReturnKind
from marketplace.payouts.settlement import returned_cents, supersedes

PRICE = 1000
CHARGE, REFUND, DISPUTE = ReturnKind.CHARGE, ReturnKind.REFUND, ReturnKind.DISPUTE


def fact(
    kind: ReturnKind, cents: int, *, name: str = "one", phase: int = 0, with_buyer: bool = True, at: int = 0
) -> PaymentReturn:
    return PaymentReturn(
        stripe_id=f"{kind}-{name}",
        kind=kind,
        amount_cents=cents,
        phase=phase,
        is_with_buyer=with_buyer,
        said_at=datetime.fromtimestamp(at, UTC),
    )


facts = st.lists(
    st.builds(
        fact,
        st.sampled_from([CHARGE, REFUND, DISPUTE]),
        st.integers(min_value=0, max_value=PRICE),
        name=st.sampled_from("ab"),
        phase=st.integers(min_value=0, max_value=2),
        with_buyer=st.booleans(),
        at=st.integers(min_value=0, max_value=3),
    ),
    max_size=8,
)


def sum_returned(told: list[PaymentReturn]) -> int:
    known: dict[str, PaymentReturn] = {}
    for one in told:
        if one.stripe_id not in known or supersedes(one, known[one.stripe_id]):
            known[one.stripe_id] = one
    return returned_cents(known.values(), amount_cents=PRICE)


@settings(deadline=None)
@given(facts, st.data())
def test_order_and_repetition_make_no_difference(told: list[PaymentReturn], data: st.DataObject) -> None:
    again = data.draw(st.permutations(told + told[:3]))
    assert sum_returned(again) == sum_returned(told)
    assert 0 <= sum_returned(told) <= PRICE


def test_the_total_of_a_charge_and_its_refunds_are_one_thing() -> None:
    assert sum_returned([fact(CHARGE, 300), fact(REFUND, 100, name="a"), fact(REFUND, 200, name="b")]) == 300


def test_either_may_be_ahead_of_the_other() -> None:
    assert sum_returned([fact(CHARGE, 300), fact(REFUND, 100)]) == 300
    assert sum_returned([fact(CHARGE, 100), fact(REFUND, 100, name="a"), fact(REFUND, 200, name="b")]) == 300


def test_an_older_total_does_not_lower_a_newer_one() -> None:
    assert sum_returned([fact(CHARGE, 300), fact(CHARGE, 100)]) == 300


def test_a_failed_refund_is_no_refund() -> None:
    failed = fact(REFUND, 200, phase=1, with_buyer=False)
    assert sum_returned([fact(CHARGE, 200), fact(REFUND, 200), failed]) == 0
    assert sum_returned([failed, fact(REFUND, 200), fact(CHARGE, 200)]) == 0


def test_a_refund_after_a_failed_one_counts() -> None:
    failed = fact(REFUND, 500, name="a", phase=1, with_buyer=False)
    assert sum_returned([fact(CHARGE, 500), failed, fact(REFUND, 500, name="b"), fact(CHARGE, 500)]) == 500


def test_an_open_dispute_takes_the_money_and_a_won_one_gives_it_back() -> None:
    opened = fact(DISPUTE, 1000, phase=1)
    won = fact(DISPUTE, 1000, phase=2, with_buyer=False)
    assert sum_returned([opened]) == 1000
    assert sum_returned([opened, won]) == sum_returned([won, opened]) == 0


def test_a_lost_dispute_stays_lost_whatever_older_news_says() -> None:
    lost = fact(DISPUTE, 1000, phase=2, at=2)
    assert (
        sum_returned([lost, fact(DISPUTE, 1000, phase=1, at=1), fact(DISPUTE, 1000, phase=0, with_buyer=False)]) == 1000
    )


def test_nobody_gets_back_more_than_they_paid() -> None:
    assert sum_returned([fact(CHARGE, 600), fact(DISPUTE, 1000, phase=1)]) == PRICE

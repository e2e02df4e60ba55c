"""The pure rule: a set of facts to a state."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from billing.models import BillingFact, FactKind, SubscriptionStatus
from billing.stripe.projection import (
    FINAL,
    LIVE,
    RANK_CREATED,
    RANK_DELETED,
    RANK_FETCHED,
    RANK_UPDATED,
    State,
    is_ambiguous,
    project,
)
from billing.tiers import Tier

TIERS = {"p_pro": Tier.PRO, "p_power": Tier.POWER, "p_team": Tier.TEAM}
T = datetime(2026, 9, 1, tzinfo=UTC)
END = T + timedelta(days=30)


def at(seconds: int) -> datetime:
    return T + timedelta(seconds=seconds)


def snapshot(seconds: int, status: str = "active", *prices: str, sub: str = "sub_1", **fields: Any) -> BillingFact:
    defaults = {"rank": RANK_UPDATED, "current_period_end": END, "event_id": f"evt_{sub}_{seconds}_{status}_{prices}"}
    return BillingFact(
        kind=FactKind.SNAPSHOT,
        occurred_at=at(seconds),
        status=status,
        price_tiers={price: TIERS.get(price, "") for price in prices or ("p_pro",)},
        subscription_id=sub,
        **defaults | fields,
    )


def payment(seconds: int, *, failed: bool, sub: str = "sub_1") -> BillingFact:
    kind = FactKind.PAYMENT_FAILED if failed else FactKind.PAYMENT_SUCCEEDED
    return BillingFact(kind=kind, occurred_at=at(seconds), subscription_id=sub, event_id=f"evt_{sub}_{kind}_{seconds}")


def state_of(*facts: BillingFact) -> State:
    state = project(facts)
    assert state is not None
    return state


def test_no_fact_about_a_subscription_is_no_state() -> None:
    assert project([]) is None
    assert project([BillingFact(kind=FactKind.OTHER, occurred_at=T)]) is None
    assert project([payment(1, failed=True)]) is None


def test_the_newest_snapshot_counts() -> None:
    state = state_of(snapshot(2, "active", "p_team", cancel_at_period_end=True), snapshot(1, "active", "p_pro"))
    assert (state.tier, state.status, state.cancel_at_period_end) == (Tier.TEAM, "active", True)
    assert (state.current_period_end, state.newest_at) == (END, at(2))


def test_only_what_is_live_has_a_tier() -> None:
    for status in SubscriptionStatus.values:
        state = state_of(snapshot(1), snapshot(2, status))
        assert state.tier is (Tier.PRO if status in LIVE else Tier.FREE), status
        assert state.status == status


def test_a_final_state_wins_a_tie() -> None:
    for status in FINAL:
        facts = [snapshot(1, "active", "p_team", rank=RANK_FETCHED), snapshot(1, status, rank=RANK_CREATED)]
        assert state_of(*facts).status == status


def test_a_newer_state_wins_over_a_final_one() -> None:
    assert state_of(snapshot(1, "canceled", rank=RANK_DELETED), snapshot(2)).status == "active"


def test_within_a_second_created_comes_before_updated() -> None:
    facts = [snapshot(1, "incomplete", rank=RANK_CREATED), snapshot(1, "active", rank=RANK_UPDATED)]
    assert state_of(*facts).status == "active"
    assert state_of(*reversed(facts)).status == "active"


def test_within_a_second_the_later_stage_of_life_and_the_later_period_win() -> None:
    assert state_of(snapshot(1, "active"), snapshot(1, "incomplete")).status == "active"
    later = END + timedelta(days=30)
    assert state_of(snapshot(1, current_period_end=later), snapshot(1)).current_period_end == later


# --- payments ----------------------------------------------------------------------------------------------------


def test_a_failed_payment_makes_it_past_due_and_keeps_the_tier() -> None:
    state = state_of(snapshot(1), payment(2, failed=True))
    assert (state.status, state.tier, state.past_due_since) == ("past_due", Tier.PRO, at(2))
    assert (state.tier_after_grace, state.newest_at) == (Tier.FREE, at(2))


def test_the_grace_runs_from_the_first_failure_however_often_stripe_tries() -> None:
    facts = [snapshot(1), *(payment(n, failed=True) for n in (5, 9, 7)), snapshot(6, "past_due")]
    assert state_of(*facts).past_due_since == at(5)


def test_a_failure_after_a_recovery_starts_a_new_grace() -> None:
    facts = [snapshot(1), payment(2, failed=True), payment(3, failed=False), payment(4, failed=True)]
    assert state_of(*facts).past_due_since == at(4)
    # The recovery is what arrives last.
    assert state_of(facts[0], facts[1], facts[3], facts[2]).past_due_since == at(4)


def test_a_payment_or_an_active_update_ends_it() -> None:
    debt = [snapshot(1), payment(2, failed=True), snapshot(3, "past_due")]
    assert state_of(*debt).past_due_since == at(2)
    for recovery in (payment(4, failed=False), snapshot(4)):
        state = state_of(*debt, recovery)
        assert (state.status, state.past_due_since, state.tier) == ("active", None, Tier.PRO)


def test_a_failure_before_the_newest_snapshot_is_over() -> None:
    assert state_of(payment(1, failed=True), snapshot(2)).status == "active"


def test_within_a_second_a_failure_beats_a_snapshot_and_a_payment_a_failure() -> None:
    assert state_of(snapshot(1), payment(1, failed=True)).status == "past_due"
    assert state_of(snapshot(1), payment(1, failed=True), payment(1, failed=False)).status == "active"


def test_what_stripe_answers_beats_the_events_of_its_second() -> None:
    assert state_of(snapshot(1), payment(2, failed=True), snapshot(2, rank=RANK_FETCHED)).status == "active"
    assert state_of(snapshot(2, "past_due"), snapshot(2, "active", rank=RANK_FETCHED)).status == "active"


def test_a_failed_payment_gives_an_unfinished_subscription_no_tier() -> None:
    for status in ("incomplete", "incomplete_expired", "canceled", "unpaid", "paused"):
        state = state_of(snapshot(1, status), payment(2, failed=True))
        assert (state.status, state.past_due_since) == (status, None)


def test_a_trial_stays_a_trial_when_its_empty_invoice_is_paid() -> None:
    assert state_of(snapshot(1, "trialing"), payment(2, failed=False)).status == "trialing"


# --- prices ------------------------------------------------------------------------------------------------------


def test_an_unknown_price_keeps_the_tier_there_was() -> None:
    state = state_of(snapshot(1, "active", "p_team"), snapshot(2, "active", "p_new"), snapshot(3, "active", "p_newer"))
    assert (state.tier, state.status, state.newest_at) == (Tier.TEAM, "active", at(3))


def test_an_unknown_price_from_the_start_says_nothing_about_the_tier() -> None:
    assert project([snapshot(1, "active", "p_new")]) is None  # it may be of another product in the account


def test_of_several_items_the_best_known_price_counts() -> None:
    assert state_of(snapshot(1, "active", "p_seats", "p_pro", "p_power")).tier is Tier.POWER


def test_a_subscription_that_never_was_live_says_nothing_about_the_tier() -> None:
    assert state_of(snapshot(1, "incomplete"), snapshot(2, "incomplete_expired")).tier is None


def test_a_checkout_counts_until_a_snapshot_is_there() -> None:
    bought = BillingFact(
        kind=FactKind.CHECKOUT, occurred_at=at(5), subscription_id="sub_1", status="active", named_tier=Tier.POWER
    )
    assert (state_of(bought).tier, state_of(bought).current_period_end) == (Tier.POWER, None)
    state = state_of(bought, snapshot(1, "past_due", "p_pro"))
    assert (state.tier, state.status, state.current_period_end) == (Tier.PRO, "past_due", END)


# --- several subscriptions ---------------------------------------------------------------------------------------


def test_of_several_subscriptions_the_best_live_one_counts() -> None:
    state = state_of(
        snapshot(9, "canceled", "p_team", sub="sub_1"),
        snapshot(1, "active", "p_power", sub="sub_2"),
        snapshot(5, "active", "p_pro", sub="sub_3"),
    )
    assert (state.subscription_id, state.tier) == ("sub_2", Tier.POWER)


def test_one_that_is_paid_counts_before_one_of_the_same_tier_in_its_grace() -> None:
    state = state_of(snapshot(2, "past_due", sub="sub_1"), snapshot(1, "active", sub="sub_2"))
    assert (state.subscription_id, state.status) == ("sub_2", "active")


def test_after_the_grace_of_the_better_one_the_other_is_still_paid_for() -> None:
    state = state_of(snapshot(2, "past_due", "p_team", sub="sub_1"), snapshot(1, "active", "p_pro", sub="sub_2"))
    assert (state.tier, state.status, state.tier_after_grace) == (Tier.TEAM, "past_due", Tier.PRO)


def test_when_none_is_live_the_newest_is_shown() -> None:
    state = state_of(snapshot(1, "unpaid", sub="sub_2"), snapshot(2, "canceled", sub="sub_1"))
    assert (state.subscription_id, state.tier) == ("sub_1", None)


# --- ambiguity ---------------------------------------------------------------------------------------------------


def test_two_different_snapshots_of_one_second_are_ambiguous() -> None:
    one, other = snapshot(1, "active", "p_pro"), snapshot(1, "active", "p_team")
    assert is_ambiguous(one, [one, other])
    assert not is_ambiguous(one, [one, snapshot(2, "active", "p_team")])
    assert not is_ambiguous(one, [one, snapshot(1, "active", "p_pro", event_id="evt_again")])
    assert not is_ambiguous(one, [one, snapshot(1, "active", "p_team", sub="sub_2")])
    assert not is_ambiguous(one, [one, snapshot(1, "canceled")])


# --- order -------------------------------------------------------------------------------------------------------

FACTS = st.lists(
    st.one_of(
        st.builds(
            snapshot,
            st.integers(0, 4),
            st.sampled_from(SubscriptionStatus.values),
            st.sampled_from(["p_pro", "p_team", "p_new"]),
            sub=st.sampled_from(["sub_1", "sub_2"]),
            rank=st.sampled_from([RANK_CREATED, RANK_UPDATED, RANK_DELETED, RANK_FETCHED]),
            cancel_at_period_end=st.booleans(),
        ),
        st.builds(payment, st.integers(0, 4), failed=st.booleans(), sub=st.sampled_from(["sub_1", "sub_2"])),
    ),
    max_size=7,
)


@given(facts=FACTS, data=st.data())
def test_any_order_and_any_repetition_gives_the_same_state(facts: list[BillingFact], data: st.DataObject) -> None:
    for number, fact in enumerate(facts):
        fact.event_id = f"evt_{number}"
    expected = project(facts)
    again = data.draw(st.permutations(facts + data.draw(st.lists(st.sampled_from(facts)) if facts else st.just([]))))
    assert project(again) == expected


@given(facts=FACTS)
def test_no_state_is_impossible(facts: list[BillingFact]) -> None:
    state = project(facts)
    if state is not None:
        assert (state.status == "past_due") == (state.past_due_since is not None)
        assert state.tier in {None, *Tier}
        if state.status not in LIVE:
            assert state.tier in {None, Tier.FREE}


def test_every_order_of_a_life_ends_the_same() -> None:
    life: Sequence[BillingFact] = [
        snapshot(1, rank=RANK_CREATED),
        snapshot(2, "active", "p_team"),
        payment(3, failed=True),
        snapshot(4, "active", "p_team"),
        snapshot(5, "canceled", "p_team", rank=RANK_DELETED),
    ]
    assert len({state_of(*order) for order in permutations(life)}) == 1
    for end in range(1, 6):  # nor does it matter where one looks
        assert len({state_of(*order) for order in permutations(life[:end])}) == 1

"""Which of a customer's subscriptions an other one replaces."""

import pytest

from billing.cancellation import find_duplicates
from billing.stripe.objects import read_subscription
from billing.stripe.port import StripeSubscription
from tests.billing.stripe_events import subscription

DAY = 24 * 3600


def make_subscription(
    name: str, *, bought: int, price_id: str = "price_pro_monthly", status: str = "active"
) -> StripeSubscription:
    """``bought``: on which day."""
    payload = subscription(name, customer_id="cus_1", price_id=price_id, status=status)
    return read_subscription(payload | {"created": 1_790_000_000 + bought * DAY})


def names(*subscriptions: StripeSubscription) -> list[str]:
    return [one.id for one in find_duplicates(subscriptions)]


def test_one_alone_stays() -> None:
    assert names(make_subscription("sub_1", bought=1)) == []
    assert names() == []


def test_the_newest_stays_whatever_its_tier_and_the_order_of_the_list() -> None:
    older = make_subscription("sub_1", bought=1, price_id="price_team_monthly")
    newer = make_subscription("sub_2", bought=2, price_id="price_pro_monthly")
    assert names(older, newer) == names(newer, older) == ["sub_1"]


def test_of_several_all_but_the_newest_end() -> None:
    assert names(*(make_subscription(f"sub_{day}", bought=day) for day in (3, 1, 2))) == ["sub_1", "sub_2"]


@pytest.mark.parametrize("status", ["incomplete", "past_due", "unpaid", "paused", "canceled", "incomplete_expired"])
def test_one_that_is_not_paid_for_replaces_nothing(status: str) -> None:
    assert names(make_subscription("sub_1", bought=1), make_subscription("sub_2", bought=2, status=status)) == []


@pytest.mark.parametrize("status", ["active", "trialing", "past_due", "unpaid", "paused", "incomplete"])
def test_an_older_one_that_could_still_cost_money_is_replaced(status: str) -> None:
    assert names(make_subscription("sub_1", bought=1, status=status), make_subscription("sub_2", bought=2)) == ["sub_1"]


def test_what_has_ended_is_left_in_peace() -> None:
    assert names(make_subscription("sub_1", bought=1, status="canceled"), make_subscription("sub_2", bought=2)) == []


def test_a_subscription_to_something_else_is_not_ours_to_end() -> None:
    other = make_subscription("sub_1", bought=1, price_id="price_of_a_course")
    assert names(other, make_subscription("sub_2", bought=2)) == []
    assert names(make_subscription("sub_0", bought=0), other) == []


def test_of_the_same_second_one_stays() -> None:
    assert names(make_subscription("sub_b", bought=1), make_subscription("sub_a", bought=1)) == ["sub_a"]

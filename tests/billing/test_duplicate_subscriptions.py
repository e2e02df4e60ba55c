"""Which of a customer's subscriptions an other one replaces."""

from collections.abc import Callable

import pytest

from adiuva.api.errors import UpstreamError
from billing.cancellation import find_duplicates, is_ours
from billing.jobs import refresh_customer
from billing.models import OperatorAlert
from billing.prices import PriceBook
from billing.stripe.objects import read_subscription
from billing.stripe.port import StripeSubscription
from tests.billing.deliveries import buy_at
from tests.billing.stripe_events import subscription
from tests.fakes.stripe_server import LoopbackStripe
from tests.support.accounts import Account

DAY = 24 * 3600


def make_subscription(
    name: str, *, bought: int, price_id: str = "price_pro_monthly", status: str = "active"
) -> StripeSubscription:
    """``bought``: on which day."""
    payload = subscription(name, customer_id="cus_1", price_id=price_id, status=status)
    return read_subscription(payload | {"created": 1_790_000_000 + bought * DAY})


def names(*subscriptions: StripeSubscription) -> list[str]:
    ours = {one.id for one in subscriptions if is_ours(one, book=PriceBook())}
    return [one.id for one in find_duplicates(subscriptions, ours=ours)]


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


# --- what an operator hears of it ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_second_one_that_could_not_be_ended_is_an_alert_until_it_is(
    make_user: Callable[..., Account], stripe_server: LoopbackStripe
) -> None:
    user = make_user().user
    older = buy_at(stripe_server, user)
    stripe_server.world.advance(60)
    buy_at(stripe_server, user, tier="power")
    customer_id = str(user.stripe_customer_id)
    stripe_server.fail("status", method="DELETE", status=500, times=2)
    with pytest.raises(UpstreamError):
        refresh_customer(customer_id=customer_id)
    alert = OperatorAlert.objects.get()
    assert (alert.kind, alert.reference) == ("second_subscription", customer_id)
    assert older in alert.message
    refresh_customer(customer_id=customer_id)
    alert.refresh_from_db()
    assert alert.resolved_at is not None


@pytest.mark.django_db
def test_two_that_both_owe_are_left_to_a_person(
    make_user: Callable[..., Account], stripe_server: LoopbackStripe
) -> None:
    user = make_user().user
    for tier in ("pro", "power"):
        sub = buy_at(stripe_server, user, tier=tier)
        stripe_server.world.advance(60)
        stripe_server.renew(sub, paid=False)
    refresh_customer(customer_id=str(user.stripe_customer_id))
    assert OperatorAlert.objects.get().kind == "second_subscription"
    assert len([one for one in stripe_server.world.all("subscription") if one["status"] == "past_due"]) == 2

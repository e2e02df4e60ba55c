"""Any order, any repetition, any parallelism of deliveries ends in the same state."""

import random
from collections.abc import Callable
from itertools import permutations
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from accounts.models import User
from billing.models import BillingFact, Subscription
from tests.accounts.concurrency import run_concurrently
from tests.billing import stripe_events as stripe
from tests.billing.deliveries import DAY, SECRET, T0, Outcome, five_events, make_customer, outcome, receive
from tests.billing.stripe_events import JsonObject
from tests.support.accounts import Account

MakeUser = Callable[..., Account]


@pytest.fixture(autouse=True)
def _secret(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = SECRET


def new_user() -> User:
    return User.objects.create(email=f"{stripe.new_id('user').lower()}@example.com", password="!")


def replay(order: list[int]) -> Outcome:
    """The outcome of a new customer's five events, by their places, delivered in that order."""
    user = new_user()
    events = five_events(make_customer(user))
    for place in order:
        receive(events[place])
    return outcome(user)


@pytest.mark.django_db
def test_a_life_in_order_ends_where_stripe_says(make_user: MakeUser) -> None:
    user = make_user().user
    steps: list[tuple[str, str]] = []
    for event in five_events(make_customer(user)):
        receive(event)
        now = outcome(user)
        steps.append((now.status, now.tier))
        assert now.copy == now.tier
    assert steps == [
        ("active", "pro"), ("active", "team"), ("past_due", "team"), ("active", "team"), ("canceled", "free")
    ]  # fmt: skip


@pytest.mark.thorough
@pytest.mark.django_db
def test_all_orders_of_a_life_with_every_event_twice_end_the_same() -> None:
    expected = replay(list(range(5)))
    rng = random.Random(5)  # noqa: S311 - where the repetitions fall
    for order in permutations(range(5)):
        twice = list(order)
        for place in order:
            twice.insert(rng.randint(twice.index(place) + 1, len(twice)), place)
        assert replay(twice) == expected, twice


@pytest.mark.thorough
@pytest.mark.django_db
@hypothesis_settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations([*range(5), *range(5)]), length=st.integers(1, 10))
def test_every_set_of_events_ends_as_in_order_whatever_arrived_when(order: list[int], length: int) -> None:
    """Also while the last ones are still under way."""
    arrived = order[:length]
    in_order = sorted(set(arrived))
    if in_order == [2]:  # a failed payment of a subscription nobody has heard of
        return
    assert replay(arrived) == replay(in_order)


def deliver_at_once(deliveries: list[JsonObject]) -> list[bool]:
    """Eight at a time, each on a connection of its own; True for a duplicate."""
    answers: list[bool] = []
    for start in range(0, len(deliveries), 8):
        batch = deliveries[start : start + 8]
        answers += run_concurrently(*[lambda event=event: receive(event) for event in batch])
    return answers


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(6))
def test_eight_at_a_time_end_as_in_order(seed: int) -> None:
    expected = replay(list(range(5)))
    rng = random.Random(seed)  # noqa: S311 - the interleaving
    users = [new_user() for _ in range(4)]
    deliveries = [event for user in users for event in five_events(make_customer(user)) * 2]
    rng.shuffle(deliveries)
    duplicates = deliver_at_once(deliveries)
    assert duplicates.count(True) == len(deliveries) // 2
    assert [outcome(user) for user in users] == [expected] * 4


@pytest.mark.postgres
@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_all_orders_eight_at_a_time_end_as_in_order() -> None:
    expected = replay(list(range(5)))
    for order in permutations(range(5)):
        user = new_user()
        events = five_events(make_customer(user))
        deliver_at_once([events[place] for place in order for _ in range(2)])
        assert outcome(user) == expected, order


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_a_checkout_that_links_a_customer_meets_their_first_events_in_parallel() -> None:
    """Unknown to some of the eight, known to others."""
    for _ in range(5):
        user, customer_id, sub = new_user(), stripe.new_id("cus"), stripe.new_id("sub")
        link = stripe.checkout_completed(
            created=T0 + 2, customer_id=customer_id, subscription_id=sub, user_id=str(user.id), tier="pro"
        )
        events = [
            stripe.subscription_created(sub, created=T0, customer_id=customer_id, status="incomplete"),
            stripe.subscription_updated(sub, created=T0 + 1, customer_id=customer_id),
            stripe.subscription_updated(sub, created=T0 + DAY, customer_id=customer_id, price_id="price_team_monthly"),
            link,
        ]
        deliver_at_once(events * 2)
        assert (outcome(user).tier, outcome(user).status) == ("team", "active")


@pytest.mark.django_db
def test_an_older_event_never_overwrites_a_newer_one(make_user: MakeUser) -> None:
    user = make_user().user
    customer_id = make_customer(user)
    receive(
        stripe.subscription_updated("sub_1", created=T0 + 9, customer_id=customer_id, price_id="price_team_monthly")
    )
    before = outcome(user)
    receive(stripe.subscription_updated("sub_1", created=T0 + 8, customer_id=customer_id, status="past_due"))
    receive(stripe.subscription_deleted("sub_1", created=T0 + 7, customer_id=customer_id))
    receive(stripe.payment_failed("sub_1", created=T0 + 6, customer_id=customer_id))
    assert outcome(user) == before


@pytest.mark.django_db
@pytest.mark.parametrize("deleted_first", [True, False])
def test_cancelled_wins_a_tie(make_user: MakeUser, deleted_first: bool) -> None:
    user = make_user().user
    customer_id = make_customer(user)
    events = [
        stripe.subscription_deleted("sub_1", created=T0, customer_id=customer_id),
        stripe.subscription_updated("sub_1", created=T0, customer_id=customer_id),
        stripe.payment_failed("sub_1", created=T0, customer_id=customer_id),
    ]
    for event in events if deleted_first else reversed(events):
        receive(event)
    assert (outcome(user).tier, outcome(user).status) == ("free", "canceled")


@pytest.mark.django_db
def test_a_new_subscription_after_a_cancelled_one_counts(make_user: MakeUser) -> None:
    user = make_user().user
    customer_id = make_customer(user)
    for event in five_events(customer_id):
        receive(event)
    receive(stripe.subscription_created("sub_again", created=T0 + 200 * DAY, customer_id=customer_id))
    assert (outcome(user).tier, outcome(user).status) == ("pro", "active")
    assert Subscription.objects.get(user=user).stripe_subscription_id == "sub_again"


@pytest.mark.django_db
def test_one_fact_is_kept_of_each_event(make_user: MakeUser) -> None:
    customer_id = make_customer(make_user().user)
    for event in five_events(customer_id) * 2:
        receive(event)
    assert BillingFact.objects.filter(subject_id=customer_id).count() == 5

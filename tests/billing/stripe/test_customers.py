"""Whose a Stripe customer is: a checkout tells it for new ones, and nothing changes it."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from billing.entitlements import tier_of
from billing.models import OperatorAlert, Subscription
from tests.billing import stripe_events as stripe
from tests.billing.deliveries import SECRET, T0, make_customer, receive
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


@pytest.fixture(autouse=True)
def _secret(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = SECRET


def tier_and_customer(user: User) -> tuple[str, str | None]:
    fresh = User.objects.get(id=user.id)
    return tier_of(fresh), fresh.stripe_customer_id


@pytest.mark.parametrize("named_by", ["client_reference_id", "metadata"])
def test_a_checkout_links_a_new_customer(make_user: MakeUser, named_by: str) -> None:
    user = make_user().user
    event = stripe.checkout_completed(created=T0, customer_id="cus_new", subscription_id="sub_1", tier="pro")
    session = event["data"]["object"]
    if named_by == "metadata":
        session["metadata"]["user_id"] = str(user.id)
    else:
        session["client_reference_id"] = str(user.id)
    receive(event)
    assert tier_and_customer(user) == ("pro", "cus_new")


def test_what_came_before_the_link_counts_once_it_is_there(make_user: MakeUser) -> None:
    user = make_user().user
    receive(stripe.subscription_created("sub_1", created=T0, customer_id="cus_1", price_id="price_team_monthly"))
    assert OperatorAlert.objects.get(resolved_at=None).kind == "unknown_customer"
    receive(stripe.checkout_completed(created=T0, customer_id="cus_1", subscription_id="sub_1", user_id=str(user.id)))
    assert tier_and_customer(user) == ("team", "cus_1")
    assert not OperatorAlert.objects.filter(resolved_at=None).exists()


@pytest.mark.parametrize("payment_status", ["unpaid", "no_payment_required", "paid"])
def test_an_unpaid_checkout_gives_no_tier(make_user: MakeUser, payment_status: str) -> None:
    user = make_user().user
    receive(
        stripe.checkout_completed(
            created=T0,
            customer_id="cus_1",
            subscription_id="sub_1",
            user_id=str(user.id),
            tier="pro",
            payment_status=payment_status,
        )
    )
    assert tier_and_customer(user) == ("free" if payment_status == "unpaid" else "pro", "cus_1")


def test_a_checkout_of_one_customer_cannot_take_another_users(make_user: MakeUser) -> None:
    owner, thief = make_user().user, make_user().user
    customer_id = make_customer(owner)
    receive(
        stripe.checkout_completed(
            created=T0, customer_id=customer_id, subscription_id="sub_1", user_id=str(thief.id), tier="team"
        )
    )
    assert tier_and_customer(thief) == ("free", None)
    assert tier_and_customer(owner) == ("team", customer_id)  # whose customer it is
    assert OperatorAlert.objects.get().kind == "customer_conflict"


def test_a_user_keeps_the_customer_they_have(make_user: MakeUser) -> None:
    user = make_user().user
    customer_id = make_customer(user)
    receive(
        stripe.checkout_completed(
            created=T0, customer_id="cus_other", subscription_id="sub_1", user_id=str(user.id), tier="team"
        )
    )
    assert tier_and_customer(user) == ("free", customer_id)
    assert OperatorAlert.objects.get(kind="customer_conflict").reference == "cus_other"


def test_a_checkout_that_names_two_users_links_nobody(make_user: MakeUser) -> None:
    one, other = make_user().user, make_user().user
    event = stripe.checkout_completed(created=T0, customer_id="cus_1", subscription_id="sub_1", user_id=str(one.id))
    event["data"]["object"]["client_reference_id"] = str(other.id)
    receive(event)
    assert {tier_and_customer(user) for user in (one, other)} == {("free", None)}
    assert OperatorAlert.objects.get().kind == "customer_conflict"


@pytest.mark.parametrize("reference", ["nobody", "00000000-0000-4000-8000-000000000000", "", None])
def test_a_checkout_of_nobody_we_know_is_received(reference: str | None) -> None:
    event = stripe.checkout_completed(created=T0, customer_id="cus_1", subscription_id="sub_1", user_id=reference)
    assert receive(event) is False
    assert not Subscription.objects.exists()


def test_an_account_that_is_being_erased_is_not_linked(make_user: MakeUser) -> None:
    from accounts import erasure

    user = make_user().user
    erasure.close_account(user=user)
    receive(stripe.checkout_completed(created=T0, customer_id="cus_1", subscription_id="sub_1", user_id=str(user.id)))
    assert User.objects.get(id=user.id).stripe_customer_id is None


def test_a_subscription_that_comes_with_two_customers_is_an_alert_and_no_failure(make_user: MakeUser) -> None:
    one, other = make_user().user, make_user().user
    for user in (one, other):
        receive(stripe.subscription_created("sub_1", created=T0, customer_id=make_customer(user)))
    assert [tier_and_customer(user)[0] for user in (one, other)] == ["pro", "pro"]
    assert Subscription.objects.get(user=other).stripe_subscription_id is None
    assert OperatorAlert.objects.get().kind == "subscription_conflict"

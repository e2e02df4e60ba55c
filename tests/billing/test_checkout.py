"""docs/api.md § 10: from a checkout to a paid tier."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import User
from adiuva.jobs import get_queue
from billing.models import Checkout, Subscription
from tests.billing.conftest import PRICES, DeliverAll
from tests.billing.purchases import checkout, open_sessions, running_subscriptions, session_of, subscription
from tests.fakes.stripe_server import LoopbackStripe
from tests.support.accounts import Account
from tests.support.client import ApiClient

MakeUser = Callable[..., Account]

pytestmark = pytest.mark.django_db

NOTHING = {
    "tier": "free",
    "status": "none",
    "current_period_end": None,
    "cancel_at_period_end": False,
    "cancel_at": None,
    "past_due_since": None,
    "pay_url": None,
    "seats": None,
    "stripe_subscription_id": None,
}


@pytest.mark.parametrize(("tier", "cents"), [("pro", 900), ("power", 1900), ("team", 4900)])
def test_a_checkout_is_a_page_at_stripe_that_sells_the_tiers_price(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, tier: str, cents: int
) -> None:
    account = make_user()
    answer = checkout(api, account, tier)
    assert answer.status == 200
    assert list(answer.json) == ["checkout_url"]
    (session,) = stripe_server.world.all("checkout.session")
    assert answer.json["checkout_url"] == session["url"]
    assert (session["mode"], session["amount_total"], session["currency"]) == ("subscription", cents, "eur")
    assert session["client_reference_id"] == str(account.user.id)
    assert session["metadata"] == {"user_id": str(account.user.id), "tier": tier}


def test_nothing_is_given_before_it_is_paid(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, deliver_all: DeliverAll
) -> None:
    account = make_user()
    checkout(api, account)
    deliver_all()
    assert subscription(api, account) == NOTHING
    assert not Subscription.objects.exists()


def test_what_was_paid_is_there_at_the_next_request(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, deliver_all: DeliverAll
) -> None:
    account = make_user()
    bought = stripe_server.complete_checkout(session_of(checkout(api, account, "power")))
    assert "checkout.session.completed" in deliver_all()
    (at_stripe,) = stripe_server.world.all("subscription")
    assert at_stripe["metadata"] == {"user_id": str(account.user.id), "tier": "power"}
    shown = subscription(api, account)
    assert shown["current_period_end"].endswith("Z")
    assert shown | {"current_period_end": None} == {
        "tier": "power",
        "status": "active",
        "current_period_end": None,
        "cancel_at_period_end": False,
        "cancel_at": None,
        "past_due_since": None,
        "pay_url": None,
        "seats": 1,
        "stripe_subscription_id": bought["subscription"],
    }
    assert api.get("auth/me", token=account.access_token).json["tier"] == "power"


def test_the_customer_is_made_before_the_first_checkout_and_used_again(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    checkout(api, account, "pro")
    checkout(api, account, "power")
    (customer,) = stripe_server.world.all("customer")
    assert (customer["email"], customer["metadata"]) == (account.email, {"user_id": str(account.user.id)})
    assert {one["customer"] for one in stripe_server.world.all("checkout.session")} == {customer["id"]}
    assert User.objects.get(pk=account.user.pk).stripe_customer_id == customer["id"]


def test_two_users_are_two_customers(api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe) -> None:
    for account in (make_user(), make_user()):
        checkout(api, account)
    assert len(stripe_server.world.all("customer")) == 2


def test_a_customer_who_is_gone_at_stripe_gets_a_successor(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    checkout(api, account, "pro")
    first = User.objects.get(pk=account.user.pk).stripe_customer_id
    stripe_server.delete_customer(str(first))
    assert checkout(api, account, "power").status == 200
    second = User.objects.get(pk=account.user.pk).stripe_customer_id
    assert second not in {first, None}
    assert stripe_server.world.all("checkout.session")[-1]["customer"] == second


def test_a_tier_that_is_active_cannot_be_bought_again(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    answer = checkout(api, make_user(tier="pro"), "pro")
    assert (answer.status, answer.code) == (409, "conflict")
    assert stripe_server.seen == []


@pytest.mark.parametrize("body", [{}, {"tier": "free"}, {"tier": "gold"}, {"tier": None}, {"tier": ["pro"]}, [], "pro"])
def test_only_a_paid_tier_can_be_bought(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, body: Any
) -> None:
    answer = api.post("billing/checkout", json=body, token=make_user().access_token)
    assert (answer.status, answer.code) == (400, "validation_error")
    assert stripe_server.seen == []


def test_a_client_cannot_name_a_price_or_an_amount(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    stripe_server.sell("price_cheap", cents=1)
    body = {"tier": "team", "price_id": "price_cheap", "amount": 1, "user": "somebody", "customer": "cus_x"}
    assert api.post("billing/checkout", json=body, token=make_user().access_token).status == 200
    assert stripe_server.world.all("checkout.session")[0]["amount_total"] == 4900


def test_checkout_needs_a_token(api: ApiClient, db: None) -> None:
    for method, path in (("POST", "checkout"), ("GET", "subscription"), ("DELETE", "subscription")):
        answer = api.request(method, f"billing/{path}", json={"tier": "pro"})
        assert (answer.status, answer.code) == (401, "not_authenticated")


def test_a_new_checkout_closes_the_page_of_the_one_before(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    sessions = [session_of(checkout(api, account, tier)) for tier in ("pro", "team", "pro")]
    assert open_sessions(stripe_server) == sessions[-1:]


def test_paying_is_not_begun_again_while_a_payment_is_on_its_way(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, deliver_all: DeliverAll
) -> None:
    account = make_user()
    stripe_server.complete_checkout(session_of(checkout(api, account, "pro")))
    answer = checkout(api, account, "pro")
    assert (answer.status, answer.code) == (409, "conflict")
    assert len(stripe_server.world.all("checkout.session")) == 1
    deliver_all()
    assert checkout(api, account, "power").status == 200


def test_a_page_that_cannot_be_closed_does_not_stop_the_next_purchase(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    checkout(api, account, "pro")
    stripe_server.fail("status", path=".*/expire", status=400)
    stripe_server.fail("status", method="GET", path="/v1/checkout/sessions/.*", status=400)
    assert checkout(api, account, "power").status == 200


def test_while_stripe_is_away_no_second_page_is_opened(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    first = session_of(checkout(api, account, "pro"))
    stripe_server.fail("status", path=".*/expire", status=429)
    answer = checkout(api, account, "power")
    assert (answer.status, answer.code) == (503, "upstream_unavailable")
    assert open_sessions(stripe_server) == [first]


def test_rows_of_finished_checkouts_do_not_pile_up(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    checkout(api, account, "pro")
    Checkout.objects.update(created_at="2026-01-01T00:00:00Z", expires_at="2026-01-02T00:00:00Z")
    checkout(api, account, "power")
    assert Checkout.objects.count() == 1


def test_in_production_without_a_key_nothing_is_sold(api: ApiClient, make_user: MakeUser, settings: Any) -> None:
    settings.IS_PROD = True
    account = make_user()
    answer = checkout(api, account)
    assert (answer.status, answer.code) == (503, "not_configured")
    assert subscription(api, account) == NOTHING
    assert not Checkout.objects.exists()
    assert not Subscription.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("before", "after"), [("pro", "power"), ("team", "pro")])
def test_another_tier_ends_the_older_subscription_and_credits_what_is_left(
    api: ApiClient,
    make_user: MakeUser,
    stripe_server: LoopbackStripe,
    deliver_all: DeliverAll,
    before: str,
    after: str,
) -> None:
    account = make_user()
    stripe_server.complete_checkout(session_of(checkout(api, account, before)))
    deliver_all()
    stripe_server.world.advance(60)
    stripe_server.complete_checkout(session_of(checkout(api, account, after)))
    deliver_all()
    get_queue().drain()
    deliver_all()
    (left,) = running_subscriptions(stripe_server)
    assert left["items"]["data"][0]["price"]["id"] == f"price_{after}_monthly"
    assert subscription(api, account)["tier"] == after
    assert subscription(api, account)["stripe_subscription_id"] == left["id"]
    paid = PRICES[f"price_{before}_monthly"]
    assert -paid <= stripe_server.world.all("customer")[0]["balance"] < -paid * 0.9

"""Deleting an account ends what it pays for, and nothing of the payer is left."""

from collections.abc import Callable
from typing import Any

import pytest
from djstripe import models as mirror

from accounts import erasure
from accounts.models import User
from billing.models import BillingFact, OperatorAlert, Subscription
from tests.accounts.database_dump import whole_database
from tests.billing import stripe_events as stripe
from tests.billing.deliveries import SECRET, T0, buy_at, five_events, make_customer, receive
from tests.billing.purchases import checkout, open_sessions, running_subscriptions, session_of
from tests.fakes.stripe.errors import ApiError
from tests.fakes.stripe_server import LoopbackStripe
from tests.support.accounts import PASSWORD, Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


@pytest.fixture(autouse=True)
def _secret(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = SECRET


def status_at(stripe_server: LoopbackStripe, sub: str) -> str:
    return str(stripe_server.world.get("subscription", sub)["status"])


def test_deleting_the_account_cancels_every_subscription(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    subs = [buy_at(stripe_server, account.user) for _ in range(2)]
    assert api.delete("auth/me", json={"password": PASSWORD}, token=account.access_token).status == 202
    assert [status_at(stripe_server, sub) for sub in subs] == ["canceled"] * 2
    assert not User.objects.filter(id=account.user.id).exists()
    calls = [call for call in stripe_server.seen if call.changes_state]
    assert [call.method for call in calls] == ["DELETE", "DELETE"]


def test_a_page_that_is_open_can_be_paid_on_no_more(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    session_id = session_of(checkout(api, account))
    assert api.delete("auth/me", json={"password": PASSWORD}, token=account.access_token).status == 202
    assert open_sessions(stripe_server) == []
    with pytest.raises(ApiError):
        stripe_server.complete_checkout(session_id)
    assert all(call.idempotency_key for call in stripe_server.seen if call.changes_state)
    assert not User.objects.filter(id=account.user.id).exists()


def test_what_was_just_paid_for_and_nobody_told_us_of_is_cancelled(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    stripe_server.complete_checkout(session_of(checkout(api, account)))
    assert api.delete("auth/me", json={"password": PASSWORD}, token=account.access_token).status == 202
    assert running_subscriptions(stripe_server) == []
    assert not User.objects.filter(id=account.user.id).exists()


@pytest.mark.parametrize(("path", "status"), [("/expire", 429), ("/expire", 500), ("", 429), ("", 500)])
@pytest.mark.parametrize("is_paid", [True, False])
def test_a_page_of_which_stripe_does_not_say_what_became_is_asked_about_later(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, path: str, status: int, *, is_paid: bool
) -> None:
    account = make_user()
    session_id = session_of(checkout(api, account))
    if is_paid:
        stripe_server.complete_checkout(session_id)
    stripe_server.fail("status", path=f"/v1/checkout/sessions/{session_id}{path}", status=status, times=2)
    erasure.close_account(user=account.user)
    erasure.erase(user_id=account.user.id)
    gone = not User.objects.filter(id=account.user.id).exists()
    paid_on = running_subscriptions(stripe_server) or open_sessions(stripe_server)
    assert not (gone and paid_on)
    stripe_server.mend()
    erasure.resume()
    assert not User.objects.filter(id=account.user.id).exists()
    assert running_subscriptions(stripe_server) == open_sessions(stripe_server) == []


def test_a_page_that_stripe_does_not_know_holds_nothing_up(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    session_id = session_of(checkout(api, account))
    del stripe_server.world.tables["checkout.session"][session_id]
    erasure.close_account(user=account.user)
    assert erasure.erase(user_id=account.user.id)


def test_without_a_key_an_operator_hears_of_an_open_page(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, settings: Any
) -> None:
    account = make_user()
    session_id = session_of(checkout(api, account))
    settings.STRIPE_SECRET_KEY, settings.IS_PROD = "", True
    erasure.close_account(user=account.user)
    assert erasure.erase(user_id=account.user.id)
    alert = OperatorAlert.objects.get()
    assert (alert.kind, alert.reference) == ("cancel_by_hand", session_id)


def test_no_table_remembers_the_payer(api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe) -> None:
    account, stays = make_user(), make_user()
    buy_at(stripe_server, account.user)
    buy_at(stripe_server, stays.user)
    customer_id = str(User.objects.get(id=account.user.id).stripe_customer_id)
    for event in (
        stripe.event("customer.updated", stripe.customer(customer_id, email="payer-to-forget@example.com"), created=T0),
        stripe.invoice_paid("sub_1", created=T0, customer_id=customer_id),
    ):
        receive(event)
    assert "payer-to-forget" in whole_database()
    api.delete("auth/me", json={"password": PASSWORD}, token=account.access_token)
    held = whole_database()
    assert customer_id not in held
    assert "payer-to-forget" not in held
    assert Subscription.objects.filter(user=stays.user).exists()
    assert mirror.Subscription.objects.count() == mirror.Customer.objects.count() == 1


@pytest.mark.thorough
def test_while_stripe_is_away_the_account_stays_closed_and_erasure_tries_again(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, settings: Any
) -> None:
    account = make_user()
    sub = buy_at(stripe_server, account.user)
    settings.STRIPE_API_BASE = "http://127.0.0.1:1"
    assert api.delete("auth/me", json={"password": PASSWORD}, token=account.access_token).status == 202
    assert api.get("auth/me", token=account.access_token).status == 401
    assert erasure.resume() == 0
    assert User.objects.filter(id=account.user.id).exists()

    settings.STRIPE_API_BASE = stripe_server.base_url
    assert erasure.resume() == 1
    assert status_at(stripe_server, sub) == "canceled"
    assert not User.objects.filter(id=account.user.id).exists()


def test_a_subscription_that_stripe_does_not_know_holds_nothing_up(
    make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    sub = buy_at(stripe_server, account.user)
    del stripe_server.world.tables["subscription"][sub]
    erasure.close_account(user=account.user)
    assert erasure.erase(user_id=account.user.id)


def test_an_ended_subscription_asks_stripe_nothing(make_user: MakeUser, stripe_server: LoopbackStripe) -> None:
    account = make_user()
    for event in five_events(make_customer(account.user)):
        receive(event)
    erasure.close_account(user=account.user)
    assert erasure.erase(user_id=account.user.id)
    assert stripe_server.seen == []


def test_without_a_key_the_account_goes_and_an_operator_hears_of_it(make_user: MakeUser, settings: Any) -> None:
    settings.IS_PROD = True
    account = make_user()
    receive(stripe.subscription_created("sub_1", created=T0, customer_id=make_customer(account.user)))
    erasure.close_account(user=account.user)
    assert erasure.erase(user_id=account.user.id)
    alert = OperatorAlert.objects.get()
    assert (alert.kind, alert.reference) == ("cancel_by_hand", "sub_1")


def test_what_stripe_says_after_the_account_is_gone_is_received_and_names_nobody(
    make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    sub = buy_at(stripe_server, account.user)
    customer_id = str(User.objects.get(id=account.user.id).stripe_customer_id)
    erasure.close_account(user=account.user)
    erasure.erase(user_id=account.user.id)
    for event in stripe_server.undelivered():
        receive(event)
    receive(stripe.event("customer.deleted", stripe.customer(customer_id), created=T0 + 9))
    assert BillingFact.objects.filter(subject_id=customer_id, subscription_id=sub, status="canceled").exists()
    held = whole_database()
    assert "payer@example.com" not in held
    assert account.email not in held
    assert not OperatorAlert.objects.exists()

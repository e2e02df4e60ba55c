"""docs/api.md § 10: the subscription as it is shown, and its end."""

from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from billing.models import Subscription
from billing.subscriptions import set_tier
from billing.tiers import Tier
from tests.accounts.concurrency import run_concurrently
from tests.billing.conftest import DeliverAll
from tests.billing.deliveries import receive
from tests.billing.purchases import cancel, checkout, impatient, running_subscriptions, session_of, subscription
from tests.fakes.stripe.faults import Kind
from tests.fakes.stripe_server import LoopbackStripe
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.thorough import thorough

MakeUser = Callable[..., Account]

pytestmark = pytest.mark.django_db


@pytest.fixture
def subscriber(api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, deliver_all: DeliverAll) -> Account:
    """Somebody who has bought pro, and of whose purchase we have heard."""
    account = make_user()
    stripe_server.complete_checkout(session_of(checkout(api, account)))
    deliver_all()
    return account


def test_who_has_nothing_is_free_and_may_cancel(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    answer = cancel(api, account)
    assert answer.status == 200
    assert answer.json == subscription(api, account)
    assert (answer.json["tier"], answer.json["status"]) == ("free", "none")
    assert stripe_server.seen == []


def test_a_cancelled_subscription_ends_at_stripe_and_here_at_once(
    api: ApiClient, stripe_server: LoopbackStripe, subscriber: Account
) -> None:
    (bought,) = running_subscriptions(stripe_server)
    answer = cancel(api, subscriber)
    assert answer.status == 200
    assert answer.json == subscription(api, subscriber)
    assert (answer.json["tier"], answer.json["status"]) == ("free", "canceled")
    assert answer.json["stripe_subscription_id"] == bought["id"]
    assert running_subscriptions(stripe_server) == []
    assert api.get("auth/me", token=subscriber.access_token).json["tier"] == "free"


def test_cancelling_again_is_no_error(
    api: ApiClient, stripe_server: LoopbackStripe, subscriber: Account, deliver_all: DeliverAll
) -> None:
    first = cancel(api, subscriber)
    again = cancel(api, subscriber)
    assert (again.status, again.json) == (200, first.json)
    deliver_all()
    assert cancel(api, subscriber).json == first.json


def test_events_that_come_late_do_not_bring_a_cancelled_tier_back(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, deliver_all: DeliverAll, subscriber: Account
) -> None:
    (bought,) = running_subscriptions(stripe_server)
    stripe_server.renew(bought["id"])
    cancel(api, subscriber)
    assert "customer.subscription.updated" in deliver_all()
    assert subscription(api, subscriber)["tier"] == "free"


def test_after_cancelling_one_can_buy_again(
    api: ApiClient, stripe_server: LoopbackStripe, subscriber: Account, deliver_all: DeliverAll
) -> None:
    cancel(api, subscriber)
    stripe_server.world.advance(5)
    stripe_server.complete_checkout(session_of(checkout(api, subscriber, "pro")))
    deliver_all()
    assert subscription(api, subscriber)["tier"] == "pro"
    assert len(running_subscriptions(stripe_server)) == 1


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        ({"kind": "status", "status": 500, "times": 2}, 502, "upstream_error"),
        ({"kind": "status", "status": 401}, 502, "upstream_error"),
        ({"kind": "status", "status": 429}, 503, "upstream_unavailable"),
        ({"kind": "reset", "times": 2}, 503, "upstream_unavailable"),
        thorough({"kind": "stall", "times": 2}, 504, "upstream_timeout"),
        ({"kind": "garbage"}, 502, "upstream_error"),
    ],
)
def test_while_stripe_is_away_nothing_changes(
    api: ApiClient, stripe_server: LoopbackStripe, subscriber: Account, fault: Any, status: int, code: str
) -> None:
    before = subscription(api, subscriber)
    stripe_server.fail(method="DELETE", **fault)
    with impatient() if fault["kind"] == "stall" else nullcontext():
        answer = cancel(api, subscriber)
    assert (answer.status, answer.code) == (status, code)
    assert b"SECRET" not in answer.content
    assert subscription(api, subscriber) == before
    assert len(running_subscriptions(stripe_server)) == 1
    assert cancel(api, subscriber).json["tier"] == "free"


@pytest.mark.thorough
@pytest.mark.parametrize("kind", ["timeout_after_commit", "reset_after_commit"])
def test_an_end_whose_answer_was_lost_is_seen_by_the_retry(
    api: ApiClient, stripe_server: LoopbackStripe, subscriber: Account, kind: Kind
) -> None:
    stripe_server.fail(kind, method="DELETE")
    with impatient():
        assert cancel(api, subscriber).json["tier"] == "free"
    assert running_subscriptions(stripe_server) == []


def test_an_end_that_we_never_heard_of_is_repaired_by_asking_again(
    api: ApiClient, stripe_server: LoopbackStripe, subscriber: Account
) -> None:
    stripe_server.fail("reset_after_commit", method="DELETE")
    stripe_server.fail("reset", method="DELETE")
    assert cancel(api, subscriber).status == 503
    assert running_subscriptions(stripe_server) == []
    assert subscription(api, subscriber)["tier"] == "pro"
    assert cancel(api, subscriber).json["tier"] == "free"


def test_an_end_that_we_never_heard_of_is_repaired_by_its_event(
    api: ApiClient, stripe_server: LoopbackStripe, subscriber: Account, deliver_all: DeliverAll
) -> None:
    stripe_server.fail("reset_after_commit", method="DELETE")
    stripe_server.fail("reset", method="DELETE")
    cancel(api, subscriber)
    assert deliver_all() == ["customer.subscription.deleted"]
    shown = subscription(api, subscriber)
    assert (shown["tier"], shown["status"]) == ("free", "canceled")


def test_a_subscription_that_stripe_never_had_is_over(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    account.user.stripe_customer_id = "cus_other"
    account.user.save()
    Subscription.objects.create(user=account.user, tier="pro", stripe_subscription_id="sub_gone")
    answer = cancel(api, account)
    assert (answer.status, answer.json["tier"], answer.json["status"]) == (200, "free", "canceled")


def test_every_subscription_that_costs_money_is_ended(
    api: ApiClient, stripe_server: LoopbackStripe, subscriber: Account, deliver_all: DeliverAll
) -> None:
    stripe_server.fail("status", method="GET", path="/v1/subscriptions", status=500, times=50)
    stripe_server.complete_checkout(session_of(checkout(api, subscriber, "team")))
    deliver_all()
    assert len(running_subscriptions(stripe_server)) == 2
    assert cancel(api, subscriber).json["tier"] == "free"
    assert running_subscriptions(stripe_server) == []


def test_one_of_which_only_the_invoice_is_known_yet_is_ended_too(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, deliver_all: DeliverAll
) -> None:
    account = make_user()
    stripe_server.complete_checkout(session_of(checkout(api, account)))
    events = stripe_server.undelivered()
    assert [receive(event) for event in events if event["type"] == "invoice.paid"] == [False]
    assert cancel(api, account).json["tier"] == "free"
    assert running_subscriptions(stripe_server) == []
    for event in events:
        receive(event)
    assert subscription(api, account)["tier"] == "free"


def test_what_an_operator_granted_can_be_given_back_without_stripe(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user(tier="team")
    assert subscription(api, account)["status"] == "active"
    answer = cancel(api, account)
    assert (answer.status, answer.json["tier"], answer.json["status"]) == (200, "free", "none")
    assert stripe_server.seen == []


def test_a_grant_beside_an_ended_subscription_is_given_back_too(
    api: ApiClient, stripe_server: LoopbackStripe, subscriber: Account
) -> None:
    cancel(api, subscriber)
    subscriber.user.refresh_from_db()
    set_tier(user=subscriber.user, tier=Tier.TEAM)
    assert subscription(api, subscriber)["tier"] == "team"
    assert cancel(api, subscriber).json["tier"] == "free"


def test_without_a_key_a_subscription_at_stripe_cannot_be_ended(
    api: ApiClient, stripe_server: LoopbackStripe, subscriber: Account, settings: Any
) -> None:
    settings.STRIPE_SECRET_KEY = ""
    for is_prod in (True, False):
        settings.IS_PROD = is_prod
        answer = cancel(api, subscriber)
        assert (answer.status, answer.code) == (503, "not_configured")
        assert subscription(api, subscriber)["tier"] == "pro"


@pytest.mark.django_db(transaction=True)
def test_cancelling_at_once_ends_it_once(
    api: ApiClient, stripe_server: LoopbackStripe, subscriber: Account, deliver_all: DeliverAll
) -> None:
    answers = run_concurrently(*[lambda: cancel(ApiClient(), subscriber)] * 4)
    assert {(answer.status, answer.json["tier"]) for answer in answers} == {(200, "free")}
    assert deliver_all() == ["customer.subscription.deleted"]


def test_one_user_does_not_end_another_ones(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, subscriber: Account
) -> None:
    cancel(api, make_user())
    assert subscription(api, subscriber)["tier"] == "pro"
    assert len(running_subscriptions(stripe_server)) == 1

"""docs/api.md § 10: an end that is scheduled, told whichever way Stripe has it, and taken back."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command

from billing.subscriptions import set_tier
from billing.tiers import Tier
from tests.billing import stripe_events as stripe
from tests.billing.conftest import DeliverAll
from tests.billing.deliveries import T0, buy_at, deliver, make_customer
from tests.billing.purchases import cancel, subscription
from tests.fakes.stripe import subscriptions
from tests.fakes.stripe_server import LoopbackStripe
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

MakeUser = Callable[..., Account]

pytestmark = pytest.mark.django_db

AT_PERIOD_END = "?at=period_end"


@pytest.fixture
def subscriber(make_user: MakeUser, stripe_server: LoopbackStripe) -> Account:
    account = make_user()
    buy_at(stripe_server, account.user, tier="power")
    return account


def resume(api: ApiClient, account: Account) -> Answer:
    return api.post("billing/subscription/resume", token=account.access_token)


def period_end(server: LoopbackStripe) -> str:
    ends = server.world.all("subscription")[0]["items"]["data"][0]["current_period_end"]
    return datetime.fromtimestamp(ends, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def test_an_end_in_the_portal_is_told_and_taken_back(
    api: ApiClient, subscriber: Account, stripe_server: LoopbackStripe, deliver_all: DeliverAll
) -> None:
    """Flexible billing has it as a time and nothing else."""
    [at_stripe] = stripe_server.world.all("subscription")
    stripe_server.schedule_end(at_stripe["id"])
    deliver_all()
    shown = subscription(api, subscriber)
    assert (shown["tier"], shown["status"], shown["cancel_at_period_end"]) == ("power", "active", True)
    assert shown["cancel_at"] == period_end(stripe_server)
    answer = resume(api, subscriber)
    assert (answer.status, answer.json["cancel_at_period_end"], answer.json["cancel_at"]) == (200, False, None)
    assert at_stripe["cancel_at"] is None
    assert resume(api, subscriber).code == "conflict"


def test_an_end_that_was_not_heard_of_is_a_difference(
    subscriber: Account, stripe_server: LoopbackStripe, capsys: pytest.CaptureFixture[str], api: ApiClient
) -> None:
    stripe_server.schedule_end(stripe_server.world.all("subscription")[0]["id"])
    with pytest.raises(CommandError):
        call_command("sync_stripe")
    assert "cancel_at_period_end: False -> True" in capsys.readouterr().out
    call_command("sync_stripe", "--fix")
    assert subscription(api, subscriber)["cancel_at"] == period_end(stripe_server)


def test_ending_at_the_period_end_keeps_the_tier_until_then(
    api: ApiClient, subscriber: Account, stripe_server: LoopbackStripe, deliver_all: DeliverAll
) -> None:
    for _ in range(2):  # again is no error
        answer = cancel(api, subscriber, query=AT_PERIOD_END)
        assert (answer.status, answer.json["tier"], answer.json["cancel_at_period_end"]) == (200, "power", True)
        assert answer.json["cancel_at"] == period_end(stripe_server)
    deliver_all()
    assert resume(api, subscriber).json["cancel_at_period_end"] is False
    cancel(api, subscriber, query=AT_PERIOD_END)
    stripe_server.world.advance(60)
    stripe_server.end(stripe_server.world.all("subscription")[0]["id"])
    assert resume(api, subscriber).code == "conflict"  # it has come, and nobody has told us
    deliver_all()
    shown = subscription(api, subscriber)
    assert (shown["tier"], shown["status"]) == ("free", "canceled")
    assert cancel(api, subscriber, query=AT_PERIOD_END).status == 200


@pytest.mark.parametrize("query", ["?at=now", "?at=", "?at=period_end&at=soon"])
def test_another_time_is_refused(api: ApiClient, subscriber: Account, query: str) -> None:
    answer = cancel(api, subscriber, query=query)
    assert (answer.status, list(answer.json["errors"])) == (400, ["at"])
    assert subscription(api, subscriber)["tier"] == "power"


def test_who_has_nothing_at_stripe_has_nothing_to_schedule(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    nobody, granted = make_user(), make_user()
    set_tier(user=granted.user, tier=Tier.TEAM)
    assert cancel(api, nobody, query=AT_PERIOD_END).json["status"] == "none"
    assert cancel(api, granted, query=AT_PERIOD_END).json["tier"] == "team"
    assert [resume(api, one).status for one in (nobody, granted)] == [409, 409]
    assert stripe_server.seen == []


@pytest.mark.thorough
def test_a_failure_that_stripe_has_stored_stands_in_nobodys_way(
    api: ApiClient, subscriber: Account, stripe_server: LoopbackStripe
) -> None:
    """A fixed idempotency key would repeat it for a day."""
    stripe_server.fail("status", path="/v1/subscriptions/.*", method="DELETE", status=500, times=2)
    assert cancel(api, subscriber).status == 502
    stripe_server.fail("status", path="/v1/subscriptions/.*", method="POST", status=500, times=2)
    assert cancel(api, subscriber, query=AT_PERIOD_END).status == 502
    assert cancel(api, subscriber, query=AT_PERIOD_END).status == 200
    assert cancel(api, subscriber).json["tier"] == "free"
    posted = [one.idempotency_key for one in stripe_server.seen if one.method == "POST"]
    assert len(set(posted)) == 2  # a repetition by the SDK has its request's, and no request has another's
    assert not [one.idempotency_key for one in stripe_server.seen if one.method == "DELETE" and one.idempotency_key]


def test_another_products_subscription_of_the_same_customer_is_left_alone(
    api: ApiClient, subscriber: Account, stripe_server: LoopbackStripe, deliver_all: DeliverAll
) -> None:
    course = stripe_server.sell("price_of_a_course", cents=4900)
    subscriber.user.refresh_from_db()
    other = subscriptions.start(
        stripe_server.world, customer_id=str(subscriber.user.stripe_customer_id), prices=[(course, 1)], metadata={}
    )
    deliver_all()
    assert subscription(api, subscriber)["stripe_subscription_id"] != other["id"]
    assert cancel(api, subscriber).json["tier"] == "free"
    assert other["status"] == "active"
    assert subscription(api, subscriber)["status"] == "canceled"


def test_what_only_an_invoice_tells_of_is_ended_where_it_is_ours(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    course = stripe_server.sell("price_of_a_course", cents=4900)
    ours = buy_at(stripe_server, account.user, tell=False)
    other = subscriptions.start(
        stripe_server.world, customer_id=str(account.user.stripe_customer_id), prices=[(course, 1)], metadata={}
    )
    for event in stripe_server.undelivered() + stripe_server.world.events:
        if event["type"] == "invoice.paid":
            deliver(api, event)
    assert cancel(api, account).status == 200
    assert stripe_server.world.get("subscription", ours)["status"] == "canceled"
    assert other["status"] == "active"


@pytest.mark.usefixtures("stripe_server")
def test_the_older_way_of_saying_it_is_understood(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    event = stripe.subscription_created(
        "sub_1", created=T0, customer_id=make_customer(account.user), cancel_at_period_end=True
    )
    event["data"]["object"]["cancel_at"] = None
    deliver(api, event)
    shown = subscription(api, account)
    assert shown["cancel_at_period_end"] is True
    assert shown["cancel_at"] == shown["current_period_end"] is not None


def test_an_end_that_is_scheduled_for_later_is_drawn_nearer(
    api: ApiClient, subscriber: Account, stripe_server: LoopbackStripe
) -> None:
    [at_stripe] = stripe_server.world.all("subscription")
    at_stripe["cancel_at"] = at_stripe["items"]["data"][0]["current_period_end"] + 300 * 86400
    answer = cancel(api, subscriber, query=AT_PERIOD_END)
    assert answer.json["cancel_at"] == period_end(stripe_server)

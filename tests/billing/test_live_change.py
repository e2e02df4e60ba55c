"""A tier that Stripe changes is seen by the very next request, with the old token and on an open WebSocket."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from django.core.management import call_command

from accounts.models import User
from billing.entitlements import tier_of
from billing.models import Subscription
from billing.subscriptions import set_tier
from billing.tiers import Tier
from tests.billing import stripe_events as stripe
from tests.billing.deliveries import DAY, SECRET, T0, deliver, make_customer, outcome, receive
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.server import RunningServer

MakeUser = Callable[..., Account]


@pytest.fixture(autouse=True)
def _secret(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = SECRET


@pytest.mark.django_db
def test_the_next_request_with_the_old_token_has_the_new_tier(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    customer_id = make_customer(account.user)

    def read_tier() -> tuple[str, str]:
        answer = api.get("auth/me", token=account.access_token)
        return answer.json["tier"], answer.headers["RateLimit-Limit"]

    assert read_tier() == ("free", "20")
    deliver(api, stripe.subscription_created("sub_1", created=T0, customer_id=customer_id))
    assert read_tier() == ("pro", "60")
    deliver(
        api,
        stripe.subscription_updated("sub_1", created=T0 + 1, customer_id=customer_id, price_id="price_team_monthly"),
    )
    assert read_tier() == ("team", "200")
    deliver(api, stripe.subscription_deleted("sub_1", created=T0 + 2, customer_id=customer_id))
    assert read_tier() == ("free", "20")


@pytest.mark.thorough
def test_an_open_socket_has_the_new_tier_at_its_next_message(server_factory: Callable[..., RunningServer]) -> None:
    from websockets.sync.client import connect

    server = server_factory(STRIPE_WEBHOOK_SECRET=SECRET)
    body = {"email": f"{stripe.new_id('socket').lower()}@example.com", "password": "correct horse battery"}
    token = httpx.post(f"{server.url}/api/v1/auth/register", json=body, timeout=30).json()["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    user_id = httpx.get(f"{server.url}/api/v1/auth/me", headers=headers, timeout=30).json()["id"]
    customer_id, sub = stripe.new_id("cus"), stripe.new_id("sub")
    now = int(datetime.now(UTC).timestamp())

    def send(event: stripe.JsonObject) -> None:
        signed = stripe.encode(event)
        answer = httpx.post(
            f"{server.url}/api/v1/billing/webhook",
            content=signed,
            headers={"Stripe-Signature": stripe.signature(signed, SECRET)},
            timeout=30,
        )
        assert answer.json() == {"received": True}

    with connect(f"{server.ws_url}/api/v1/chat/stream?token={token}") as socket:

        def ask() -> str:
            """``done`` where the checkpoint agent answers, or the code of the refusal."""
            socket.send(json.dumps({"message": "Create a checkpoint for the beta release in my project"}))
            while True:
                frame = json.loads(socket.recv(timeout=60))
                if frame["type"] == "error":
                    return str(frame["error"]["code"])
                if frame["type"] == "done":
                    return "done"

        assert ask() == "feature_not_available"
        send(
            stripe.checkout_completed(
                created=now, customer_id=customer_id, subscription_id=sub, user_id=user_id, tier="pro"
            )
        )
        assert ask() == "done"
        send(stripe.subscription_deleted(sub, created=now + 1, customer_id=customer_id))
        assert ask() == "feature_not_available"


# --- grace -------------------------------------------------------------------------------------------------------


def seconds_ago(**span: float) -> int:
    return int((datetime.now(UTC) - timedelta(**span)).timestamp())


@pytest.mark.django_db
@pytest.mark.parametrize(("ago", "tier"), [({"days": 6, "hours": 23}, "pro"), ({"days": 7, "seconds": 1}, "free")])
def test_a_failed_payment_keeps_the_tier_for_seven_days(
    api: ApiClient, make_user: MakeUser, ago: dict[str, float], tier: str
) -> None:
    account = make_user()
    customer_id = make_customer(account.user)
    receive(stripe.subscription_created("sub_1", created=T0, customer_id=customer_id))
    receive(stripe.payment_failed("sub_1", created=seconds_ago(**ago), customer_id=customer_id))
    assert outcome(account.user).status == "past_due"
    answer = api.get("auth/me", token=account.access_token)
    assert answer.json["tier"] == tier


@pytest.mark.django_db
def test_the_grace_ends_by_the_clock_alone_on_every_request(api: ApiClient, make_user: MakeUser, settings: Any) -> None:
    """No job ran and no event came in between."""
    account = make_user()
    customer_id = make_customer(account.user)
    receive(stripe.subscription_created("sub_1", created=T0, customer_id=customer_id))
    receive(stripe.payment_failed("sub_1", created=T0 + DAY, customer_id=customer_id))
    row = Subscription.objects.get(user=account.user)
    row.past_due_since = datetime.now(UTC) - timedelta(days=3)
    row.save()
    assert api.get("auth/me", token=account.access_token).json["tier"] == "pro"
    settings.PAST_DUE_GRACE = timedelta(days=2)
    assert api.get("auth/me", token=account.access_token).json["tier"] == "free"
    settings.PAST_DUE_GRACE = timedelta(0)
    assert tier_of(User.objects.get(id=account.user.id)) is Tier.FREE


@pytest.mark.django_db
def test_paying_brings_the_tier_back(api: ApiClient, make_user: MakeUser) -> None:
    for recovery in (stripe.invoice_paid, stripe.subscription_updated):
        account = make_user()
        customer_id, sub = make_customer(account.user), stripe.new_id("sub")
        receive(stripe.subscription_created(sub, created=T0 - 20 * DAY, customer_id=customer_id))
        receive(stripe.payment_failed(sub, created=T0 - 19 * DAY, customer_id=customer_id))
        receive(stripe.subscription_updated(sub, created=T0 - 19 * DAY + 1, customer_id=customer_id, status="past_due"))
        Subscription.objects.filter(user=account.user).update(past_due_since=datetime.now(UTC) - timedelta(days=30))
        assert api.get("auth/me", token=account.access_token).json["tier"] == "free"
        receive(recovery(sub, created=T0 - 2 * DAY, customer_id=customer_id))
        assert api.get("auth/me", token=account.access_token).json["tier"] == "pro"
        assert (outcome(account.user).status, outcome(account.user).past_due_since) == ("active", None)


# --- an operator's word and Stripe's -----------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_operators_word_outlasts_the_grace(api: ApiClient, make_user: MakeUser, settings: Any) -> None:
    account = make_user()
    customer_id = make_customer(account.user)
    receive(stripe.subscription_created("sub_1", created=T0, customer_id=customer_id))
    receive(stripe.payment_failed("sub_1", created=T0 + 1, customer_id=customer_id))
    settings.PAST_DUE_GRACE = timedelta(0)
    call_command("set_tier", account.email, "power")
    assert api.get("auth/me", token=account.access_token).json["tier"] == "power"


@pytest.mark.django_db
def test_an_operators_word_holds_until_stripe_has_news(make_user: MakeUser) -> None:
    user = make_user().user
    customer_id = make_customer(user)
    receive(stripe.subscription_created("sub_1", created=T0, customer_id=customer_id))
    set_tier(user=user, tier=Tier.TEAM)
    receive(stripe.subscription_updated("sub_1", created=T0 - 5, customer_id=customer_id))  # old news
    assert (outcome(user).tier, outcome(user).copy) == ("team", "team")
    receive(stripe.subscription_updated("sub_1", created=T0 + 5, customer_id=customer_id))
    assert (outcome(user).tier, outcome(user).copy) == ("pro", "pro")


@pytest.mark.django_db
def test_an_abandoned_checkout_takes_no_grant_away(make_user: MakeUser) -> None:
    user = make_user(tier="power").user
    customer_id = make_customer(user)
    receive(stripe.subscription_created("sub_1", created=T0, customer_id=customer_id, status="incomplete"))
    receive(stripe.subscription_updated("sub_1", created=T0 + 9, customer_id=customer_id, status="incomplete_expired"))
    assert outcome(user).tier == "power"


@pytest.mark.django_db
def test_a_purchase_replaces_a_grant_and_its_end_is_the_end(make_user: MakeUser) -> None:
    for order in ([0, 1], [1, 0]):
        user = make_user(tier="power").user
        customer_id, sub = make_customer(user), stripe.new_id("sub")
        events = [
            stripe.subscription_created(sub, created=T0, customer_id=customer_id),
            stripe.subscription_deleted(sub, created=T0 + 9, customer_id=customer_id),
        ]
        for place in order:
            receive(events[place])
        assert (outcome(user).tier, outcome(user).status) == ("free", "canceled")


@pytest.mark.django_db
def test_an_unknown_price_takes_no_grant_away(make_user: MakeUser) -> None:
    user = make_user(tier="power").user
    receive(stripe.subscription_created("sub_1", created=T0, customer_id=make_customer(user), price_id="price_new"))
    assert (outcome(user).tier, outcome(user).status) == ("power", "active")

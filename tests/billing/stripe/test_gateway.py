"""The gateway beside a Stripe that answers, fails, stalls and forgets."""

import logging
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import pytest

from adiuva.api.errors import NotConfigured, Problem, UpstreamError, UpstreamTimeout, UpstreamUnavailable
from billing.stripe.factory import get_gateway
from billing.stripe.port import Gateway, NoSuchCustomer
from billing.stripe.stub.gateway import StubGateway
from tests.billing.purchases import checkout, impatient, session_of
from tests.fakes.stripe_server import SECRET_KEY, LoopbackStripe
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.thorough import thorough

MakeUser = Callable[..., Account]
Failure = tuple[dict[str, Any], type[Problem]]

pytestmark = pytest.mark.django_db

SALE: dict[str, Any] = {
    "user_id": "u-1",
    "tier": "pro",
    "price_id": "price_pro_monthly",
    "quantity": 1,
    "success_url": "https://api.example.com/done",
    "cancel_url": "https://api.example.com/cancelled",
}
FAILURES: list[Failure] = [
    ({"kind": "status", "status": 400}, UpstreamError),
    ({"kind": "status", "status": 401}, UpstreamError),
    ({"kind": "status", "status": 402}, UpstreamError),
    ({"kind": "status", "status": 403}, UpstreamError),
    ({"kind": "status", "status": 404}, UpstreamError),
    ({"kind": "status", "status": 409, "times": 2}, UpstreamUnavailable),
    ({"kind": "status", "status": 429}, UpstreamUnavailable),
    ({"kind": "status", "status": 500, "times": 2}, UpstreamError),
    ({"kind": "status", "status": 503, "times": 2}, UpstreamUnavailable),
    ({"kind": "status", "status": 504, "times": 2}, UpstreamTimeout),
    ({"kind": "reset", "times": 2}, UpstreamUnavailable),
    thorough({"kind": "stall", "times": 2}, UpstreamTimeout),
    ({"kind": "garbage"}, UpstreamError),
]


@pytest.fixture
def gateway(stripe_server: LoopbackStripe) -> Gateway:
    return get_gateway()


@pytest.fixture
def customer_id(gateway: Gateway, make_user: MakeUser) -> str:
    return gateway.create_customer(user=make_user().user)


def buy(gateway: Gateway, server: LoopbackStripe, customer_id: str, key: str = "k-1", **changes: str) -> str:
    """The id of a subscription that was just paid for."""
    wanted: dict[str, Any] = {**SALE, **changes}
    session = gateway.create_checkout_session(customer_id=customer_id, idempotency_key=key, **wanted)
    return str(server.complete_checkout(session.id)["subscription"])


@pytest.mark.parametrize(("fault", "problem"), FAILURES)
def test_a_failure_of_stripes_is_a_problem_of_ours_without_its_text(
    stripe_server: LoopbackStripe,
    caplog: pytest.LogCaptureFixture,
    fault: dict[str, Any],
    problem: type[Problem],
) -> None:
    caplog.set_level(logging.DEBUG, logger="billing")
    stripe_server.fail(**fault)
    with pytest.raises(problem) as raised, impatient() if fault["kind"] == "stall" else nullcontext():
        get_gateway().retrieve_subscription("sub_1")
    assert type(raised.value) is problem
    assert raised.value.__cause__ is None
    assert "SECRET" not in repr(raised.value.as_dict("r"))
    (line,) = [record for record in caplog.records if record.name == "billing.stripe.client.errors"]
    assert "SECRET" not in repr(line.__dict__)
    assert SECRET_KEY not in repr(line.__dict__)


def test_no_one_there_is_unavailable_and_says_when_to_come_back(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE = SECRET_KEY, "http://127.0.0.1:1"
    with pytest.raises(UpstreamUnavailable) as raised:
        get_gateway().retrieve_subscription("sub_1")
    assert int(raised.value.headers["Retry-After"]) > 0


@pytest.mark.thorough
def test_a_stripe_that_stalls_is_given_up_on(stripe_server: LoopbackStripe) -> None:
    stripe_server.fail("stall", times=5)
    started = time.monotonic()
    with pytest.raises(UpstreamTimeout), impatient():
        get_gateway().retrieve_subscription("sub_1")
    assert len(stripe_server.seen) == 2
    assert time.monotonic() - started < 20


@pytest.mark.parametrize("kind", ["reset", "status"])
def test_one_hiccup_is_not_noticed(
    gateway: Gateway, stripe_server: LoopbackStripe, customer_id: str, kind: Any
) -> None:
    subscription_id = buy(gateway, stripe_server, customer_id)
    stripe_server.fail(kind, status=500)
    found = gateway.retrieve_subscription(subscription_id)
    assert found is not None
    assert found.id == subscription_id


def test_calls_carry_our_key_the_pinned_version_and_an_idempotency_key(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, gateway: Gateway, settings: Any
) -> None:
    account = make_user()
    for tier in ("pro", "power"):
        checkout(api, account, tier)
    bought = stripe_server.complete_checkout(session_of(checkout(api, account, "team")))
    gateway.cancel_subscription(str(bought["subscription"]), credit_unused=True)
    changing = [one for one in stripe_server.seen if one.changes_state]
    assert {one.method for one in changing} == {"POST", "DELETE"}
    assert len(changing) == 7
    for one in stripe_server.seen:
        assert one.headers["authorization"] == f"Bearer {SECRET_KEY}"
        assert one.headers["stripe-version"] == settings.STRIPE_API_VERSION == "2026-05-27.dahlia"
    # To end something twice is to end it: a key would only repeat a failure that Stripe has stored.
    keys = [one.idempotency_key for one in changing if one.method == "POST"]
    assert all(keys)
    assert len(set(keys)) == len(keys)


def test_a_user_has_one_customer_however_often_one_is_made(
    gateway: Gateway, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    one, other = make_user().user, make_user().user
    assert gateway.create_customer(user=one) == gateway.create_customer(user=one)
    assert gateway.create_customer(user=other) != gateway.create_customer(user=one)
    assert gateway.create_customer(user=one, instead_of="cus_1") != gateway.create_customer(user=one)


def test_a_customer_that_stripe_does_not_know_is_told_apart_from_a_price(gateway: Gateway, customer_id: str) -> None:
    with pytest.raises(NoSuchCustomer):
        gateway.create_checkout_session(customer_id="cus_none", idempotency_key="a", **SALE)
    with pytest.raises(UpstreamError):
        gateway.create_checkout_session(
            customer_id=customer_id, idempotency_key="b", **{**SALE, "price_id": "price_none"}
        )


def test_a_session_is_open_then_complete_or_expired(
    gateway: Gateway, stripe_server: LoopbackStripe, customer_id: str
) -> None:
    made = gateway.create_checkout_session(customer_id=customer_id, idempotency_key="a", **SALE)
    assert (made.status, made.subscription_id) == ("open", "")
    gateway.expire_checkout_session(made.id)
    expired = gateway.retrieve_checkout_session(made.id)
    assert expired is not None
    assert (expired.status, expired.url) == ("expired", "")
    paid = gateway.create_checkout_session(customer_id=customer_id, idempotency_key="b", **SALE)
    bought = stripe_server.complete_checkout(paid.id)
    complete = gateway.retrieve_checkout_session(paid.id)
    assert complete is not None
    assert (complete.status, complete.subscription_id) == ("complete", bought["subscription"])
    with pytest.raises(UpstreamError):
        gateway.expire_checkout_session(paid.id)
    assert gateway.retrieve_checkout_session("cs_none") is None


def test_a_subscription_as_it_is_at_stripe(gateway: Gateway, stripe_server: LoopbackStripe, customer_id: str) -> None:
    subscription_id = buy(gateway, stripe_server, customer_id)
    found = gateway.retrieve_subscription(subscription_id)
    assert found is not None
    (item,) = found.items
    (raw,) = found.payload["items"]["data"]
    assert (found.customer_id, found.status, item.price.id) == (customer_id, "active", "price_pro_monthly")
    assert (item.price.interval, item.price.product_id, item.quantity) == ("month", raw["price"]["product"], 1)
    assert item.current_period_end is not None
    assert item.current_period_end.timestamp() == raw["current_period_end"]
    assert gateway.retrieve_subscription("sub_none") is None


def test_every_subscription_is_listed_over_several_pages(
    gateway: Gateway, stripe_server: LoopbackStripe, customer_id: str
) -> None:
    made = [buy(gateway, stripe_server, customer_id, key=f"k-{number}") for number in range(103)]
    gateway.cancel_subscription(made[0])
    assert [one.id for one in gateway.list_subscriptions()] == made[::-1]
    assert len(stripe_server.calls("GET", "/v1/subscriptions")) == 2


def test_a_list_can_be_of_one_customer(
    gateway: Gateway, stripe_server: LoopbackStripe, customer_id: str, make_user: MakeUser
) -> None:
    other = gateway.create_customer(user=make_user().user)
    buy(gateway, stripe_server, other, key="k-other")
    mine = buy(gateway, stripe_server, customer_id)
    assert [one.id for one in gateway.list_subscriptions(customer_id=customer_id)] == [mine]


def test_a_list_that_breaks_off_is_a_problem(gateway: Gateway, stripe_server: LoopbackStripe, customer_id: str) -> None:
    buy(gateway, stripe_server, customer_id)
    stripe_server.fail("status", status=429)
    with pytest.raises(UpstreamUnavailable):
        list(gateway.list_subscriptions())


def test_an_end_is_an_end_however_often_it_is_asked_for(
    gateway: Gateway, stripe_server: LoopbackStripe, customer_id: str
) -> None:
    subscription_id = buy(gateway, stripe_server, customer_id)
    for _ in range(2):
        ended = gateway.cancel_subscription(subscription_id)
        assert ended is not None
        assert (ended.status, ended.customer_id) == ("canceled", customer_id)
    assert gateway.cancel_subscription("sub_none") is None


def test_only_where_it_is_asked_for_is_the_rest_of_a_period_credited(
    gateway: Gateway, stripe_server: LoopbackStripe, customer_id: str
) -> None:
    first, second = (buy(gateway, stripe_server, customer_id, key=key) for key in ("a", "b"))
    gateway.cancel_subscription(first)
    assert stripe_server.world.get("customer", customer_id)["balance"] == 0
    gateway.cancel_subscription(second, credit_unused=True)
    assert stripe_server.world.get("customer", customer_id)["balance"] < 0


def test_a_stub_is_used_in_development_only(settings: Any) -> None:
    assert isinstance(get_gateway(), StubGateway)
    settings.IS_PROD = True
    with pytest.raises(NotConfigured):
        get_gateway()


def test_with_a_key_stripe_is_asked_in_development_too(gateway: Gateway) -> None:
    assert not isinstance(gateway, StubGateway)


@pytest.mark.thorough
def test_the_client_of_stripe_is_loaded_at_the_first_use() -> None:
    loaded = "'billing.stripe.client.gateway' in sys.modules"
    script = f"import django; django.setup(); import billing.views, sys; print({loaded})"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "False"

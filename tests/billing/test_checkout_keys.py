"""Idempotency-Key on checkout, and what survives a lost answer."""

import uuid
from collections.abc import Callable

import pytest
from django.db.models import F

from accounts.models import User
from billing.checkouts import KEPT
from billing.models import Checkout
from tests.accounts.concurrency import run_concurrently
from tests.billing.conftest import DeliverAll
from tests.billing.purchases import checkout, impatient, open_sessions, session_of
from tests.fakes.stripe.faults import Kind
from tests.fakes.stripe_server import LoopbackStripe
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.thorough import thorough

MakeUser = Callable[..., Account]

pytestmark = pytest.mark.django_db

KEY = "7d1b0f3e-4f8e-4f43-9a53-0a7f6b1f2c3d"


def test_the_same_key_gets_the_same_page(api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe) -> None:
    account = make_user()
    first, again = checkout(api, account, key=KEY), checkout(api, account, key=KEY)
    assert (again.status, again.content) == (200, first.content)
    assert len(stripe_server.world.all("checkout.session")) == 1


def test_another_key_gets_another_page(api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe) -> None:
    account = make_user()
    first, second = checkout(api, account, key=KEY), checkout(api, account, key=KEY + "2")
    assert first.json["checkout_url"] != second.json["checkout_url"]
    assert open_sessions(stripe_server) == [session_of(second)]


def test_the_same_key_for_another_tier_is_refused(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    checkout(api, account, "pro", key=KEY)
    asked = len(stripe_server.seen)
    answer = checkout(api, account, "team", key=KEY)
    assert (answer.status, answer.code) == (422, "idempotency_mismatch")
    assert len(stripe_server.seen) == asked


def test_what_a_body_holds_beside_the_tier_makes_no_other_body(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    first = checkout(api, account, key=KEY)
    body = '{ "from": "settings", "tier": "pro" }'
    again = api.post("billing/checkout", body=body, token=account.access_token, headers={"Idempotency-Key": KEY})
    assert again.content == first.content


def test_two_users_may_choose_the_same_key(api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe) -> None:
    urls = {checkout(api, make_user(), key=KEY).json["checkout_url"] for _ in range(2)}
    assert len(urls) == 2


def test_a_key_still_answers_after_its_purchase(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, deliver_all: DeliverAll
) -> None:
    account = make_user()
    first = checkout(api, account, key=KEY)
    stripe_server.complete_checkout(session_of(first))
    deliver_all()
    assert checkout(api, account, key=KEY).content == first.content
    assert checkout(api, account, key=KEY + "2").status == 409


def test_a_key_of_long_ago_begins_anew(api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe) -> None:
    account = make_user()
    first = checkout(api, account, key=KEY)
    Checkout.objects.update(created_at=F("created_at") - KEPT, expires_at=F("expires_at") - KEPT)
    second = checkout(api, account, "team", key=KEY)
    assert session_of(second) != session_of(first)
    assert checkout(api, account, "team", key=KEY).content == second.content


def test_a_refusal_does_not_use_a_key_up(api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe) -> None:
    account = make_user(tier="pro")
    assert checkout(api, account, "pro", key=KEY).status == 409
    assert checkout(api, account, "team", key=KEY).status == 200


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "schlüssel", "tab\there", "\x7f"])
def test_what_cannot_be_a_key_is_refused(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, key: str
) -> None:
    answer = checkout(api, make_user(), key=key)
    assert (answer.status, answer.code) == (400, "validation_error")
    assert list(answer.json["errors"]) == ["Idempotency-Key"]
    assert stripe_server.seen == []


@pytest.mark.parametrize("key", ["k", "x" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "!~"])
def test_any_visible_ascii_may_be_a_key(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, key: str
) -> None:
    assert checkout(api, make_user(), key=key).status == 200


@pytest.mark.thorough
@pytest.mark.parametrize("path", ["/v1/customers", "/v1/checkout/sessions"])
def test_an_answer_that_is_lost_once_is_fetched_by_the_retry(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, path: str
) -> None:
    stripe_server.fail("timeout_after_commit", path=path)
    account = make_user()
    with impatient():
        assert checkout(api, account).status == 200
    keys = [one.idempotency_key for one in stripe_server.calls("POST", path)]
    assert len(keys) == 2
    assert len(set(keys)) == 1
    assert len(stripe_server.world.all("customer")) == 1
    assert len(stripe_server.world.all("checkout.session")) == 1


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/v1/customers", "reset_after_commit"), thorough("/v1/checkout/sessions", "timeout_after_commit")],
)
def test_asking_again_after_lost_answers_makes_one_object(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, path: str, kind: Kind
) -> None:
    account = make_user()
    stripe_server.fail(kind, path=path, times=2)
    with impatient():
        answer = checkout(api, account, key=KEY)
    assert (answer.status, answer.code) in {(504, "upstream_timeout"), (503, "upstream_unavailable")}
    answer = checkout(api, account, key=KEY)
    (session,) = stripe_server.world.all("checkout.session")
    (customer,) = stripe_server.world.all("customer")
    assert answer.json["checkout_url"] == session["url"]
    assert User.objects.get(pk=account.user.pk).stripe_customer_id == customer["id"]


def test_a_key_whose_first_try_failed_still_belongs_to_its_tier(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    stripe_server.fail("status", path="/v1/checkout/sessions", status=429)
    assert checkout(api, account, "pro", key=KEY).status == 503
    assert checkout(api, account, "team", key=KEY).status == 422
    assert checkout(api, account, "pro", key=KEY).status == 200


def test_a_price_that_changed_between_two_tries_does_not_block_the_key(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    stripe_server.fail("reset_after_commit", path="/v1/checkout/sessions", times=2)
    assert checkout(api, account, key=KEY).status == 503
    stripe_server.sell("price_new", cents=1000)
    Checkout.objects.update(price_id="price_new")
    assert checkout(api, account, key=KEY).status == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("key", [KEY, None])
def test_checkouts_at_once_make_one_customer(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, key: str | None
) -> None:
    account = make_user()
    stripe_server.fail("slow", path="/v1/customers", times=8, seconds=0.05)
    answers = run_concurrently(*[lambda: checkout(ApiClient(), account, key=key)] * 6)
    assert {answer.status for answer in answers} <= {200, 503}
    assert 200 in {answer.status for answer in answers}
    (customer,) = stripe_server.world.all("customer")
    assert {one["customer"] for one in stripe_server.world.all("checkout.session")} == {customer["id"]}
    assert User.objects.get(pk=account.user.pk).stripe_customer_id == customer["id"]


@pytest.mark.django_db(transaction=True)
def test_checkouts_at_once_with_one_key_are_one_session(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    checkout(api, account, "team", key=str(uuid.uuid4()))
    answers = run_concurrently(*[lambda: checkout(ApiClient(), account, key=KEY)] * 6)
    urls = {answer.json["checkout_url"] for answer in answers if answer.status == 200}
    assert {answer.status for answer in answers} <= {200, 503}
    (session_id,) = open_sessions(stripe_server)
    (url,) = urls
    assert url.endswith(session_id)


@pytest.mark.django_db(transaction=True)
def test_one_key_at_once_for_two_tiers_buys_one(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    tiers = ["pro", "team"] * 3
    answers = run_concurrently(*[lambda tier=tier: checkout(ApiClient(), account, tier, key=KEY) for tier in tiers])
    bought = {tier for tier, answer in zip(tiers, answers, strict=True) if answer.status == 200}
    assert len(bought) == 1
    assert {answer.status for answer in answers} <= {200, 422, 503}
    assert [one["metadata"]["tier"] for one in stripe_server.world.all("checkout.session")] == list(bought)


def test_a_failure_that_stripe_has_stored_does_not_close_the_shop_for_a_day(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    stripe_server.fail("stored_status", path="/v1/checkout/sessions", status=500, times=2)
    assert checkout(api, account, key="mine").status == 502
    assert checkout(api, account, key="mine").status == 200
    assert len(open_sessions(stripe_server)) == 1

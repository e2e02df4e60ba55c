"""The webhook over HTTP: what is let in, what it leaves behind, and what it needs."""

import logging
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection
from djstripe import models as mirror

from billing import alerts
from billing.entitlements import tier_of
from billing.models import BillingFact, OperatorAlert, Subscription
from tests.accounts.database_dump import whole_database
from tests.billing import stripe_events as stripe
from tests.billing.deliveries import DAY, SECRET, T0, deliver, deliver_raw, five_events, make_customer
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.loopback import LeftTheMachineError

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


@pytest.fixture(autouse=True)
def _secret(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = SECRET


@contextmanager
def no_trace() -> Iterator[None]:
    """Every row of every table is as it was."""
    before = whole_database()
    yield
    assert whole_database() == before


# --- what is let in ----------------------------------------------------------------------------------------------


def test_a_signed_event_is_received_and_applied(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    customer_id = make_customer(account.user)
    event = stripe.subscription_created("sub_1", created=T0, customer_id=customer_id, period_start=T0)
    answer = deliver(api, event)
    assert (answer.status, answer.json) == (200, {"received": True})
    row = Subscription.objects.get(user=account.user)
    assert (row.tier, row.status, row.stripe_subscription_id) == ("pro", "active", "sub_1")
    assert row.current_period_end is not None
    assert row.current_period_end.timestamp() == T0 + stripe.MONTH
    assert api.get("auth/me", token=account.access_token).json["tier"] == "pro"


def test_a_repetition_says_so_and_changes_nothing(api: ApiClient, make_user: MakeUser) -> None:
    event = stripe.subscription_created("sub_1", created=T0, customer_id=make_customer(make_user().user))
    deliver(api, event)
    with no_trace():
        answer = deliver(api, event)
    assert (answer.status, answer.json) == (200, {"received": True, "duplicate": True})


def bad_signatures(body: bytes) -> dict[str, str | None]:
    good = stripe.signature(body, SECRET)
    return {
        "missing": None,
        "empty": "",
        "nonsense": "nonsense",
        "of another secret": stripe.signature(body, "whsec_another"),
        "of another body": stripe.signature(body + b" ", SECRET),
        "of the empty secret": stripe.signature(body, ""),
        "six minutes old": stripe.signature(body, SECRET, at=time.time() - 360),
        "older than its time says": good.replace("t=", "t=1"),
        "of another scheme": good.replace("v1=", "v0="),
        "without a time": good.partition(",")[2],
        "not ASCII": good[:-1] + "é",
        "cut short": good[:-1],
    }


@pytest.mark.parametrize("kind", list(bad_signatures(b"")))
def test_a_bad_signature_is_400_and_leaves_no_trace(api: ApiClient, make_user: MakeUser, kind: str) -> None:
    event = stripe.subscription_created("sub_1", created=T0, customer_id=make_customer(make_user().user))
    body = stripe.encode(event)
    with no_trace():
        answer = deliver_raw(api, body, signature=bad_signatures(body)[kind])
    assert (answer.status, answer.code) == (400, "validation_error")
    assert "Stripe-Signature" in answer.json["errors"]


def test_one_right_signature_among_others_is_enough(api: ApiClient) -> None:
    """While an endpoint's secret is rolled, Stripe signs with both."""
    body = stripe.encode(stripe.event("ping.sent", {"object": "ping"}, created=T0))
    timestamp, _, good = stripe.signature(body, SECRET).partition(",")
    other = stripe.signature(body, "whsec_old").partition(",")[2]
    assert deliver_raw(api, body, signature=f"{timestamp},{other},{good}").status == 200


@pytest.mark.parametrize("signed_with", ["", SECRET, "whsec_x"])
def test_without_a_secret_nothing_is_accepted(api: ApiClient, settings: Any, signed_with: str) -> None:
    settings.STRIPE_WEBHOOK_SECRET = ""
    event = stripe.subscription_created("sub_1", created=T0, customer_id="cus_1")
    with no_trace():
        answer = deliver(api, event, secret=signed_with)
    assert (answer.status, answer.code) == (503, "not_configured")


def test_the_stubs_secret_opens_the_webhook_to_nobody(api: ApiClient, settings: Any) -> None:
    assert settings.STRIPE_STUB_SECRET
    event = stripe.subscription_created("sub_1", created=T0, customer_id="cus_1")
    with no_trace():
        assert deliver(api, event, secret=settings.STRIPE_STUB_SECRET).status == 400
        settings.STRIPE_WEBHOOK_SECRET = ""
        assert deliver(api, event, secret=settings.STRIPE_STUB_SECRET).status == 503


def test_neither_a_token_nor_the_rate_limit_matters(api: ApiClient) -> None:
    for number in range(30):
        answer = deliver(api, stripe.event("ping.sent", {"object": "ping"}, created=T0 + number))
        assert answer.status == 200
        assert "RateLimit-Limit" not in answer.headers


def test_only_post_is_there(api: ApiClient) -> None:
    answer = api.get("billing/webhook")
    assert (answer.status, answer.headers["Allow"]) == (405, "POST")


# --- events that change nothing ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["ping.sent", "charge.refunded", "customer.updated", "invoice.created"])
def test_an_event_of_another_type_is_received_and_changes_no_tier(
    api: ApiClient, make_user: MakeUser, kind: str
) -> None:
    account = make_user(tier="pro")
    obj = stripe.customer(make_customer(account.user))
    assert deliver(api, stripe.event(kind, obj, created=T0)).json == {"received": True}
    assert api.get("auth/me", token=account.access_token).json["tier"] == "pro"
    assert mirror.Event.objects.filter(type=kind).exists()


def test_an_unknown_customer_is_recorded_and_not_asked_for_again(api: ApiClient) -> None:
    event = stripe.subscription_created("sub_1", created=T0, customer_id="cus_nobody")
    assert deliver(api, event).json == {"received": True}
    assert deliver(api, event).json == {"received": True, "duplicate": True}
    assert BillingFact.objects.get().subject_id == "cus_nobody"
    assert not Subscription.objects.exists()
    alert = OperatorAlert.objects.get()
    assert (alert.kind, alert.reference) == ("unknown_customer", "cus_nobody")


def test_nothing_personal_of_an_unknown_customer_is_kept(api: ApiClient) -> None:
    deliver(api, stripe.event("customer.created", stripe.customer("cus_1", email="stranger@example.com"), created=T0))
    deliver(api, stripe.invoice_paid("sub_1", created=T0, customer_id="cus_1"))
    held = whole_database()
    assert "cus_1" in held
    assert "stranger@" not in held
    assert "payer@" not in held


def test_an_unknown_customer_whose_subscription_ended_is_no_alert(api: ApiClient) -> None:
    assert deliver(api, stripe.subscription_deleted("sub_1", created=T0, customer_id="cus_gone")).status == 200
    assert not OperatorAlert.objects.exists()


def test_a_connected_accounts_events_are_not_about_our_users(api: ApiClient, make_user: MakeUser) -> None:
    user = make_user().user
    event = stripe.subscription_created("sub_1", created=T0, customer_id=make_customer(user))
    assert deliver(api, event | {"account": "acct_1developer"}).json == {"received": True}
    assert not Subscription.objects.exists()


# --- prices and statuses that nobody told us about ------------------------------------------------------------------


def test_an_unknown_price_keeps_the_tier_and_raises_an_alert(
    api: ApiClient, make_user: MakeUser, caplog: pytest.LogCaptureFixture, django_capture_on_commit_callbacks: Any
) -> None:
    account = make_user()
    customer_id = make_customer(account.user)
    deliver(api, stripe.subscription_created("sub_1", created=T0, customer_id=customer_id))
    for created in (T0 + 1, T0 + 2):
        event = stripe.subscription_updated("sub_1", created=created, customer_id=customer_id, price_id="price_new")
        with django_capture_on_commit_callbacks(execute=True):
            assert deliver(api, event).status == 200
    assert api.get("auth/me", token=account.access_token).json["tier"] == "pro"
    alert = OperatorAlert.objects.get()
    assert (alert.kind, alert.reference) == ("unknown_price", "price_new")
    assert [one.levelno for one in caplog.records if "operator alert" in one.message] == [logging.ERROR]


def test_an_unknown_price_gives_nothing_to_who_had_nothing(api: ApiClient, make_user: MakeUser) -> None:
    """Where it is of a product of ours an operator has forgotten it; any other is another product in the account."""
    account = make_user()
    of: dict[str, Any] = {"customer_id": make_customer(account.user), "price_id": "price_new"}
    deliver(api, stripe.subscription_created("sub_1", created=T0, **of))
    assert not OperatorAlert.objects.exists()
    deliver(api, stripe.event("price.updated", stripe.price("price_pro_monthly") | {"product": "prod_1"}, created=T0))
    ours = stripe.subscription_created("sub_2", created=T0, **of)
    ours["data"]["object"]["items"]["data"][0]["price"]["product"] = "prod_1"
    deliver(api, ours)
    assert api.get("auth/me", token=account.access_token).json["tier"] == "free"
    assert OperatorAlert.objects.get().reference == "price_new"


def test_a_status_stripe_did_not_have_keeps_everything_and_raises_an_alert(api: ApiClient, make_user: MakeUser) -> None:
    user = make_user().user
    customer_id = make_customer(user)
    deliver(api, stripe.subscription_created("sub_1", created=T0, customer_id=customer_id))
    before = Subscription.objects.values().get()
    event = stripe.subscription_updated("sub_1", created=T0 + 1, customer_id=customer_id, status="hibernating")
    assert deliver(api, event).json == {"received": True}
    assert Subscription.objects.values().get() == before
    assert OperatorAlert.objects.get().kind == "unknown_status"


# --- failures --------------------------------------------------------------------------------------------------------


@contextmanager
def writes_fail(table: str) -> Iterator[None]:
    """Every insert into ``table`` fails in the database, as it does on a full disk."""
    is_sqlite = connection.vendor == "sqlite"
    with connection.cursor() as cursor:
        if is_sqlite:
            cursor.execute(
                f"CREATE TEMP TRIGGER broken BEFORE INSERT ON main.{table} BEGIN SELECT RAISE(ABORT, 'broken'); END"
            )
        else:
            cursor.execute(
                "CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'broken'; END $$"
            )
            cursor.execute(f"CREATE TRIGGER broken BEFORE INSERT ON {table} EXECUTE FUNCTION broken()")
    yield
    with connection.cursor() as cursor:
        cursor.execute("DROP TRIGGER broken" if is_sqlite else f"DROP TRIGGER broken ON {table}")
        if not is_sqlite:
            cursor.execute("DROP FUNCTION broken()")


@pytest.mark.parametrize("table", ["subscriptions", "billing_facts", "djstripe_event"])
def test_a_failure_is_500_and_rolled_back_whole_so_that_the_retry_counts(
    api: ApiClient, make_user: MakeUser, table: str
) -> None:
    account = make_user()
    event = stripe.subscription_created("sub_1", created=T0, customer_id=make_customer(account.user))
    with no_trace(), writes_fail(table):
        answer = deliver(api, event)
        assert (answer.status, answer.code) == (500, "internal_error")
    assert deliver(api, event).json == {"received": True}
    assert api.get("auth/me", token=account.access_token).json["tier"] == "pro"


def test_a_mirror_that_cannot_hold_an_object_keeps_nobody_from_what_they_paid_for(
    api: ApiClient, make_user: MakeUser
) -> None:
    account = make_user()
    event = stripe.subscription_created("sub_1", created=T0, customer_id=make_customer(account.user))
    with writes_fail("djstripe_price"):
        assert deliver(api, event).status == 200
    assert api.get("auth/me", token=account.access_token).json["tier"] == "pro"
    assert not mirror.Subscription.objects.exists()
    assert OperatorAlert.objects.get().kind == "mirror_incomplete"


@pytest.fixture
def _no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even this machine: no socket is connected, but PostgreSQL's, which is libpq's own."""

    def refuse(*_: Any) -> None:
        raise LeftTheMachineError("the webhook called somebody")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.mark.usefixtures("_no_network")
def test_the_webhook_calls_nobody(api: ApiClient, make_user: MakeUser, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_" + "1" * 24
    user = make_user().user
    customer_id = make_customer(user)
    events = [
        stripe.event("customer.created", stripe.customer(customer_id), created=T0),
        stripe.event("product.created", {"id": "prod_1", "object": "product", "name": "Pro"}, created=T0),
        stripe.event("price.created", stripe.price("price_pro_monthly"), created=T0),
        *five_events(customer_id),
        stripe.checkout_completed(created=T0, customer_id=customer_id, subscription_id="sub_9", user_id=str(user.id)),
    ]
    assert [deliver(api, event).status for event in events] == [200] * len(events)
    assert tier_of(type(user).objects.get(id=user.id)) == "free"


def test_a_body_over_a_mebibyte_is_413(api: ApiClient, server: Any) -> None:
    import httpx

    body = b"{" + b" " * 1024 * 1024 + b"}"
    headers = {"Stripe-Signature": stripe.signature(body, SECRET)}
    answer = httpx.post(f"{server.url}/api/v1/billing/webhook", content=body, headers=headers, timeout=30)
    assert (answer.status_code, answer.json()["code"]) == (413, "payload_too_large")


# --- the mirror --------------------------------------------------------------------------------------------------


def test_the_mirror_holds_what_stripe_sent(api: ApiClient, make_user: MakeUser) -> None:
    user = make_user().user
    customer_id = make_customer(user)
    deliver(api, stripe.event("customer.updated", stripe.customer(customer_id), created=T0))
    deliver(api, stripe.event("price.updated", stripe.price("price_team_monthly", cents=4900), created=T0))
    *_, last = five_events(customer_id)
    deliver(api, last)
    assert mirror.Customer.objects.get(id=customer_id).subscriber_id == user.id
    assert mirror.Customer.objects.get(id=customer_id).name == "Ada Payer"
    subscription = mirror.Subscription.objects.get()
    assert (subscription.status, subscription.customer_id) == ("canceled", customer_id)
    assert subscription.stripe_data == last["data"]["object"]
    item = subscription.items.model.objects.get()
    assert (item.price.id, item.price.product_id) == ("price_team_monthly", "prod_team_monthly")
    event = mirror.Event.objects.get(type="customer.subscription.deleted")
    assert event.data == last["data"]
    assert (event.api_version, int(event.created.timestamp())) == ("2026-05-27.dahlia", T0 + 90 * DAY)


def test_an_older_event_does_not_take_the_mirror_back(api: ApiClient, make_user: MakeUser) -> None:
    customer_id = make_customer(make_user().user)
    for event in reversed(five_events(customer_id)):
        deliver(api, event)
    for created, name in ((T0 + 5, "New"), (T0, "Old")):
        deliver(api, stripe.event("customer.updated", stripe.customer(customer_id) | {"name": name}, created=created))
    assert mirror.Subscription.objects.get().status == "canceled"
    assert mirror.Customer.objects.get().name == "New"


def test_the_api_key_is_in_no_table(api: ApiClient, make_user: MakeUser, settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = "sk_test_" + "CANARY" * 4
    for event in five_events(make_customer(make_user().user)):
        deliver(api, event)
    assert "CANARY" not in whole_database()
    assert "djstripe_apikey" not in connection.introspection.table_names()


def test_other_products_in_the_account_are_nobodys_alert(api: ApiClient, make_user: MakeUser) -> None:
    """A customer we do not know, or one of ours, with a subscription to something else."""
    known = make_customer(make_user().user)
    for number, customer_id in enumerate(("cus_foreign", known)):
        of: dict[str, Any] = {"customer_id": customer_id, "price_id": "price_of_a_course"}
        deliver(api, stripe.subscription_created(f"sub_{number}", created=T0, **of))
        deliver(api, stripe.payment_failed(f"sub_{number}", created=T0 + 1, customer_id=customer_id))
        deliver(api, stripe.subscription_deleted(f"sub_{number}", created=T0 + 2, **of))
    assert not OperatorAlert.objects.exists()
    assert not Subscription.objects.exists()


def test_a_word_of_another_product_gives_nothing(api: ApiClient, make_user: MakeUser) -> None:
    """``tier`` is a key that others write on their subscriptions too; ours have the user's id beside it."""
    account = make_user()
    for customer_id in (make_customer(account.user), "cus_foreign"):
        course = stripe.subscription("sub_" + customer_id, customer_id=customer_id, price_id="gold.monthly plan")
        told = course | {"metadata": {"tier": "team"}}
        assert deliver(api, stripe.event("customer.subscription.created", told, created=T0)).status == 200
    assert api.get("auth/me", token=account.access_token).json["tier"] == "free"
    assert not OperatorAlert.objects.exists()


def test_a_second_subscription_that_a_person_has_ended_is_no_alert_any_more(
    api: ApiClient, make_user: MakeUser
) -> None:
    customer_id = make_customer(make_user().user)
    for sub in ("sub_1", "sub_2"):
        deliver(api, stripe.subscription_created(sub, created=T0, customer_id=customer_id))
    alerts.raise_alert(alerts.SECOND_SUBSCRIPTION, reference=customer_id, message="Two of them.")
    deliver(api, stripe.subscription_deleted("sub_1", created=T0 + 1, customer_id=customer_id))
    assert OperatorAlert.objects.get().resolved_at is not None


def test_the_period_of_an_unlisted_price_is_that_of_our_product(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    customer_id = make_customer(account.user)
    deliver(api, stripe.subscription_created("sub_1", created=T0, customer_id=customer_id))
    renewed = stripe.subscription("sub_1", customer_id=customer_id, price_id="price_new", period_start=T0)
    ours: dict[str, Any] = renewed["items"]["data"][0]
    ours["price"]["product"] = "prod_pro_monthly"
    extra = ours | {"price": stripe.price("price_of_support"), "quantity": 7, "current_period_end": T0 + 365 * DAY}
    renewed["items"]["data"] = [extra, ours]
    deliver(api, stripe.event("customer.subscription.updated", renewed, created=T0 + 1))
    row = Subscription.objects.get()
    assert (row.seats, row.current_period_end.timestamp()) == (1, T0 + stripe.MONTH)  # type: ignore[union-attr]

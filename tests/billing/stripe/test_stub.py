"""Purchases without Stripe: in development only, and by way of the webhook."""

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import signing
from django.test import Client

from accounts.models import User
from adiuva.mail.kinds import MailKind
from billing.models import BillingFact, Checkout, Subscription
from billing.stripe.stub import purchases
from billing.stripe.stub.addresses import page_url
from tests.accounts.concurrency import run_concurrently
from tests.billing.purchases import cancel, checkout, subscription
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.queued_mail import send_now

MakeUser = Callable[..., Account]

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser() -> Client:
    return Client(raise_request_exception=False)


def page_of(api: ApiClient, account: Account, tier: str = "pro", *, key: str | None = None, **wanted: Any) -> str:
    """The path of the page that a checkout leads to."""
    answer = checkout(api, account, tier, key=key, **wanted)
    assert answer.status == 200, answer
    url = str(answer.json["checkout_url"])
    assert url.startswith("http://localhost:8000/billing/stub/")
    return url.removeprefix("http://localhost:8000")


@pytest.mark.parametrize(("tier", "price"), [("pro", "€9.00"), ("power", "€19.00"), ("team", "€49.00")])
def test_the_page_says_what_is_bought_for_whom_and_for_how_much(
    api: ApiClient, make_user: MakeUser, browser: Client, tier: str, price: str
) -> None:
    account = make_user()
    answer = browser.get(page_of(api, account, tier))
    page = answer.content.decode()
    assert answer.status_code == 200
    assert f"Adiuva {tier.title()}" in page
    assert price in page
    assert account.email in page
    assert "Nothing is charged" in page
    assert page.count("<button") == 1
    assert 'href="/billing/cancelled"' in page


def test_looking_at_the_page_buys_nothing(api: ApiClient, make_user: MakeUser, browser: Client) -> None:
    account = make_user()
    path = page_of(api, account)
    for method in ("GET", "HEAD", "PUT", "OPTIONS"):
        browser.generic(method, path)
    assert subscription(api, account)["status"] == "none"
    assert not BillingFact.objects.exists()


def test_the_button_buys_through_the_webhook(api: ApiClient, make_user: MakeUser, browser: Client) -> None:
    from djstripe.models import Event

    account = make_user()
    path = page_of(api, account, "power")
    answer = browser.post(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, path)
    shown = subscription(api, account)
    assert (shown["tier"], shown["status"]) == ("power", "active")
    assert shown["stripe_subscription_id"].startswith("sub_stub_")
    ends = datetime.fromisoformat(shown["current_period_end"])
    assert timedelta(days=29) < ends - datetime.now(UTC) < timedelta(days=31)
    assert sorted(Event.objects.values_list("type", flat=True)) == [
        "checkout.session.completed",
        "customer.subscription.created",
        "invoice.paid",
    ]
    assert "Power is yours" in browser.get(path).content.decode()


def test_a_purchase_has_a_receipt_that_leads_to_a_page_of_here(
    api: ApiClient, make_user: MakeUser, browser: Client
) -> None:
    account = make_user()
    browser.post(page_of(api, account, "power"))
    [body] = send_now(account.user, MailKind.RECEIPT)
    [link] = re.findall(r"http://localhost:8000(/billing/stub/invoice/\S+)", body)
    assert browser.get(link).status_code == 200


def test_a_purchase_tells_what_stripe_would(api: ApiClient, make_user: MakeUser, browser: Client) -> None:
    from djstripe.models import Event

    account = make_user()
    browser.post(page_of(api, account, "team", seats=3))
    told = {event.type: event.data["object"] for event in Event.objects.all()}
    bought, invoice = told["customer.subscription.created"], told["invoice.paid"]
    metadata = {"user_id": str(account.user.pk), "tier": "team"}
    assert bought["metadata"] == told["checkout.session.completed"]["metadata"] == metadata
    assert bought["latest_invoice"] == told["checkout.session.completed"]["invoice"] == invoice["id"]
    (item,), (line,) = bought["items"]["data"], invoice["lines"]["data"]
    assert (item["quantity"], item["price"]["id"]) == (3, "price_team_monthly")
    assert line["pricing"]["price_details"]["price"] == "price_team_monthly"
    assert (line["quantity"], line["amount"]) == (3, 14700)
    assert line["period"] == {"start": item["current_period_start"], "end": item["current_period_end"]}
    assert (invoice["status"], invoice["total"], invoice["amount_paid"]) == ("paid", 14700, 14700)
    assert invoice["created"] == invoice["status_transitions"]["paid_at"]
    assert invoice["parent"]["subscription_details"] == {"metadata": metadata, "subscription": bought["id"]}
    assert {"number", "hosted_invoice_url", "invoice_pdf"} <= invoice.keys()
    assert told["checkout.session.completed"]["amount_total"] == 14700
    assert subscription(api, account)["seats"] == 3


def test_a_year_costs_ten_months(api: ApiClient, make_user: MakeUser, browser: Client, settings: Any) -> None:
    settings.STRIPE_PRICES = settings.STRIPE_PRICES | {"team": ("price_team_monthly", "price_team_yearly")}
    account = make_user()
    path = page_of(api, account, "team", seats=2, interval="year")
    assert "€980.00</strong> a year" in browser.get(path).content.decode()
    browser.post(path)
    shown = subscription(api, account)
    assert (shown["tier"], shown["seats"]) == ("team", 2)
    ends = datetime.fromisoformat(shown["current_period_end"])
    assert timedelta(days=364) < ends - datetime.now(UTC) < timedelta(days=366)


def test_a_page_sells_once(api: ApiClient, make_user: MakeUser, browser: Client) -> None:
    account = make_user()
    path = page_of(api, account)
    browser.post(path)
    cancel(api, account)
    answer = browser.post(path)
    assert answer.status_code == 200
    assert "<button" not in answer.content.decode()
    assert subscription(api, account)["tier"] == "free"


@pytest.mark.django_db(transaction=True)
def test_a_button_pressed_by_many_at_once_buys_once(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    path = page_of(api, account)
    answers = run_concurrently(*[lambda: Client().post(path).status_code] * 4)
    assert set(answers) <= {200, 302}
    assert subscription(api, account)["tier"] == "pro"
    assert BillingFact.objects.exclude(subscription_id="").values("subscription_id").distinct().count() == 1


def test_a_purchase_cut_short_is_finished_by_the_next_press(
    api: ApiClient, make_user: MakeUser, browser: Client
) -> None:
    account = make_user()
    path = page_of(api, account)
    purchases.complete(Checkout.objects.get())
    Checkout.objects.update(completed_at=None, closed_at=None)  # the process died before it wrote this
    browser.post(path)
    assert subscription(api, account)["tier"] == "pro"
    assert Subscription.objects.count() == 1
    assert Checkout.objects.get().completed_at is not None


def test_buying_another_tier_replaces_the_first(api: ApiClient, make_user: MakeUser, browser: Client) -> None:
    account = make_user()
    browser.post(page_of(api, account, "team"))
    BillingFact.objects.update(occurred_at=datetime.now(UTC) - timedelta(hours=1))
    browser.post(page_of(api, account, "pro"))
    assert subscription(api, account)["tier"] == "pro"
    cancel(api, account)
    assert subscription(api, account)["tier"] == "free"


def test_of_purchases_within_a_second_the_last_one_stays(
    api: ApiClient, make_user: MakeUser, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    started = time.time()
    monkeypatch.setattr("time.time", lambda: started)
    account = make_user()
    tiers = ["power", "pro", "team", "pro", "power", "pro", "team", "power"]
    for tier in tiers:
        browser.post(page_of(api, account, tier))
        assert subscription(api, account)["tier"] == tier
    assert len({fact.subscription_id for fact in BillingFact.objects.exclude(subscription_id="")}) == len(tiers)
    cancel(api, account)
    assert subscription(api, account)["tier"] == "free"


def test_a_stub_subscription_is_cancelled_without_stripe(api: ApiClient, make_user: MakeUser, browser: Client) -> None:
    account = make_user()
    browser.post(page_of(api, account))
    first = cancel(api, account)
    assert (first.status, first.json["tier"], first.json["status"]) == (200, "free", "canceled")
    assert cancel(api, account).json == first.json
    browser.post(page_of(api, account))
    assert subscription(api, account)["tier"] == "pro"


def test_a_later_checkout_closes_the_page(api: ApiClient, make_user: MakeUser, browser: Client) -> None:
    account = make_user()
    first, second = page_of(api, account, "pro"), page_of(api, account, "team")
    assert browser.post(first).status_code == 410
    assert subscription(api, account)["tier"] == "free"
    assert browser.get(second).status_code == 200


def test_a_key_leads_to_the_same_page(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    assert page_of(api, account, key="k-1") == page_of(api, account, key="k-1")
    assert checkout(api, account, "team", key="k-1").status == 422


def _sign_anew(path: str) -> str:
    session_id = path.rsplit("/", maxsplit=1)[-1].split(":", maxsplit=1)[0]
    return "/billing/stub/" + signing.TimestampSigner(key="guessed", salt="billing.stripe.stub.purchases").sign(
        session_id
    )


@pytest.mark.parametrize(
    "forge",
    [
        lambda path: path[:-1],
        lambda path: path + "A",
        lambda path: path.split(":")[0],
        lambda path: path[:14] + "x" * 40,
        lambda path: path[:14] + "None",
        _sign_anew,
    ],
)
def test_an_address_that_we_did_not_make_buys_nothing(
    api: ApiClient, make_user: MakeUser, browser: Client, forge: Callable[[str], str]
) -> None:
    account = make_user()
    Checkout.objects.create(user=account.user, tier="team", price_id="price_team_monthly")
    path = forge(page_of(api, account))
    assert browser.get(path).status_code == 404
    assert browser.post(path).status_code == 404
    assert subscription(api, account)["tier"] == "free"


def test_an_address_is_good_for_a_day(
    api: ApiClient, make_user: MakeUser, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = make_user()
    page_of(api, account)
    session_id = str(Checkout.objects.get().session_id)
    with monkeypatch.context() as yesterday:
        yesterday.setattr("django.core.signing.time.time", lambda: datetime.now(UTC).timestamp() - 25 * 3600)
        path = page_url(session_id).removeprefix("http://localhost:8000")
    assert browser.post(path).status_code == 404
    Checkout.objects.update(expires_at=datetime.now(UTC) - timedelta(minutes=1))
    assert browser.post(page_url(session_id).removeprefix("http://localhost:8000")).status_code == 410
    assert subscription(api, account)["tier"] == "free"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:3000"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
    ],
)
def test_another_sites_form_buys_nothing(
    api: ApiClient, make_user: MakeUser, browser: Client, headers: dict[str, str]
) -> None:
    account = make_user()
    assert browser.post(page_of(api, account), headers=headers).status_code == 403
    assert subscription(api, account)["tier"] == "free"


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://localhost:8000", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "http://testserver"},
        {"Sec-Fetch-Site": "none"},
        {},
    ],
)
def test_our_own_form_buys(api: ApiClient, make_user: MakeUser, browser: Client, headers: dict[str, str]) -> None:
    account = make_user()
    assert browser.post(page_of(api, account), headers=headers).status_code == 302
    assert subscription(api, account)["tier"] == "pro"


@pytest.mark.parametrize("where", [{"IS_PROD": True}, {"STRIPE_SECRET_KEY": "sk_test_" + "x" * 24}])
def test_nothing_is_played_in_production_or_where_there_is_a_key(
    api: ApiClient, make_user: MakeUser, browser: Client, settings: Any, where: dict[str, Any]
) -> None:
    account = make_user()
    path = page_of(api, account)
    for name, value in where.items():
        setattr(settings, name, value)
    assert browser.get(path).status_code == 404
    assert browser.post(path).status_code == 404
    assert subscription(api, account)["tier"] == "free"


def test_the_stubs_events_are_no_key_to_the_public_webhook(api: ApiClient, make_user: MakeUser, settings: Any) -> None:
    from billing.stripe.stub import objects

    account = make_user()
    page_of(api, account)
    customer_id = str(User.objects.get(pk=account.user.pk).stripe_customer_id)
    bought = objects.subscription(
        objects.PlayedSubscription(
            id="sub_stub_1",
            customer_id=customer_id,
            user_id=str(account.user.pk),
            named_tier="team",
            price_id="price_team_monthly",
            created=1,
            period_end=2,
        )
    )
    body = objects.event("evt_stub_1", "customer.subscription.created", bought, created=1)
    headers = {"Stripe-Signature": objects.signature(body, settings.STRIPE_STUB_SECRET)}
    assert api.post("billing/webhook", body=body, headers=headers).status == 503
    settings.STRIPE_WEBHOOK_SECRET = "whsec_another"
    assert api.post("billing/webhook", body=body, headers=headers).status == 400
    assert subscription(api, account)["tier"] == "free"


def test_a_closed_accounts_page_is_gone(api: ApiClient, make_user: MakeUser, browser: Client) -> None:
    account = make_user()
    path = page_of(api, account)
    User.objects.filter(pk=account.user.pk).update(is_active=False)
    assert browser.post(path).status_code == 404


@pytest.mark.parametrize("name", ["done", "cancelled", "back"])
def test_the_pages_to_come_back_to_are_there_in_production(browser: Client, settings: Any, name: str) -> None:
    settings.IS_PROD = True
    answer = browser.get(f"/billing/{name}", secure=True)
    assert answer.status_code == 200
    assert "go back to Adiuva" in answer.content.decode()
    assert browser.post(f"/billing/{name}").status_code == 405


def test_every_page_forbids_scripts_frames_and_keeping(api: ApiClient, make_user: MakeUser, browser: Client) -> None:
    for path in (page_of(api, make_user()), "/billing/done", "/billing/cancelled", "/billing/stub/x"):
        headers = browser.get(path).headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert "no-store" in headers["Cache-Control"]
        assert headers["Referrer-Policy"] == "same-origin"


def test_an_address_cannot_be_turned_into_markup(browser: Client) -> None:
    page = browser.get("/billing/stub/%3Cscript%3Ealert(1)%3C%2Fscript%3E")
    assert page.status_code == 404
    assert b"<script" not in page.content

"""docs/api.md § 10: who owes can pay, and is never credited what they did not."""

from collections.abc import Callable

import pytest
from django.core.management import call_command

from billing.jobs import refresh_customer
from tests.billing import stripe_events as stripe
from tests.billing.conftest import DeliverAll
from tests.billing.deliveries import DAY, T0, buy_at, deliver, make_customer
from tests.billing.purchases import checkout, session_of, subscription
from tests.fakes.stripe_server import LoopbackStripe
from tests.support.accounts import Account
from tests.support.client import ApiClient

MakeUser = Callable[..., Account]

pytestmark = pytest.mark.django_db


@pytest.fixture
def debtor(make_user: MakeUser, stripe_server: LoopbackStripe, deliver_all: DeliverAll) -> Account:
    """Whose renewal could not be charged."""
    account = make_user()
    sub = buy_at(stripe_server, account.user)
    stripe_server.world.advance(60)
    stripe_server.renew(sub, paid=False)
    deliver_all()
    return account


def latest_invoice(server: LoopbackStripe) -> str:
    return str(server.world.all("subscription")[0]["latest_invoice"])


def test_the_open_invoice_is_where_they_pay(
    api: ApiClient, debtor: Account, stripe_server: LoopbackStripe, deliver_all: DeliverAll
) -> None:
    shown = subscription(api, debtor)
    assert (shown["tier"], shown["status"]) == ("pro", "past_due")
    assert shown["past_due_since"].endswith("Z")
    page = f"{stripe_server.base_url}/i/{latest_invoice(stripe_server)}"
    assert shown["pay_url"] == page
    again = checkout(api, debtor)
    assert (again.status, again.json) == (200, {"checkout_url": page})
    assert stripe_server.world.all("checkout.session") == []
    stripe_server.pay_invoice(latest_invoice(stripe_server))
    assert checkout(api, debtor).code == "conflict"  # paid, and not heard of yet
    deliver_all()
    shown = subscription(api, debtor)
    assert (shown["status"], shown["past_due_since"], shown["pay_url"]) == ("active", None, None)
    assert checkout(api, debtor).code == "conflict"


def test_the_page_is_known_while_stripe_is_away(api: ApiClient, debtor: Account, stripe_server: LoopbackStripe) -> None:
    stripe_server.fail("status", path="/v1/invoices", status=503, times=2)
    assert checkout(api, debtor).json["checkout_url"] == subscription(api, debtor)["pay_url"]


def test_the_page_is_asked_for_where_no_event_has_told_it(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    sub = buy_at(stripe_server, account.user)
    stripe_server.world.advance(60)
    stripe_server.renew(sub, paid=False)
    told = [one for one in stripe_server.undelivered() if one["type"] == "customer.subscription.updated"]
    for event in told:
        deliver(api, event)
    assert (subscription(api, account)["status"], subscription(api, account)["pay_url"]) == ("past_due", None)
    refresh_customer(customer_id=str(account.user.stripe_customer_id))
    assert subscription(api, account)["pay_url"].endswith(latest_invoice(stripe_server))


@pytest.mark.parametrize("paid", [True, False])
def test_another_tier_ends_the_unpaid_one_without_credit_for_time_never_paid(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, deliver_all: DeliverAll, paid: bool
) -> None:
    account = make_user()
    old = buy_at(stripe_server, account.user)
    stripe_server.world.advance(60)
    stripe_server.renew(old, paid=paid)
    deliver_all()
    stripe_server.world.advance(60)
    stripe_server.complete_checkout(session_of(checkout(api, account, "power")))
    deliver_all()
    refresh_customer(customer_id=str(account.user.stripe_customer_id))
    assert stripe_server.world.get("subscription", old)["status"] == "canceled"
    customer = stripe_server.world.get("customer", str(account.user.stripe_customer_id))
    assert (customer["balance"] < 0) is paid
    deliver_all()
    shown = subscription(api, account)
    assert (shown["tier"], shown["status"], shown["pay_url"]) == ("power", "active", None)


def test_beyond_the_grace_the_same_tier_is_still_paid_on_the_open_invoice(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    of = {"customer_id": make_customer(account.user)}
    deliver(api, stripe.subscription_created("sub_1", created=T0, **of))
    failed = stripe.payment_failed("sub_1", created=T0 + 30 * DAY, **of)
    deliver(api, failed)
    assert subscription(api, account)["tier"] == "free"
    stripe_server.fail("status", path="/v1/invoices", status=503, times=2)
    assert checkout(api, account).json["checkout_url"] == failed["data"]["object"]["hosted_invoice_url"]


# --- the latest invoice, and no other, decides ---------------------------------------------------------------------


@pytest.mark.usefixtures("stripe_server")
def test_an_older_invoice_neither_makes_nor_settles_a_debt(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    of = {"customer_id": make_customer(account.user)}
    old, new = T0 + 30 * DAY, T0 + 60 * DAY

    def status() -> str:
        return str(subscription(api, account)["status"])

    deliver(api, stripe.subscription_created("sub_1", created=T0, **of))
    deliver(api, stripe.invoice_paid("sub_1", created=new, **of))
    assert status() == "active"
    late = stripe.invoice("sub_1", customer_id=of["customer_id"], paid=False, created=old)
    deliver(api, stripe.event("invoice.payment_failed", late, created=new + 3))
    assert status() == "active"
    deliver(api, stripe.payment_failed("sub_1", created=new + 30 * DAY, **of))
    assert status() == "past_due"
    paid = late | {"status": "paid", "amount_paid": 900}
    deliver(api, stripe.event("invoice.paid", paid, created=new + 31 * DAY))
    assert status() == "past_due"


def test_the_grace_of_a_debt_that_was_not_heard_of_begins_with_its_invoice(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    """The webhook was away for a month; the renewal failed a moment ago."""
    account = make_user()
    stripe_server.world.advance(-31 * DAY)
    sub = buy_at(stripe_server, account.user)
    stripe_server.world.advance(31 * DAY)
    stripe_server.renew(sub, paid=False)
    call_command("sync_stripe", "--fix")
    shown = subscription(api, account)
    assert (shown["tier"], shown["status"]) == ("pro", "past_due")

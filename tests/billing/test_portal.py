"""docs/api.md § 10: Stripe's customer portal, and the invoices."""

from collections.abc import Callable

import pytest

from tests.billing.conftest import DeliverAll
from tests.billing.deliveries import buy_at
from tests.fakes.stripe import objects, subscriptions
from tests.fakes.stripe_server import LoopbackStripe
from tests.support.accounts import Account
from tests.support.client import ApiClient

MakeUser = Callable[..., Account]

pytestmark = pytest.mark.django_db


def test_the_portal_opens_also_for_who_has_bought_nothing(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    answer = api.post("billing/portal", token=account.access_token)
    [session] = stripe_server.world.all("billing_portal.session")
    assert (answer.status, answer.json) == (200, {"portal_url": session["url"]})
    account.user.refresh_from_db()
    assert session["customer"] == account.user.stripe_customer_id
    assert session["return_url"].endswith("/billing/back")
    stripe_server.delete_customer(session["customer"])
    stripe_server.world.tables["customer"].pop(session["customer"])
    assert api.post("billing/portal", token=account.access_token).status == 200
    account.user.refresh_from_db()
    assert account.user.stripe_customer_id != session["customer"]


def test_invoices_are_the_callers_newest_first(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, deliver_all: DeliverAll
) -> None:
    account, other = make_user(), make_user()
    sub = buy_at(stripe_server, account.user, tier="power")
    buy_at(stripe_server, other.user)
    stripe_server.renew(sub, paid=False)
    deliver_all()
    world = stripe_server.world
    course = stripe_server.sell("price_of_a_course", cents=4900)
    subscriptions.start(world, customer_id=str(account.user.stripe_customer_id), prices=[(course, 1)], metadata={})
    draft = objects.invoice(world, world.get("subscription", sub), reason="subscription_cycle", paid=False)
    world.add("invoice", draft | {"status": "draft", "number": None})
    answer = api.get("billing/invoices", token=account.access_token)
    assert answer.status == 200
    assert (answer.json["total"], answer.json["page"], answer.json["limit"]) == (2, 1, 20)
    newest, oldest = answer.json["items"]
    assert [newest["status"], oldest["status"]] == ["open", "paid"]
    [first] = [one for one in world.all("invoice") if one["number"] == oldest["number"]]
    assert oldest == {
        "number": first["number"],
        "status": "paid",
        "total_cents": 1900,
        "currency": "eur",
        "created_at": oldest["created_at"],
        "hosted_url": first["hosted_invoice_url"],
        "pdf_url": first["invoice_pdf"],
    }
    assert api.get("billing/invoices?page=2&limit=1", token=account.access_token).json["items"] == [oldest]
    assert api.get("billing/invoices?page=0", token=account.access_token).status == 400


def test_who_was_never_billed_has_none_and_stripe_is_not_asked(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    answer = api.get("billing/invoices", token=make_user().access_token)
    assert (answer.status, answer.json["items"], answer.json["total"]) == (200, [], 0)
    assert stripe_server.seen == []


@pytest.mark.parametrize(("method", "path"), [("post", "billing/portal"), ("get", "billing/invoices")])
def test_a_stripe_that_is_away_is_a_problem(
    api: ApiClient, make_user: MakeUser, stripe_server: LoopbackStripe, method: str, path: str
) -> None:
    account = make_user()
    buy_at(stripe_server, account.user)
    stripe_server.fail("status", status=503, times=2)
    answer = getattr(api, method)(path, token=account.access_token)
    assert (answer.status, answer.code) == (503, "upstream_unavailable")
    assert getattr(api, method)(path).status == 401

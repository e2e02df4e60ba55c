"""No key to Stripe: nothing is given away in production, and in development a page plays the purchase."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.test import Client

from marketplace.jobs import keep_receipts
from marketplace.models import PluginPurchase
from tests.marketplace.purchases.actions import (
    change,
    has_installed,
    install,
    page_of,
    publish,
    purchases_of,
    require_true_counts,
    sales_of,
)
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def _in_production(settings: Any) -> None:
    settings.IS_PROD = True
    settings.STRIPE_SECRET_KEY = ""


def page(answer: Any, method: str = "get") -> Any:
    return getattr(Client(), method)(urlsplit(page_of(answer)).path)


@pytest.mark.usefixtures("_in_production")
def test_in_production_a_paid_install_is_503_and_never_free(buyer: Account) -> None:
    plugin = publish(price_cents=499)
    answer = install(buyer, plugin)
    assert (answer.status, answer.code) == (503, "not_configured")
    assert not has_installed(buyer, plugin)
    assert not PluginPurchase.objects.exists()


@pytest.mark.usefixtures("_in_production")
def test_in_production_a_free_install_needs_no_stripe(buyer: Account) -> None:
    assert install(buyer, publish()).status == 201


def test_the_stubs_page_shows_what_is_bought_and_for_how_much(buyer: Account) -> None:
    plugin = publish(price_cents=499, name="Slack <Notifier>")
    shown = page(install(buyer, plugin))
    assert shown.status_code == 200
    text = shown.content.decode()
    assert "Slack &lt;Notifier&gt;" in text
    assert "€4.99" in text
    assert "Nothing is charged" in text
    assert buyer.email in text
    assert not has_installed(buyer, plugin)


def test_its_button_buys_and_installs(buyer: Account) -> None:
    plugin = publish(price_cents=499)
    first = install(buyer, plugin)
    assert page(first, "post").status_code == 302
    assert has_installed(buyer, plugin)
    assert (purchases_of(buyer), sales_of(plugin)) == (["paid"], [499])
    assert "is yours" in page(first).content.decode()
    again = install(buyer, plugin)
    assert (again.status, again.json["amount_cents"]) == (200, 499)


def test_pressing_it_twice_buys_once(buyer: Account) -> None:
    plugin = publish(price_cents=499)
    first = install(buyer, plugin)
    assert [page(first, "post").status_code for _ in range(2)] == [302, 200]
    assert sales_of(plugin) == [499]
    require_true_counts(plugin)


def test_the_same_page_again_while_it_is_open(buyer: Account) -> None:
    plugin = publish(price_cents=499)
    assert page_of(install(buyer, plugin)) == page_of(install(buyer, plugin))


def test_a_page_with_an_old_price_is_closed(buyer: Account) -> None:
    plugin = publish(price_cents=499)
    old = install(buyer, plugin)
    change(plugin, price_cents=999)
    new = install(buyer, plugin)
    assert page(old, "post").status_code == 410
    assert "€9.99" in page(new).content.decode()
    assert page(new, "post").status_code == 302
    assert sales_of(plugin) == [999]


def test_another_site_cannot_press_the_button(buyer: Account) -> None:
    plugin = publish(price_cents=499)
    path = urlsplit(page_of(install(buyer, plugin))).path
    assert Client().post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert not has_installed(buyer, plugin)


def test_the_page_after_a_payment_says_thank_you() -> None:
    assert "Thank you" in Client().get("/billing/paid").content.decode()


def test_the_receipt_is_the_page_on_which_it_was_paid(buyer: Account) -> None:
    assert page(install(buyer, publish(price_cents=499)), "post").status_code == 302
    keep_receipts()
    (bought,) = ApiClient().get("plugins/purchases", token=buyer.access_token).json["items"]
    assert "is yours" in Client().get(urlsplit(bought["receipt_url"]).path).content.decode()

"""Receipts of what was bought: asked for by the clock, kept, and shown to the buyer."""

from datetime import timedelta
from typing import Any

import pytest
from django.db.models import F

from adiuva.api.errors import UpstreamError
from marketplace.erasure import erase_buyer
from marketplace.jobs import keep_missed_receipts, keep_receipts
from marketplace.models import PluginPurchase
from tests.fakes.stripe_server import LoopbackStripe
from tests.marketplace.purchases.actions import give_card, install, publish
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db


def receipts(account: Account) -> list[Any]:
    listed = ApiClient().get("plugins/purchases", token=account.access_token).json["items"]
    return [one["receipt_url"] for one in listed]


@pytest.fixture
def bought(stripe: LoopbackStripe, buyer: Account) -> Account:
    give_card(stripe, buyer)
    assert install(buyer, publish(price_cents=499)).status == 201
    return buyer


def asked(stripe: LoopbackStripe) -> int:
    (intent,) = stripe.world.all("payment_intent")
    return len(stripe.calls("GET", f"/v1/payment_intents/{intent['id']}"))


def test_a_receipt_is_asked_for_once_and_kept(stripe: LoopbackStripe, bought: Account) -> None:
    assert receipts(bought) == [None]
    keep_receipts()
    keep_receipts()
    (intent,) = stripe.world.all("payment_intent")
    assert receipts(bought) == [f"https://pay.stripe.com/receipts/{intent['id']}"]
    assert asked(stripe) == 1


@pytest.mark.parametrize("url", [None, "", "javascript:alert(1)", 7])
def test_what_is_no_receipt_is_not_shown(stripe: LoopbackStripe, bought: Account, url: Any) -> None:
    stripe.world.all("charge")[0]["receipt_url"] = url
    keep_receipts()
    assert receipts(bought) == [None]


def test_it_is_asked_for_often_for_a_day_then_seldom_for_a_month(stripe: LoopbackStripe, bought: Account) -> None:
    keep_missed_receipts()
    assert (receipts(bought), asked(stripe)) == ([None], 0)
    PluginPurchase.objects.update(paid_at=F("paid_at") - timedelta(days=30))
    keep_missed_receipts()
    assert (receipts(bought), asked(stripe)) == ([None], 0)
    PluginPurchase.objects.update(paid_at=F("paid_at") + timedelta(days=29))
    keep_receipts()
    assert (receipts(bought), asked(stripe)) == ([None], 0)
    keep_missed_receipts()
    assert receipts(bought) != [None]


def test_when_stripe_fails_it_is_asked_for_later(stripe: LoopbackStripe, bought: Account) -> None:
    (intent,) = stripe.world.all("payment_intent")
    stripe.fail("status", path=f"/v1/payment_intents/{intent['id']}", times=2)
    with pytest.raises(UpstreamError):
        keep_receipts()
    keep_receipts()
    assert receipts(bought) != [None]


def test_of_a_buyer_who_leaves_none_is_kept(stripe: LoopbackStripe, bought: Account) -> None:
    keep_receipts()
    erase_buyer(bought.user.pk)
    assert PluginPurchase.objects.get().receipt_url == ""
    keep_receipts()
    assert PluginPurchase.objects.get().receipt_url == ""
    PluginPurchase.objects.update(receipt_url="https://pay.example/of-an-erasure-by-the-version-before")
    keep_missed_receipts()
    assert PluginPurchase.objects.get().receipt_url == ""

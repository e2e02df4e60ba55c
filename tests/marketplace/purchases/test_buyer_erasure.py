"""A buyer deletes their account."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts import erasure
from billing.models import OperatorAlert
from marketplace.models import PluginInstallation, PluginPurchase, PluginRating, RevenueEvent
from tests.fakes.stripe_server import LoopbackStripe
from tests.marketplace.purchases.actions import (
    charged_cents,
    deliver_all,
    give_card,
    install,
    lose_answers,
    publish,
    rate,
    require_true_counts,
    sales_of,
    session_of,
)
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db

MakeUser = Callable[..., Account]


def leave(account: Account) -> bool:
    erasure.close_account(user=account.user)
    return erasure.erase(user_id=account.user.pk)


def test_installations_and_ratings_go_and_are_counted_no_more(buyer: Account, make_user: MakeUser) -> None:
    plugin, other = publish(), make_user(tier="team")
    for account, stars in ((buyer, 1), (other, 5)):
        install(account, plugin)
        rate(account, plugin, stars)
    assert leave(buyer)
    assert PluginInstallation.objects.count() == 1
    assert PluginRating.objects.count() == 1
    require_true_counts(plugin)
    plugin.refresh_from_db()
    assert (plugin.install_count, plugin.avg_rating) == (1, 5)


def test_purchases_and_sales_stay_without_a_name(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    install(buyer, plugin)
    assert leave(buyer)
    purchase = PluginPurchase.objects.get()
    assert (purchase.user, purchase.status, purchase.amount_cents) == (None, "paid", 499)
    assert RevenueEvent.objects.get().user is None
    require_true_counts(plugin)


def test_an_open_page_is_closed(stripe: LoopbackStripe, buyer: Account) -> None:
    install(buyer, publish(price_cents=499))
    assert leave(buyer)
    assert [one["status"] for one in stripe.world.all("checkout.session")] == ["expired"]
    purchase = PluginPurchase.objects.get()
    assert (purchase.status, purchase.user, purchase.checkout_url) == ("failed", None, "")


def test_a_page_that_was_paid_at_the_last_moment_is_a_sale(stripe: LoopbackStripe, buyer: Account) -> None:
    plugin = publish(price_cents=499)
    stripe.complete_checkout(session_of(install(buyer, plugin)))
    assert leave(buyer)
    assert sales_of(plugin) == [499]
    assert PluginPurchase.objects.get().status == "paid"
    assert not PluginInstallation.objects.exists()
    deliver_all(stripe)
    assert sales_of(plugin) == [499]


@pytest.mark.thorough
def test_a_charge_that_is_heard_of_after_the_buyer_left_is_a_sale(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    with lose_answers(stripe):
        assert install(buyer, plugin).status == 504
    assert leave(buyer)
    deliver_all(stripe)
    assert (charged_cents(stripe), sales_of(plugin)) == ([499], [499])
    assert not PluginInstallation.objects.exists()
    require_true_counts(plugin)


def test_while_stripe_is_away_the_erasure_waits(stripe: LoopbackStripe, buyer: Account) -> None:
    install(buyer, publish(price_cents=499))
    stripe.fail("status", path="/v1/checkout/sessions/.*", status=503, times=20)
    assert not leave(buyer)
    assert PluginPurchase.objects.get().user == buyer.user
    stripe.mend()
    assert erasure.erase(user_id=buyer.user.pk)
    assert PluginPurchase.objects.get().user is None


def test_without_the_key_an_operator_is_told_which_page_to_close(
    stripe: LoopbackStripe, buyer: Account, settings: Any
) -> None:
    session_id = session_of(install(buyer, publish(price_cents=499)))
    settings.STRIPE_SECRET_KEY, settings.IS_PROD = "", True
    assert leave(buyer)
    alert = OperatorAlert.objects.get()
    assert (alert.kind, alert.reference) == ("plugin_page_left_open", session_id)


def test_it_may_run_again(stripe: LoopbackStripe, buyer: Account) -> None:
    plugin = publish()
    install(buyer, plugin)
    rate(buyer, plugin, 3)
    erasure.close_account(user=buyer.user)
    for _ in range(2):
        assert erasure.erase(user_id=buyer.user.pk)
    require_true_counts(plugin)

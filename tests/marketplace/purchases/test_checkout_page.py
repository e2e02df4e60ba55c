"""A paid plugin, and no card on file: a page to pay on."""

from datetime import UTC, datetime, timedelta

import pytest

from billing.models import OperatorAlert
from marketplace.models import PluginPurchase
from tests.fakes.stripe_server import LoopbackStripe
from tests.marketplace.purchases.actions import (
    change,
    charged_cents,
    deliver_all,
    give_card,
    has_installed,
    install,
    lose_answers,
    page_of,
    publish,
    purchases_of,
    require_true_counts,
    sales_of,
    session_of,
    take_down,
    uninstall,
)
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db


def open_sessions(stripe: LoopbackStripe) -> list[int]:
    """The amounts that could be paid now."""
    return [one["amount_total"] for one in stripe.world.all("checkout.session") if one["status"] == "open"]


def test_without_a_card_it_is_402_with_a_page(stripe: LoopbackStripe, buyer: Account) -> None:
    plugin = publish(price_cents=499)
    answer = install(buyer, plugin)
    assert page_of(answer).startswith(stripe.base_url)
    (session,) = stripe.world.all("checkout.session")
    assert (session["mode"], session["amount_total"], session["currency"]) == ("payment", 499, "eur")
    assert session["customer"] == stripe.world.all("customer")[0]["id"]
    assert not has_installed(buyer, plugin)
    assert charged_cents(stripe) == []


def test_paying_on_the_page_installs(stripe: LoopbackStripe, buyer: Account) -> None:
    plugin = publish(price_cents=499)
    stripe.complete_checkout(session_of(install(buyer, plugin)))
    assert "checkout.session.completed" in deliver_all(stripe)
    assert has_installed(buyer, plugin)
    again = install(buyer, plugin)
    assert (again.status, again.json["amount_cents"]) == (200, 499)
    assert sales_of(plugin) == [499]
    require_true_counts(plugin)


def test_who_comes_back_from_the_page_need_not_wait_for_the_event(stripe: LoopbackStripe, buyer: Account) -> None:
    plugin = publish(price_cents=499)
    stripe.complete_checkout(session_of(install(buyer, plugin)))
    answer = install(buyer, plugin)
    assert (answer.status, answer.json["amount_cents"]) == (201, 499)
    deliver_all(stripe)
    assert charged_cents(stripe) == [499]
    assert sales_of(plugin) == [499]
    require_true_counts(plugin)


def test_the_same_page_is_used_while_it_is_open(stripe: LoopbackStripe, buyer: Account) -> None:
    plugin = publish(price_cents=499)
    assert len({page_of(install(buyer, plugin)) for _ in range(3)}) == 1
    assert open_sessions(stripe) == [499]


def test_an_expired_page_is_followed_by_a_new_one(stripe: LoopbackStripe, buyer: Account) -> None:
    plugin = publish(price_cents=499)
    first = page_of(install(buyer, plugin))
    stripe.world.advance(25 * 3600)
    second = page_of(install(buyer, plugin))
    assert first != second
    assert purchases_of(buyer) == ["failed", "pending"]
    stripe.complete_checkout(second.rsplit("/", 1)[1])
    deliver_all(stripe)
    assert purchases_of(buyer) == ["failed", "paid"]


def test_after_an_expired_page_the_saved_card_is_tried_again(stripe: LoopbackStripe, buyer: Account) -> None:
    plugin = publish(price_cents=499)
    install(buyer, plugin)
    give_card(stripe, buyer)
    stripe.world.advance(25 * 3600)
    assert install(buyer, plugin).status == 201
    assert charged_cents(stripe) == [499]


def test_a_page_that_stripe_has_lost_is_followed_by_a_new_one(stripe: LoopbackStripe, buyer: Account) -> None:
    plugin = publish(price_cents=499)
    first = session_of(install(buyer, plugin))
    del stripe.world.tables["checkout.session"][first]
    assert session_of(install(buyer, plugin)) != first


def test_a_customer_who_is_gone_at_stripe_gets_a_successor(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer)
    stripe.delete_customer(str(buyer.user.stripe_customer_id))
    plugin = publish(price_cents=499)
    stripe.complete_checkout(session_of(install(buyer, plugin)))
    deliver_all(stripe)
    assert has_installed(buyer, plugin)


# --- the price changes


@pytest.mark.parametrize("price_cents", [299, 999])
def test_an_open_page_with_the_old_price_is_closed(stripe: LoopbackStripe, buyer: Account, price_cents: int) -> None:
    plugin = publish(price_cents=499)
    install(buyer, plugin)
    change(plugin, price_cents=price_cents)
    answer = install(buyer, plugin)
    assert open_sessions(stripe) == [price_cents]
    stripe.complete_checkout(session_of(answer))
    deliver_all(stripe)
    assert install(buyer, plugin).json["amount_cents"] == price_cents
    assert purchases_of(buyer) == ["failed", "paid"]


def test_a_page_that_was_paid_before_the_price_changed_counts(stripe: LoopbackStripe, buyer: Account) -> None:
    plugin = publish(price_cents=499)
    stripe.complete_checkout(session_of(install(buyer, plugin)))
    change(plugin, price_cents=999)
    answer = install(buyer, plugin)
    assert (answer.status, answer.json["amount_cents"]) == (201, 499)
    assert charged_cents(stripe) == [499]


def test_a_plugin_that_begins_to_be_free_closes_its_page(stripe: LoopbackStripe, buyer: Account) -> None:
    plugin = publish(price_cents=499)
    install(buyer, plugin)
    change(plugin, price_cents=0)
    answer = install(buyer, plugin)
    assert (answer.status, answer.json["amount_cents"]) == (201, 0)
    assert open_sessions(stripe) == []


@pytest.mark.thorough
def test_a_failing_stripe_does_not_keep_a_free_plugin_from_anybody(stripe: LoopbackStripe, buyer: Account) -> None:
    plugin = publish(price_cents=499)
    install(buyer, plugin)
    change(plugin, price_cents=0)
    stripe.fail("status", times=10)
    assert install(buyer, plugin).status == 201


def test_a_purchase_that_never_got_as_far_as_stripe_takes_the_new_price(stripe: LoopbackStripe, buyer: Account) -> None:
    plugin = publish(price_cents=499)
    stripe.fail("status", path="/v1/customers", times=2)
    assert install(buyer, plugin).status == 502
    stripe.mend()
    change(plugin, price_cents=999)
    install(buyer, plugin)
    assert open_sessions(stripe) == [999]


# --- late payments


def test_a_payment_for_what_is_not_live_any_more_counts_and_tells_an_operator(
    stripe: LoopbackStripe, buyer: Account
) -> None:
    plugin = publish(price_cents=499)
    session = stripe.complete_checkout(session_of(install(buyer, plugin)))
    take_down(plugin)
    deliver_all(stripe)
    assert not has_installed(buyer, plugin)
    assert purchases_of(buyer) == ["paid"]
    alert = OperatorAlert.objects.get()
    assert (alert.kind, alert.reference) == ("plugin_paid_not_installed", session["payment_intent"])

    change(plugin, status="approved", takedown_reason="")
    assert install(buyer, plugin).status == 201
    assert charged_cents(stripe) == [499]


def test_a_payment_for_what_its_author_has_withdrawn_meanwhile_gives_what_was_bought(
    stripe: LoopbackStripe, buyer: Account
) -> None:
    plugin = publish(price_cents=499)
    stripe.complete_checkout(session_of(install(buyer, plugin)))
    change(plugin, status="withdrawn")
    deliver_all(stripe)
    assert (has_installed(buyer, plugin), purchases_of(buyer)) == (True, ["paid"])
    assert not OperatorAlert.objects.exists()
    assert install(buyer, plugin).status == 200


def test_a_purchase_that_was_given_up_and_is_paid_all_the_same_counts(stripe: LoopbackStripe, buyer: Account) -> None:
    plugin = publish(price_cents=499)
    first = session_of(install(buyer, plugin))
    PluginPurchase.objects.update(status="failed")
    install(buyer, plugin)
    stripe.complete_checkout(first)
    deliver_all(stripe)
    assert has_installed(buyer, plugin)
    assert purchases_of(buyer) == ["paid", "failed"]
    assert sales_of(plugin) == [499]


def test_a_second_payment_is_no_second_sale_and_tells_an_operator(stripe: LoopbackStripe, buyer: Account) -> None:
    plugin = publish(price_cents=499)
    first = session_of(install(buyer, plugin))
    PluginPurchase.objects.update(status="failed")
    second = session_of(install(buyer, plugin))
    stripe.complete_checkout(second)
    deliver_all(stripe)
    paid_too = stripe.complete_checkout(first)
    deliver_all(stripe)
    assert purchases_of(buyer) == ["failed", "paid"]
    assert sales_of(plugin) == [499]
    alert = OperatorAlert.objects.get()
    assert (alert.kind, alert.reference) == ("plugin_paid_twice", paid_too["payment_intent"])


def test_an_uninstalled_plugin_is_not_brought_back_by_a_late_event(stripe: LoopbackStripe, buyer: Account) -> None:
    plugin = publish(price_cents=499)
    stripe.complete_checkout(session_of(install(buyer, plugin)))
    install(buyer, plugin)
    uninstall(buyer, plugin)
    deliver_all(stripe)
    assert not has_installed(buyer, plugin)
    require_true_counts(plugin)


@pytest.mark.thorough
def test_a_long_unanswered_charge_is_looked_up_and_not_made_again(stripe: LoopbackStripe, buyer: Account) -> None:
    """Stripe may have forgotten its idempotency key by then."""
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    with lose_answers(stripe):
        assert install(buyer, plugin).status == 504
    PluginPurchase.objects.update(created_at=datetime.now(UTC) - timedelta(hours=30))
    answer = install(buyer, plugin)
    assert (answer.status, answer.json["amount_cents"]) == (201, 499)
    assert len(stripe.world.all("payment_intent")) == 1


@pytest.mark.thorough
def test_a_charge_that_never_reached_stripe_is_made_anew_after_a_day(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    with lose_answers(stripe, kind="stall"):
        assert install(buyer, plugin).status == 504
    PluginPurchase.objects.update(created_at=datetime.now(UTC) - timedelta(hours=30))
    assert install(buyer, plugin).status == 201
    assert charged_cents(stripe) == [499]
    assert purchases_of(buyer) == ["failed", "paid"]

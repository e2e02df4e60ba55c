"""A paid plugin, and a card on file."""

from collections.abc import Callable

import pytest
from django.db import IntegrityError

from billing.models import OperatorAlert
from marketplace.models import PluginPurchase, RevenueEvent
from tests.fakes.stripe import payments
from tests.fakes.stripe.payments import Manner
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
    uninstall,
)
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db

MakeUser = Callable[..., Account]


def test_the_saved_card_is_charged_and_the_plugin_installed(stripe: LoopbackStripe, buyer: Account) -> None:
    card_id, plugin = give_card(stripe, buyer), publish(price_cents=499)
    answer = install(buyer, plugin)
    assert (answer.status, answer.json["amount_cents"]) == (201, 499)
    assert charged_cents(stripe) == [499]
    (intent,) = stripe.world.all("payment_intent")
    assert (intent["currency"], intent["payment_method"]) == ("eur", card_id)
    purchase = PluginPurchase.objects.get()
    assert intent["metadata"] == {
        "purchase_id": str(purchase.pk),
        "plugin_id": plugin.pk,
        "user_id": str(buyer.user.pk),
    }
    assert (purchase.status, purchase.payment_intent_id, purchase.currency) == ("paid", intent["id"], "eur")
    assert sales_of(plugin) == [499]
    require_true_counts(plugin)


def test_the_purchase_is_written_before_stripe_is_asked_under_a_key_of_its_own(
    stripe: LoopbackStripe, buyer: Account
) -> None:
    give_card(stripe, buyer)
    install(buyer, publish(price_cents=499))
    (call,) = stripe.calls("POST", "/v1/payment_intents")
    assert call.idempotency_key == f"purchase:{PluginPurchase.objects.get().pk}"
    for part in ("off_session=true", "confirm=true", "amount=499", "currency=eur"):
        assert part in call.form


def test_again_charges_nothing_and_says_the_same(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    first, again = install(buyer, plugin), install(buyer, plugin)
    assert (first.status, again.status) == (201, 200)
    assert first.json == again.json
    assert charged_cents(stripe) == [499]


def test_what_was_bought_is_kept_after_uninstalling(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    install(buyer, plugin)
    uninstall(buyer, plugin)
    change(plugin, price_cents=999, version="2.0.0")
    again = install(buyer, plugin)
    assert (again.status, again.json["version"], again.json["amount_cents"]) == (201, "2.0.0", 499)
    assert charged_cents(stripe) == [499]
    assert sales_of(plugin) == [499]


def test_each_buyer_pays_for_themselves(stripe: LoopbackStripe, buyer: Account, make_user: MakeUser) -> None:
    other, plugin = make_user(tier="team"), publish(price_cents=499)
    give_card(stripe, buyer)
    give_card(stripe, other)
    assert [install(account, plugin).status for account in (buyer, other)] == [201, 201]
    assert charged_cents(stripe) == [499, 499]
    assert {one["customer"] for one in stripe.world.all("charge")} == {
        buyer.user.stripe_customer_id,
        other.user.stripe_customer_id,
    }


def test_the_card_that_a_subscription_left_is_used(stripe: LoopbackStripe, buyer: Account) -> None:
    """Checkout keeps it without making it the customer's default."""
    give_card(stripe, buyer, is_default=False)
    assert install(buyer, publish(price_cents=499)).status == 201
    assert charged_cents(stripe) == [499]


@pytest.mark.parametrize("manner", ["declined", "authentication_required"])
def test_a_bank_that_wants_its_customer_leads_to_a_page(stripe: LoopbackStripe, buyer: Account, manner: Manner) -> None:
    give_card(stripe, buyer, manner=manner)
    plugin = publish(price_cents=499)
    answer = install(buyer, plugin)
    assert page_of(answer).startswith(stripe.base_url)
    assert not has_installed(buyer, plugin)
    assert purchases_of(buyer) == ["pending"]
    assert not RevenueEvent.objects.exists()

    stripe.complete_checkout(session_of(answer))
    deliver_all(stripe)
    assert has_installed(buyer, plugin)
    assert charged_cents(stripe) == [499]


def test_a_refused_card_is_not_tried_again_while_there_is_a_page(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer, manner="declined")
    plugin = publish(price_cents=499)
    first = install(buyer, plugin)
    give_card(stripe, buyer)
    assert page_of(install(buyer, plugin)) == page_of(first)
    assert charged_cents(stripe) == []


def test_a_card_that_is_taken_away_meanwhile_leads_to_a_page(stripe: LoopbackStripe, buyer: Account) -> None:
    card_id, plugin = give_card(stripe, buyer), publish(price_cents=499)
    stripe.fail("status", path="/v1/payment_intents", status=500, times=2)
    assert install(buyer, plugin).status == 502
    stripe.take_card_away(card_id)
    assert install(buyer, plugin).status == 402
    assert charged_cents(stripe) == []


def test_a_bank_that_takes_its_time_is_504_and_the_event_finishes_it(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer, manner="slow_bank")
    plugin = publish(price_cents=499)
    answer = install(buyer, plugin)
    assert (answer.status, answer.code) == (504, "upstream_timeout")
    assert not has_installed(buyer, plugin)

    (intent,) = stripe.world.all("payment_intent")
    stripe.pay(intent["id"])
    deliver_all(stripe)
    assert has_installed(buyer, plugin)
    assert install(buyer, plugin).status == 200
    assert charged_cents(stripe) == [499]


def test_a_slow_yes_is_found_by_the_next_call(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer, manner="slow_bank")
    plugin = publish(price_cents=499)
    assert [install(buyer, plugin).status for _ in range(2)] == [504, 504]
    stripe.pay(stripe.world.all("payment_intent")[0]["id"])
    assert install(buyer, plugin).status == 201
    assert charged_cents(stripe) == [499]


def test_a_slow_no_leads_to_a_page(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer, manner="slow_bank")
    plugin = publish(price_cents=499)
    assert install(buyer, plugin).status == 504
    stripe.world.all("payment_intent")[0]["status"] = "requires_payment_method"
    assert install(buyer, plugin).status == 402
    assert charged_cents(stripe) == []


@pytest.mark.parametrize("has_card", [True, False])
def test_what_stripe_charges_to_nobody_is_said_and_never_given_away(
    stripe: LoopbackStripe, buyer: Account, monkeypatch: pytest.MonkeyPatch, has_card: bool
) -> None:
    """The least depends on the currency of the account's balance: with CZK it is 15 Kč, which is more than €0.50."""
    if has_card:
        give_card(stripe, buyer)
    monkeypatch.setitem(payments.LEAST_CENTS, "eur", 60)
    plugin = publish(price_cents=55)
    for _ in range(2):
        answer = install(buyer, plugin)
        assert (answer.status, answer.code) == (409, "conflict")
        assert "too small to be charged" in answer.json["detail"]
    assert not has_installed(buyer, plugin)
    assert set(purchases_of(buyer)) == {"failed"}
    alert = OperatorAlert.objects.get()
    assert (alert.kind, alert.reference) == ("plugin_price_too_small", plugin.pk)
    assert "€0.55" in alert.message
    change(plugin, price_cents=60)
    assert install(buyer, plugin).status == (201 if has_card else 402)


def test_a_price_of_before_the_rule_is_not_asked_for(stripe: LoopbackStripe, buyer: Account) -> None:
    plugin = publish(price_cents=49, is_unsellable=True)
    asked = len(stripe.seen)
    assert install(buyer, plugin).status == 409
    assert (len(stripe.seen), purchases_of(buyer)) == (asked, [])


def test_a_price_that_cannot_be_charged_is_no_price(db: None) -> None:
    with pytest.raises(IntegrityError, match="plugins_price_can_be_charged"):
        publish(price_cents=49)


def test_a_stored_failure_of_a_charge_leads_to_a_page_and_charges_once(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    stripe.fail("stored_status", path="/v1/payment_intents", method="POST")
    answer = install(buyer, plugin)
    assert len({call.idempotency_key for call in stripe.calls("POST", "/v1/payment_intents")}) == 1
    stripe.complete_checkout(session_of(answer))
    assert install(buyer, plugin).status == 201
    assert charged_cents(stripe) == [499]


def test_a_stored_failure_of_a_page_is_left_behind(stripe: LoopbackStripe, buyer: Account) -> None:
    plugin = publish(price_cents=499)
    stripe.fail("stored_status", path="/v1/checkout/sessions", method="POST")
    first = page_of(install(buyer, plugin))
    assert page_of(install(buyer, plugin)) == first


@pytest.mark.thorough
def test_a_charge_that_was_made_before_stripe_failed_is_found(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    with lose_answers(stripe):
        assert install(buyer, plugin).status == 504
    stripe.forget_keys()
    stripe.fail("stored_status", path="/v1/payment_intents", method="POST")
    assert install(buyer, plugin).status == 201
    assert charged_cents(stripe) == [499]


@pytest.mark.parametrize(("status", "answered"), [(500, 502), (503, 503), (429, 503), (401, 502)])
def test_a_failing_stripe_installs_nothing_and_the_next_call_buys(
    stripe: LoopbackStripe, buyer: Account, status: int, answered: int
) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    stripe.fail("status", path="/v1/payment_intents", status=status, times=2)
    answer = install(buyer, plugin)
    assert answer.status == answered
    assert b"SECRET" not in answer.content
    assert not has_installed(buyer, plugin)
    stripe.mend()
    assert install(buyer, plugin).status == 201
    assert charged_cents(stripe) == [499]


def test_what_was_bought_is_installed_again_after_its_author_has_left(
    stripe: LoopbackStripe, buyer: Account, make_user: MakeUser
) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    install(buyer, plugin)
    uninstall(buyer, plugin)
    change(plugin, status="withdrawn", author=None)
    again = install(buyer, plugin)
    assert (again.status, again.json["amount_cents"]) == (201, 499)
    assert charged_cents(stripe) == [499]
    assert install(make_user(tier="power"), plugin).status == 404

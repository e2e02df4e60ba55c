"""Whoever has their money back does not have the plugin any more."""

from typing import Any

import pytest

from marketplace.models import PluginPurchase
from tests.billing.stripe_events import event
from tests.fakes.stripe_server import LoopbackStripe
from tests.marketplace.purchases.actions import (
    change,
    charged_cents,
    deliver,
    deliver_all,
    give_card,
    has_installed,
    install,
    lose_answers,
    publish,
    purchases_of,
    require_true_counts,
)
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db

T0 = 1_790_000_000


def charge_refunded(stripe: LoopbackStripe, cents: int) -> dict[str, Any]:
    """Stripe's event about the only charge there is, of which so many cents went back."""
    (charge,) = stripe.world.all("charge")
    return event("charge.refunded", {**charge, "amount_refunded": cents, "refunded": cents == 499}, created=T0)


def dispute(status: str, *, created: int) -> dict[str, Any]:
    about = {
        "id": "dp_1",
        "object": "dispute",
        "amount": 499,
        "charge": "ch_1",
        "currency": "eur",
        "payment_intent": PluginPurchase.objects.get().payment_intent_id,
        "status": status,
    }
    return event("charge.dispute.updated", about, created=created)


def test_a_full_refund_ends_the_installation_and_it_costs_again(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    install(buyer, plugin)
    assert deliver(charge_refunded(stripe, 499)).status == 200
    assert not has_installed(buyer, plugin)
    require_true_counts(plugin)
    assert install(buyer, plugin).status == 201
    assert charged_cents(stripe) == [499, 499]
    assert purchases_of(buyer) == ["refunded", "paid"]


def test_a_partial_refund_leaves_it(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    install(buyer, plugin)
    deliver(charge_refunded(stripe, 498))
    assert has_installed(buyer, plugin)
    assert install(buyer, plugin).status == 200
    assert charged_cents(stripe) == [499]


@pytest.mark.thorough
def test_a_refund_that_is_heard_of_before_the_payment_installs_nothing(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    with lose_answers(stripe):
        install(buyer, plugin)
    deliver(charge_refunded(stripe, 499))
    deliver_all(stripe)
    assert purchases_of(buyer) == ["refunded"]
    assert not has_installed(buyer, plugin)
    require_true_counts(plugin)


def test_a_refund_of_what_is_free_by_now_takes_nothing_away(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    install(buyer, plugin)
    change(plugin, price_cents=0)
    deliver(charge_refunded(stripe, 499))
    assert has_installed(buyer, plugin)


def test_a_dispute_ends_it_until_it_is_won(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    install(buyer, plugin)
    deliver(dispute("needs_response", created=T0))
    assert not has_installed(buyer, plugin)
    deliver(dispute("won", created=T0 + 1))
    assert install(buyer, plugin).status == 201
    assert charged_cents(stripe) == [499]
    require_true_counts(plugin)

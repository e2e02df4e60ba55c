"""Answers that are lost, events in any order: charged once, and whoever paid has it."""

import random
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.db import connection

from marketplace.models import PluginPurchase
from tests.fakes.stripe.faults import Kind
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
    sales_of,
    session_of,
)
from tests.support.accounts import Account
from tests.support.thorough import thorough

pytestmark = pytest.mark.django_db

MakeUser = Callable[..., Account]


@pytest.mark.parametrize("kind", [thorough("timeout_after_commit"), "reset_after_commit"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_charge_whose_answer_is_lost_is_made_once(
    stripe: LoopbackStripe, buyer: Account, kind: Kind, times: int
) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    # The SDK asks once more by itself, under the same key; that try must be answered in time where there is one fault.
    with lose_answers(stripe, kind=kind, times=times, seconds=0.5 if times == 2 else 3):
        first = install(buyer, plugin)
    assert first.status == (201 if times == 1 else 504 if kind == "timeout_after_commit" else 503)
    assert has_installed(buyer, plugin) is (times == 1)
    assert install(buyer, plugin).status == (200 if times == 1 else 201)
    assert charged_cents(stripe) == [499]
    assert sales_of(plugin) == [499]


@pytest.mark.thorough
def test_after_a_504_the_event_finishes_it(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    with lose_answers(stripe):
        assert install(buyer, plugin).status == 504
    deliver_all(stripe)
    assert has_installed(buyer, plugin)
    assert (install(buyer, plugin).status, charged_cents(stripe)) == (200, [499])
    require_true_counts(plugin)


@pytest.mark.thorough
def test_an_event_in_the_middle_of_a_request_is_no_gift(stripe: LoopbackStripe, buyer: Account) -> None:
    """The request has just seen that nothing is paid; when it looks for an installation, there is one."""
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    stripe.fail("timeout_after_commit", path="/v1/payment_intents", times=2)
    assert install(buyer, plugin).status == 504
    waiting = [partial(deliver_all, stripe)]

    def in_between(execute: Callable[..., Any], sql: str, *rest: Any) -> Any:
        result = execute(sql, *rest)
        if waiting and 'FROM "plugin_purchases"' in sql:
            waiting.pop()()
        return result

    with connection.execute_wrapper(in_between):
        answer = install(buyer, plugin)
    assert waiting == []
    assert (answer.status, answer.json["amount_cents"]) == (200, 499)
    assert charged_cents(stripe) == [499]


@pytest.mark.thorough
def test_while_it_is_unknown_whether_a_card_was_charged_the_amount_stays(
    stripe: LoopbackStripe, buyer: Account
) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    with lose_answers(stripe):
        assert install(buyer, plugin).status == 504
    change(plugin, price_cents=999)
    answer = install(buyer, plugin)
    assert (answer.status, answer.json["amount_cents"]) == (201, 499)
    assert charged_cents(stripe) == [499]


@pytest.mark.thorough
def test_a_refused_card_pays_the_new_price_on_the_page(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer, manner="declined")
    plugin = publish(price_cents=499)
    with lose_answers(stripe):
        assert install(buyer, plugin).status == 504
    change(plugin, price_cents=999)
    install(buyer, plugin)
    assert [one["amount_total"] for one in stripe.world.all("checkout.session")] == [999]


@pytest.mark.thorough
def test_a_changed_default_card_does_not_charge_twice(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    with lose_answers(stripe):
        assert install(buyer, plugin).status == 504
    give_card(stripe, buyer)
    assert install(buyer, plugin).status == 201
    assert charged_cents(stripe) == [499]


@pytest.mark.thorough
def test_a_page_whose_address_is_lost_is_made_once(stripe: LoopbackStripe, buyer: Account) -> None:
    plugin = publish(price_cents=499)
    with lose_answers(stripe, "/v1/checkout/sessions"):
        assert install(buyer, plugin).status == 504
    assert install(buyer, plugin).status == 402
    assert len(stripe.world.all("checkout.session")) == 1


@pytest.mark.thorough
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("on_a_page", [True, False])
def test_events_in_any_order_and_twice_end_the_same(
    stripe: LoopbackStripe, buyer: Account, seed: int, on_a_page: bool
) -> None:
    plugin = publish(price_cents=499)
    if on_a_page:
        stripe.complete_checkout(session_of(install(buyer, plugin)))
    else:
        give_card(stripe, buyer)
        with lose_answers(stripe):
            assert install(buyer, plugin).status == 504
    events = stripe.undelivered() * 2
    random.Random(seed).shuffle(events)  # noqa: S311 - the order
    half = len(events) // 2
    answers = [deliver(event) for event in events[:half]]
    install(buyer, plugin)
    answers += [deliver(event) for event in events[half:]]
    assert {answer.status for answer in answers} == {200}
    assert sum(answer.json.get("duplicate", False) for answer in answers) == half
    assert has_installed(buyer, plugin)
    assert (purchases_of(buyer), charged_cents(stripe), sales_of(plugin)) == (["paid"], [499], [499])
    require_true_counts(plugin)


def test_payments_that_are_not_of_this_shop_change_nothing(stripe: LoopbackStripe, buyer: Account) -> None:
    give_card(stripe, buyer)
    plugin = publish(price_cents=499)
    install(buyer, plugin)
    (paid,) = [one for one in stripe.undelivered() if one["type"] == "payment_intent.succeeded"]
    for number, metadata in enumerate(({}, {"purchase_id": "no id"}, {"purchase_id": str(buyer.user.pk)}, None)):
        intent = {**paid["data"]["object"], "metadata": metadata}
        answer = deliver({**paid, "id": f"evt_other_{number}", "data": {"object": intent}})
        assert answer.status == 200
    assert purchases_of(buyer) == ["paid"]


def test_what_a_connected_account_sells_is_its_own_business(stripe: LoopbackStripe, buyer: Account) -> None:
    plugin = publish(price_cents=499)
    stripe.complete_checkout(session_of(install(buyer, plugin)))
    for event in stripe.undelivered():
        assert deliver(event | {"account": "acct_of_somebody_else"}).status == 200
    assert not has_installed(buyer, plugin)
    assert purchases_of(buyer) == ["pending"]


def test_an_unpaid_session_entitles_to_nothing(stripe: LoopbackStripe, buyer: Account) -> None:
    plugin = publish(price_cents=499)
    stripe.complete_checkout(session_of(install(buyer, plugin)))
    (event,) = [one for one in stripe.undelivered() if one["type"] == "checkout.session.completed"]
    event["data"]["object"]["payment_status"] = "unpaid"
    assert deliver(event).status == 200
    assert PluginPurchase.objects.get().status == "pending"
    assert not has_installed(buyer, plugin)


def test_a_handler_that_fails_is_500_and_the_repetition_does_it_all(
    stripe: LoopbackStripe, buyer: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    from billing.stripe import hooks

    plugin = publish(price_cents=499)
    stripe.complete_checkout(session_of(install(buyer, plugin)))
    (event,) = [one for one in stripe.undelivered() if one["type"] == "checkout.session.completed"]

    def fail(_: object) -> None:
        raise RuntimeError("after the others")

    handlers = hooks._handlers
    monkeypatch.setitem(handlers, event["type"], [*handlers[event["type"]], fail])
    assert deliver(event).status == 500
    assert not has_installed(buyer, plugin)
    assert (purchases_of(buyer), sales_of(plugin)) == (["pending"], [])
    monkeypatch.undo()
    answer = deliver(event)
    assert (answer.status, answer.json) == (200, {"received": True})
    assert has_installed(buyer, plugin)

"""Refunds and disputes, told by Stripe's events: the developer's share goes back with them, to the cent."""

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace.models import LedgerEntry, PaymentReturn, PluginPurchase, RevenueEvent, Transfer, TransferStatus
from marketplace.payouts.ledger import split
from marketplace.payouts.transfers import run_open
from tests.marketplace.payouts import money
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db


@pytest.fixture
def sale(developer: Account) -> RevenueEvent:
    return money.sell(author=developer.user, cents=499)


def test_partial_refunds_are_cumulative(sale: RevenueEvent) -> None:
    payment = money.payment_of(sale)
    for total in (100, 101, 333, 499):
        money.deliver(money.refunded(payment, total=total))
        assert money.developer_has(sale) == split(499 - total).developer
        assert money.meant_to_move(sale) == split(499 - total).developer
    assert money.ledger(sale) == {"buyer": 0, "developer": 0, "platform": 0}
    assert money.sums_by_source(sale) == {0}


@given(price=st.integers(1, 2000), totals=st.lists(st.integers(1, 2000), max_size=5))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_of_every_price_shares_and_reversals_sum_exactly(developer: Account, price: int, totals: list[int]) -> None:
    sale = money.sell(author=developer.user, cents=price)
    left = price
    for total in totals:
        money.deliver(money.refunded(money.payment_of(sale), total=min(total, price)))
        left = min(left, price - min(total, price))
        theirs = left * 7 // 10
        books = {"buyer": 0, "developer": 0, "platform": 0} | money.ledger(sale)
        assert books == {"buyer": -left, "developer": theirs, "platform": left - theirs}
        assert money.meant_to_move(sale) == theirs
    assert money.sums_by_source(sale) == {0}


def test_a_payout_that_nobody_has_tried_shrinks(sale: RevenueEvent) -> None:
    money.deliver(money.refunded(money.payment_of(sale), total=200))
    assert [one.amount_cents for one in Transfer.objects.all()] == [split(299).developer]
    money.deliver(money.refunded(money.payment_of(sale), total=499))
    assert not Transfer.objects.exists()


def test_a_payout_that_was_made_is_reversed(sale: RevenueEvent) -> None:
    run_open(event_id=sale.pk)
    money.deliver(money.refunded(money.payment_of(sale), total=200))
    money.deliver(money.refunded(money.payment_of(sale), total=499))
    payout, *reversals = Transfer.objects.order_by("created_at")
    assert payout.status == TransferStatus.DONE
    assert {one.reverses_id for one in reversals} == {payout.pk}
    # The first was not tried yet; it might as well have been, so the second is another one.
    assert sum(one.amount_cents for one in reversals) == -payout.amount_cents


def test_a_payout_that_may_be_on_its_way_keeps_its_amount(sale: RevenueEvent) -> None:
    Transfer.objects.update(attempts=1)
    money.deliver(money.refunded(money.payment_of(sale), total=499))
    assert sorted(one.amount_cents for one in Transfer.objects.all()) == [-349, 349]


def test_a_full_refund_ends_what_the_purchase_entitles_to(sale: RevenueEvent) -> None:
    money.deliver(money.refunded(money.payment_of(sale), total=498))
    assert money.purchase_status(sale) == "paid"
    money.deliver(money.refunded(money.payment_of(sale), total=499))
    assert money.purchase_status(sale) == "refunded"


def test_an_event_repeated_or_overtaken_changes_nothing(sale: RevenueEvent) -> None:
    newer = money.refunded(money.payment_of(sale), total=300)
    older = money.refunded(money.payment_of(sale), total=100)
    money.deliver(newer, older, newer, older)
    assert money.developer_has(sale) == split(199).developer


def test_a_refund_and_its_charge_are_not_counted_twice(sale: RevenueEvent) -> None:
    payment = money.payment_of(sale)
    money.deliver(
        money.refund(payment, "re_1", cents=100, status="pending"),
        money.refunded(payment, total=100),
        money.refund(payment, "re_2", cents=50),
        money.refunded(payment, total=150),
    )
    assert money.ledger(sale)["buyer"] == -349


def test_a_failed_refund_gives_everything_back(sale: RevenueEvent) -> None:
    payment = money.payment_of(sale)
    run_open(event_id=sale.pk)
    money.deliver(money.refunded(payment, total=499), money.refund(payment, "re_1", cents=499))
    assert money.purchase_status(sale) == "refunded"
    money.deliver(money.refund(payment, "re_1", cents=499, status="failed"))
    assert money.purchase_status(sale) == "paid"
    assert money.developer_has(sale) == money.meant_to_move(sale) == 349


def test_a_dispute_takes_the_money_until_it_is_won(sale: RevenueEvent) -> None:
    payment = money.payment_of(sale)
    money.deliver(money.dispute(payment, cents=499))
    assert money.ledger(sale) == {"buyer": 0, "developer": 0, "platform": 0}
    assert money.purchase_status(sale) == "refunded"
    money.deliver(money.dispute(payment, cents=499, status="won"))
    assert money.developer_has(sale) == money.meant_to_move(sale) == 349
    assert money.purchase_status(sale) == "paid"


def test_a_lost_dispute_keeps_the_money(sale: RevenueEvent) -> None:
    payment = money.payment_of(sale)
    money.deliver(money.dispute(payment, cents=499), money.dispute(payment, cents=499, status="lost", at=money.T0 + 9))
    assert money.developer_has(sale) == 0
    assert money.purchase_status(sale) == "refunded"


def test_an_inquiry_takes_nothing(sale: RevenueEvent) -> None:
    money.deliver(money.dispute(money.payment_of(sale), cents=499, status="warning_needs_response"))
    assert money.developer_has(sale) == 349


def test_a_purchase_made_anew_stays_the_one_when_the_first_comes_back(developer: Account, make_user: Any) -> None:
    buyer = make_user().user
    sale = money.sell(author=developer.user, buyer=buyer)
    money.deliver(money.dispute(money.payment_of(sale), cents=499))
    anew = money.make_purchase(sale.plugin, buyer=buyer)
    money.deliver(money.dispute(money.payment_of(sale), cents=499, status="won"))
    assert money.purchase_status(sale) == "refunded"
    assert PluginPurchase.objects.get(pk=anew.pk).status == "paid"
    assert money.developer_has(sale) == 349


def test_a_refund_heard_of_before_the_sale_is_applied_with_it(developer: Account) -> None:
    purchase = money.make_purchase(money.make_plugin(author=developer.user, cents=499))
    money.deliver(money.refunded(money.payment_of(purchase), total=499))
    sale = money.record(purchase)
    assert purchase.status == "refunded"
    assert money.ledger(sale) == {"buyer": 0, "developer": 0, "platform": 0}
    assert money.meant_to_move(sale) == 0


def test_events_in_any_order_end_in_the_same_state(developer: Account) -> None:
    ends = set()
    for order in list(itertools.permutations(range(5)))[::3]:
        sale = money.sell(author=developer.user, cents=1000)
        payment = money.payment_of(sale)
        events = [
            money.refund(payment, f"re_1_{payment}", cents=300, at=1_790_000_001),
            money.refunded(payment, total=300, at=1_790_000_001),
            money.dispute(payment, cents=700, at=1_790_000_002),
            money.dispute(payment, cents=700, status="lost", at=1_790_000_003),
            money.refund(payment, f"re_1_{payment}", cents=300, status="failed", at=1_790_000_004),
        ]
        money.deliver(*(events[index] for index in order[:3]))
        run_open(event_id=sale.pk)
        money.deliver(*(events[index] for index in order[3:]))
        assert money.sums_by_source(sale) == {0}
        ends.add((money.developer_has(sale), money.meant_to_move(sale), money.purchase_status(sale)))
    assert ends == {(210, 210, "paid")}


def test_a_refund_of_another_kind_of_payment_is_only_kept() -> None:
    money.deliver(money.refunded("pi_of_a_subscription", total=900))
    assert PaymentReturn.objects.get().payment_intent_id == "pi_of_a_subscription"
    assert not LedgerEntry.objects.exists()


def test_a_connected_accounts_own_refunds_are_none_of_ours(sale: RevenueEvent) -> None:
    money.deliver(money.refunded(money.payment_of(sale), total=499) | {"account": "acct_another"})
    assert money.developer_has(sale) == 349


@pytest.mark.parametrize("amount", [None, -1, "499", True, 2**31])
def test_an_event_without_an_amount_is_refused_whole(sale: RevenueEvent, amount: object) -> None:
    event = money.refunded(money.payment_of(sale), total=1)
    event["data"]["object"]["amount_refunded"] = amount
    money.deliver(event, expected=400)
    assert not PaymentReturn.objects.exists()
    event["data"]["object"]["amount_refunded"] = 499
    money.deliver(event)
    assert money.developer_has(sale) == 0

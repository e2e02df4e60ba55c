"""Refunds and disputes, told by Stripe's events: the developer's share goes back with them, to the cent."""

import itertools
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from marketplace.models import LedgerEntry, PaymentReturn, PluginPurchase, RevenueEvent, Transfer, TransferStatus
from marketplace.payouts.ledger import split
from marketplace.payouts.transfers import run_open
from tests.marketplace.payouts import sales
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db


@pytest.fixture
def sale(developer: Account) -> RevenueEvent:
    return sales.sell(author=developer.user, cents=499)


def test_partial_refunds_are_cumulative(sale: RevenueEvent) -> None:
    payment = sales.payment_of(sale)
    for total in (100, 101, 333, 499):
        sales.deliver(sales.charge_refunded(payment, total=total))
        assert sales.developer_has(sale) == split(499 - total).developer
        assert sales.sum_transfers(sale) == split(499 - total).developer
    assert sales.ledger(sale) == {"buyer": 0, "developer": 0, "platform": 0}
    assert sales.sums_by_source(sale) == {0}


@pytest.mark.thorough
@given(price=st.integers(1, 2000), totals=st.lists(st.integers(1, 2000), max_size=5))
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_of_every_price_shares_and_reversals_sum_exactly(developer: Account, price: int, totals: list[int]) -> None:
    sale = sales.sell(author=developer.user, cents=price)
    left = price
    for total in totals:
        sales.deliver(sales.charge_refunded(sales.payment_of(sale), total=min(total, price)))
        left = min(left, price - min(total, price))
        theirs = left * 7 // 10
        books = {"buyer": 0, "developer": 0, "platform": 0} | sales.ledger(sale)
        assert books == {"buyer": -left, "developer": theirs, "platform": left - theirs}
        assert sales.sum_transfers(sale) == theirs
    assert sales.sums_by_source(sale) == {0}


def test_a_payout_that_nobody_has_tried_shrinks(sale: RevenueEvent) -> None:
    sales.deliver(sales.charge_refunded(sales.payment_of(sale), total=200))
    assert [one.amount_cents for one in Transfer.objects.all()] == [split(299).developer]
    sales.deliver(sales.charge_refunded(sales.payment_of(sale), total=499))
    assert not Transfer.objects.exists()


def test_a_payout_that_was_made_is_reversed(sale: RevenueEvent) -> None:
    run_open(event_id=sale.pk)
    sales.deliver(sales.charge_refunded(sales.payment_of(sale), total=200))
    sales.deliver(sales.charge_refunded(sales.payment_of(sale), total=499))
    payout, *reversals = Transfer.objects.order_by("created_at")
    assert payout.status == TransferStatus.DONE
    assert {one.reverses_id for one in reversals} == {payout.pk}
    # The first was not tried yet; it might as well have been, so the second is another one.
    assert sum(one.amount_cents for one in reversals) == -payout.amount_cents


def test_a_payout_that_may_be_on_its_way_keeps_its_amount(sale: RevenueEvent) -> None:
    Transfer.objects.update(attempts=1)
    sales.deliver(sales.charge_refunded(sales.payment_of(sale), total=499))
    assert sorted(one.amount_cents for one in Transfer.objects.all()) == [-349, 349]


def test_a_full_refund_ends_what_the_purchase_entitles_to(sale: RevenueEvent) -> None:
    sales.deliver(sales.charge_refunded(sales.payment_of(sale), total=498))
    assert sales.purchase_status(sale) == "paid"
    sales.deliver(sales.charge_refunded(sales.payment_of(sale), total=499))
    assert sales.purchase_status(sale) == "refunded"


def test_an_event_repeated_or_overtaken_changes_nothing(sale: RevenueEvent) -> None:
    newer = sales.charge_refunded(sales.payment_of(sale), total=300)
    older = sales.charge_refunded(sales.payment_of(sale), total=100)
    sales.deliver(newer, older, newer, older)
    assert sales.developer_has(sale) == split(199).developer


def test_a_refund_and_its_charge_are_not_counted_twice(sale: RevenueEvent) -> None:
    payment = sales.payment_of(sale)
    sales.deliver(
        sales.refund(payment, "re_1", cents=100, status="pending"),
        sales.charge_refunded(payment, total=100),
        sales.refund(payment, "re_2", cents=50),
        sales.charge_refunded(payment, total=150),
    )
    assert sales.ledger(sale)["buyer"] == -349


def test_a_failed_refund_gives_everything_back(sale: RevenueEvent) -> None:
    payment = sales.payment_of(sale)
    run_open(event_id=sale.pk)
    sales.deliver(sales.charge_refunded(payment, total=499), sales.refund(payment, "re_1", cents=499))
    assert sales.purchase_status(sale) == "refunded"
    sales.deliver(sales.refund(payment, "re_1", cents=499, status="failed"))
    assert sales.purchase_status(sale) == "paid"
    assert sales.developer_has(sale) == sales.sum_transfers(sale) == 349


def test_a_dispute_takes_the_money_until_it_is_won(sale: RevenueEvent) -> None:
    payment = sales.payment_of(sale)
    sales.deliver(sales.dispute(payment, cents=499))
    assert sales.ledger(sale) == {"buyer": 0, "developer": 0, "platform": 0}
    assert sales.purchase_status(sale) == "refunded"
    sales.deliver(sales.dispute(payment, cents=499, status="won"))
    assert sales.developer_has(sale) == sales.sum_transfers(sale) == 349
    assert sales.purchase_status(sale) == "paid"


def test_a_lost_dispute_keeps_the_money(sale: RevenueEvent) -> None:
    payment = sales.payment_of(sale)
    sales.deliver(sales.dispute(payment, cents=499), sales.dispute(payment, cents=499, status="lost", at=sales.T0 + 9))
    assert sales.developer_has(sale) == 0
    assert sales.purchase_status(sale) == "refunded"


def test_an_inquiry_takes_nothing(sale: RevenueEvent) -> None:
    sales.deliver(sales.dispute(sales.payment_of(sale), cents=499, status="warning_needs_response"))
    assert sales.developer_has(sale) == 349


def test_a_purchase_made_anew_stays_the_one_when_the_first_comes_back(developer: Account, make_user: Any) -> None:
    buyer = make_user().user
    sale = sales.sell(author=developer.user, buyer=buyer)
    sales.deliver(sales.dispute(sales.payment_of(sale), cents=499))
    anew = sales.make_purchase(sale.plugin, buyer=buyer)
    sales.deliver(sales.dispute(sales.payment_of(sale), cents=499, status="won"))
    assert sales.purchase_status(sale) == "refunded"
    assert PluginPurchase.objects.get(pk=anew.pk).status == "paid"
    assert sales.developer_has(sale) == 349


def test_a_refund_heard_of_before_the_sale_is_applied_with_it(developer: Account) -> None:
    purchase = sales.make_purchase(sales.make_plugin(author=developer.user, cents=499))
    sales.deliver(sales.charge_refunded(sales.payment_of(purchase), total=499))
    sale = sales.record(purchase)
    assert purchase.status == "refunded"
    assert sales.ledger(sale) == {"buyer": 0, "developer": 0, "platform": 0}
    assert sales.sum_transfers(sale) == 0


@pytest.mark.thorough
def test_events_in_any_order_end_in_the_same_state(developer: Account) -> None:
    ends = set()
    for order in list(itertools.permutations(range(5)))[::3]:
        sale = sales.sell(author=developer.user, cents=1000)
        payment = sales.payment_of(sale)
        events = [
            sales.refund(payment, f"re_1_{payment}", cents=300, at=1_790_000_001),
            sales.charge_refunded(payment, total=300, at=1_790_000_001),
            sales.dispute(payment, cents=700, at=1_790_000_002),
            sales.dispute(payment, cents=700, status="lost", at=1_790_000_003),
            sales.refund(payment, f"re_1_{payment}", cents=300, status="failed", at=1_790_000_004),
        ]
        sales.deliver(*(events[index] for index in order[:3]))
        run_open(event_id=sale.pk)
        sales.deliver(*(events[index] for index in order[3:]))
        assert sales.sums_by_source(sale) == {0}
        ends.add((sales.developer_has(sale), sales.sum_transfers(sale), sales.purchase_status(sale)))
    assert ends == {(210, 210, "paid")}


def test_a_refund_of_another_kind_of_payment_is_only_kept() -> None:
    sales.deliver(sales.charge_refunded("pi_of_a_subscription", total=900))
    assert PaymentReturn.objects.get().payment_intent_id == "pi_of_a_subscription"
    assert not LedgerEntry.objects.exists()


def test_a_connected_accounts_own_refunds_are_none_of_ours(sale: RevenueEvent) -> None:
    sales.deliver(sales.charge_refunded(sales.payment_of(sale), total=499) | {"account": "acct_another"})
    assert sales.developer_has(sale) == 349


@pytest.mark.parametrize("amount", [None, -1, "499", True, 2**53])
def test_an_event_without_an_amount_is_refused_whole(sale: RevenueEvent, amount: object) -> None:
    event = sales.charge_refunded(sales.payment_of(sale), total=1)
    event["data"]["object"]["amount_refunded"] = amount
    sales.deliver(event, expected=400)
    assert not PaymentReturn.objects.exists()
    event["data"]["object"]["amount_refunded"] = 499
    sales.deliver(event)
    assert sales.developer_has(sale) == 0

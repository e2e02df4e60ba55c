"""A sale in the books."""

from typing import Any

import pytest
from django.db import transaction

from marketplace.models import LedgerEntry, RevenueEvent, Transfer
from marketplace.payouts.ledger import Split, balances, book
from tests.marketplace.payouts import sales
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db


def test_a_sale_is_split_and_meant_to_be_paid(developer: Account, make_user: Any) -> None:
    buyer = make_user(tier="power").user
    sale = sales.sell(author=developer.user, cents=499, buyer=buyer)
    assert (sale.developer_share_cents, sale.platform_share_cents) == (349, 150)
    assert (sale.developer_id, sale.user_id) == (developer.user.pk, buyer.pk)
    assert sales.ledger(sale) == {"buyer": -499, "developer": 349, "platform": 150}
    intent = Transfer.objects.get(revenue_event=sale)
    assert (intent.amount_cents, intent.attempts, intent.source) == (349, 0, f"sale:{sale.purchase_id}")


def test_a_sale_recorded_again_changes_nothing(developer: Account) -> None:
    sale = sales.sell(author=developer.user)
    assert sales.record(sale.purchase) == sale
    assert RevenueEvent.objects.count() == 1
    assert LedgerEntry.objects.count() == 3
    assert Transfer.objects.count() == 1


def test_adiuvas_own_plugin_pays_nobody() -> None:
    sale = sales.sell(author=None, cents=499)
    assert (sale.developer_share_cents, sale.platform_share_cents) == (0, 499)
    assert sales.ledger(sale) == {"buyer": -499, "platform": 499}
    assert not Transfer.objects.exists()


def test_a_share_of_nothing_is_not_paid(developer: Account) -> None:
    sale = sales.sell(author=developer.user, cents=1)
    assert sales.ledger(sale) == {"buyer": -1, "platform": 1}
    assert not Transfer.objects.exists()


def test_a_sale_that_is_rolled_back_leaves_nothing(developer: Account) -> None:
    purchase = sales.make_purchase(sales.make_plugin(author=developer.user))
    with transaction.atomic():
        sales.record(purchase)
        transaction.set_rollback(True)
    assert not RevenueEvent.objects.exists()
    assert not LedgerEntry.objects.exists()


def test_a_source_that_is_booked_again_changes_nothing(developer: Account) -> None:
    sale = sales.sell(author=developer.user, cents=499)
    back = Split(developer=-70, platform=-30)
    assert book(event=sale, source="re_1", shares=back, at=sale.created_at)
    assert not book(event=sale, source="re_1", shares=back, at=sale.created_at)
    assert balances(sale) == Split(developer=279, platform=120)
    assert sales.sums_by_source(sale) == {0}

"""What is left of a developer's and a buyer's money when their accounts are deleted."""

from collections.abc import Callable

import pytest

from accounts import erasure
from adiuva.jobs import get_queue
from billing.models import OperatorAlert
from marketplace.jobs import queue_transfers
from marketplace.models import DeveloperAccount, LedgerEntry, PluginPurchase, RevenueEvent, Transfer
from tests.fakes.stripe_server import LoopbackStripe
from tests.marketplace.payouts import sales
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db


def erase(account: Account) -> None:
    erasure.close_account(user=account.user)
    assert erasure.erase(user_id=account.user.pk)


def test_the_books_stay_and_name_nobody(developer: Account, make_user: Callable[..., Account]) -> None:
    buyer = make_user(tier="power")
    sale = sales.sell(author=developer.user, cents=499, buyer=buyer.user)
    sales.make_payable(developer.user)
    erase(developer)
    erase(buyer)
    sale.refresh_from_db()
    assert (sale.developer_id, sale.user_id) == (None, None)
    assert PluginPurchase.objects.get().user_id is None
    assert sales.ledger(sale) == {"buyer": -499, "developer": 349, "platform": 150}
    assert not DeveloperAccount.objects.exists()


def test_a_refund_after_the_developer_has_left_is_booked_all_the_same(developer: Account) -> None:
    sale = sales.sell(author=developer.user, cents=499)
    erase(developer)
    sales.deliver(sales.charge_refunded(sales.payment_of(sale), total=200))
    assert sales.developer_has(sale) == sales.sum_transfers(sale) == 209


def test_who_can_be_paid_is_paid_before_they_go(stripe_server: LoopbackStripe, developer: Account) -> None:
    account_id = stripe_server.world.new_id("acct", 16)
    inactive = {"id": account_id, "object": "account", "capabilities": {"transfers": "inactive"}}
    stripe_server.world.add("account", inactive | {"payouts_enabled": False})
    stripe_server.enable_payouts(account_id)
    sales.make_payable(developer.user, account_id)
    sale = sales.sell(author=developer.user, cents=499)
    stripe_server.take_payment(sales.payment_of(sale), cents=499)
    erase(developer)
    assert [one["amount"] for one in stripe_server.world.all("transfer")] == [349]
    assert not OperatorAlert.objects.exists()


@pytest.mark.usefixtures("prod_without_stripe")
def test_what_could_not_be_paid_is_told_to_a_person(developer: Account) -> None:
    account = sales.make_payable(developer.user)
    sales.sell(author=developer.user, cents=499)
    erase(developer)
    alert = OperatorAlert.objects.get()
    assert (alert.kind, alert.reference) == ("payout_by_hand", account.stripe_account_id)
    assert "349 cents" in alert.message
    assert Transfer.objects.get().attempts == 0


def test_erasing_somebody_without_sales_is_nothing(make_user: Callable[..., Account]) -> None:
    erase(make_user())
    assert not RevenueEvent.objects.exists()
    assert not LedgerEntry.objects.exists()


@pytest.mark.postgres
def test_no_job_names_a_developer_who_has_left(stripe_server: LoopbackStripe, developer: Account) -> None:
    sales.make_payable(developer.user)
    queue_transfers(developer_id=developer.user.pk)
    assert get_queue().state().waiting == 1
    erase(developer)
    assert get_queue().state().waiting == 0

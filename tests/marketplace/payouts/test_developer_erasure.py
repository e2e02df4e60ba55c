"""What is left of a developer's and a buyer's money when their accounts are deleted."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import pytest

from accounts import erasure
from accounts.models import User
from adiuva.jobs import get_queue
from billing.models import OperatorAlert
from marketplace.jobs import queue_transfers
from marketplace.models import DeveloperAccount, LedgerEntry, PluginPurchase, RevenueEvent, Transfer, TransferStatus
from marketplace.payouts import transfers
from tests.fakes.stripe_server import LoopbackStripe
from tests.marketplace.payouts import sales
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db


TRANSFERS = "/v1/transfers"
LOST: Final = "reset_after_commit"


def erase(account: Account) -> None:
    assert is_erased(account)


def is_erased(account: Account) -> bool:
    erasure.close_account(user=account.user)
    return erasure.erase(user_id=account.user.pk)


@pytest.fixture
def sale(stripe_server: LoopbackStripe, developer: Account) -> RevenueEvent:
    """Of a developer whom Stripe can pay, and whom nobody has tried to pay yet."""
    account_id = stripe_server.world.new_id("acct", 16)
    inactive = {"id": account_id, "object": "account", "capabilities": {"transfers": "inactive"}}
    stripe_server.world.add("account", inactive | {"payouts_enabled": False})
    stripe_server.enable_payouts(account_id)
    sales.make_payable(developer.user, account_id)
    sold = sales.sell(author=developer.user, cents=499)
    stripe_server.take_payment(sales.payment_of(sold), cents=499)
    return sold


def told() -> list[str]:
    """What the open alerts about payouts by hand say."""
    alerts = OperatorAlert.objects.filter(kind="payout_by_hand", resolved_at=None)
    return list(alerts.order_by("pk").values_list("message", flat=True))


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


@pytest.mark.usefixtures("sale")
def test_who_can_be_paid_is_paid_before_they_go(stripe_server: LoopbackStripe, developer: Account) -> None:
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


@pytest.mark.usefixtures("sale")
def test_a_payout_whose_answer_is_lost_keeps_the_account_until_it_is_known(
    stripe_server: LoopbackStripe, developer: Account
) -> None:
    stripe_server.fail(LOST, method="POST", path=TRANSFERS, times=2)
    assert not is_erased(developer)
    assert told() == []
    assert DeveloperAccount.objects.exists()
    assert is_erased(developer)
    assert [one["amount"] for one in stripe_server.world.all("transfer")] == [349]
    assert Transfer.objects.get().status == TransferStatus.DONE
    assert not OperatorAlert.objects.exists()


@pytest.mark.usefixtures("sale")
def test_a_payout_that_a_worker_is_making_keeps_the_account(stripe_server: LoopbackStripe, developer: Account) -> None:
    Transfer.objects.update(attempts=1, claimed_at=datetime.now(UTC) + timedelta(hours=1))
    assert not is_erased(developer)
    Transfer.objects.update(claimed_at=None)  # the worker could not reach Stripe
    erase(developer)
    assert len(stripe_server.world.all("transfer")) == 1
    assert told() == []


@pytest.mark.parametrize("is_paid", [False, True])
def test_what_stripe_refuses_is_left_to_a_person(
    stripe_server: LoopbackStripe, developer: Account, is_paid: bool
) -> None:
    """A payment that Stripe does not know is refused for good."""
    account = sales.make_payable(developer.user)
    sales.sell(author=developer.user, cents=499)
    if is_paid:  # and an account that it does not know
        stripe_server.take_payment(sales.payment_of(RevenueEvent.objects.get()), cents=499)
    erase(developer)
    (message,) = told()
    assert f"349 cents were still owed to {account.stripe_account_id}" in message
    assert "look there first" not in message


@pytest.mark.parametrize(("refunded", "owed"), [(499, []), (200, [["209 cents"]])])
def test_a_person_is_told_what_is_owed_without_what_was_refunded(
    stripe_server: LoopbackStripe, developer: Account, refunded: int, owed: list[list[str]]
) -> None:
    sales.make_payable(developer.user)
    sale = sales.sell(author=developer.user, cents=499)
    transfers.run_open()  # refused: from the first attempt on a payout keeps its amount
    sales.deliver(sales.charge_refunded(sales.payment_of(sale), total=refunded))
    assert Transfer.objects.count() == 2
    erase(developer)
    assert [re.findall(r"\d+ cents", message) for message in told()] == owed


@pytest.mark.parametrize("why", ["no key", "cannot be paid", "no answer in a week"])
def test_who_cannot_be_asked_any_more_keeps_no_account_and_a_person_looks_first(
    stripe_server: LoopbackStripe, developer: Account, sale: RevenueEvent, settings: Any, why: str
) -> None:
    stripe_server.fail(LOST, method="POST", path=TRANSFERS, times=2)
    assert not is_erased(developer)
    if why == "no key":
        settings.IS_PROD, settings.STRIPE_SECRET_KEY = True, ""
    elif why == "cannot be paid":
        DeveloperAccount.objects.update(payouts_enabled=False)
    else:
        stripe_server.fail(LOST, method="GET", path=TRANSFERS, times=2)
        User.objects.filter(pk=developer.user.pk).update(erasure_requested_at=datetime.now(UTC) - timedelta(days=8))
    erase(developer)
    (message,) = told()
    assert f"look there first for transfers with the metadata reference {Transfer.objects.get().pk.hex}" in message


@pytest.mark.parametrize("is_gone", [False, True])
def test_what_a_developer_is_owed_again_after_they_left_is_told_to_a_person(
    stripe_server: LoopbackStripe, developer: Account, sale: RevenueEvent, monkeypatch: Any, is_gone: bool
) -> None:
    account_id, payment = DeveloperAccount.objects.get().stripe_account_id, sales.payment_of(sale)
    transfers.run_open()
    sales.deliver(sales.dispute(payment, cents=499))
    transfers.run_open()
    if not is_gone:  # the rest of the erasure takes longer
        monkeypatch.setattr(erasure, "_erase_rows", lambda _user_id: False)
    assert is_erased(developer) is is_gone
    assert User.objects.filter(pk=developer.user.pk).exists() is not is_gone
    assert told() == []

    sales.deliver(sales.dispute(payment, cents=499, status="won", at=sales.T0 + 1))
    transfers.run_open()
    (message,) = told()
    for word in ("349 cents", payment, account_id):
        assert word in message
    assert OperatorAlert.objects.get(kind="payout_by_hand").reference == str(sale.pk)

    sales.deliver(sales.charge_refunded(payment, total=200, at=sales.T0 + 2))
    (message,) = told()
    assert "209 cents" in message
    sales.deliver(sales.charge_refunded(payment, total=499, at=sales.T0 + 3))
    assert told() == []


def test_nobody_is_told_of_a_payout_that_its_developer_can_still_get(
    stripe_server: LoopbackStripe, developer: Account, sale: RevenueEvent
) -> None:
    transfers.run_open()
    sales.deliver(sales.dispute(sales.payment_of(sale), cents=499))
    transfers.run_open()
    DeveloperAccount.objects.update(payouts_enabled=False)
    sales.deliver(sales.dispute(sales.payment_of(sale), cents=499, status="won", at=sales.T0 + 1))
    assert sales.developer_has(sale) == 349
    assert told() == []


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

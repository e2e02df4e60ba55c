"""``manage.py retry_transfers``: what it says, how it ends, and several at once."""

import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from billing.models import OperatorAlert
from marketplace import jobs
from marketplace.models import DeveloperAccount, Transfer, TransferStatus
from tests.fakes.stripe_server import LoopbackStripe
from tests.marketplace.payouts import sales
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db


def retry(*arguments: str) -> str:
    said = io.StringIO()
    call_command("retry_transfers", *arguments, stdout=said)
    return said.getvalue()


@pytest.fixture
def account_id(stripe_server: LoopbackStripe, developer: Account) -> str:
    stripe_id = stripe_server.world.new_id("acct", 16)
    account = {"id": stripe_id, "object": "account", "capabilities": {"transfers": "inactive"}}
    stripe_server.world.add("account", account | {"payouts_enabled": False})
    stripe_server.enable_payouts(stripe_id)
    sales.make_payable(developer.user, stripe_id)
    return stripe_id


def sell(stripe_server: LoopbackStripe, developer: Account, *, times: int = 1) -> None:
    for _ in range(times):
        sold = sales.sell(author=developer.user, cents=499)
        stripe_server.take_payment(sales.payment_of(sold), cents=499)


def total_sent(stripe_server: LoopbackStripe) -> int:
    return sum(one["amount"] - one["amount_reversed"] for one in stripe_server.world.all("transfer"))


@pytest.mark.usefixtures("account_id")
def test_it_makes_what_is_open(stripe_server: LoopbackStripe, developer: Account) -> None:
    sell(stripe_server, developer, times=3)
    assert "3 done, 0 waiting, 0 made elsewhere, 0 failed" in retry()
    assert total_sent(stripe_server) == 3 * 349
    assert "0 done" in retry()
    assert total_sent(stripe_server) == 3 * 349


@pytest.mark.usefixtures("account_id")
def test_the_job_makes_what_is_open_once(stripe_server: LoopbackStripe, developer: Account) -> None:
    sell(stripe_server, developer)
    for _ in range(2):
        jobs.retry_transfers()
    assert total_sent(stripe_server) == 349
    assert not Transfer.objects.filter(status=TransferStatus.PENDING).exists()


@pytest.mark.usefixtures("prod_without_stripe")
def test_without_stripe_in_production_the_job_tries_nothing(developer: Account) -> None:
    sales.sell(author=developer.user)
    jobs.retry_transfers()
    assert Transfer.objects.get().attempts == 0


@pytest.mark.usefixtures("account_id")
def test_a_dry_run_only_talks(
    stripe_server: LoopbackStripe, developer: Account, make_user: Callable[..., Account]
) -> None:
    sell(stripe_server, developer)
    sales.sell(author=make_user().user)
    said = retry("--dry-run")
    assert "+349 cents" in said
    assert "2 open, 1 would be tried" in said
    assert not stripe_server.world.all("transfer")
    assert not Transfer.objects.filter(attempts__gt=0).exists()


@pytest.mark.usefixtures("account_id")
def test_a_failure_is_named_and_is_exit_code_1(stripe_server: LoopbackStripe, developer: Account) -> None:
    sell(stripe_server, developer, times=2)
    stripe_server.fail("status", method="POST", path="/v1/transfers", status=429)
    said = io.StringIO()
    with pytest.raises(CommandError, match="1 transfers failed"):
        call_command("retry_transfers", stdout=said)
    assert "failed 1 times, last with upstream_unavailable" in said.getvalue()
    assert "1 done, 0 waiting, 0 made elsewhere, 1 failed" in said.getvalue()
    assert "1 done" in retry()


@pytest.mark.usefixtures("stripe_server")
def test_waiting_for_a_developer_is_no_failure(developer: Account) -> None:
    sales.sell(author=developer.user)
    assert "0 done, 1 waiting" in retry()


def test_it_asks_about_accounts_that_money_waits_for(
    stripe_server: LoopbackStripe, developer: Account, account_id: str
) -> None:
    DeveloperAccount.objects.filter(stripe_account_id=account_id).update(payouts_enabled=False)
    sell(stripe_server, developer)
    assert "1 done" in retry()


@pytest.mark.parametrize("is_gone", [True, False])
@pytest.mark.parametrize("how", [retry, jobs.retry_transfers])
def test_an_account_that_stripe_says_nothing_of_keeps_nobody_else_waiting(
    stripe_server: LoopbackStripe,
    developer: Account,
    account_id: str,
    make_user: Callable[..., Account],
    how: Callable[[], object],
    is_gone: bool,
) -> None:
    """Revoked, and the event of it was lost; or Stripe cannot be understood."""
    other = make_user().user
    gone = DeveloperAccount.objects.create(
        user=other, stripe_account_id="acct_that_is_gone", created_at=datetime(2020, 1, 1, tzinfo=UTC)
    )
    sales.sell(author=other)
    sell(stripe_server, developer)
    if not is_gone:
        stripe_server.fail("garbage", method="GET", path="/v1/accounts/.*")
    how()
    assert [one["destination"] for one in stripe_server.world.all("transfer")] == [account_id]
    gone.refresh_from_db()
    told = OperatorAlert.objects.filter(kind="connect_deauthorized", reference="acct_that_is_gone")
    assert (gone.deauthorized_at is not None, told.exists()) == (is_gone, is_gone)


@pytest.mark.usefixtures("prod_without_stripe")
def test_without_stripe_in_production_nothing_is_tried(developer: Account) -> None:
    sales.sell(author=developer.user)
    with pytest.raises(CommandError, match="nothing was tried"):
        retry()
    assert Transfer.objects.get().attempts == 0


def sell_before_payouts(stripe_server: LoopbackStripe, developer: Account) -> None:
    """Twelve sales that nobody has tried to pay yet, and now could."""
    DeveloperAccount.objects.update(payouts_enabled=False)
    sell(stripe_server, developer, times=12)
    sales.let_payouts_finish()
    DeveloperAccount.objects.update(payouts_enabled=True)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("account_id")
def test_several_at_once_pay_each_sale_once(stripe_server: LoopbackStripe, developer: Account) -> None:
    sell_before_payouts(stripe_server, developer)
    start = threading.Barrier(4)

    def one() -> str:
        start.wait(120)
        try:
            return retry()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        said = [future.result() for future in [pool.submit(one) for _ in range(4)]]
    assert all("0 failed" in line for line in said)
    assert len(stripe_server.calls("POST", "/v1/transfers")) == len(stripe_server.world.all("transfer")) == 12
    assert not Transfer.objects.filter(status=TransferStatus.PENDING).exists()
    assert set(Transfer.objects.values_list("attempts", flat=True)) == {1}


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("account_id")
def test_refunds_beside_payouts_end_even(stripe_server: LoopbackStripe, developer: Account) -> None:
    sell_before_payouts(stripe_server, developer)
    payments = [sales.payment_of(transfer.revenue_event) for transfer in Transfer.objects.all()]
    start = threading.Barrier(3)

    def pay() -> None:
        start.wait(120)
        try:
            retry()
        finally:
            connections.close_all()

    def refund(total: int) -> None:
        start.wait(120)
        try:
            for payment in payments:
                sales.deliver(sales.charge_refunded(payment, total=total))
        finally:
            connections.close_all()

    with ThreadPoolExecutor(3) as pool:
        for future in [pool.submit(pay), pool.submit(refund, 200), pool.submit(refund, 499)]:
            future.result()
    sales.let_payouts_finish()  # the refunds have queued what they take back
    retry()
    assert total_sent(stripe_server) == 0
    assert sum(Transfer.objects.values_list("amount_cents", flat=True)) == 0

"""Paying developers through a Stripe that fails in every way there is: each transfer is made once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from billing.models import OperatorAlert
from marketplace.models import DeveloperAccount, RevenueEvent, Transfer, TransferStatus
from marketplace.payouts.transfers import ATTEMPTS_BEFORE_ALERT, Outcome, run, run_open
from tests.billing.purchases import impatient
from tests.fakes.stripe_server import LoopbackStripe
from tests.marketplace.payouts import sales
from tests.support.accounts import Account
from tests.support.thorough import thorough

pytestmark = pytest.mark.django_db

TRANSFERS = "/v1/transfers"


@pytest.fixture
def payable(stripe_server: LoopbackStripe, developer: Account) -> DeveloperAccount:
    """The developer's account, which can be paid at Stripe and, as far as we have heard, here."""
    account_id = stripe_account(stripe_server)
    return sales.make_payable(developer.user, account_id)


@pytest.fixture
def sale(stripe_server: LoopbackStripe, developer: Account) -> RevenueEvent:
    sold = sales.sell(author=developer.user, cents=499)
    stripe_server.take_payment(sales.payment_of(sold), cents=499)
    return sold


def stripe_account(stripe_server: LoopbackStripe, *, payouts: bool = True) -> str:
    account_id = stripe_server.world.new_id("acct", 16)
    inactive = {"id": account_id, "object": "account", "capabilities": {"transfers": "inactive"}}
    stripe_server.world.add("account", inactive | {"payouts_enabled": False})
    if payouts:
        stripe_server.enable_payouts(account_id)
    return account_id


def intent(sale: RevenueEvent) -> Transfer:
    return Transfer.objects.get(revenue_event=sale, reverses=None)


def sent_cents(stripe_server: LoopbackStripe) -> list[int]:
    return [one["amount"] - one["amount_reversed"] for one in stripe_server.world.all("transfer")]


def test_a_payout_is_sent_of_its_charge(
    stripe_server: LoopbackStripe, payable: DeveloperAccount, sale: RevenueEvent
) -> None:
    assert run(intent(sale).pk) is Outcome.DONE
    (made,) = stripe_server.world.all("transfer")
    assert (made["amount"], made["currency"], made["destination"]) == (349, "eur", payable.stripe_account_id)
    assert made["source_transaction"].startswith("ch_")
    (call,) = stripe_server.calls("POST", TRANSFERS)
    assert str(call.idempotency_key).startswith(f"payout:{intent(sale).pk}:0:")
    sale.refresh_from_db()
    assert sale.stripe_transfer_id == intent(sale).stripe_id == made["id"]
    assert intent(sale).done_at is not None


def test_what_is_done_is_not_done_again(
    stripe_server: LoopbackStripe, payable: DeveloperAccount, sale: RevenueEvent
) -> None:
    run(intent(sale).pk)
    assert run(intent(sale).pk) is Outcome.BUSY
    assert len(stripe_server.calls("POST", TRANSFERS)) == 1


@pytest.mark.usefixtures("stripe_server")
@pytest.mark.parametrize("has_account", [False, True])
def test_a_payout_waits_for_who_cannot_be_paid(developer: Account, sale: RevenueEvent, has_account: bool) -> None:
    if has_account:
        sales.make_payable(developer.user)
        DeveloperAccount.objects.update(payouts_enabled=False)
    assert run(intent(sale).pk) is Outcome.WAITING
    assert (intent(sale).attempts, intent(sale).last_failure) == (0, "")


@pytest.mark.usefixtures("prod_without_stripe")
def test_in_production_without_stripe_it_waits(developer: Account) -> None:
    sales.make_payable(developer.user)
    sale = sales.sell(author=developer.user)
    assert run(intent(sale).pk) is Outcome.WAITING
    assert intent(sale).attempts == 0


def test_in_development_without_stripe_it_is_played(developer: Account) -> None:
    sale = sales.sell(author=developer.user)
    assert run(intent(sale).pk) is Outcome.DONE
    assert str(intent(sale).stripe_id).startswith("tr_stub_")


@pytest.mark.django_db(transaction=True)
def test_the_stub_pays_as_soon_as_the_sale_is_committed(developer: Account) -> None:
    sale = sales.sell(author=developer.user)
    assert intent(sale).status == TransferStatus.DONE
    sales.deliver(sales.charge_refunded(sales.payment_of(sale), total=499))
    assert set(Transfer.objects.values_list("status", "amount_cents")) == {("done", 349), ("done", -349)}


@pytest.mark.parametrize("kind", ["reset_after_commit", thorough("timeout_after_commit")])
def test_an_answer_that_is_lost_pays_once(
    stripe_server: LoopbackStripe, payable: DeveloperAccount, sale: RevenueEvent, kind: Any
) -> None:
    stripe_server.fail(kind, method="POST", path=TRANSFERS, times=2)
    with impatient():
        assert run(intent(sale).pk) is Outcome.FAILED
    assert intent(sale).last_failure in {"upstream_timeout", "upstream_unavailable"}
    assert sent_cents(stripe_server) == [349]
    assert run(intent(sale).pk) is Outcome.DONE
    assert sent_cents(stripe_server) == [349]
    assert intent(sale).stripe_id == stripe_server.world.all("transfer")[0]["id"]
    assert intent(sale).last_failure == ""


def test_it_pays_once_when_stripe_has_forgotten_the_key(
    stripe_server: LoopbackStripe, payable: DeveloperAccount, sale: RevenueEvent
) -> None:
    stripe_server.fail("reset_after_commit", method="POST", path=TRANSFERS, times=2)
    run(intent(sale).pk)
    stripe_server.forget_keys()
    assert run(intent(sale).pk) is Outcome.DONE
    assert sent_cents(stripe_server) == [349]


def test_a_reversal_whose_answer_is_lost_takes_once(
    stripe_server: LoopbackStripe, payable: DeveloperAccount, sale: RevenueEvent
) -> None:
    run(intent(sale).pk)
    sales.deliver(sales.charge_refunded(sales.payment_of(sale), total=200))
    reversal = Transfer.objects.get(reverses=intent(sale))
    stripe_server.fail("reset_after_commit", method="POST", path=f"{TRANSFERS}/.*/reversals", times=2)
    assert run(reversal.pk) is Outcome.FAILED
    stripe_server.forget_keys()
    assert run(reversal.pk) is Outcome.DONE
    assert sent_cents(stripe_server) == [209]
    reversal.refresh_from_db()
    assert reversal.stripe_id == stripe_server.world.all("transfer_reversal")[0]["id"]
    keys = {
        call.idempotency_key for call in stripe_server.calls("POST", f"{TRANSFERS}/{intent(sale).stripe_id}/reversals")
    }
    assert len(keys) == 1
    assert str(keys.pop()).startswith(f"reversal:{reversal.pk}:0:")


def restore_from_before(transfer: Transfer) -> None:
    """As a backup has it that was taken before anybody tried, two days after it was made."""
    Transfer.objects.filter(pk=transfer.pk).update(
        status=TransferStatus.PENDING,
        stripe_id=None,
        done_at=None,
        attempts=0,
        created_at=transfer.created_at - timedelta(days=2),
    )


def test_what_was_paid_after_a_backup_is_found_when_the_backup_is_restored(
    stripe_server: LoopbackStripe, payable: DeveloperAccount, sale: RevenueEvent
) -> None:
    run(intent(sale).pk)
    made = intent(sale).stripe_id
    restore_from_before(intent(sale))
    stripe_server.forget_keys()
    assert run(intent(sale).pk) is Outcome.DONE
    assert intent(sale).stripe_id == made
    assert sent_cents(stripe_server) == [349]


def test_what_was_taken_back_after_a_backup_is_found_when_the_backup_is_restored(
    stripe_server: LoopbackStripe, payable: DeveloperAccount, sale: RevenueEvent
) -> None:
    run(intent(sale).pk)
    sales.deliver(sales.charge_refunded(sales.payment_of(sale), total=100))
    reversal = Transfer.objects.get(reverses=intent(sale))
    run(reversal.pk)
    assert sent_cents(stripe_server) == [279]
    restore_from_before(reversal)
    stripe_server.forget_keys()
    assert run(reversal.pk) is Outcome.DONE
    assert sent_cents(stripe_server) == [279]


def test_a_payout_that_waited_for_days_is_made(
    stripe_server: LoopbackStripe, payable: DeveloperAccount, sale: RevenueEvent
) -> None:
    Transfer.objects.update(created_at=intent(sale).created_at - timedelta(days=2))
    assert run(intent(sale).pk) is Outcome.DONE
    assert sent_cents(stripe_server) == [349]


def test_a_refund_while_the_payout_may_be_on_its_way_is_taken_back_after_it(
    stripe_server: LoopbackStripe, payable: DeveloperAccount, sale: RevenueEvent
) -> None:
    stripe_server.fail("reset_after_commit", method="POST", path=TRANSFERS, times=2)
    run(intent(sale).pk)
    sales.deliver(sales.charge_refunded(sales.payment_of(sale), total=499))
    reversal = Transfer.objects.get(reverses=intent(sale))
    assert run(reversal.pk) is Outcome.WAITING
    assert run(intent(sale).pk) is Outcome.DONE
    assert sent_cents(stripe_server) == [0]
    assert not Transfer.objects.filter(status=TransferStatus.PENDING).exists()


def test_a_refund_before_anybody_tried_is_never_paid(
    stripe_server: LoopbackStripe, payable: DeveloperAccount, sale: RevenueEvent
) -> None:
    sales.deliver(sales.charge_refunded(sales.payment_of(sale), total=200))
    run_open(event_id=sale.pk)
    assert sent_cents(stripe_server) == [209]
    assert not stripe_server.world.all("transfer_reversal")


def test_a_won_dispute_pays_again_what_was_reversed(
    stripe_server: LoopbackStripe, payable: DeveloperAccount, sale: RevenueEvent
) -> None:
    run_open(event_id=sale.pk)
    sales.deliver(sales.dispute(sales.payment_of(sale), cents=499))
    run_open(event_id=sale.pk)
    assert sent_cents(stripe_server) == [0]
    sales.deliver(sales.dispute(sales.payment_of(sale), cents=499, status="won"))
    run_open(event_id=sale.pk)
    assert sent_cents(stripe_server) == [0, 349]


def test_no_more_of_a_payout_is_reversed_than_is_left_of_it(
    stripe_server: LoopbackStripe, payable: DeveloperAccount, sale: RevenueEvent
) -> None:
    payment = sales.payment_of(sale)
    for event in (
        sales.refund(payment, "re_1", cents=100),
        sales.refund(payment, "re_1", cents=100, status="failed"),
        sales.dispute(payment, cents=499),
    ):
        run_open(event_id=sale.pk)
        sales.deliver(event)
    assert sorted(sent_cents(stripe_server)) == [70, 279]
    run_open(event_id=sale.pk)
    assert sent_cents(stripe_server) == [0, 0]
    assert not Transfer.objects.filter(status=TransferStatus.PENDING).exists()


def test_what_stripe_refuses_is_recorded_and_told_to_a_person(
    stripe_server: LoopbackStripe, payable: DeveloperAccount, developer: Account
) -> None:
    """Sold, as far as we know, for a payment that is not Stripe's."""
    sale = sales.sell(author=developer.user)
    for _ in range(ATTEMPTS_BEFORE_ALERT):
        assert not OperatorAlert.objects.exists()
        assert run(intent(sale).pk) is Outcome.FAILED
    assert (intent(sale).attempts, intent(sale).last_failure) == (ATTEMPTS_BEFORE_ALERT, "upstream_error")
    assert intent(sale).last_reason == "resource_missing"
    alert = OperatorAlert.objects.get()
    assert (alert.kind, alert.reference) == ("transfer_failed", str(intent(sale).pk))
    assert "upstream_error (resource_missing)" in alert.message
    stripe_server.take_payment(sales.payment_of(sale), cents=499)
    assert run(intent(sale).pk) is Outcome.DONE
    assert intent(sale).last_reason == ""
    assert OperatorAlert.objects.get().resolved_at is not None


def test_a_stored_failure_does_not_keep_a_payout_for_a_day(
    stripe_server: LoopbackStripe, payable: DeveloperAccount, sale: RevenueEvent
) -> None:
    stripe_server.fail("stored_status", method="POST", path=TRANSFERS)
    assert run(intent(sale).pk) is Outcome.DONE
    assert sent_cents(stripe_server) == [349]
    assert [call.path for call in stripe_server.seen if call.path == TRANSFERS and call.method == "GET"] == [TRANSFERS]


@pytest.mark.thorough
def test_a_stripe_that_fails_for_hours_is_asked_under_ever_new_keys(
    stripe_server: LoopbackStripe, payable: DeveloperAccount, sale: RevenueEvent
) -> None:
    stripe_server.fail("stored_status", method="POST", path=TRANSFERS, times=80)
    for number in range(1, 41):
        assert run(intent(sale).pk) is Outcome.FAILED
        assert (intent(sale).refusals, intent(sale).last_reason) == (number, "api_error")
    keys = [call.idempotency_key for call in stripe_server.calls("POST", TRANSFERS)]
    assert len(keys) == len(set(keys)) == 80
    assert run(intent(sale).pk) is Outcome.DONE
    assert sent_cents(stripe_server) == [349]


def test_a_stored_failure_that_moved_the_money_after_all_is_found(
    stripe_server: LoopbackStripe, payable: DeveloperAccount, sale: RevenueEvent
) -> None:
    run(intent(sale).pk)
    made = stripe_server.world.all("transfer")[0]
    Transfer.objects.update(status=TransferStatus.PENDING, stripe_id=None, done_at=None, attempts=0)
    stripe_server.forget_keys()
    stripe_server.fail("stored_status", method="POST", path=TRANSFERS)
    assert run(intent(sale).pk) is Outcome.DONE
    assert intent(sale).stripe_id == made["id"]
    assert sent_cents(stripe_server) == [349]


def test_a_stored_failure_does_not_keep_a_reversal_for_a_day(
    stripe_server: LoopbackStripe, payable: DeveloperAccount, sale: RevenueEvent
) -> None:
    run(intent(sale).pk)
    sales.deliver(sales.charge_refunded(sales.payment_of(sale), total=200))
    stripe_server.fail("stored_status", method="POST", path=f"{TRANSFERS}/.*/reversals")
    assert run(Transfer.objects.get(reverses=intent(sale)).pk) is Outcome.DONE
    assert sent_cents(stripe_server) == [209]


def test_a_payment_that_stripe_never_had_pays_nobody(
    stripe_server: LoopbackStripe, payable: DeveloperAccount, developer: Account
) -> None:
    sale = sales.sell(author=developer.user)
    assert run(intent(sale).pk) is Outcome.FAILED
    assert sent_cents(stripe_server) == []


def test_a_claim_is_respected_until_it_is_old(
    stripe_server: LoopbackStripe, payable: DeveloperAccount, sale: RevenueEvent
) -> None:
    now = datetime.now(UTC)
    Transfer.objects.update(attempts=1, claimed_at=now - timedelta(minutes=1))
    assert run(intent(sale).pk) is Outcome.BUSY
    Transfer.objects.update(claimed_at=now - timedelta(minutes=6))
    assert run(intent(sale).pk) is Outcome.DONE
    assert sent_cents(stripe_server) == [349]


def test_an_account_that_becomes_payable_gets_what_waited(stripe_server: LoopbackStripe, developer: Account) -> None:
    account_id = stripe_account(stripe_server)
    sales.make_payable(developer.user, account_id)
    DeveloperAccount.objects.update(payouts_enabled=False)
    for _ in range(2):
        sold = sales.sell(author=developer.user)
        stripe_server.take_payment(sales.payment_of(sold), cents=499)
    sales.deliver(sales.account_updated(account_id, payouts=True))
    run_open(developer_id=developer.user.pk)
    assert sent_cents(stripe_server) == [349, 349]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_the_newest_word_about_an_account_counts(developer: Account, order: tuple[int, int]) -> None:
    account = sales.make_payable(developer.user)
    events = [
        sales.account_updated(account.stripe_account_id, payouts=True, at=sales.T0),
        sales.account_updated(account.stripe_account_id, payouts=False, at=sales.T0 + 1),
    ]
    sales.deliver(*(events[index] for index in order))
    account.refresh_from_db()
    assert not account.payouts_enabled

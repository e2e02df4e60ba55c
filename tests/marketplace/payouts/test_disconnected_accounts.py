"""Accounts that were disconnected from Stripe, or are none of ours."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from accounts.erasure import close_account, erase
from marketplace.models import DeveloperAccount, Transfer, TransferStatus
from marketplace.payouts.transfers import Outcome, run, run_open
from tests.billing.stripe_events import event as stripe_event
from tests.fakes.stripe_server import LoopbackStripe
from tests.marketplace.payouts import sales
from tests.marketplace.payouts.connected import (
    NONE,
    PAST_DUE,
    READY,
    Deliver,
    begin,
    onboarding,
    open_alerts,
    sell,
)
from tests.support.accounts import Account

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("queued")]


def test_a_disconnected_account_is_not_paid_and_its_owner_onboards_anew(
    stripe_server: LoopbackStripe, developer: Account, ready: str, deliver_all: Deliver
) -> None:
    stripe_server.deauthorize(ready)
    deliver_all()
    assert onboarding(developer) == NONE
    assert open_alerts() == [("connect_deauthorized", ready)]
    sale = sell(stripe_server, developer)
    assert run(sale.transfers.get().pk) is Outcome.WAITING
    begin(developer)
    successor = DeveloperAccount.objects.get().stripe_account_id
    assert successor != ready
    assert (onboarding(developer)["state"], open_alerts()) == ("pending", [])
    begin(developer)
    assert DeveloperAccount.objects.get().stripe_account_id == successor
    stripe_server.enable_payouts(successor)
    deliver_all()
    assert sales.sent_to(stripe_server) == [(successor, 349)]


def test_what_comes_late_about_a_disconnected_account_changes_nothing(
    stripe_server: LoopbackStripe, developer: Account, ready: str, deliver_all: Deliver
) -> None:
    stripe_server.deauthorize(ready)
    deliver_all()
    sales.deliver(sales.account_updated(ready, payouts=True, at=int(datetime.now(UTC).timestamp()) + 60))
    assert onboarding(developer) == NONE
    begin(developer)
    stripe_server.undelivered()
    again = stripe_server.world.events[-1] | {"id": "evt_late", "type": "account.application.deauthorized"}
    sales.deliver(again | {"account": ready})
    assert onboarding(developer)["state"] == "pending"


def test_a_payout_that_may_have_reached_the_account_before_is_not_sent_to_the_next(
    stripe_server: LoopbackStripe, developer: Account, ready: str, deliver_all: Deliver
) -> None:
    sale = sell(stripe_server, developer)
    stripe_server.fail("reset_after_commit", method="POST", path="/v1/transfers", times=2)
    assert run(sale.transfers.get().pk) is Outcome.FAILED
    stripe_server.deauthorize(ready)
    deliver_all()
    begin(developer)
    stripe_server.enable_payouts(DeveloperAccount.objects.get().stripe_account_id)
    deliver_all()
    assert sale.transfers.get().status == TransferStatus.DONE
    assert sales.sent_to(stripe_server) == [(ready, 349)]


def test_a_payout_that_never_reached_the_account_before_is_sent_to_the_next(
    stripe_server: LoopbackStripe, developer: Account, ready: str, deliver_all: Deliver
) -> None:
    sale = sell(stripe_server, developer)
    stripe_server.fail("reset", method="POST", path="/v1/transfers", times=2)
    assert run(sale.transfers.get().pk) is Outcome.FAILED
    stripe_server.deauthorize(ready)
    deliver_all()
    begin(developer)
    successor = DeveloperAccount.objects.get().stripe_account_id
    stripe_server.enable_payouts(successor)
    deliver_all()
    assert sales.sent_to(stripe_server) == [(successor, 349)]
    assert not Transfer.objects.filter(status=TransferStatus.PENDING).exists()


def test_an_account_that_stripe_does_not_know_by_this_key_is_kept(
    stripe_server: LoopbackStripe, developer: Account, ready: str
) -> None:
    """As with the key of the test mode on a live database."""
    sale = sell(stripe_server, developer)
    del stripe_server.world.tables["account"][ready]
    run_open(event_id=sale.pk)
    assert onboarding(developer) == READY
    assert sale.transfers.get().last_reason == "resource_missing"


def test_others_accounts_are_none_of_ours(
    stripe_server: LoopbackStripe,
    developer: Account,
    ready: str,
    make_user: Callable[..., Account],
    deliver_all: Deliver,
) -> None:
    about = {"id": "ca_another", "object": "application"}
    deliver_all(
        events=[
            stripe_event("account.application.deauthorized", about, created=sales.T0),
            stripe_event("account.application.deauthorized", about, created=sales.T0) | {"account": "acct_another"},
            stripe_event("capability.updated", {"id": "transfers", "object": "capability"}, created=sales.T0),
            sales.account_updated("acct_another", payouts=False, details_submitted=True),
        ]
    )
    assert (onboarding(developer), onboarding(make_user(tier="power"))) == (READY, NONE)
    assert open_alerts() == []


def test_an_account_that_is_erased_leaves_no_alert_that_nobody_can_close(
    stripe_server: LoopbackStripe, developer: Account, ready: str, deliver_all: Deliver
) -> None:
    stripe_server.restrict(ready, disabled_reason=PAST_DUE)
    deliver_all()
    close_account(user=developer.user)
    assert erase(user_id=developer.user.pk)
    assert open_alerts() == []

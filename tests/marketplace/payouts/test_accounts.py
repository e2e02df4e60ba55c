"""What Stripe says of a developer's account: the state they see, the alert an operator gets, the money that waits."""

import itertools
from datetime import UTC, datetime
from typing import Any

import pytest

from billing.models import OperatorAlert
from marketplace.models import DeveloperAccount
from marketplace.payouts.transfers import Outcome, run
from tests.billing.stripe_events import event as stripe_event
from tests.fakes.stripe_server import LoopbackStripe
from tests.marketplace.payouts import sales
from tests.marketplace.payouts.connected import (
    DOCUMENT,
    NONE,
    PAST_DUE,
    READY,
    RESTRICTED,
    Deliver,
    begin,
    onboarding,
    open_alerts,
    sell,
    sell_and_be_refused,
)
from tests.support.accounts import Account

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("queued")]


# --- the states


@pytest.mark.usefixtures("stripe_server")
def test_without_an_account_the_state_is_none(developer: Account) -> None:
    assert onboarding(developer) == NONE


def test_from_the_questions_to_ready_and_back(
    stripe_server: LoopbackStripe, developer: Account, deliver_all: Deliver
) -> None:
    begin(developer)
    account_id = DeveloperAccount.objects.get().stripe_account_id
    assert onboarding(developer) == NONE | {"state": "pending"}
    stripe_server.enable_payouts(account_id)
    deliver_all()
    assert onboarding(developer) == READY
    stripe_server.restrict(account_id, disabled_reason=PAST_DUE, due=[DOCUMENT])
    deliver_all()
    assert onboarding(developer) == RESTRICTED
    stripe_server.enable_payouts(account_id)
    deliver_all()
    assert onboarding(developer) == READY


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ({"details_submitted": False, "requirements": {"disabled_reason": PAST_DUE}}, "pending"),
        (
            {"details_submitted": True, "requirements": {"disabled_reason": "requirements.pending_verification"}},
            "pending",
        ),
        ({"details_submitted": True, "requirements": {"disabled_reason": None}}, "pending"),
        ({"details_submitted": True}, "pending"),
        ({"details_submitted": True, "requirements": {"disabled_reason": "rejected.fraud"}}, "restricted"),
        ({"details_submitted": True, "capabilities": {"transfers": "inactive"}, "payouts_enabled": True}, "restricted"),
        ({"details_submitted": True, "capabilities": {"transfers": "active"}}, "restricted"),
        ({"details_submitted": True, "requirements": 7, "capabilities": []}, "restricted"),
        ({"details_submitted": True, "capabilities": {"transfers": "active"}, "payouts_enabled": True}, "ready"),
    ],
)
def test_what_stripe_says_is_one_of_the_states(
    developer: Account, account_id: str, told: dict[str, Any], state: str
) -> None:
    sales.deliver(sales.account_updated(account_id, payouts=False, **told))
    assert onboarding(developer)["state"] == state
    assert open_alerts() == ([("connect_restricted", account_id)] if state == "restricted" else [])


def test_what_is_due_is_named_once(developer: Account, account_id: str) -> None:
    due = {"past_due": [DOCUMENT], "currently_due": [DOCUMENT, "external_account", 7], "disabled_reason": PAST_DUE}
    sales.deliver(sales.account_updated(account_id, payouts=False, requirements=due))
    assert onboarding(developer)["requirements"] == [DOCUMENT, "external_account"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_the_order_of_events_does_not_matter(developer: Account, account_id: str, order: tuple[int, ...]) -> None:
    restricted = {"details_submitted": True, "requirements": {"disabled_reason": PAST_DUE, "currently_due": [DOCUMENT]}}
    events = [
        sales.account_updated(account_id, payouts=False, at=sales.T0),
        sales.account_updated(account_id, payouts=True, at=sales.T0 + 1),
        sales.account_updated(account_id, payouts=False, at=sales.T0 + 2, **restricted),
    ]
    sales.deliver(*(events[index] for index in order))
    assert onboarding(developer) == RESTRICTED


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_of_two_events_of_one_second_stripe_says_which_counts(
    stripe_server: LoopbackStripe, developer: Account, ready: str, order: tuple[int, int], deliver_all: Deliver
) -> None:
    at = int(datetime.now(UTC).timestamp()) + 60
    stripe_server.restrict(ready, disabled_reason=PAST_DUE, due=[DOCUMENT])
    stripe_server.undelivered()
    events = [
        sales.account_updated(ready, payouts=True, at=at),
        sales.account_updated(ready, payouts=False, at=at, details_submitted=True),
    ]
    deliver_all(events=[events[index] for index in order])
    assert onboarding(developer) == RESTRICTED


def test_a_capability_that_changes_is_enough(
    stripe_server: LoopbackStripe, developer: Account, ready: str, deliver_all: Deliver
) -> None:
    stripe_server.restrict(ready, disabled_reason=PAST_DUE, due=[DOCUMENT])
    deliver_all("capability.updated")
    assert onboarding(developer) == RESTRICTED
    stripe_server.enable_payouts(ready)
    stripe_server.undelivered()
    about = {"id": "transfers", "object": "capability", "account": ready, "status": "active"}
    deliver_all(events=[stripe_event("capability.updated", about, created=sales.T0) | {"account": ready}])
    assert onboarding(developer) == READY


def test_capabilities_of_all_accounts_do_not_share_a_lock(
    stripe_server: LoopbackStripe, ready: str, deliver_all: Deliver
) -> None:
    """Every account's is called "transfers"; what is known of it is looked up and locked by the account."""
    from billing.models import BillingFact

    stripe_server.restrict(ready, disabled_reason=PAST_DUE)
    deliver_all()
    assert set(BillingFact.objects.values_list("subject_id", flat=True)) == {ready}


@pytest.mark.django_db(transaction=True)
def test_what_a_capability_makes_necessary_is_done_in_the_background(
    stripe_server: LoopbackStripe, developer: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    begin(developer)
    account_id = DeveloperAccount.objects.get().stripe_account_id
    stripe_server.restrict(account_id, disabled_reason=PAST_DUE, due=[DOCUMENT])
    sales.deliver(*(event for event in stripe_server.undelivered() if event["type"] == "capability.updated"))
    sales.let_payouts_finish()
    assert onboarding(developer) == RESTRICTED


# --- the money


def test_a_restricted_account_is_told_with_stripes_reason_until_it_is_ready(
    stripe_server: LoopbackStripe, developer: Account, ready: str, deliver_all: Deliver
) -> None:
    stripe_server.restrict(ready, disabled_reason=PAST_DUE, due=[DOCUMENT])
    deliver_all()
    alert = OperatorAlert.objects.get()
    assert (alert.kind, alert.reference) == ("connect_restricted", ready)
    assert PAST_DUE in alert.message
    assert DOCUMENT in alert.message
    assert "no payout waits" in alert.message
    sell(stripe_server, developer)
    stripe_server.restrict(ready, disabled_reason="rejected.fraud")
    stripe_server.world.events[-2]["created"] += 1
    deliver_all()
    alert.refresh_from_db()
    assert "rejected.fraud" in alert.message
    assert "€3.49 of payouts wait" in alert.message
    stripe_server.enable_payouts(ready)
    stripe_server.world.events[-1]["created"] += 2
    deliver_all()
    assert open_alerts() == []


def test_payouts_to_a_restricted_account_wait_and_go_on(
    stripe_server: LoopbackStripe, developer: Account, ready: str, deliver_all: Deliver
) -> None:
    stripe_server.restrict(ready, disabled_reason=PAST_DUE, due=[DOCUMENT])
    deliver_all()
    sale = sell(stripe_server, developer)
    assert run(sale.transfers.get().pk) is Outcome.WAITING
    assert sale.transfers.get().attempts == 0
    stripe_server.enable_payouts(ready)
    stripe_server.world.events[-1]["created"] += 1
    deliver_all()
    assert sales.sent_to(stripe_server) == [(ready, 349)]


def test_a_refused_payout_names_stripes_reason_and_is_not_refused_for_a_day(
    stripe_server: LoopbackStripe, developer: Account, ready: str, deliver_all: Deliver
) -> None:
    sale = sell_and_be_refused(stripe_server, developer, ready)
    transfer = sale.transfers.get()
    reason = f"insufficient_capabilities_for_transfer; disabled_reason: {PAST_DUE}; due: {DOCUMENT}"
    assert (transfer.last_failure, transfer.last_reason) == ("upstream_error", reason)
    alert = OperatorAlert.objects.get()
    assert (alert.kind, alert.reference) == ("connect_restricted", ready)
    for word in ("insufficient_capabilities_for_transfer", PAST_DUE, DOCUMENT, "€3.49"):
        assert word in alert.message
    assert onboarding(developer) == RESTRICTED
    assert run(transfer.pk) is Outcome.WAITING

    stripe_server.enable_payouts(ready)
    stripe_server.world.events[-1]["created"] += 1
    deliver_all()
    assert sales.sent_to(stripe_server) == [(ready, 349)]
    assert sale.transfers.get().last_reason == ""
    assert open_alerts() == []


def test_what_was_refunded_of_a_refused_payout_does_not_wait(
    stripe_server: LoopbackStripe, developer: Account, ready: str, deliver_all: Deliver
) -> None:
    sale = sell_and_be_refused(stripe_server, developer, ready)
    sales.deliver(sales.charge_refunded(sales.payment_of(sale), total=200))
    stripe_server.restrict(ready, disabled_reason="rejected.fraud")
    stripe_server.world.events[-2]["created"] += 1
    deliver_all()
    message = OperatorAlert.objects.get().message
    assert "rejected.fraud" in message
    assert "€2.09 of payouts wait" in message


def test_a_refusal_of_an_account_that_says_it_is_ready_is_tried_again_under_another_key(
    stripe_server: LoopbackStripe, developer: Account, ready: str
) -> None:
    sale = sell(stripe_server, developer)
    stripe_server.world.get("account", ready)["capabilities"]["transfers"] = "inactive"
    stripe_server.fail("garbage", method="GET", path="/v1/accounts/.*")
    assert run(sale.transfers.get().pk) is Outcome.FAILED
    assert sale.transfers.get().last_reason == "insufficient_capabilities_for_transfer"
    stripe_server.world.get("account", ready)["capabilities"]["transfers"] = "active"
    assert run(sale.transfers.get().pk) is Outcome.DONE
    assert sales.sent_to(stripe_server) == [(ready, 349)]


# --- accounts that are taken away

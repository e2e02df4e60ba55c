"""What Stripe says of a developer's account: the state they see, the alert an operator gets, the money that waits."""

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from accounts.erasure import close_account, erase
from billing.models import OperatorAlert
from marketplace import jobs
from marketplace.models import DeveloperAccount, RevenueEvent, Transfer, TransferStatus
from marketplace.payouts.transfers import Outcome, run, run_open
from tests.billing.stripe_events import event as stripe_event
from tests.fakes.stripe_server import LoopbackStripe
from tests.marketplace.payouts import sales
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db

Deliver = Callable[..., None]

NONE: dict[str, Any] = {"state": "none", "requirements": [], "disabled_reason": None}
READY: dict[str, Any] = {"state": "ready", "requirements": [], "disabled_reason": None}
DOCUMENT = "individual.verification.document"
PAST_DUE = "requirements.past_due"
RESTRICTED: dict[str, Any] = {"state": "restricted", "requirements": [DOCUMENT], "disabled_reason": PAST_DUE}


def onboarding(account: Account) -> Any:
    answer = ApiClient().get("plugins/onboarding", token=account.access_token)
    assert answer.status == 200, answer
    return answer.json


def begin(account: Account) -> None:
    answer = ApiClient().post("plugins/onboarding", token=account.access_token)
    assert answer.status == 200, answer


def open_alerts() -> list[tuple[str, str]]:
    return list(OperatorAlert.objects.filter(resolved_at=None).values_list("kind", "reference"))


@pytest.fixture(autouse=True)
def queued(monkeypatch: pytest.MonkeyPatch) -> list[Callable[[], None]]:
    """What events queue; ``deliver_all`` does it, as these tests commit nothing."""
    waiting: list[Callable[[], None]] = []
    monkeypatch.setattr(jobs, "enqueue", lambda job, **arguments: waiting.append(partial(job, **arguments)))
    return waiting


@pytest.fixture
def account_id(stripe_server: LoopbackStripe, developer: Account) -> str:
    """Onboarded, up to the questions."""
    begin(developer)
    return str(DeveloperAccount.objects.get().stripe_account_id)


@pytest.fixture
def deliver_all(stripe_server: LoopbackStripe, queued: list[Callable[[], None]]) -> Deliver:
    """``deliver_all(*kinds)``: what has happened at Stripe since the last call, and what that queues; with ``kinds``
    only of those.
    """

    def deliver(*kinds: str, events: Sequence[Any] = ()) -> None:
        told = [event for event in stripe_server.undelivered() if not kinds or event["type"] in kinds]
        sales.deliver(*told, *events)
        while queued:
            queued.pop(0)()

    return deliver


@pytest.fixture
def ready(stripe_server: LoopbackStripe, account_id: str, deliver_all: Deliver) -> str:
    stripe_server.enable_payouts(account_id)
    deliver_all()
    return account_id


def sell(stripe_server: LoopbackStripe, developer: Account) -> RevenueEvent:
    sold = sales.sell(author=developer.user, cents=499)
    stripe_server.take_payment(sales.payment_of(sold), cents=499)
    stripe_server.undelivered()
    return sold


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
    """The restriction is first heard of by the refusal."""
    sale = sell(stripe_server, developer)
    stripe_server.restrict(ready, disabled_reason=PAST_DUE, due=[DOCUMENT])
    stripe_server.undelivered()
    assert run(sale.transfers.get().pk) is Outcome.FAILED
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
    sale = sell(stripe_server, developer)
    stripe_server.restrict(ready, disabled_reason=PAST_DUE, due=[DOCUMENT])
    stripe_server.undelivered()
    assert run(sale.transfers.get().pk) is Outcome.FAILED
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

"""``manage.py sync_stripe`` and the look at Stripe after an event, against the loopback Stripe."""

import time
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from adiuva.api.errors import Problem
from adiuva.jobs import get_queue
from billing import jobs
from billing.models import OperatorAlert, Subscription
from billing.stripe.factory import get_gateway
from billing.stripe.reconciliation import apply_subscriptions, newest_fact_times, refresh
from billing.subscriptions import set_tier
from billing.tiers import Tier
from tests.billing import stripe_events as stripe
from tests.billing.deliveries import T0, buy_at, make_customer, outcome, receive
from tests.fakes.stripe_server import LoopbackStripe
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]
Capture = pytest.CaptureFixture[str]


def cancel_at_stripe(stripe_server: LoopbackStripe, sub: str) -> None:
    """And nobody tells us."""
    get_gateway().cancel_subscription(sub)
    stripe_server.undelivered()
    stripe_server.seen.clear()


def test_when_all_agree_it_says_so_and_exits_with_0(
    make_user: MakeUser, stripe_server: LoopbackStripe, capsys: Capture
) -> None:
    for tier in ("pro", "team"):
        buy_at(stripe_server, make_user().user, tier=tier)
    call_command("sync_stripe")
    *money, last = capsys.readouterr().out.splitlines()
    assert last == "2 subscriptions at Stripe, 2 customers here: 0 differ, 0 fixed"
    assert f"{datetime.now(UTC):%Y-%m}: €58.00 here, €58.00 at Stripe" in money


def test_what_cannot_be_read_is_left_out_and_named_in_the_log(
    make_user: MakeUser, stripe_server: LoopbackStripe, caplog: pytest.LogCaptureFixture
) -> None:
    """Other products' objects; the account's list is everybody's."""
    buy_at(stripe_server, make_user().user)
    world = stripe_server.world
    odd = stripe.subscription("sub_odd", customer_id="cus_foreign")
    odd["items"]["data"][0]["current_period_end"] = "never"
    world.add("subscription", odd)
    theirs = deepcopy(world.all("invoice")[0]) | {"customer": "cus_foreign", "lines": {"data": []}}
    world.add("invoice", theirs | {"id": "in_odd", "amount_paid": 2**53})
    world.add("invoice", theirs | {"id": "in_large", "amount_paid": 2**53 - 1})
    odd_refund, odd_dispute = stripe_server.refund(theirs["id"], cents=1), stripe_server.dispute(theirs["id"])
    for one in (world.get("refund", odd_refund["id"]), world.get("dispute", odd_dispute["id"])):
        one["amount"] = -1
    call_command("sync_stripe")
    named = [record.__dict__["id"] for record in caplog.records if "cannot be read" in record.message]
    assert named == ["sub_odd", "in_odd", odd_refund["id"], odd_dispute["id"]]


def test_a_cancellation_we_did_not_hear_of_is_drift_and_changes_nothing_without_fix(
    make_user: MakeUser, stripe_server: LoopbackStripe, capsys: Capture
) -> None:
    account = make_user()
    cancel_at_stripe(stripe_server, buy_at(stripe_server, account.user))
    before = outcome(account.user)
    with pytest.raises(CommandError, match="1 left"):
        call_command("sync_stripe")
    assert f"{account.email}: status: active -> canceled, tier: pro -> free" in capsys.readouterr().out
    assert outcome(account.user) == before
    assert not any(call.changes_state for call in stripe_server.seen)


def test_fix_takes_over_what_stripe_says(make_user: MakeUser, stripe_server: LoopbackStripe, capsys: Capture) -> None:
    ended, missed, fine = make_user(), make_user(), make_user()
    cancel_at_stripe(stripe_server, buy_at(stripe_server, ended.user))
    buy_at(stripe_server, missed.user, tier="power", tell=False)
    buy_at(stripe_server, fine.user)
    call_command("sync_stripe", "--fix")
    assert capsys.readouterr().out.endswith("3 subscriptions at Stripe, 3 customers here: 2 differ, 2 fixed\n")
    assert [outcome(one.user).tier for one in (ended, missed, fine)] == ["free", "power", "pro"]
    call_command("sync_stripe")


def test_a_debt_that_was_paid_unheard_is_settled(make_user: MakeUser, stripe_server: LoopbackStripe) -> None:
    user = make_user().user
    sub = buy_at(stripe_server, user)
    receive(stripe.payment_failed(sub, created=int(time.time()) + 60, customer_id=str(user.stripe_customer_id)))
    assert outcome(user).status == "past_due"
    call_command("sync_stripe", "--fix")
    assert outcome(user).status == "active"


def test_what_an_operator_set_is_no_drift(make_user: MakeUser, stripe_server: LoopbackStripe) -> None:
    user = make_user().user
    buy_at(stripe_server, user)
    set_tier(user=user, tier=Tier.TEAM)
    call_command("sync_stripe", "--fix")
    assert outcome(user).tier == "team"


def test_a_subscription_stripe_does_not_know_is_reported_and_left_alone(
    make_user: MakeUser, stripe_server: LoopbackStripe, capsys: Capture
) -> None:
    """With the key of another account, everything would look like that."""
    user = make_user().user
    sub = buy_at(stripe_server, user)
    del stripe_server.world.tables["subscription"][sub]
    with pytest.raises(CommandError, match="1 left"):
        call_command("sync_stripe", "--fix")
    assert f"not at Stripe: {sub}" in capsys.readouterr().out
    assert outcome(user).tier == "pro"


def test_a_customer_stripe_does_not_know_is_reported_and_keeps_nobody_else_from_being_compared(
    make_user: MakeUser, stripe_server: LoopbackStripe, capsys: Capture
) -> None:
    """Bought from the stub, or under the key of another account."""
    stranger, missed = make_user(), make_user()
    customer_id = make_customer(stranger.user)
    receive(stripe.subscription_created("sub_1", created=T0, customer_id=customer_id))
    buy_at(stripe_server, missed.user, tier="power", tell=False)
    with pytest.raises(CommandError, match="1 left"):
        call_command("sync_stripe", "--fix")
    assert f"{stranger.email}: not at Stripe: sub_1" in capsys.readouterr().out
    assert [outcome(one.user).tier for one in (stranger, missed)] == ["pro", "power"]


def test_who_pays_and_is_nobodys_customer_is_reported(
    make_user: MakeUser, stripe_server: LoopbackStripe, capsys: Capture
) -> None:
    account = make_user()
    sub = buy_at(stripe_server, account.user, tell=False)
    customer_id = account.user.stripe_customer_id
    account.user.delete()
    with pytest.raises(CommandError, match="1 left"):
        call_command("sync_stripe", "--fix")
    assert f"{customer_id}: pays for {sub} and belongs to no user here" in capsys.readouterr().out


def test_fix_ends_a_subscription_that_a_newer_one_replaces(make_user: MakeUser, stripe_server: LoopbackStripe) -> None:
    user = make_user().user
    older = buy_at(stripe_server, user, tier="team")
    stripe_server.world.advance(10)
    newer = buy_at(stripe_server, user, tier="pro")
    assert outcome(user).tier == "team"
    call_command("sync_stripe", "--fix")
    subs = stripe_server.world.tables["subscription"]
    assert (subs[older]["status"], subs[newer]["status"]) == ("canceled", "active")
    assert outcome(user).tier == "pro"


@pytest.mark.thorough
def test_more_than_a_page_is_compared(make_user: MakeUser, stripe_server: LoopbackStripe, capsys: Capture) -> None:
    from accounts.models import User

    for number in range(105):
        user = User.objects.create(email=f"page-{number}@example.com", password="!")
        buy_at(stripe_server, user, tell=number % 50 > 0)
    with pytest.raises(CommandError, match="6 left"):  # and the money of the three
        call_command("sync_stripe")
    assert "105 subscriptions at Stripe, 105 customers here: 3 differ" in capsys.readouterr().out


def test_without_stripe_it_stops_and_says_why(
    make_user: MakeUser, stripe_server: LoopbackStripe, settings: Any
) -> None:
    buy_at(stripe_server, make_user().user)
    settings.STRIPE_API_BASE = "http://127.0.0.1:1"
    with pytest.raises(CommandError, match="stopped: The payment service is not available"):
        call_command("sync_stripe")
    settings.STRIPE_SECRET_KEY = ""
    with pytest.raises(CommandError, match="no STRIPE_SECRET_KEY"):
        call_command("sync_stripe")


# --- the job of every night --------------------------------------------------------------------------------------


def test_the_job_logs_drift_as_an_error_once_and_neither_fails_nor_mends(
    make_user: MakeUser, stripe_server: LoopbackStripe, caplog: pytest.LogCaptureFixture
) -> None:
    account, fine = make_user(), make_user()
    cancel_at_stripe(stripe_server, buy_at(stripe_server, account.user))
    buy_at(stripe_server, fine.user)
    before = outcome(account.user)
    jobs.sync_stripe()
    [line] = [vars(record) for record in caplog.records if record.levelname == "ERROR"]
    assert (line["customer"], line["difference"]) == (
        account.user.stripe_customer_id,
        "status: active -> canceled, tier: pro -> free",
    )
    assert account.email not in str(line)
    assert outcome(account.user) == before


def test_the_job_is_tried_again_while_stripe_is_away(
    make_user: MakeUser, stripe_server: LoopbackStripe, settings: Any
) -> None:
    settings.STRIPE_API_BASE = "http://127.0.0.1:1"
    with pytest.raises(Problem):
        jobs.sync_stripe()
    assert jobs.sync_stripe.retry.pause(failures=1) == 600


def test_without_a_key_the_job_has_nothing_to_compare_with(settings: Any) -> None:
    settings.STRIPE_SECRET_KEY = ""
    jobs.sync_stripe()


# --- what the API answers beside what events say -----------------------------------------------------------------


def test_an_answer_that_was_under_way_while_an_event_came_is_the_older_of_the_two(
    make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    user = make_user().user
    sub = buy_at(stripe_server, user)
    customer_id = str(user.stripe_customer_id)
    known = newest_fact_times(customer_id)
    answer = list(get_gateway().list_subscriptions(customer_id=customer_id))
    later = int(time.time()) + 30
    receive(stripe.subscription_updated(sub, created=later, customer_id=customer_id, price_id="price_team_monthly"))
    apply_subscriptions(customer_id=customer_id, subscriptions=answer, known=known)
    assert outcome(user).tier == "team"


def test_a_cancellation_that_stripe_answers_is_final(make_user: MakeUser, stripe_server: LoopbackStripe) -> None:
    user = make_user().user
    sub = buy_at(stripe_server, user)
    customer_id = str(user.stripe_customer_id)
    known = newest_fact_times(customer_id)
    cancelled = get_gateway().cancel_subscription(sub)
    assert cancelled is not None
    receive(stripe.subscription_updated(sub, created=int(time.time()) + 30, customer_id=customer_id))
    apply_subscriptions(customer_id=customer_id, subscriptions=[cancelled], known=known)
    assert (outcome(user).tier, outcome(user).status) == ("free", "canceled")


# --- resync ------------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_states_of_one_second_are_settled_by_asking_stripe(
    make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    user = make_user().user
    sub = buy_at(stripe_server, user, tier="pro")
    at = int(time.time()) + 5
    for price_id in ("price_team_monthly", "price_power_monthly"):
        receive(
            stripe.subscription_updated(sub, created=at, customer_id=str(user.stripe_customer_id), price_id=price_id)
        )
    get_queue().drain()
    assert outcome(user).tier == "pro"


@pytest.mark.django_db(transaction=True)
def test_a_purchase_of_which_only_the_checkout_is_known_is_completed(
    make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    user = make_user().user
    sub = buy_at(stripe_server, user, tier="power", tell=False)
    receive(
        stripe.checkout_completed(
            created=int(time.time()), customer_id=str(user.stripe_customer_id), subscription_id=sub, tier="pro"
        )
    )
    get_queue().drain()
    assert Subscription.objects.get(user=user).current_period_end is not None
    assert outcome(user).tier == "power"


@pytest.mark.django_db(transaction=True)
def test_while_stripe_is_away_an_event_is_applied_all_the_same(
    make_user: MakeUser, stripe_server: LoopbackStripe, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    user = make_user().user
    sub = buy_at(stripe_server, user)
    settings.STRIPE_API_BASE = "http://127.0.0.1:1"
    at = int(time.time()) + 5
    receive(
        stripe.subscription_updated(sub, created=at, customer_id=str(user.stripe_customer_id), price_id="price_new")
    )
    assert (outcome(user).tier, outcome(user).status) == ("pro", "active")
    assert OperatorAlert.objects.get().kind == "unknown_price"
    get_queue().drain()
    assert "a job is to be tried again" in caplog.text
    assert outcome(user).tier == "pro"


def test_a_refresh_of_a_customer_without_a_user_keeps_the_facts(
    make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    sub = buy_at(stripe_server, account.user, tell=False)
    customer_id = str(account.user.stripe_customer_id)
    account.user.delete()
    refresh(customer_id)
    assert list(newest_fact_times(customer_id)) == [sub]

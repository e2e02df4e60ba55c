"""Refunds and disputes of subscriptions by Stripe's events, in whatever order they come."""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from accounts import erasure
from adiuva.jobs import get_queue
from billing.models import OperatorAlert
from billing.revenue.models import InvoicePayment, SubscriptionPayment
from tests.accounts.concurrency import run_concurrently
from tests.billing import stripe_events
from tests.billing.deliveries import DAY, T0, buy_at, receive
from tests.billing.revenue.invoices import ADD_ON, OURS, booked, line, paid, sums
from tests.billing.stripe_events import JsonObject
from tests.fakes.stripe.world import MONTH
from tests.fakes.stripe_server import LoopbackStripe
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


def buy(stripe_server: LoopbackStripe, account: Account, *, tell: bool = True) -> str:
    """The id of the invoice of a month of pro."""
    sub = buy_at(stripe_server, account.user, tell=tell)
    return str(stripe_server.world.get("subscription", sub)["latest_invoice"])


def tell(stripe_server: LoopbackStripe, *, without: tuple[str, ...] = ()) -> None:
    for event in stripe_server.undelivered():
        if event["type"] not in without:
            receive(event)


def by_month() -> dict[str, int]:
    found: dict[str, int] = {}
    for row in SubscriptionPayment.objects.order_by("paid_at"):
        month = f"{row.paid_at.astimezone(UTC):%Y-%m}"
        found[month] = found.get(month, 0) + row.amount_cents
    return found


def test_a_refund_is_taken_off(make_user: MakeUser, stripe_server: LoopbackStripe) -> None:
    invoice_id = buy(stripe_server, make_user())
    refund = stripe_server.refund(invoice_id, cents=300)
    tell(stripe_server)
    assert booked() == [(900, "eur"), (-300, "eur")]
    assert SubscriptionPayment.objects.get(source=refund["id"]).kind == "refund"
    stripe_server.refund(invoice_id)
    tell(stripe_server)
    assert sums() == {"eur": 0}


def test_a_refund_that_failed_is_not(make_user: MakeUser, stripe_server: LoopbackStripe) -> None:
    refund = stripe_server.refund(buy(stripe_server, make_user()))
    tell(stripe_server)
    assert sums() == {"eur": 0}
    stripe_server.fail_refund(refund["id"])
    tell(stripe_server)
    assert sums() == {"eur": 900}


def test_each_in_the_month_in_which_it_happened(make_user: MakeUser, stripe_server: LoopbackStripe) -> None:
    invoice_id = buy(stripe_server, make_user())
    months = [stripe_server.world.now()]

    def go_on() -> None:
        stripe_server.world.advance(MONTH + 2 * DAY)
        months.append(stripe_server.world.now())

    go_on()
    dispute = stripe_server.dispute(invoice_id)
    go_on()
    stripe_server.close_dispute(dispute["id"], status="won")
    tell(stripe_server)
    names = [f"{datetime.fromtimestamp(at, UTC):%Y-%m}" for at in months]
    assert by_month() == dict(zip(names, (900, -900, 900), strict=True))


@pytest.mark.parametrize("seed", range(8))
def test_events_in_any_order_and_twice_come_to_the_same(
    make_user: MakeUser, stripe_server: LoopbackStripe, seed: int
) -> None:
    invoice_id = buy(stripe_server, make_user(), tell=False)
    failed = stripe_server.refund(invoice_id, cents=200)
    stripe_server.fail_refund(failed["id"])
    stripe_server.refund(invoice_id, cents=300)
    won = stripe_server.dispute(invoice_id, cents=100)
    stripe_server.close_dispute(won["id"], status="won")
    lost = stripe_server.dispute(invoice_id, cents=50)
    stripe_server.close_dispute(lost["id"], status="lost")
    events = stripe_server.world.events * 2
    random.Random(seed).shuffle(events)  # noqa: S311 - the order
    for event in events:
        receive(event)
    amounts = {row.source: row.amount_cents for row in SubscriptionPayment.objects.all()}
    assert sorted(amounts.values()) == sorted([900, -200, 200, -300, -100, 100, -50])
    assert amounts[lost["id"]] == -50
    states = {alert.reference: alert for alert in OperatorAlert.objects.filter(kind="dispute")}
    assert set(states) == {won["id"], lost["id"]}
    assert all(alert.resolved_at is not None for alert in states.values())
    assert states[lost["id"]].message.endswith("It is closed: lost.")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", range(3))
def test_eight_at_a_time_come_to_the_same(make_user: MakeUser, stripe_server: LoopbackStripe, seed: int) -> None:
    """The invoice, what paid it and what went back of it are told by events that know nothing of each other."""
    for _ in range(6):
        invoice_id = buy(stripe_server, make_user(), tell=False)
        stripe_server.refund(invoice_id, cents=300)
        dispute = stripe_server.dispute(invoice_id, cents=100)
        stripe_server.close_dispute(dispute["id"], status="lost")
    events = stripe_server.world.events * 2
    random.Random(seed).shuffle(events)  # noqa: S311 - the interleaving
    for start in range(0, len(events), 8):
        run_concurrently(*[lambda event=event: receive(event) for event in events[start : start + 8]])
    assert sorted(booked()) == sorted([(900, "eur"), (-300, "eur"), (-100, "eur")] * 6)
    assert len(alerts()) == 6


def test_a_refund_of_which_only_the_charge_tells(make_user: MakeUser, stripe_server: LoopbackStripe) -> None:
    """An endpoint may have been set up for ``charge.refunded`` alone."""
    invoice_id = buy(stripe_server, make_user())
    for cents in (300, 600):
        stripe_server.refund(invoice_id, cents=cents)
    tell(stripe_server, without=("refund.created",))
    assert sorted(booked()) == [(-600, "eur"), (-300, "eur"), (900, "eur")]


@pytest.mark.django_db(transaction=True)
def test_of_a_payment_of_which_nothing_is_known_stripe_is_asked(
    make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    """Neither the invoice's event nor that of its payment came: the endpoint is younger than the purchase."""
    invoice_id = buy(stripe_server, make_user(), tell=False)
    stripe_server.undelivered()
    stripe_server.refund(invoice_id, cents=300)
    tell(stripe_server)
    get_queue().drain()
    assert sums() == {"eur": 600}


@pytest.mark.django_db(transaction=True)
def test_a_payment_of_no_invoice_is_asked_for_once_and_is_not_ours(stripe_server: LoopbackStripe) -> None:
    """A plugin's, or another product's: the first has books of its own."""
    payment = stripe_server.take_payment("pi_of_a_plugin", cents=499)
    charge = stripe_server.world.get("charge", payment["latest_charge"])
    refund = {"id": "re_1", "object": "refund", "amount": 499, "charge": charge["id"], "currency": "eur"}
    refund |= {"payment_intent": "pi_of_a_plugin", "status": "pending", "created": T0}
    for kind in ("refund.created", "refund.updated"):
        receive(stripe_events.event(kind, refund, created=T0))
        get_queue().drain()
    assert booked() == []
    assert len(stripe_server.calls("GET", "/v1/invoice_payments")) == 1
    assert InvoicePayment.objects.get().invoice_id == ""


@pytest.mark.django_db(transaction=True)
def test_the_books_of_an_erased_account_are_open_to_its_refunds(
    make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    account = make_user()
    invoice_id = buy(stripe_server, account)
    erasure.close_account(user=account.user)
    erasure.erase(user_id=account.user.id)
    stripe_server.refund(invoice_id)
    tell(stripe_server)
    get_queue().drain()
    assert sums() == {"eur": 0}


def test_charges_and_invoices_that_name_each_other_are_understood(
    make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    """As they did before 2025-03-31."""

    def charge(of: JsonObject) -> JsonObject:
        about = {"id": "ch_1", "object": "charge", "amount": 900, "amount_refunded": 300, "currency": "eur"}
        return stripe_events.event("charge.refunded", about | of, created=T0 + DAY)

    receive(charge({"payment_intent": "pi_1", "invoice": "in_1"}))
    receive(paid(line(OURS, 900), id="in_1"))
    receive(paid(line(OURS, 900), id="in_2", payment_intent="pi_2"))
    receive(charge({"payment_intent": "pi_2", "id": "ch_2"}))
    receive(paid(line(OURS, 900), id="in_3", charge="ch_3", payment_intent=None))
    receive(charge({"payment_intent": None, "id": "ch_3"}))
    assert sorted(booked()) == [(-300, "eur")] * 3 + [(900, "eur")] * 3


def test_what_goes_back_of_a_mixed_invoice_is_ours_in_part(stripe_server: LoopbackStripe) -> None:
    receive(paid(line(OURS, 900), line(ADD_ON, 1000), id="in_1", payment_intent="pi_1"))
    refund: Any = {"id": "re_1", "object": "refund", "amount": 950, "currency": "eur", "payment_intent": "pi_1"}
    receive(stripe_events.event("refund.created", refund | {"status": "succeeded"}, created=T0 + DAY))
    assert booked() == [(900, "eur"), (-450, "eur")]


def test_other_products_refunds_and_disputes_are_ignored(stripe_server: LoopbackStripe) -> None:
    receive(paid(line(ADD_ON, 1000), id="in_1", payment_intent="pi_1"))
    about: JsonObject = {"amount": 1000, "currency": "eur", "payment_intent": "pi_1", "created": T0}
    refund = about | {"id": "re_1", "object": "refund", "status": "succeeded"}
    receive(stripe_events.event("refund.created", refund, created=T0))
    dispute = about | {"id": "du_1", "object": "dispute", "status": "needs_response"}
    receive(stripe_events.event("charge.dispute.created", dispute, created=T0))
    assert booked() == []
    assert not OperatorAlert.objects.exists()


# --- what an operator hears of a dispute -------------------------------------------------------------------------


def alerts() -> list[tuple[str, bool]]:
    found = OperatorAlert.objects.filter(kind="dispute").order_by("created_at")
    return [(alert.message, alert.resolved_at is None) for alert in found]


def test_a_dispute_says_how_much_why_and_until_when(make_user: MakeUser, stripe_server: LoopbackStripe) -> None:
    invoice_id = buy(stripe_server, make_user())
    dispute = stripe_server.dispute(invoice_id, reason="subscription_canceled")
    tell(stripe_server)
    due = f"{datetime.fromtimestamp(dispute['evidence_details']['due_by'], UTC):%Y-%m-%d %H:%M} UTC"
    text = f"({dispute['id']}) over €9.00 of the subscription's invoice {invoice_id}: subscription_canceled."
    assert alerts() == [(f"A dispute {text} Evidence is due by {due}, in Stripe's dashboard.", True)]
    stripe_server.close_dispute(dispute["id"], status="lost")
    tell(stripe_server)
    assert alerts() == [(f"A dispute {text} It is closed: lost.", False)]


def test_what_an_operator_has_resolved_only_news_opens_again(
    make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    invoice_id = buy(stripe_server, make_user())
    inquiry = stripe_server.dispute(invoice_id, inquiry=True)
    tell(stripe_server)
    assert sums() == {"eur": 900}
    OperatorAlert.objects.update(resolved_at=datetime.now(UTC))
    world = stripe_server.world
    about = world.get("dispute", inquiry["id"])
    world.emit("charge.dispute.updated", about | {"status": "warning_under_review"})
    tell(stripe_server)
    assert [is_open for _, is_open in alerts()] == [False]
    world.emit("charge.dispute.updated", about | {"status": "needs_response"})
    tell(stripe_server)
    assert [is_open for _, is_open in alerts()] == [False, True]
    assert sums() == {"eur": 0}


@pytest.mark.django_db(transaction=True)
def test_a_dispute_that_comes_before_all_else_is_told_of_too(
    make_user: MakeUser, stripe_server: LoopbackStripe
) -> None:
    invoice_id = buy(stripe_server, make_user(), tell=False)
    stripe_server.undelivered()
    stripe_server.dispute(invoice_id)
    tell(stripe_server)
    assert alerts() == []
    get_queue().drain()
    assert [is_open for _, is_open in alerts()] == [True]

"""docs/api.md § 3: mails about a payment that failed, an end that is scheduled, and receipts, once each."""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import permutations
from typing import Any

import pytest

from accounts.models import User
from adiuva.mail.kinds import MailKind
from adiuva.mail.models import OutgoingMail
from billing.jobs import read_invoice, trace_payment
from billing.models import Notice
from tests.billing import stripe_events as stripe
from tests.billing.conftest import DeliverAll
from tests.billing.deliveries import DAY, SECRET, T0, buy_at, make_customer, receive
from tests.billing.revenue import invoices
from tests.billing.stripe_events import JsonObject
from tests.fakes.stripe_server import LoopbackStripe
from tests.support.accounts import Account
from tests.support.queued_mail import facts_of_mails, send_now

MakeUser = Callable[..., Account]

pytestmark = pytest.mark.django_db

SOON = int(time.time()) + 20 * DAY


@pytest.fixture(autouse=True)
def _signed(settings: Any) -> None:
    settings.STRIPE_WEBHOOK_SECRET = SECRET


@pytest.fixture
def user(make_user: MakeUser) -> User:
    return make_user().user


@pytest.fixture
def of(user: User) -> dict[str, str]:
    """What every event of theirs names."""
    return {"customer_id": make_customer(user)}


def failures(user: User) -> list[Any]:
    return facts_of_mails(user, MailKind.PAYMENT_FAILED)


def ends(user: User) -> list[Any]:
    return facts_of_mails(user, MailKind.SUBSCRIPTION_ENDING)


def receipts(user: User) -> list[Any]:
    return facts_of_mails(user, MailKind.RECEIPT)


def again(failed: JsonObject, *, created: int, kind: str = "invoice.payment_failed", **changes: Any) -> JsonObject:
    """Another event about the same invoice."""
    return stripe.event(kind, failed["data"]["object"] | changes, created=created)


# --- a payment that failed -----------------------------------------------------------------------------------------


def test_a_failed_payment_is_told_once_an_invoice_with_a_link_to_pay(user: User, of: dict[str, str]) -> None:
    receive(stripe.subscription_created("sub_1", created=T0, **of))
    failed = stripe.payment_failed("sub_1", created=T0 + 30 * DAY, cents=1900, **of)
    for event in (failed, failed, again(failed, created=T0 + 33 * DAY), again(failed, created=T0 + 36 * DAY)):
        receive(event)
    invoice = failed["data"]["object"]
    assert failures(user) == [{"tier": "pro", "amount_cents": 1900, "currency": "eur", "invoice": invoice["id"]}]
    [body] = send_now(user, MailKind.PAYMENT_FAILED)
    assert invoice["hosted_invoice_url"] in body
    receive(stripe.payment_failed("sub_1", created=T0 + 60 * DAY, **of))
    assert len(failures(user)) == 2


def test_what_was_paid_meanwhile_is_not_asked_for(user: User, of: dict[str, str]) -> None:
    receive(stripe.subscription_created("sub_1", created=T0, **of))
    failed = stripe.payment_failed("sub_1", created=T0 + 30 * DAY, **of)
    receive(failed)
    receive(again(failed, created=T0 + 31 * DAY, kind="invoice.paid", status="paid", amount_paid=900))
    assert len(failures(user)) == 1
    assert send_now(user, MailKind.PAYMENT_FAILED) == []


def test_a_subscription_that_has_ended_meanwhile_asks_for_nothing(user: User, of: dict[str, str]) -> None:
    receive(stripe.subscription_created("sub_1", created=T0, **of))
    receive(stripe.payment_failed("sub_1", created=T0 + 30 * DAY, **of))
    receive(stripe.subscription_deleted("sub_1", created=T0 + 31 * DAY, **of))
    assert send_now(user, MailKind.PAYMENT_FAILED) == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_a_failure_is_told_in_whatever_order_its_events_come(
    user: User, of: dict[str, str], order: tuple[int, ...]
) -> None:
    events = [
        stripe.subscription_created("sub_1", created=T0, **of),
        stripe.payment_failed("sub_1", created=T0 + 30 * DAY, **of),
        stripe.subscription_updated("sub_1", created=T0 + 30 * DAY, status="past_due", **of),
    ]
    for number in order:
        receive(events[number])
    assert len(failures(user)) == 1


def test_a_card_that_is_refused_at_the_checkout_is_no_news(user: User, of: dict[str, str]) -> None:
    receive(stripe.subscription_created("sub_1", created=T0, status="incomplete", **of))
    receive(stripe.payment_failed("sub_1", created=T0, **of))
    assert failures(user) == []


def test_another_product_in_the_account_writes_to_nobody(user: User, of: dict[str, str]) -> None:
    theirs = {"price_id": "price_of_another_product", **of}
    receive(stripe.subscription_created("sub_2", created=T0, cancel_at_period_end=True, **theirs))
    receive(stripe.payment_failed("sub_2", created=T0 + DAY, **of))
    receive(invoices.paid(invoices.line(invoices.ADD_ON, 500), customer_id=of["customer_id"], subscription_id="sub_2"))
    assert (failures(user), ends(user), receipts(user)) == ([], [], [])


# --- an end that is scheduled --------------------------------------------------------------------------------------


def scheduled(of: dict[str, str], *, created: int, ends_at: int | None = SOON) -> JsonObject:
    event = stripe.subscription_updated("sub_1", created=created, **of)
    event["data"]["object"]["cancel_at"] = ends_at
    return event


def test_a_scheduled_end_is_told_once_and_again_when_it_is_another(user: User, of: dict[str, str]) -> None:
    receive(stripe.subscription_created("sub_1", created=T0, **of))
    for second in range(3):
        receive(scheduled(of, created=T0 + second))
    told = {"tier": "pro", "at": datetime.fromtimestamp(SOON, UTC).isoformat()}
    assert ends(user) == [told]
    assert len(send_now(user, MailKind.SUBSCRIPTION_ENDING)) == 1
    receive(scheduled(of, created=T0 + 10, ends_at=SOON + DAY))
    assert len(ends(user)) == 2


def test_an_end_that_is_taken_back_before_the_mail_leaves_is_not_told(user: User, of: dict[str, str]) -> None:
    receive(scheduled(of, created=T0))
    receive(scheduled(of, created=T0 + 1, ends_at=None))
    assert send_now(user, MailKind.SUBSCRIPTION_ENDING) == []
    receive(scheduled(of, created=T0 + 2))  # and once more, to the same day
    assert len(ends(user)) == 2
    assert len(send_now(user, MailKind.SUBSCRIPTION_ENDING)) == 1


def test_of_an_end_that_is_put_off_only_the_new_one_is_sent(user: User, of: dict[str, str]) -> None:
    receive(scheduled(of, created=T0))
    receive(scheduled(of, created=T0 + 1, ends_at=SOON + DAY))
    assert len(send_now(user, MailKind.SUBSCRIPTION_ENDING)) == 1
    [dropped] = OutgoingMail.objects.filter(dropped_at__isnull=False)
    assert dropped.facts["at"] == datetime.fromtimestamp(SOON, UTC).isoformat()


def test_an_end_that_has_come_is_not_announced(user: User, of: dict[str, str]) -> None:
    receive(scheduled(of, created=T0))
    receive(stripe.subscription_deleted("sub_1", created=T0 + 1, **of))
    assert send_now(user, MailKind.SUBSCRIPTION_ENDING) == []


def test_an_end_that_stripe_tells_when_it_is_asked_is_told_too(
    user: User, stripe_server: LoopbackStripe, deliver_all: DeliverAll
) -> None:
    buy_at(stripe_server, user)
    stripe_server.schedule_end(stripe_server.world.all("subscription")[0]["id"])
    deliver_all()
    assert [one["tier"] for one in ends(user)] == ["pro"]


# --- receipts ------------------------------------------------------------------------------------------------------


def paid_invoice(of: dict[str, str], cents: int = 900, **changes: Any) -> JsonObject:
    line = invoices.line(invoices.OURS, cents)
    return invoices.paid(line, customer_id=of["customer_id"], subscription_id="sub_1", **changes)


def test_a_paid_invoice_has_one_receipt_however_often_it_is_told(user: User, of: dict[str, str]) -> None:
    event = paid_invoice(of)
    invoice = event["data"]["object"]
    for one in (event, event, stripe.event("invoice.payment_succeeded", invoice, created=T0 + 1)):
        receive(one)
    assert receipts(user) == [{"amount_cents": 900, "currency": "eur", "invoice": invoice["id"]}]
    [body] = send_now(user, MailKind.RECEIPT)
    assert invoice["hosted_invoice_url"] in body


def test_what_cost_nothing_has_no_receipt(user: User, of: dict[str, str]) -> None:
    receive(paid_invoice(of, cents=0))
    assert receipts(user) == []


def test_an_invoice_whose_lines_stripe_is_asked_for_has_its_receipt_then(
    user: User, stripe_server: LoopbackStripe
) -> None:
    buy_at(stripe_server, user, tell=False)
    [invoice] = stripe_server.world.all("invoice")
    assert receipts(user) == []
    for _ in range(2):
        read_invoice(invoice_id=invoice["id"])
    assert [one["invoice"] for one in receipts(user)] == [invoice["id"]]


def test_a_refund_of_an_old_invoice_sends_no_receipt(user: User, stripe_server: LoopbackStripe) -> None:
    buy_at(stripe_server, user, tell=False)
    [payment] = stripe_server.world.all("payment_intent")
    trace_payment(payment_id=payment["id"])
    assert receipts(user) == []


# --- whose they are ------------------------------------------------------------------------------------------------


def test_who_is_leaving_is_not_written_to(user: User, of: dict[str, str]) -> None:
    User.objects.filter(id=user.id).update(is_active=False, erasure_requested_at=datetime.now(UTC))
    receive(scheduled(of, created=T0))
    receive(stripe.payment_failed("sub_1", created=T0 + DAY, **of))
    receive(paid_invoice(of))
    assert (failures(user), ends(user), receipts(user)) == ([], [], [])


def test_what_was_told_goes_with_the_account(user: User, of: dict[str, str]) -> None:
    receive(paid_invoice(of))
    assert Notice.objects.filter(user=user).count() == 1
    user.delete()
    assert not Notice.objects.exists()

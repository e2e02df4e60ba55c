"""Nobody is flooded, no notice is starved, and nobody is told."""

import uuid
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail as outbox
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from accounts.recovery.mail_tokens import RESET_LIFETIME
from adiuva.jobs import get_queue
from adiuva.mail.kinds import MailKind
from adiuva.mail.limits import budget_of
from adiuva.mail.models import Dropped, OutgoingMail
from adiuva.mail.outbox import forget_account, seconds_until_room, send_mail, sent_lately
from adiuva.mail.sending import send_now
from adiuva.observability.metrics import MAILS_LIMITED
from tests.support.mailbox import messages_to

pytestmark = pytest.mark.django_db(transaction=True)
Write = Callable[..., OutgoingMail]
ADA = "ada@example.com"
RESETS = budget_of(MailKind.PASSWORD_RESET)


def ask(kind: MailKind = MailKind.PASSWORD_RESET, *, to: str = ADA, account_id: uuid.UUID | None = None) -> None:
    send_mail(kind, to=to, locale="en", account_id=account_id)


def test_an_address_gets_ten_an_hour_however_it_is_written(caplog: pytest.LogCaptureFixture) -> None:
    before = MAILS_LIMITED.labels("password_reset")._value.get()
    for spelling in ("ada@münchen.example", "ADA@xn--mnchen-3ya.example", "Ada@MÜNCHEN.example"):
        for _ in range(5):
            ask(to=spelling)

    assert len(messages_to("ada@münchen.example")) == RESETS.hourly
    assert MAILS_LIMITED.labels("password_reset")._value.get() - before == 5
    told = str([record.__dict__ for record in caplog.records if "too many" in record.message])
    assert told.count("mail is one too many") >= 5
    assert [part for part in ("ada@", "münchen", "xn--") if part in told.lower()] == []


def test_who_deletes_the_account_and_begins_again_floods_nobody() -> None:
    for _ in range(RESETS.hourly + 3):
        account_id = uuid.uuid4()
        ask(MailKind.VERIFICATION, account_id=account_id)
        get_queue().drain()
        forget_account(account_id=account_id, recipients=[ADA])
    assert len(messages_to(ADA)) == budget_of(MailKind.VERIFICATION).hourly


def test_others_and_other_budgets_are_not_affected() -> None:
    for _ in range(RESETS.hourly + 5):
        ask()
    for _ in range(20):
        ask(MailKind.ADDRESS_TAKEN)
        ask(MailKind.EMAIL_CHANGE)
    ask(MailKind.VERIFICATION)
    ask(to="bob@example.com")
    ask(MailKind.PASSWORD_CHANGED)
    ask(MailKind.FACTOR_REMOVED)

    subjects = [message.subject for message in messages_to(ADA)]
    told = {"Your password was changed", "A second factor was removed from your account", "Confirm your email address"}
    assert told < set(subjects)
    assert subjects.count("You already have an Adiuva account") == budget_of(MailKind.ADDRESS_TAKEN).hourly
    assert len(messages_to("bob@example.com")) == 1


def test_an_hour_later_there_is_room_again_and_a_day_has_a_limit_too(write: Write) -> None:
    for hours in range(1, 4):
        for _ in range(budget_of(MailKind.NEW_DEVICE).hourly - (hours == 3)):
            write(MailKind.NEW_DEVICE, age=timedelta(hours=hours, minutes=1))
    ask(MailKind.NEW_DEVICE)
    ask(MailKind.NEW_DEVICE)

    assert OutgoingMail.objects.filter(created_at__gt=datetime.now(UTC) - timedelta(hours=1)).count() == 1


@pytest.mark.parametrize(
    ("ages", "to", "minutes"),
    [
        ([*range(9), 45], ADA, 15),  # of ten in an hour the first leaves the hour
        ([*range(10), 45], ADA, 51),  # of eleven the second
        ([60 * hour + 1 for hour in (1, 2, 3) for _ in range(10)], ADA, 20 * 60 + 59),  # and the day, of 30
        ([9] * 300, "bob@example.com", 24 * 60 - 9),  # and an account's day
    ],
)
def test_one_too_many_is_told_when_it_would_be_none(write: Write, ages: list[int], to: str, minutes: int) -> None:
    kind, account_id = MailKind.INVITATION, uuid.uuid4()
    for age in ages:
        write(kind, age=timedelta(minutes=age), account_id=account_id)
    assert not send_mail(kind, to=to, locale="en", account_id=account_id)
    seconds = seconds_until_room(kind, to=to, account_id=account_id)
    assert minutes * 60 - 30 <= seconds <= minutes * 60 + 1

    OutgoingMail.objects.update(created_at=F("created_at") - timedelta(seconds=seconds))
    assert send_mail(kind, to=to, locale="en", account_id=account_id)


def test_whoever_asks_for_resets_all_day_keeps_nobody_from_theirs(write: Write) -> None:
    """Either a new link comes, or the one that came within its lifetime still works."""
    for _ in range(RESETS.daily):
        write(MailKind.PASSWORD_RESET, age=RESET_LIFETIME + timedelta(minutes=1))
    for _ in range(3):
        ask()

    assert len(messages_to(ADA)) == 1
    assert RESETS.at_least_every == RESET_LIFETIME


@pytest.mark.parametrize("kind", [MailKind.PASSWORD_RESET, MailKind.ADDRESS_TAKEN, MailKind.EMAIL_CHANGE])
def test_what_strangers_cause_takes_the_same_work_over_the_limit(
    kind: MailKind, django_assert_num_queries: Callable[[int], AbstractContextManager[Any]]
) -> None:
    """Of an address without an account nothing ever counts: it would go on to be written where others are refused."""
    for _ in range(budget_of(kind).hourly + 1):
        ask(kind)
    with CaptureQueriesContext(connection) as first:
        ask(kind, to="nobody@example.com")
    with django_assert_num_queries(len(first)):
        ask(kind)
    assert OutgoingMail.objects.count() == budget_of(kind).hourly + 3


def test_an_account_cannot_write_to_the_world() -> None:
    account = uuid.uuid4()
    for number in range(budget_of(MailKind.EMAIL_CHANGE).account_daily + 10):
        ask(MailKind.EMAIL_CHANGE, to=f"somebody{number}@example.com", account_id=account)
    ask(MailKind.EMAIL_CHANGE, to=ADA, account_id=uuid.uuid4())

    get_queue().drain()
    written = OutgoingMail.objects.filter(account_id=account, dropped_at__isnull=True)
    assert written.count() == budget_of(MailKind.EMAIL_CHANGE).account_daily
    assert len(messages_to(ADA)) == 1


def test_of_mails_that_were_written_side_by_side_the_first_ones_go_out(write: Write) -> None:
    """Each was counted before the others were there."""
    mails = [write(MailKind.PASSWORD_RESET) for _ in range(RESETS.hourly + 5)]
    OutgoingMail.objects.update(created_at=mails[0].created_at)
    for mail in reversed(mails):
        send_now(mail_id=mail.id)

    assert len(outbox.outbox) == RESETS.hourly
    assert OutgoingMail.objects.filter(dropped_as=Dropped.LIMITED).count() == 5


def test_how_many_an_account_was_sent_of_a_kind() -> None:
    account, since = uuid.uuid4(), datetime.now(UTC)
    for _ in range(3):
        ask(MailKind.VERIFICATION, account_id=account)
    ask(MailKind.EMAIL_CHANGE, account_id=account)
    ask(MailKind.VERIFICATION, to="bob@example.com", account_id=uuid.uuid4())
    get_queue().drain()

    assert sent_lately(MailKind.VERIFICATION, account, since) == 3
    assert sent_lately(MailKind.VERIFICATION, account, datetime.now(UTC)) == 0

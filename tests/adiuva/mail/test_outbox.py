"""Rows: written with what makes a mail due, composed late, wiped and forgotten."""

import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail as outbox
from django.db import connection, transaction

from adiuva.api.errors import NotConfigured
from adiuva.jobs import get_queue
from adiuva.mail import composers
from adiuva.mail.composers import Fact, register_composer
from adiuva.mail.jobs import forget_sent
from adiuva.mail.kinds import MailKind
from adiuva.mail.models import KEPT, TOLD, Dropped, OutgoingMail
from adiuva.mail.ops import read_lateness, read_mails
from adiuva.mail.outbox import forget_account, require_mail, send_mail
from adiuva.mail.sending import send_now
from tests.support.mailbox import last_message_to, messages_to

pytestmark = pytest.mark.django_db(transaction=True)
Write = Callable[..., OutgoingMail]
ADA = "ada@example.com"
PAGE = "http://localhost:8000/account/reset?token="


@pytest.fixture
def compose(monkeypatch: pytest.MonkeyPatch) -> Callable[[composers.Compose], None]:
    """Of reset mails, in place of the one that is registered."""
    monkeypatch.setattr(composers, "_composers", dict(composers._composers))
    return lambda function: register_composer(MailKind.PASSWORD_RESET, function)


def test_a_mail_of_a_transaction_that_is_rolled_back_was_never_due() -> None:
    with transaction.atomic():
        send_mail(MailKind.ADDRESS_TAKEN, to=ADA, locale="en", account_id=None)
        transaction.set_rollback(True)

    assert messages_to(ADA) == []
    assert not OutgoingMail.objects.exists()


def test_a_link_is_made_when_the_mail_is_sent_and_not_kept(compose: Any, write: Write) -> None:
    compose(lambda *_: {"link": f"{PAGE}{uuid.uuid4()}"})
    mail = write(MailKind.PASSWORD_RESET)
    send_now(mail_id=mail.id)

    [message] = outbox.outbox
    assert PAGE in message.body
    assert OutgoingMail.objects.get(id=mail.id).facts == {}


def test_a_mail_of_no_use_any_more_is_dropped(compose: Any, write: Write) -> None:
    compose(lambda *_: None)
    mail = write(MailKind.PASSWORD_RESET)
    send_now(mail_id=mail.id)

    assert outbox.outbox == []
    assert OutgoingMail.objects.get(id=mail.id).dropped_as == Dropped.UNWANTED


def test_a_composer_that_fails_leaves_no_trace_and_is_tried_again(compose: Any, write: Write) -> None:
    written: list[OutgoingMail] = []

    def fail_once(account_id: uuid.UUID | None, facts: Mapping[str, Fact]) -> Mapping[str, Fact]:
        written.append(write(MailKind.RECEIPT))
        if len(written) == 1:
            raise RuntimeError
        return {"link": f"{PAGE}x"}

    compose(fail_once)
    mail = write(MailKind.PASSWORD_RESET)
    with pytest.raises(RuntimeError):
        send_now(mail_id=mail.id)
    assert not OutgoingMail.objects.filter(id=written[0].id).exists()

    OutgoingMail.objects.filter(id=mail.id).update(next_try_at=datetime.now(UTC))
    send_now(mail_id=mail.id)
    assert [message.to for message in outbox.outbox] == [[ADA]]


def test_a_mail_without_a_time_tells_when_it_was_written() -> None:
    send_mail(MailKind.PASSWORD_CHANGED, to=ADA, locale="en", account_id=None)

    assert f"{datetime.now(UTC):%Y}, " in last_message_to(ADA).body


def test_production_without_a_mail_server_writes_and_sends_nothing(settings: Any, write: Write) -> None:
    settings.IS_PROD, settings.EMAIL_URL = True, ""
    send_mail(MailKind.ADDRESS_TAKEN, to=ADA, locale="en", account_id=None)
    assert not OutgoingMail.objects.exists()
    with pytest.raises(NotConfigured):
        require_mail()

    kept = write()  # of a time when there was one
    send_now(mail_id=kept.id)
    assert outbox.outbox == []
    assert OutgoingMail.objects.get(id=kept.id).tries == 0


def test_whom_a_mail_went_to_is_wiped_after_a_day_and_its_row_goes_after_a_month(write: Write) -> None:
    now, margin = datetime.now(UTC), timedelta(minutes=5)
    fresh, day_old, dropped, month_old, waiting = [write(facts={"at": "x"}, age=KEPT * 2) for _ in range(5)]
    OutgoingMail.objects.filter(id=fresh.id).update(sent_at=now - TOLD + margin)
    OutgoingMail.objects.filter(id=day_old.id).update(sent_at=now - TOLD - margin)
    OutgoingMail.objects.filter(id=dropped.id).update(dropped_at=now - TOLD - margin, dropped_as=Dropped.REFUSED)
    OutgoingMail.objects.filter(id=month_old.id).update(sent_at=now - KEPT - margin)
    forget_sent()
    forget_sent()

    left = {mail.id: (mail.recipient, mail.address_key, mail.facts) for mail in OutgoingMail.objects.all()}
    whole, wiped = (ADA, ADA, {"at": "x"}), ("", "", dict[str, str]())
    assert left == {fresh.id: whole, day_old.id: wiped, dropped.id: wiped, waiting.id: whole}


def test_an_accounts_mails_are_forgotten_with_it(write: Write, settings: Any, tmp_path: Path) -> None:
    settings.MAIL_DIR = tmp_path / "mail"
    settings.EMAIL_BACKEND = "adiuva.mail.backends.files.FileBackend"
    account, other = uuid.uuid4(), uuid.uuid4()
    for owner, to in (
        (account, ADA),
        (account, "new@example.com"),
        (None, "ADA@example.com"),
        (other, "bob@example.com"),
    ):
        send_mail(MailKind.ADDRESS_TAKEN, to=to, locale="en", account_id=owner)
    get_queue().drain()
    assert len(list(settings.MAIL_DIR.glob("*.eml"))) == 4
    write(account_id=account)
    gone = OutgoingMail.objects.get(account_id=None)
    gone.delete()  # its row; its file is found by its recipient
    ids = [str(mail.id) for mail in OutgoingMail.objects.filter(account_id=account)]

    forget_account(account_id=account, recipients=[ADA])
    forget_account(account_id=account, recipients=[ADA])

    assert [mail.account_id for mail in OutgoingMail.objects.exclude(recipient="")] == [other]
    kept = str(list(OutgoingMail.objects.filter(recipient="").values()))
    assert [trace for trace in (str(account), "ada@", "new@", "example.com") if trace in kept.lower()] == []
    [left] = settings.MAIL_DIR.glob("*.eml")
    assert str(other) in left.name
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT args ->> 'mail_id' FROM procrastinate_jobs WHERE task_name = 'mail.send'")
            assert set(ids).isdisjoint(mail_id for (mail_id,) in cursor.fetchall())


def test_gauges_count_what_waits_and_how_the_others_ended(write: Write) -> None:
    assert read_lateness() == 0
    write(age=timedelta(minutes=10))
    sent, dropped, long_ago = write(), write(), write()
    now = datetime.now(UTC)
    OutgoingMail.objects.filter(id=sent.id).update(sent_at=now)
    OutgoingMail.objects.filter(id=long_ago.id).update(sent_at=now - timedelta(days=2))
    OutgoingMail.objects.filter(id=dropped.id).update(dropped_at=now, dropped_as=Dropped.GIVEN_UP)

    assert read_mails() == {"waiting": 1, "sent": 1, "given_up": 1, "refused": 0, "limited": 0, "unwanted": 0}
    assert 590 < read_lateness() < 660

"""Mail by SMTP, to a server on loopback: what is sent, how it is protected, and what follows from each refusal."""

import logging
import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from django.db import connections

from adiuva.jobs import get_queue
from adiuva.mail.jobs import send_waiting
from adiuva.mail.models import Dropped, OutgoingMail
from adiuva.mail.ops import examine_mail
from adiuva.mail.refusals import MailServerAway
from adiuva.mail.sending import GIVEN_UP_AFTER, LEASE, pause_after, send_now
from adiuva.observability.probes import DoctorOptions
from tests.fakes.smtp_server import PASSWORD, USER, Certificate, HangingServer, SmtpServer

pytestmark = pytest.mark.django_db
Write = Callable[..., OutgoingMail]
UseSmtp = Callable[..., None]


def again(mail: OutgoingMail) -> OutgoingMail:
    return OutgoingMail.objects.get(id=mail.id)


def make_due(mail: OutgoingMail) -> None:
    OutgoingMail.objects.filter(id=mail.id).update(next_try_at=datetime.now(UTC))


def seconds_to_next(mail: OutgoingMail) -> float:
    return (again(mail).next_try_at - datetime.now(UTC)).total_seconds()


def test_a_mail_as_a_stranger_reads_it(smtp: SmtpServer, write: Write) -> None:
    mail = write(to="ada@münchen.example", locale="de")
    send_now(mail_id=mail.id)

    [received], [message] = smtp.received, smtp.messages
    assert (received.sender, received.recipients) == ("no-reply@localhost", ["ada@xn--mnchen-3ya.example"])
    assert message["To"] == "ada@xn--mnchen-3ya.example"
    assert message["From"] == "Adiuva <no-reply@localhost>"
    assert message["Subject"] == "Ihr Passwort wurde geändert"
    assert message["Message-ID"] == f"<{mail.id}@localhost>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Content-Language"] == "de"
    assert "List-Unsubscribe" not in message
    assert abs(parsedate_to_datetime(message["Date"]) - datetime.now(UTC)) < timedelta(minutes=1)
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert received.content.isascii()
    assert max(map(len, received.content.splitlines())) < 998  # RFC 5322 § 2.1.1
    assert again(mail).sent_at is not None


def test_one_that_was_sent_is_not_sent_again(smtp: SmtpServer, write: Write) -> None:
    mail = write()
    send_now(mail_id=mail.id)
    make_due(mail)
    send_now(mail_id=mail.id)

    assert len(smtp.received) == 1


def test_a_mail_that_was_deleted_is_nobodys(smtp: SmtpServer) -> None:
    send_now(mail_id=uuid.uuid4())

    assert smtp.connections == 0


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("RCPT", "450 greylisted, ada@example.com"),
        ("DATA", "451 try later"),
        ("MAIL", "452 full"),
        ("MAIL", "550 not you"),  # what the operator can mend
        ("RCPT", "421 shutting down"),
    ],
)
def test_what_may_pass_delays_a_mail_and_loses_none(
    smtp: SmtpServer, write: Write, command: str, answer: str, caplog: pytest.LogCaptureFixture
) -> None:
    mail = write()
    smtp.answers[command] = answer
    send_now(mail_id=mail.id)
    delayed = again(mail)
    assert (delayed.sent_at, delayed.dropped_at, delayed.tries) == (None, None, 1)
    assert 50 < seconds_to_next(mail) <= 60
    [line] = [record for record in caplog.records if record.name == "adiuva.mail.sending"]
    assert (line.levelno, line.__dict__["code"]) == (logging.WARNING, int(answer[:3]))
    assert "ada@" not in str(line.__dict__)


def test_a_delayed_one_is_found_again_under_the_same_id(
    smtp: SmtpServer, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = write()
    smtp.answers["RCPT"] = "450 later"
    send_now(mail_id=mail.id)
    smtp.answers.clear()
    send_now(mail_id=mail.id)
    assert smtp.received == []  # it is not due yet

    make_due(mail)
    send_now(mail_id=mail.id)
    assert [message["Message-ID"] for message in smtp.messages] == [f"<{mail.id}@localhost>"]
    assert again(mail).tries == 2


def test_pauses_grow_up_to_a_quarter_of_an_hour() -> None:
    assert [pause_after(tries=tries) / timedelta(minutes=1) for tries in range(1, 8)] == [1, 2, 4, 8, 15, 15, 15]
    assert pause_after(tries=100_000) == timedelta(minutes=15)


@pytest.mark.parametrize(
    ("command", "level"), [("RCPT", logging.WARNING), ("DATA", logging.ERROR)], ids=["recipient", "message"]
)
def test_what_is_refused_for_good_is_dropped_without_the_address_in_the_log(
    smtp: SmtpServer, write: Write, command: str, level: int, caplog: pytest.LogCaptureFixture
) -> None:
    mail = write()
    smtp.answers[command] = "550 no such user: ada@example.com"
    send_now(mail_id=mail.id)

    assert again(mail).dropped_as == Dropped.REFUSED
    [line] = [record for record in caplog.records if record.name == "adiuva.mail.sending"]
    assert (line.levelno, line.__dict__["code"]) == (level, 550)
    assert "ada@" not in str(line.__dict__)


def test_a_server_that_is_away_is_left_alone_for_a_while(
    smtp: SmtpServer, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    smtp.stop()
    first, second = write(), write()
    send_now(mail_id=first.id)
    send_now(mail_id=second.id)
    assert (again(first).tries, again(second).tries) == (1, 0)

    smtp.start()
    monkeypatch.setattr("adiuva.mail.sending._left_alone_until", 0.0)
    make_due(first)
    send_waiting()
    for mail in (first, second):
        send_now(mail_id=mail.id)
    assert len(smtp.received) == 2


def test_a_server_that_hangs_costs_a_time_out(use_smtp: UseSmtp, write: Write) -> None:
    server = HangingServer()
    use_smtp(server.port, seconds=0.3)
    mail = write()
    started = datetime.now(UTC)
    send_now(mail_id=mail.id)
    server.stop()

    assert again(mail).sent_at is None
    assert datetime.now(UTC) - started < timedelta(seconds=10)
    assert server.connections == 1


def test_one_that_dies_before_it_has_said_yes_gets_the_mail_twice_under_one_id(
    smtp: SmtpServer, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = write()
    smtp.dies_after_data = True
    send_now(mail_id=mail.id)
    assert again(mail).sent_at is None

    smtp.dies_after_data = False
    monkeypatch.setattr("adiuva.mail.sending._left_alone_until", 0.0)
    make_due(mail)
    send_now(mail_id=mail.id)
    assert len({message["Message-ID"] for message in smtp.messages}) == 1
    assert len(smtp.received) == 2
    assert again(mail).sent_at is not None


def test_what_cannot_be_sent_for_three_days_is_given_up_loudly(
    smtp: SmtpServer, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    smtp.answers["RCPT"] = "450 later"
    mail = write(age=GIVEN_UP_AFTER - timedelta(minutes=1))
    send_now(mail_id=mail.id)
    assert again(mail).dropped_at is None

    old = write(age=GIVEN_UP_AFTER + timedelta(minutes=1))
    send_now(mail_id=old.id)
    assert again(old).dropped_as == Dropped.GIVEN_UP
    assert [record.levelno for record in caplog.records if "given up" in record.message] == [logging.ERROR]


@pytest.mark.django_db(transaction=True)
def test_of_workers_at_the_same_moment_one_sends(smtp: SmtpServer, write: Write) -> None:
    mail = write()
    workers = 8
    together = threading.Barrier(workers)

    def work() -> None:
        together.wait()
        try:
            send_now(mail_id=mail.id)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(smtp.received) == 1
    assert again(mail).tries == 1


def test_a_worker_that_dies_meanwhile_leaves_the_mail_to_another_one(smtp: SmtpServer, write: Write) -> None:
    mail = write()
    smtp.answers["RCPT"] = "550 so that this try would end it"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("adiuva.mail.sending.write_letter", _die)
        with pytest.raises(SystemExit):
            send_now(mail_id=mail.id)
    smtp.answers.clear()

    assert LEASE.total_seconds() - 20 < seconds_to_next(mail) <= LEASE.total_seconds()
    make_due(mail)
    send_now(mail_id=mail.id)
    assert len(smtp.received) == 1


def _die(*_arguments: object, **_more: object) -> None:
    raise SystemExit


@pytest.mark.django_db(transaction=True)
def test_what_waits_is_found_by_the_schedule(smtp: SmtpServer, write: Write) -> None:
    mails = [write(to=f"{name}@example.com") for name in ("ada", "bob", "eve")]
    later = write(to="later@example.com")
    OutgoingMail.objects.filter(id=later.id).update(next_try_at=datetime.now(UTC) + timedelta(minutes=5))
    send_waiting()
    get_queue().drain()

    assert {received.recipients[0] for received in smtp.received} == {mail.recipient for mail in mails}


def test_starttls_is_taken_where_it_is_offered(use_smtp: UseSmtp, write: Write, certificate: Certificate) -> None:
    with SmtpServer(certificate=certificate) as server:
        use_smtp(server.port)
        send_now(mail_id=write().id)

    assert [received.was_encrypted for received in server.received] == [True]


def test_a_password_goes_through_a_trusted_certificate_only(
    use_smtp: UseSmtp, write: Write, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    mail = write()
    with SmtpServer(certificate=certificate, asks_for_password=True) as server:
        use_smtp(server.port, user=USER, password=PASSWORD)
        send_now(mail_id=mail.id)
        assert server.received == []

        monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
        monkeypatch.setattr("adiuva.mail.sending._left_alone_until", 0.0)
        make_due(mail)
        send_now(mail_id=mail.id)
    assert [(received.user, received.was_encrypted) for received in server.received] == [(USER, True)]


def test_a_password_goes_without_tls_to_this_machine_only(
    use_smtp: UseSmtp, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = write()
    with SmtpServer(asks_for_password=True) as server:
        use_smtp(server.port, user=USER, password=PASSWORD)
        monkeypatch.setattr("adiuva.mail.backends.smtp._is_this_machine", lambda _server: False)
        send_now(mail_id=elsewhere.id)
        assert server.received == []
        monkeypatch.undo()

        monkeypatch.setattr("adiuva.mail.sending._left_alone_until", 0.0)
        send_now(mail_id=write().id)
    assert [received.user for received in server.received] == [USER]


def test_a_wrong_password_delays_and_is_not_told(
    use_smtp: UseSmtp, write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    mail = write()
    with SmtpServer(asks_for_password=True) as server:
        use_smtp(server.port, user=USER, password="canary-wrong-password")
        send_now(mail_id=mail.id)

    assert again(mail).dropped_at is None
    assert "canary" not in str([record.__dict__ for record in caplog.records])


def test_smtps_is_tls_from_the_first_byte(
    use_smtp: UseSmtp, write: Write, certificate: Certificate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.path))
    with SmtpServer(certificate=certificate, is_tls_from_the_start=True) as server:
        use_smtp(server.port, is_tls=True)
        send_now(mail_id=write().id)

    assert [received.was_encrypted for received in server.received] == [True]


@pytest.mark.parametrize("takes_utf8", [True, False])
def test_a_local_part_that_is_not_ascii_needs_a_server_that_takes_it(
    use_smtp: UseSmtp, write: Write, *, takes_utf8: bool
) -> None:
    mail = write(to="jörg@münchen.example")
    with SmtpServer(takes_utf8=takes_utf8) as server:
        use_smtp(server.port)
        send_now(mail_id=mail.id)

    if takes_utf8:
        assert server.received[0].recipients == ["jörg@xn--mnchen-3ya.example"]
        assert server.messages[0]["To"] == "jörg@xn--mnchen-3ya.example"
    else:
        assert (server.received, again(mail).dropped_as) == ([], Dropped.REFUSED)


def test_doctor_greets_the_server(smtp: SmtpServer, write: Write) -> None:
    finding = examine_mail(DoctorOptions())
    assert (finding.level, finding.text) == ("ok", f"127.0.0.1:{smtp.port} answers, without TLS")

    write(age=timedelta(hours=2))
    finding = examine_mail(DoctorOptions())
    assert finding.level == "warn"
    assert "1 wait, the oldest for 120 minutes" in finding.text
    assert smtp.received == []


def test_doctor_says_that_it_is_away_or_not_configured(smtp: SmtpServer, settings: Any, use_smtp: UseSmtp) -> None:
    smtp.stop()
    with pytest.raises(MailServerAway, match="ConnectionRefusedError"):
        examine_mail(DoctorOptions())

    settings.EMAIL_URL = ""
    assert examine_mail(DoctorOptions()).level == "ok"
    settings.IS_PROD = True
    assert examine_mail(DoctorOptions()).level == "warn"

"""One try to send one mail, and what follows from it.

Rows are the truth. A try begins with a claim: one statement moves ``next_try_at`` on, and of two workers it moves for
one. Whatever happens then, a mail that is neither sent nor dropped is due again at that time, and ``mail.send_waiting``
finds it. Between the mail server's 250 and our note of it a crash may come: then the mail goes out a second time, under
the same Message-ID. At least once, that is, and never none.
"""

import logging
import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import F

from adiuva.mail.composers import Fact, composer_of
from adiuva.mail.kinds import MailKind
from adiuva.mail.letters import write_letter
from adiuva.mail.limits import is_over_limit
from adiuva.mail.models import Dropped, OutgoingMail
from adiuva.mail.refusals import MailRefused, MailServerAway, NotSent
from adiuva.observability.metrics import MAILS_LIMITED

logger = logging.getLogger(__name__)

FIRST_PAUSE = timedelta(minutes=1)
LONGEST_PAUSE = timedelta(minutes=15)  # a server that is back has its mails soon
LEASE = timedelta(minutes=10)  # longer than a try takes: each answer of the server may take EMAIL_TIMEOUT
GIVEN_UP_AFTER = timedelta(days=3)  # RFC 5321 § 4.5.4.1 asks four or five days of relays; here somebody waits
# A server that is away is asked once in so many seconds by each process: a thousand mails that wait for it must not
# each hold a worker up until their own time-out.
LEFT_ALONE_SECONDS = 30.0

_left_alone_until = 0.0


def send_now(*, mail_id: UUID) -> None:
    """Does nothing for a mail that has ended, or that is not due: somebody else has it. Trouble with the mail server is
    noted and logged here; what else is raised, by a composer say, is for the job to be tried again.
    """
    if not settings.EMAIL_URL and settings.IS_PROD:
        return  # it was configured when the mail was written, and may be again
    if time.monotonic() < _left_alone_until:
        return  # ``mail.send_waiting`` comes back to it
    mail = _claim(mail_id, now=datetime.now(UTC))
    if mail is None:
        return
    kind = MailKind(mail.kind)
    if mail.created_at < datetime.now(UTC) - GIVEN_UP_AFTER:
        _drop(mail, Dropped.GIVEN_UP)
        logger.error("a mail is given up: it could not be sent for days", extra=_fields(mail))
        return
    if is_over_limit(
        kind, address_key=mail.address_key, account_id=mail.account_id, at=mail.created_at, mail_id=mail.id
    ):
        MAILS_LIMITED.labels(kind.value).inc()
        logger.warning("a mail is one too many and is dropped", extra=_fields(mail))
        _drop(mail, Dropped.LIMITED)
        return
    facts = _compose(mail, kind)
    if facts is None:
        _drop(mail, Dropped.UNWANTED)
        return
    _deliver(mail, kind, facts)


def _claim(mail_id: UUID, *, now: datetime) -> OutgoingMail | None:
    claimed = OutgoingMail.objects.due(now=now).filter(id=mail_id).update(next_try_at=now + LEASE, tries=F("tries") + 1)
    return OutgoingMail.objects.filter(id=mail_id).first() if claimed else None


def _compose(mail: OutgoingMail, kind: MailKind) -> dict[str, Fact] | None:
    """The facts of the mail and what its composer adds; it happened when the mail was written, unless they say else."""
    facts: dict[str, Fact] = {"at": mail.created_at.isoformat(), **mail.facts}
    compose = composer_of(kind)
    if compose is None:
        return facts
    with transaction.atomic():
        more = compose(mail.account_id, mail.facts)
    return None if more is None else {**facts, **more}


def _deliver(mail: OutgoingMail, kind: MailKind, facts: dict[str, Fact]) -> None:
    global _left_alone_until  # noqa: PLW0603 - what this process knows of the server
    letter = write_letter(
        kind, facts=facts, locale=mail.locale, to=mail.recipient, mail_id=mail.id, account_id=mail.account_id
    )
    try:
        letter.send()
    except MailRefused as refusal:
        level = logging.WARNING if refusal.is_about_recipient else logging.ERROR
        logger.log(level, "a mail is refused for good and is dropped", extra=_fields(mail) | refusal.fields())
        _drop(mail, Dropped.REFUSED)
    except NotSent as reason:
        if isinstance(reason, MailServerAway):
            _left_alone_until = time.monotonic() + LEFT_ALONE_SECONDS
        pause = pause_after(tries=mail.tries)
        extra = _fields(mail) | reason.fields() | {"seconds": pause.total_seconds()}
        logger.warning("a mail is to be tried again", extra=extra)
        OutgoingMail.objects.waiting().filter(id=mail.id).update(next_try_at=datetime.now(UTC) + pause)
    else:
        OutgoingMail.objects.waiting().filter(id=mail.id).update(sent_at=datetime.now(UTC))


def pause_after(*, tries: int) -> timedelta:
    """1, 2, 4, 8 and then 15 minutes."""
    return min(FIRST_PAUSE * (1 << min(tries - 1, 10)), LONGEST_PAUSE)


def _drop(mail: OutgoingMail, reason: Dropped) -> None:
    OutgoingMail.objects.waiting().filter(id=mail.id).update(dropped_at=datetime.now(UTC), dropped_as=reason)


def _fields(mail: OutgoingMail) -> dict[str, str | int]:
    """Of a line of the log: never the address."""
    return {"mail": str(mail.id), "kind": mail.kind, "tries": mail.tries}

"""Where mails wait: a row each, written in the transaction that makes a mail due.

    send_mail(MailKind.NEW_DEVICE, to=user.email, locale=user.locale, account_id=user.id, facts={"ip": ip})

A job sends it after the commit, again and again while the mail server is away (``adiuva.mail.sending``).
"""

import logging
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from adiuva.api.errors import NotConfigured
from adiuva.jobs import enqueue, forget
from adiuva.mail.backends.files import forget_files
from adiuva.mail.composers import Fact
from adiuva.mail.jobs import send
from adiuva.mail.kinds import MailKind
from adiuva.mail.limits import LIMITED_WHEN_SENT, forgotten_key, has_room_at, is_over_limit
from adiuva.mail.models import TOLD, OutgoingMail
from adiuva.observability.metrics import MAILS_LIMITED
from adiuva.spelling import address_key

logger = logging.getLogger(__name__)


def is_configured() -> bool:
    """In development always: mails are files there."""
    return bool(settings.EMAIL_URL) or not settings.IS_PROD


def require_mail() -> None:
    """Of routes that are of no use without mail. Raises ``NotConfigured``."""
    if not is_configured():
        raise NotConfigured("This service sends no mail: EMAIL_URL is not set.")


def send_mail(
    kind: MailKind, *, to: str, locale: str, account_id: UUID | None, facts: Mapping[str, Fact] | None = None
) -> bool:
    """In the running transaction. Writes nothing where no mail is configured, and nothing that is over a limit
    (``adiuva.mail.limits``) unless that is asked when it is sent: the caller's answer is the same, as a rule. Returns
    whether a mail was written.
    """
    if not is_configured():
        return False
    now, key = datetime.now(UTC), address_key(to)
    if kind not in LIMITED_WHEN_SENT and is_over_limit(kind, address_key=key, account_id=account_id, at=now):
        MAILS_LIMITED.labels(kind.value).inc()
        logger.warning("a mail is one too many and is dropped", extra={"kind": kind.value, "account": str(account_id)})
        return False
    mail = OutgoingMail.objects.create(
        kind=kind,
        account_id=account_id,
        recipient=to,
        address_key=key,
        locale=locale,
        facts=dict(facts or {}),
        created_at=now,
        next_try_at=now,
    )
    enqueue(send, mail_id=str(mail.id))
    return True


def seconds_until_room(kind: MailKind, *, to: str, account_id: UUID | None) -> float:
    """In how many a mail that ``send_mail`` has not written for a limit would be."""
    now = datetime.now(UTC)
    return (has_room_at(kind, address_key=address_key(to), account_id=account_id, at=now) - now).total_seconds()


def sent_lately(kind: MailKind, account_id: UUID, since: datetime) -> int:
    """How many of ``kind`` were written for the account after ``since`` (30 days at most), whether they have left yet
    or not; dropped ones do not count.
    """
    mails = OutgoingMail.objects.filter(kind=kind, account_id=account_id, created_at__gt=since)
    return mails.filter(dropped_at__isnull=True).count()


def forget_account(*, account_id: UUID, recipients: Collection[str] = ()) -> None:
    """Erases what is kept of an account's mails, and of mails to ``recipients`` (its addresses, whoever caused the
    mail): rows, their jobs, and in development their files. That one of the last day left stays known under a key that
    is no address. May run again.
    """
    keys = [key for address in recipients if (key := address_key(address))]
    with transaction.atomic():
        mails = OutgoingMail.objects.filter(Q(account_id=account_id) | Q(address_key__in=keys))
        ids = list(mails.values_list("id", flat=True))
        counted = mails.filter(sent_at__isnull=False, created_at__gt=datetime.now(UTC) - TOLD).exclude(address_key="")
        for key in set(counted.values_list("address_key", flat=True)):
            nobodys = counted.filter(address_key=key)
            nobodys.update(account_id=None, recipient="", facts={}, address_key=forgotten_key(key))
        mails.delete()
        for mail_id in ids:
            forget(mail_id=str(mail_id))
    forget_files(account_id=account_id, mail_ids=ids, address_keys=keys)

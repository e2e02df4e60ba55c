"""Mails that wait in the running transaction, where no job has seen them yet."""

from collections.abc import Mapping
from typing import Any

from django.core import mail as django_mail

from accounts.models import User
from adiuva.mail.jobs import send
from adiuva.mail.kinds import MailKind
from adiuva.mail.models import OutgoingMail


def facts_of_mails(user: User, kind: MailKind) -> list[Mapping[str, Any]]:
    """Of those to ``user``, oldest first."""
    return list(
        OutgoingMail.objects.filter(account_id=user.id, recipient=user.email, kind=kind)
        .order_by("created_at")
        .values_list("facts", flat=True)
    )


def send_now(user: User, kind: MailKind) -> list[str]:
    """Sends those of a kind that wait, as the job does; the texts of what went out. None for one that was dropped."""
    before = len(django_mail.outbox)
    for waiting in OutgoingMail.objects.filter(account_id=user.id, kind=kind, sent_at=None, dropped_at=None):
        send(mail_id=str(waiting.id))
    return [str(message.body) for message in django_mail.outbox[before:]]

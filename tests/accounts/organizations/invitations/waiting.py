"""Invitations that wait, and their mails."""

from datetime import UTC, datetime
from typing import Any

from django.core import mail as django_mail

from accounts.organizations.invitations.service import LIFETIME
from accounts.organizations.models import (
    Invitation,
    Organization,
)
from adiuva.mail.jobs import send
from adiuva.mail.models import OutgoingMail
from billing.models import Subscription

GUEST = "guest@example.com"


def mailed() -> list[Any]:
    """Sends what waits, as the job does; what went out."""
    before = len(django_mail.outbox)
    for waiting in OutgoingMail.objects.filter(kind="invitation", sent_at=None, dropped_at=None).order_by("created_at"):
        send(mail_id=str(waiting.id))
    return django_mail.outbox[before:]


def pending(organization: Organization) -> list[str]:
    return [invitation.email for invitation in Invitation.objects.filter(organization=organization, state="pending")]


def expire(**which: str) -> None:
    now = datetime.now(UTC)
    Invitation.objects.filter(**which).update(created_at=now - LIFETIME, expires_at=now)


def seats(organization: Organization, number: int) -> None:
    Subscription.objects.filter(organization=organization).update(seats=number)

"""When the service went back to a backup: what was about to happen then must not happen now."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import transaction

from accounts.models import (
    AccountExport,
    EmailChange,
    KeyRequest,
    KeyRequestState,
    LoginChallenge,
    MailToken,
    MailTokenPurpose,
)
from accounts.organizations.invitations.service import withdraw_invitations
from adiuva.mail.models import OutgoingMail

MAILS_KEPT = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How many of each there were."""

    mails: int
    links: int
    logins: int
    invitations: int


@transaction.atomic
def forget_what_waited() -> Forgotten:
    """To be called before servers and jobs run again; once more does no harm.

    Mails that waited for longer than a day have been sent since, or say what is no longer so; younger ones may go out a
    second time rather than never. Links that were used after the backup look unused in it, so all are void: who needs
    one asks for another. But those that undo a change of address stay: they only ever give an account back to who had
    it. Invitations are withdrawn for the same reason, and since sign-on takes people in by them without their link. A
    login waits for its second step, and a device for its key, no longer than minutes.
    """
    now = datetime.now(UTC)
    waiting = OutgoingMail.objects.filter(sent_at__isnull=True, dropped_at__isnull=True)
    mails, _ = waiting.filter(created_at__lt=now - MAILS_KEPT).delete()
    links = MailToken.objects.filter(ended_at__isnull=True).exclude(purpose=MailTokenPurpose.UNDO).update(ended_at=now)
    EmailChange.objects.filter(confirmed_at__isnull=True, ended_at__isnull=True).update(ended_at=now)
    logins = LoginChallenge.objects.filter(ended_at__isnull=True).update(ended_at=now)
    KeyRequest.objects.filter(state=KeyRequestState.PENDING).delete()
    AccountExport.objects.all().delete()
    return Forgotten(mails=mails, links=links, logins=logins, invitations=withdraw_invitations())

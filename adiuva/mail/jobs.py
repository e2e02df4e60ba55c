"""Sending what waits, and forgetting what was sent."""

from datetime import UTC, datetime
from uuid import UUID

from django.db.models import Q

from adiuva.jobs import enqueue, job, schedule
from adiuva.mail.models import KEPT, TOLD, OutgoingMail
from adiuva.mail.sending import send_now

AT_ONCE = 500  # an embedded queue takes a thousand jobs


@job(name="mail.send")
def send(*, mail_id: str) -> None:
    """One try; when the next one is due stands in the mail's row."""
    send_now(mail_id=UUID(mail_id))


@job(name="mail.send_waiting")
def send_waiting() -> None:
    """Every mail whose next try is due, the longest due first."""
    due = OutgoingMail.objects.due(now=datetime.now(UTC)).order_by("next_try_at")
    for mail_id in due.values_list("id", flat=True)[:AT_ONCE]:
        enqueue(send, mail_id=str(mail_id))


@job(name="mail.forget_sent")
def forget_sent() -> None:
    """Wipes whom mails went to and what they said, a day after their end, and deletes their rows after thirty."""
    now = datetime.now(UTC)
    ended = OutgoingMail.objects.filter(Q(sent_at__lt=now - TOLD) | Q(dropped_at__lt=now - TOLD))
    ended.exclude(recipient="", address_key="").update(recipient="", address_key="", facts={})
    OutgoingMail.objects.filter(Q(sent_at__lt=now - KEPT) | Q(dropped_at__lt=now - KEPT)).delete()


schedule("*/2 * * * *", send_waiting, at_start=True)
schedule("43 * * * *", forget_sent)

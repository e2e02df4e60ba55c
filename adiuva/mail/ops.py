"""What doctor says of mail, and gauges of what waits. Gauges are read from rows: workers, which send, have no
``/metrics``.
"""

from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Count, Min, Q

from adiuva.mail.models import Dropped, OutgoingMail
from adiuva.observability import probes
from adiuva.observability.probes import DoctorOptions, Finding

LATE = timedelta(hours=1)


def examine_mail(_options: DoctorOptions) -> Finding:
    """Greets the server, with TLS and password as a mail would; nothing is sent."""
    from adiuva.mail.backends.smtp import connect  # with smtplib and TLS, which no other command needs

    waiting = _describe_waiting()
    if not settings.EMAIL_URL:
        if settings.IS_PROD:
            return Finding(
                "warn", "EMAIL_URL is not set: nobody gets back into an account, and nobody is told of trouble"
            )
        return Finding("ok", f"files in {settings.MAIL_DIR}, shown by /dev/mail")
    where = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
    with connect() as server:
        is_encrypted = server.sock is not None and hasattr(server.sock, "version")
    text = f"{where} answers, {'with TLS' if is_encrypted else 'without TLS'}{waiting}"
    if read_lateness() > LATE.total_seconds():
        return Finding("warn", f"{text}: the log says why")
    return Finding("ok", text)


def _describe_waiting() -> str:
    many = OutgoingMail.objects.waiting().count()
    return f"; {many} wait, the oldest for {read_lateness() / 60:.0f} minutes" if many else ""


def read_mails() -> dict[str, float]:
    """Those that wait, and by how they ended those of the last 24 hours."""
    since = datetime.now(UTC) - timedelta(days=1)
    counts = OutgoingMail.objects.aggregate(
        waiting=Count("id", filter=Q(sent_at__isnull=True, dropped_at__isnull=True)),
        sent=Count("id", filter=Q(sent_at__gt=since)),
        **{reason.value: Count("id", filter=Q(dropped_as=reason, dropped_at__gt=since)) for reason in Dropped},
    )
    return {state: float(many) for state, many in counts.items()}


def read_lateness() -> float:
    oldest = OutgoingMail.objects.waiting().aggregate(oldest=Min("created_at"))["oldest"]
    return 0.0 if oldest is None else max(0.0, (datetime.now(UTC) - oldest).total_seconds())


def register() -> None:
    probes.register_examination("mail", examine_mail)
    probes.register_gauge(
        "adiuva_mails", "Mails that wait, and those of the last 24 hours by their end", read_mails, label="state"
    )
    probes.register_gauge(
        "adiuva_mails_oldest_waiting_seconds", "How long the first waiting mail has waited", read_lateness
    )

"""What accounts put off, and what is done about them by the clock."""

from datetime import UTC, datetime

from django.contrib.sessions.models import Session as StaffSession

from accounts import erasure, purge
from adiuva.jobs import job, schedule


@job(name="accounts.resume_erasures")
def resume_erasures() -> None:
    """Goes on with accounts whose erasure took longer than their request, or was cut short."""
    if not erasure.needs_server():
        erasure.resume()


@job(name="accounts.purge_tokens")
def purge_tokens() -> None:
    """Deletes what is of no more use, as ``manage.py purge_tokens`` does."""
    now = datetime.now(UTC)
    purge.purge_sessions(older_than=now - purge.KEPT, dry_run=False, step=_ignore)
    purge.purge_tokens(older_than=now - purge.REMEMBERED, dry_run=False, step=_ignore)
    purge.purge_expired(now=now, dry_run=False, step=_ignore)
    purge.purge_events(now=now, dry_run=False, step=_ignore)
    StaffSession.objects.filter(expire_date__lt=now).delete()


def _ignore(_amount: int) -> None:
    """Nobody watches a job's progress."""


schedule("*/10 * * * *", resume_erasures, at_start=True)
schedule("30 3 * * *", purge_tokens, at_start=True)

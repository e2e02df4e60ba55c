"""What organisations keep for a while only."""

from datetime import UTC, datetime, timedelta
from typing import Final

from accounts.organizations.audit import recording
from accounts.organizations.models import AuditEntry, BreakGlassCode, Invitation
from accounts.purge import purge_rows
from adiuva.jobs import job, schedule

INVITATIONS_KEPT: Final = timedelta(days=30)  # after the end of their link, accepted ones and revoked ones too
USED_CODES_KEPT: Final = recording.KEPT  # as long as the audit tells of their use


@job(name="organizations.purge")
def purge_organizations() -> None:
    """Deletes entries of the audit after a year, old invitations with the tokens of their links, and used codes."""
    now = datetime.now(UTC)
    over = (
        AuditEntry.objects.filter(at__lt=now - recording.KEPT),
        Invitation.objects.filter(expires_at__lt=now - INVITATIONS_KEPT),
        BreakGlassCode.objects.filter(used_at__lt=now - USED_CODES_KEPT),
    )
    for rows in over:
        purge_rows(rows, dry_run=False, step=_ignore)


def _ignore(_amount: int) -> None:
    """Nobody watches a job's progress."""


schedule("45 3 * * *", purge_organizations, at_start=True)

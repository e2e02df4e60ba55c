"""Writing down who did what in an organisation (docs/api.md § 16)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from accounts.models import User
from accounts.organizations.models import AuditEntry, AuditType, AuditVia

KEPT = timedelta(days=365)


def record(
    event: AuditType,
    *,
    organization_id: UUID,
    actor: User | None,
    via: AuditVia = AuditVia.MEMBER,
    target_user: User | None = None,
    target: str = "",
) -> None:
    """In the transaction of what happened. ``actor``: None for a directory, a provider or an operator. ``target`` is a
    domain, an id, a role; never an address.
    """
    AuditEntry.objects.create(
        organization_id=organization_id,
        at=datetime.now(UTC),
        type=event,
        via=via,
        actor=actor,
        target_user=target_user,
        target=target,
    )

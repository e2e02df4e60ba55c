"""An organisation as a whole: founded, renamed, deleted."""

from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction

from accounts.models import Session, User
from accounts.organizations.access import OWNERS, lock_with_role
from accounts.organizations.audit.recording import record
from accounts.organizations.members.service import add_member
from accounts.organizations.models import AuditType, Membership, Organization, Role
from accounts.organizations.seats import payment
from accounts.recovery.verification import require_verified_email
from accounts.sessions import revoke_sessions_of_many


def require_founder(user: User) -> None:
    """Raises ``EmailNotVerified``; ``FeatureNotAvailable`` for who pays for no team tier."""
    require_verified_email(user)
    payment().require_own_team(user)


def found_organization(*, user: User, name: str) -> Membership:
    """Its owner's, whose subscription pays for it. Raises ``Conflict`` for who is in an organisation already."""
    with transaction.atomic():
        organization = Organization.objects.create(name=name, created_at=datetime.now(UTC))
        payment().attach(organization=organization, user=user)
        membership = add_member(organization=organization, user=user, role=Role.OWNER)
        record(AuditType.ORGANIZATION_CREATED, organization_id=organization.id, actor=user)
    return membership


def rename_organization(*, user: User, organization_id: UUID, name: str) -> Membership:
    """The caller's. Raises ``NotFound``, ``PermissionDenied``."""
    with transaction.atomic():
        membership = lock_with_role(user=user, organization_id=organization_id, roles=OWNERS)
        organization = membership.organization
        if organization.name != name:
            organization.name = name
            organization.save(update_fields=["name"])
            record(AuditType.ORGANIZATION_RENAMED, organization_id=organization_id, actor=user)
    return membership


def delete_organization(*, user: User, organization_id: UUID) -> None:
    """The accounts of its members stay; sessions that began at its provider are the provider's, and end.

    Raises ``NotFound``, ``PermissionDenied``.
    """
    with transaction.atomic():
        membership = lock_with_role(user=user, organization_id=organization_id, roles=OWNERS)
        dissolve_organization(membership.organization)


def dissolve_organization(organization: Organization) -> None:
    """Under its lock, in the running transaction: with all that belongs to it."""
    revoke_sessions_of_many(Session.objects.filter(sso__identity__connection__organization_id=organization.id))
    organization.delete()

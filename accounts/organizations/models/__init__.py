"""The tables of organisations, by what they are about."""

from accounts.organizations.models.audit import AuditEntry, AuditType, AuditVia
from accounts.organizations.models.domains import Domain
from accounts.organizations.models.invitations import Invitation, InvitationState, InvitationToken
from accounts.organizations.models.members import (
    Membership,
    MembershipQuerySet,
    Organization,
    Role,
    ScimToken,
    membership_of,
)
from accounts.organizations.models.sso import BreakGlassCode, Connection, Identity, SsoSession

__all__ = [
    "AuditEntry",
    "AuditType",
    "AuditVia",
    "BreakGlassCode",
    "Connection",
    "Domain",
    "Identity",
    "Invitation",
    "InvitationState",
    "InvitationToken",
    "Membership",
    "MembershipQuerySet",
    "Organization",
    "Role",
    "ScimToken",
    "SsoSession",
    "membership_of",
]

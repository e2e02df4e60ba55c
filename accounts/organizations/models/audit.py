"""Who did what in an organisation, for a year."""

import uuid
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.organizations.models.members import Organization


class AuditType(models.TextChoices):
    ORGANIZATION_CREATED = "organization_created", "organisation created"
    ORGANIZATION_RENAMED = "organization_renamed", "organisation renamed"
    INVITATION_CREATED = "invitation_created", "invitation created"
    INVITATION_REVOKED = "invitation_revoked", "invitation revoked"
    INVITATION_ACCEPTED = "invitation_accepted", "invitation accepted"
    MEMBER_PROVISIONED = "member_provisioned", "member provisioned"
    MEMBER_ROLE_CHANGED = "member_role_changed", "role changed"
    MEMBER_REMOVED = "member_removed", "member removed"
    MEMBER_LEFT = "member_left", "member left"
    MEMBER_DEACTIVATED = "member_deactivated", "member deactivated"
    MEMBER_REACTIVATED = "member_reactivated", "member reactivated"
    DOMAIN_ADDED = "domain_added", "domain added"
    DOMAIN_VERIFIED = "domain_verified", "domain verified"
    DOMAIN_REMOVED = "domain_removed", "domain removed"
    SSO_CHANGED = "sso_changed", "sign-on changed"
    SSO_REMOVED = "sso_removed", "sign-on removed"
    SSO_LINKED = "sso_linked", "account linked"
    SSO_SESSIONS_ENDED = "sso_sessions_ended", "sessions ended by the provider"
    BREAK_GLASS_CODES_MADE = "break_glass_codes_made", "break-glass codes made"
    BREAK_GLASS_CODE_USED = "break_glass_code_used", "break-glass code used"
    SCIM_TOKEN_CREATED = "scim_token_created", "SCIM token created"
    SCIM_TOKEN_REVOKED = "scim_token_revoked", "SCIM token revoked"


class AuditVia(models.TextChoices):
    """In what role the actor acted: as a member with a session, the directory, the provider, or the operator."""

    MEMBER = "member", "member"
    SCIM = "scim", "SCIM"
    SSO = "sso", "single sign-on"
    OPERATOR = "operator", "operator"


class AuditEntryQuerySet(models.QuerySet["AuditEntry"]):
    def of_organization(self, organization_id: UUID) -> "AuditEntryQuerySet":
        return self.filter(organization_id=organization_id)


class AuditEntry(models.Model):
    """``target`` names what it was done to where that is no user: a domain, an id, a role. Never an address: it must be
    gone when its owner is.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="audit", db_index=False)
    at = models.DateTimeField()
    type = models.CharField(max_length=32, choices=AuditType.choices)
    via = models.CharField(max_length=8, choices=AuditVia.choices)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    target_user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="+"
    )
    target = models.CharField(max_length=300, blank=True, default="")

    objects: ClassVar = AuditEntryQuerySet.as_manager()

    class Meta:
        db_table = "organization_audit"
        verbose_name_plural = "audit entries"
        ordering = ("-at", "-id")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(type__in=AuditType.values), name="organization_audit_type_known"),
            models.CheckConstraint(condition=Q(via__in=AuditVia.values), name="organization_audit_via_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["organization", "-at", "-id"], name="organization_audit_newest"),
            models.Index(fields=["at"], name="organization_audit_age"),
        ]

    def __str__(self) -> str:
        return self.type

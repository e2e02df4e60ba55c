"""Invitations, and the links in their mails."""

import uuid
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from accounts.organizations.models.members import Organization, Role


class InvitationState(models.TextChoices):
    PENDING = "pending", "pending"
    ACCEPTED = "accepted", "accepted"
    REVOKED = "revoked", "revoked or replaced"


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def of_organization(self, organization_id: UUID) -> "InvitationQuerySet":
        return self.filter(organization_id=organization_id)

    def pending(self, now: datetime) -> "InvitationQuerySet":
        """Those that can be accepted, and that take a seat. Nobody answers any more for one to a role with rights whose
        maker's account is gone.
        """
        answered_for = Q(role=Role.MEMBER) | Q(invited_by__isnull=False)
        return self.filter(answered_for, state=InvitationState.PENDING, expires_at__gt=now)


class Invitation(models.Model):
    """``address_key`` is the address as it is compared (``adiuva.spelling``)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="invitations")
    email = models.EmailField(max_length=254)
    address_key = models.CharField(max_length=512, editable=False)
    role = models.CharField(max_length=8, choices=Role.choices)
    state = models.CharField(max_length=8, choices=InvitationState.choices, default=InvitationState.PENDING)
    invited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="invitations_sent"
    )
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    objects: ClassVar = InvitationQuerySet.as_manager()

    class Meta:
        db_table = "organization_invitations"
        ordering = ("-created_at", "id")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="organization_invitations_role_known"),
            models.CheckConstraint(
                condition=Q(state__in=InvitationState.values), name="organization_invitations_state_known"
            ),
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="organization_invitations_live_for_a_while"
            ),
            # Two that wait would take two seats. An expired one is revoked when its successor is made.
            models.UniqueConstraint(
                fields=["organization", "address_key"],
                condition=Q(state=InvitationState.PENDING),
                name="organization_invitations_one_an_address",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["address_key"], name="organization_invited"),
            models.Index(fields=["expires_at"], name="organization_invitations_age"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class InvitationToken(models.Model):
    """Each try to send the mail makes one (ADR 18), of which only the SHA-256 is kept."""

    id = models.BigAutoField(primary_key=True)
    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, related_name="tokens")
    token_hash = models.CharField(max_length=64, unique=True)

    class Meta:
        db_table = "organization_invitation_tokens"

    def __str__(self) -> str:
        return str(self.pk)

"""Organisations, who is in them, and the tokens of directories that make members. Somebody is in one organisation at
most.
"""

import uuid
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Lower

from accounts.models import User
from adiuva.spelling import address_key

MOST_NAME_CHARACTERS = 120


class Role(models.TextChoices):
    OWNER = "owner", "owner"
    ADMIN = "admin", "admin"
    MEMBER = "member", "member"


class Organization(models.Model):
    """What it may do is billing's to know: its subscription is one of billing's rows (``subscription``)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=MOST_NAME_CHARACTERS)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "organizations"
        ordering = ("name", "id")
        constraints: ClassVar = [models.CheckConstraint(condition=~Q(name=""), name="organizations_have_a_name")]

    def __str__(self) -> str:
        return self.name


class MembershipQuerySet(models.QuerySet["Membership"]):
    def of_organization(self, organization_id: UUID) -> "MembershipQuerySet":
        return self.filter(organization_id=organization_id)

    def active(self) -> "MembershipQuerySet":
        return self.filter(active=True)

    def owners(self) -> "MembershipQuerySet":
        return self.active().filter(role=Role.OWNER)

    def called(self, user_name: str) -> "MembershipQuerySet":
        """By their directory; whom it has not named is called by the account's address, in whatever spelling that is
        the same.
        """
        name = Case(When(user_name="", then=F("user__email")), default=F("user_name"))
        # The same function on both sides: databases differ in what they take for lower case.
        is_name = Q(name=Lower(Value(user_name)))
        is_address = Q(user_name="", user__address_key=address_key(user_name))
        return self.annotate(name=Lower(name)).filter(is_name | is_address)


class Membership(models.Model):
    """Not ``active``: the directory of the organisation has taken it back (SCIM ``active: false``), and may give it
    again. Until then it counts for nothing and takes no seat; whoever joins another organisation loses it.

    ``user_name`` and ``external_id`` are what the directory calls its user; ``is_provisioned`` says that the
    organisation made the account: nobody but its provider has ever shown to be its owner.
    """

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="members")
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="membership")
    role = models.CharField(max_length=8, choices=Role.choices)
    active = models.BooleanField(default=True)
    joined_at = models.DateTimeField()
    deactivated_at = models.DateTimeField(null=True, blank=True)
    is_provisioned = models.BooleanField(default=False)
    user_name = models.CharField(max_length=254, blank=True, default="")
    external_id = models.CharField(max_length=255, blank=True, default="")

    objects: ClassVar = MembershipQuerySet.as_manager()

    class Meta:
        db_table = "organization_members"
        ordering = ("joined_at", "id")
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(role__in=Role.values), name="organization_members_role_known"),
            models.CheckConstraint(
                condition=Q(active=True, deactivated_at__isnull=True)
                | Q(active=False, deactivated_at__isnull=False, role=Role.MEMBER),
                name="organization_members_without_a_role_while_inactive",
            ),
            models.UniqueConstraint(
                "organization",
                Lower("user_name"),
                condition=~Q(user_name=""),
                name="organization_members_one_a_user_name",
            ),
            models.UniqueConstraint(
                fields=["organization", "external_id"],
                condition=~Q(external_id=""),
                name="organization_members_one_an_external_id",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.role} {self.user_id}"


def membership_of(user: User) -> Membership | None:
    """The active one, with its organisation. No query for a user that ``accounts.authentication`` has read."""
    membership: Membership | None = getattr(user, "membership", None)
    return membership if membership is not None and membership.active else None


class ScimToken(models.Model):
    """What the organisation's directory identifies itself with. Only the SHA-256 of a token is kept."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="scim_tokens")
    token_hash = models.CharField(max_length=64, unique=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, blank=True, related_name="scim_tokens_made"
    )
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "scim_tokens"
        ordering: ClassVar = ["created_at", "id"]

    def __str__(self) -> str:
        return str(self.id)

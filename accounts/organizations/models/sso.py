"""Single sign-on: an organisation's provider, who is who there, and the sessions that began with it."""

import uuid
from typing import ClassVar
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q

from accounts.models import Session
from accounts.organizations.models.members import Organization

MOST_SUBJECT_CHARACTERS = 255  # OpenID Connect Core § 2: a sub is at most so long
MOST_SESSION_HOURS = 24 * 365


class Connection(models.Model):
    """``client_secret`` is sealed under a key of the server's. ``metadata`` is the provider's discovery document as far
    as it is used and ``keys`` its JWKS, each with when it was fetched; ``keys_asked_at`` is when the keys were last
    asked for, with whatever outcome.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    organization = models.OneToOneField(Organization, on_delete=models.CASCADE, related_name="connection")
    issuer = models.CharField(max_length=2048)
    client_id = models.CharField(max_length=255)
    client_secret = models.TextField(editable=False)
    just_in_time = models.BooleanField(default=False)
    enforced = models.BooleanField(default=False)
    session_hours = models.PositiveIntegerField()
    metadata = models.JSONField(default=dict, editable=False)
    metadata_at = models.DateTimeField()
    keys = models.JSONField(default=dict, editable=False)
    keys_at = models.DateTimeField()
    keys_asked_at = models.DateTimeField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    class Meta:
        db_table = "sso_connections"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(session_hours__gte=1, session_hours__lte=MOST_SESSION_HOURS),
                name="sso_connections_session_hours",
            ),
            models.CheckConstraint(
                condition=~Q(issuer="") & ~Q(client_id="") & ~Q(client_secret=""), name="sso_connections_are_whole"
            ),
        ]

    def __str__(self) -> str:
        return self.issuer


class IdentityQuerySet(models.QuerySet["Identity"]):
    def for_user(self, user_id: UUID) -> "IdentityQuerySet":
        return self.filter(user_id=user_id)


class Identity(models.Model):
    """Who somebody is at a provider. The same ``subject`` of another ``issuer`` is somebody else, also where the
    connection was moved from one to the other.
    """

    id = models.BigAutoField(primary_key=True)
    connection = models.ForeignKey(Connection, on_delete=models.CASCADE, related_name="identities")
    issuer = models.CharField(max_length=2048)
    subject = models.CharField(max_length=MOST_SUBJECT_CHARACTERS)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="identities")
    linked_at = models.DateTimeField()
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = IdentityQuerySet.as_manager()

    class Meta:
        db_table = "sso_identities"
        verbose_name_plural = "identities"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["connection", "issuer", "subject"], name="sso_identities_one_a_subject"),
            models.UniqueConstraint(fields=["connection", "issuer", "user"], name="sso_identities_one_a_user"),
            models.CheckConstraint(condition=~Q(subject="") & ~Q(issuer=""), name="sso_identities_are_whole"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class SsoSession(models.Model):
    """That a session began at the provider. ``provider_session_id`` is its ``sid`` there, empty where it has none."""

    session = models.OneToOneField(Session, on_delete=models.CASCADE, primary_key=True, related_name="sso")
    identity = models.ForeignKey(Identity, on_delete=models.CASCADE, related_name="sessions")
    provider_session_id = models.CharField(max_length=255, blank=True, default="")
    authenticated_at = models.DateTimeField()

    class Meta:
        db_table = "sso_sessions"
        indexes: ClassVar = [
            models.Index(
                fields=["provider_session_id"], name="sso_sessions_of_provider", condition=~Q(provider_session_id="")
            ),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class BreakGlassCode(models.Model):
    """Eight an organisation, each good for one login by password past enforcement. Only the SHA-256 is kept.

    ``held_for`` is the login that came with it and waits for its second factor (``LoginChallenge``): the code is used
    when that is there.
    """

    id = models.BigAutoField(primary_key=True)
    organization = models.ForeignKey(Organization, on_delete=models.CASCADE, related_name="break_glass_codes")
    code_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    held_for = models.UUIDField(null=True, blank=True, unique=True, editable=False)
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "sso_break_glass_codes"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["organization", "code_hash"], name="sso_break_glass_codes_once"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

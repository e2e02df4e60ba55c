"""Sessions and their refresh tokens. A session is reached through ``for_user`` or ``usable``."""

import hashlib
import uuid
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import F, Q

from accounts.models.users import User


class SessionQuerySet(models.QuerySet["Session"]):
    def for_user(self, user_id: UUID) -> "SessionQuerySet":
        return self.filter(user_id=user_id)

    def live(self, now: datetime) -> "SessionQuerySet":
        """Neither revoked nor past the expiry of its last refresh token."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=now)

    def usable(self) -> "SessionQuerySet":
        """What an access token may belong to; its own expiry is in the token."""
        return self.filter(revoked_at__isnull=True, user__is_active=True)


class Session(models.Model):
    """One login on one device: the family of its refresh tokens, and the `sid` its access tokens carry."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    user_agent = models.CharField(max_length=256, blank=True)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="When its newest refresh token expires.")
    fresh_at = models.DateTimeField(null=True, blank=True, help_text="When its user last showed who they are.")
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = SessionQuerySet.as_manager()

    class Meta:
        db_table = "sessions"
        ordering = ("-last_used_at",)
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(last_used_at__gte=F("created_at")), name="sessions_used_after_creation"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user", "-last_used_at"], condition=Q(revoked_at__isnull=True), name="sessions_live"),
            models.Index(fields=["expires_at"], name="sessions_expiry"),
        ]

    def __str__(self) -> str:
        return str(self.id)


def hash_of(token: str) -> str:
    """How a token is looked up: hex SHA-256. Its 256 bits of entropy make a slow hash pointless."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


class RefreshToken(models.Model):
    """Only the SHA-256 of a token is kept; whoever reads this table cannot log in with it."""

    id = models.BigAutoField(primary_key=True)
    session = models.ForeignKey(Session, on_delete=models.CASCADE, related_name="refresh_tokens")
    token_hash = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    rotated_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "refresh_tokens"
        constraints: ClassVar = [
            # The invariant of rotation: of N parallel refreshes exactly one successor exists.
            models.UniqueConstraint(
                fields=["session"], condition=Q(rotated_at__isnull=True), name="refresh_tokens_one_current_a_session"
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="refresh_tokens_live_for_a_while"),
        ]

    def __str__(self) -> str:
        return str(self.pk)

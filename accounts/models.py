"""Users, their sessions and the refresh tokens of those. A session is reached through ``for_user`` or ``usable``."""

import hashlib
import unicodedata
import uuid
from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower


class SessionQuerySet(models.QuerySet["Session"]):
    def for_user(self, user_id: UUID) -> "SessionQuerySet":
        return self.filter(user_id=user_id)

    def live(self, now: datetime) -> "SessionQuerySet":
        """Neither revoked nor past the expiry of its last refresh token."""
        return self.filter(revoked_at__isnull=True, expires_at__gt=now)

    def usable(self) -> "SessionQuerySet":
        """What an access token may belong to; its own expiry is in the token."""
        return self.filter(revoked_at__isnull=True, user__is_active=True)


def normalize_email(email: str) -> str:
    """The one spelling under which an address is kept and looked for: lower case, NFKC.

    NFKC makes one address of those that only look alike (a long s and an s, a fullwidth or a decomposed domain), as
    UTS 46 does for domains.
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", email).strip().lower())


class UserManager(BaseUserManager["User"]):
    def create_user(self, *, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=normalize_email(email), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, *, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email=email, password=password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=normalize_email(username or ""))


class User(AbstractBaseUser, PermissionsMixin):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    email = models.EmailField(max_length=254, unique=True)
    tier = models.CharField(max_length=10, default="free", help_text="For display; billing decides the live tier.")
    stripe_customer_id = models.CharField(max_length=255, unique=True, null=True, blank=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    erasure_requested_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    class Meta:
        db_table = "users"
        ordering = ("-created_at",)
        constraints: ClassVar = [
            # With the unique column this makes addresses unique whatever their case.
            models.CheckConstraint(condition=Q(email=Lower("email")), name="users_email_is_lower_case"),
            models.CheckConstraint(
                condition=Q(erasure_requested_at__isnull=True) | Q(is_active=False),
                name="users_being_erased_are_inactive",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["-created_at"], name="users_newest"),  # the admin's list, and its new users by day
            models.Index(
                fields=["erasure_requested_at"],
                condition=Q(erasure_requested_at__isnull=False),
                name="users_being_erased",
            ),
        ]

    def __str__(self) -> str:
        return self.email


class Session(models.Model):
    """One login on one device: the family of its refresh tokens, and the `sid` its access tokens carry."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sessions")
    user_agent = models.CharField(max_length=256, blank=True)
    created_at = models.DateTimeField()
    last_used_at = models.DateTimeField()
    expires_at = models.DateTimeField(help_text="When its newest refresh token expires.")
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

"""Second factors, recovery codes, and logins that wait for one of them."""

import uuid
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import F, Q

from accounts.models.users import User


class FactorType(models.TextChoices):
    TOTP = "totp", "codes of an authenticator app"
    PASSKEY = "passkey", "passkey"


class FactorQuerySet(models.QuerySet["Factor"]):
    def for_user(self, user_id: UUID) -> "FactorQuerySet":
        return self.filter(user_id=user_id)

    def confirmed(self) -> "FactorQuerySet":
        return self.filter(confirmed_at__isnull=False)


class Factor(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="factors")
    type = models.CharField(max_length=10, choices=FactorType.choices)
    name = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True, help_text="Until then it counts for nothing.")
    last_used_at = models.DateTimeField(null=True, blank=True)
    # Of TOTP (RFC 6238): the secret, sealed under a key of the server's, and the time step of the last code that was
    # taken: a code counts once.
    sealed_secret = models.TextField(blank=True, editable=False)
    last_time_step = models.BigIntegerField(null=True, blank=True, editable=False)
    # Of a passkey (WebAuthn level 3): base64url of the credential's id, its COSE public key, its signature counter.
    credential_id = models.CharField(max_length=1400, null=True, blank=True, unique=True, editable=False)
    public_key = models.BinaryField(null=True, blank=True, editable=False)
    sign_count = models.BigIntegerField(default=0, editable=False)
    transports = models.JSONField(default=list, blank=True, editable=False)

    objects: ClassVar = FactorQuerySet.as_manager()

    class Meta:
        db_table = "factors"
        ordering = ("created_at",)
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(type="totp", credential_id__isnull=True, public_key__isnull=True) & ~Q(sealed_secret="")
                | Q(
                    type="passkey",
                    sealed_secret="",
                    credential_id__isnull=False,
                    public_key__isnull=False,
                    confirmed_at__isnull=False,
                ),
                name="factors_hold_what_their_type_needs",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["user", "created_at"], name="factors_of_user")]

    def __str__(self) -> str:
        return self.name


class RecoveryCode(models.Model):
    """Only the SHA-256 of a code and the account's id is kept: 79 random bits need no key (``recovery_codes``)."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="recovery_codes")
    code_hash = models.CharField(max_length=64)
    created_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "recovery_codes"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "code_hash"], name="recovery_codes_one_of_each"),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class ChallengePurpose(models.TextChoices):
    LOGIN = "login", "log in"
    RESET = "reset", "reset the password"


class LoginChallengeQuerySet(models.QuerySet["LoginChallenge"]):
    def open(self, now: datetime) -> "LoginChallengeQuerySet":
        return self.filter(ended_at__isnull=True, expires_at__gt=now, user__is_active=True)


class LoginChallenge(models.Model):
    """A login whose password was right, and that waits for the second factor. It ends by success or five failures."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="login_challenges")
    purpose = models.CharField(max_length=10, choices=ChallengePurpose.choices)
    # Whether the answer to a reset says that nothing opens the account's data any more; None for a login.
    locked = models.BooleanField(null=True, blank=True)
    failures = models.PositiveSmallIntegerField(default=0)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = LoginChallengeQuerySet.as_manager()

    class Meta:
        db_table = "login_challenges"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(expires_at__gt=F("created_at")), name="login_challenges_live_for_a_while"
            ),
            models.CheckConstraint(
                condition=Q(purpose="login", locked__isnull=True) | Q(purpose="reset", locked__isnull=False),
                name="login_challenges_of_resets_know_locked",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="login_challenges_expiry")]

    def __str__(self) -> str:
        return str(self.id)

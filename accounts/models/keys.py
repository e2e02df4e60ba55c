"""Envelopes: a user's master key, sealed by the client for each way to it (docs/api.md § 13). The server opens none.

And the keys that an installation makes for itself.
"""

import hashlib
import uuid
from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import F, Q

from accounts.models.users import User


class EnvelopeKind(models.TextChoices):
    PASSWORD = "password", "password"
    RECOVERY = "recovery", "recovery phrase"
    DEVICE = "device", "device"
    PASSKEY = "passkey", "passkey"


class KeyEnvelopeQuerySet(models.QuerySet["KeyEnvelope"]):
    def for_user(self, user_id: UUID) -> "KeyEnvelopeQuerySet":
        return self.filter(user_id=user_id)


class KeyEnvelope(models.Model):
    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="key_envelopes")
    kind = models.CharField(max_length=10, choices=EnvelopeKind.choices)
    ref = models.CharField(max_length=64, help_text="Which of its kind: a slug of the client's.")
    blob = models.BinaryField(max_length=4096, editable=False)
    checksum = models.CharField(max_length=64)
    key_id = models.CharField(max_length=64, help_text="The client's name of the master key inside.")
    revision = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects: ClassVar = KeyEnvelopeQuerySet.as_manager()

    class Meta:
        db_table = "key_envelopes"
        ordering = ("kind", "ref")
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "kind", "ref"], name="key_envelopes_one_a_ref"),
            models.CheckConstraint(condition=Q(kind__in=EnvelopeKind.values), name="key_envelopes_kind_is_known"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}/{self.ref}"

    @property
    def etag(self) -> str:
        """A strong validator, quotes included (RFC 9110 § 8.8.3). Revisions begin again after a deletion and go back
        with a restored database; what else a state consists of tells two of one number apart.
        """
        state = f"{self.revision}:{self.checksum}:{self.key_id}:{self.created_at.isoformat()}"
        return f'"{self.revision}-{hashlib.sha256(state.encode()).hexdigest()[:16]}"'


class KeyRequestState(models.TextChoices):
    """``expired`` is no state of a row: it is one that is pending after its time."""

    PENDING = "pending", "pending"
    ANSWERED = "answered", "answered"
    DENIED = "denied", "denied"


class KeyRequestQuerySet(models.QuerySet["KeyRequest"]):
    def for_user(self, user_id: UUID) -> "KeyRequestQuerySet":
        return self.filter(user_id=user_id)


class KeyRequest(models.Model):
    """A new device asks one that is unlocked for the master key, sealed for the new one's public key."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="key_requests")
    session_id = models.UUIDField(help_text="The asking device's.")
    public_key = models.BinaryField(max_length=2048, editable=False)
    device_name = models.CharField(max_length=64)
    state = models.CharField(max_length=10, choices=KeyRequestState.choices, default=KeyRequestState.PENDING)
    blob = models.BinaryField(max_length=4096, null=True, blank=True, editable=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = KeyRequestQuerySet.as_manager()

    class Meta:
        db_table = "key_requests"
        ordering = ("-created_at",)
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="key_requests_live_for_a_while"),
            models.CheckConstraint(
                condition=Q(state="answered", blob__isnull=False, answered_at__isnull=False)
                | Q(state="denied", blob__isnull=True, answered_at__isnull=False)
                | Q(state="pending", blob__isnull=True, answered_at__isnull=True),
                name="key_requests_hold_what_their_state_says",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user", "-created_at"], name="key_requests_of_user"),
            models.Index(fields=["expires_at"], name="key_requests_expiry"),
        ]

    def __str__(self) -> str:
        return str(self.id)


class InstallationKey(models.Model):
    """Random, in the clear, and for nothing but what the database itself gives away: whoever reads this table reads
    ``users`` beside it. It outlives every configured secret and goes with the database into backups and back.
    """

    name = models.CharField(primary_key=True, max_length=32)
    key = models.BinaryField(max_length=32, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "installation_keys"

    def __str__(self) -> str:
        return self.name

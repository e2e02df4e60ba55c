"""What a link in a mail stands for: a token that acts once, and a change of address that waits for one."""

import uuid
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import F, Q

from accounts.models.users import User


class MailTokenPurpose(models.TextChoices):
    VERIFY = "verify", "verify the address"
    RESET = "reset", "reset the password"
    CHANGE = "change", "change the address"
    UNDO = "undo", "undo a change of address"


class MailTokenQuerySet(models.QuerySet["MailToken"]):
    def for_user(self, user_id: UUID) -> "MailTokenQuerySet":
        return self.filter(user_id=user_id)

    def usable(self, now: datetime) -> "MailTokenQuerySet":
        return self.filter(ended_at__isnull=True, expires_at__gt=now, user__is_active=True)


class EmailChange(models.Model):
    """A new address that its owner has not shown to read yet, or has: then it can be undone for a while."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="email_changes")
    old_email = models.EmailField(max_length=254)
    # As it is compared: nobody else gets this address while its owner may still want it back.
    old_key = models.CharField(max_length=512, default="", editable=False)
    new_email = models.EmailField(max_length=254)
    requested_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True, help_text="When it was undone, replaced or voided.")

    class Meta:
        db_table = "email_changes"
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user"],
                condition=Q(confirmed_at__isnull=True, ended_at__isnull=True),
                name="email_changes_one_pending_a_user",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["old_key"],
                condition=Q(confirmed_at__isnull=False, ended_at__isnull=True),
                name="email_changes_to_undo",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class MailToken(models.Model):
    """Only the SHA-256 of a token is kept. One ends by its use, by another's use, or because it was voided."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="mail_tokens")
    purpose = models.CharField(max_length=10, choices=MailTokenPurpose.choices)
    token_hash = models.CharField(max_length=64, unique=True)
    # The address it was sent to: a link of an address that is no longer the account's verifies nothing.
    email = models.EmailField(max_length=254)
    email_change = models.ForeignKey(EmailChange, on_delete=models.CASCADE, null=True, blank=True)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar = MailTokenQuerySet.as_manager()

    class Meta:
        db_table = "mail_tokens"
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(purpose__in=MailTokenPurpose.values), name="mail_tokens_purpose_is_known"
            ),
            models.CheckConstraint(condition=Q(expires_at__gt=F("created_at")), name="mail_tokens_live_for_a_while"),
            models.CheckConstraint(
                condition=Q(purpose__in=["change", "undo"]) ^ Q(email_change__isnull=True),
                name="mail_tokens_of_a_change_name_it",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["expires_at"], name="mail_tokens_expiry")]

    def __str__(self) -> str:
        return str(self.pk)

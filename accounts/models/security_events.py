"""What happened to an account that its owner should be able to look at (docs/api.md § 3), for 90 days."""

from typing import ClassVar
from uuid import UUID

from django.db import models
from django.db.models import Q

from accounts.models.users import User


class SecurityEventType(models.TextChoices):
    REGISTERED = "registered", "registered"
    LOGIN = "login", "login"
    LOGIN_FAILED = "login_failed", "login failed"
    SECOND_FACTOR_FAILED = "second_factor_failed", "second factor failed"
    LOGOUT = "logout", "logout"
    REFRESHED_REUSE = "refreshed_reuse", "a refresh token was used again"
    SESSION_REVOKED = "session_revoked", "session revoked"
    PASSWORD_CHANGED = "password_changed", "password changed"
    PASSWORD_RESET = "password_reset", "password reset"
    EMAIL_CHANGED = "email_changed", "address changed"
    FACTOR_ADDED = "factor_added", "factor added"
    FACTOR_REMOVED = "factor_removed", "factor removed"
    RECOVERY_CODES_MADE = "recovery_codes_made", "recovery codes made"
    RECOVERY_CODE_USED = "recovery_code_used", "recovery code used"
    ENVELOPE_CHANGED = "envelope_changed", "key envelope changed"
    DEVICE_APPROVED = "device_approved", "device approved"
    EXPORTED = "exported", "exported"


class SecurityEventQuerySet(models.QuerySet["SecurityEvent"]):
    def for_user(self, user_id: UUID) -> "SecurityEventQuerySet":
        return self.filter(user_id=user_id)


class SecurityEvent(models.Model):
    """``network`` is the address's /24 or /48, by which a new device is told from a known one. ``slot``: of failed
    logins only, which of the ten minutes since 1970 it was; those of one network in them are one row.
    """

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="security_events")
    at = models.DateTimeField()
    type = models.CharField(max_length=24, choices=SecurityEventType.choices)
    session_id = models.UUIDField(null=True, blank=True)
    ip = models.GenericIPAddressField(null=True, blank=True)
    network = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=256, blank=True)
    slot = models.BigIntegerField(null=True, blank=True, editable=False)

    objects: ClassVar = SecurityEventQuerySet.as_manager()

    class Meta:
        db_table = "security_events"
        ordering = ("-at", "-id")
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(type__in=SecurityEventType.values), name="security_events_type_is_known"
            ),
            # Who guesses passwords must not fill the table (``accounts.security_events.recording``).
            models.UniqueConstraint(
                fields=["user", "type", "network", "slot"],
                condition=Q(slot__isnull=False),
                name="security_events_one_failure_a_slot",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user", "-at", "-id"], name="security_events_of_user"),
            models.Index(fields=["at"], name="security_events_age"),
        ]

    def __str__(self) -> str:
        return self.type

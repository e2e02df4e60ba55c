"""Batches and their runs (docs/api.md § 14): what devices seal, and beside it ids, states, times and numbers."""

import hashlib
import uuid
from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q

MAX_SPEC_BYTES = 64 * 1024
CHECKSUM = r"^[0-9a-f]{64}$"
ERROR_CODE = r"^[a-z_]{1,40}$"


class BatchState(models.TextChoices):
    """``suspended``: it would be active if the tier had room for it."""

    ACTIVE = "active", "active"
    PAUSED = "paused", "paused"
    SUSPENDED = "suspended", "suspended"


class PauseReason(models.TextChoices):
    """Why a batch is not active: its user's will, failures in a row, or the tier (which suspends)."""

    USER = "user", "user"
    FAILING = "failing", "failing"
    TIER = "tier", "tier"


class Trigger(models.TextChoices):
    MANUAL = "manual", "manual"
    SCHEDULE = "schedule", "schedule"
    RECORD_CHANGED = "record_changed", "record changed"


class Outcome(models.TextChoices):
    """``skipped``: a device decided that this slot is not to be run (``catch_up: skip``, nothing selected)."""

    SUCCEEDED = "succeeded", "succeeded"
    PARTIAL = "partial", "partial"
    FAILED = "failed", "failed"
    SKIPPED = "skipped", "skipped"


class BatchQuerySet(models.QuerySet["Batch"]):
    def for_user(self, user_id: UUID) -> Self:
        return self.filter(user_id=user_id)

    def active(self) -> Self:
        return self.filter(state=BatchState.ACTIVE)

    def due(self, now: datetime) -> Self:
        """Those with a time to run that has come, whether a device is at it or not."""
        return self.active().filter(next_due_at__lte=now)

    def unleased(self, now: datetime) -> Self:
        """No device is at what is due, or at a later slot, which passes it over."""
        leased = BatchRun.objects.filter(batch=models.OuterRef("pk"), due_at__gte=models.OuterRef("next_due_at"))
        return self.exclude(models.Exists(leased.leased(now)))


class Batch(models.Model):
    """``public_id`` is its id in the contract, which a client may choose: unique among its user's.

    ``spec`` is sealed and ``checksum`` its SHA-256; ``revision`` counts the specs. ``next_due_at`` is the due time that
    its devices have computed, never one that is over: ``settled_through`` is the latest due time that has ended, or was
    passed over by one that has. ``tell_at`` is when its devices are to be told that it is due (``due.tell``).

    ``activated_at`` is when it was last activated: the oldest stay when the tier shrinks. ``suspended_at_limit`` is the
    number of active batches that the tier allowed when it was last decided that this one is too many: more than that
    wakes it, and room that its user makes does not.

    ``created_as`` is a digest of what it was created from, and ``idempotency_key`` the client's: a lost answer is asked
    for again with the same.
    """

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="batches", db_index=False)
    public_id = models.UUIDField(default=uuid.uuid4, editable=False)
    spec = models.BinaryField(max_length=MAX_SPEC_BYTES, editable=False)
    checksum = models.CharField(max_length=64)
    revision = models.PositiveIntegerField(default=1)
    trigger = models.CharField(max_length=16, choices=Trigger.choices)
    state = models.CharField(max_length=12, choices=BatchState.choices)
    reason = models.CharField(max_length=8, choices=PauseReason.choices, blank=True, default="")
    next_due_at = models.DateTimeField(null=True, blank=True)
    settled_through = models.DateTimeField(null=True, blank=True)
    tell_at = models.DateTimeField(null=True, blank=True, editable=False)
    consecutive_failures = models.PositiveIntegerField(default=0)
    activated_at = models.DateTimeField(null=True, blank=True)
    suspended_at_limit = models.PositiveIntegerField(null=True, blank=True)
    created_as = models.CharField(max_length=64, editable=False)
    idempotency_key = models.CharField(max_length=255, null=True, blank=True, editable=False)  # noqa: DJ001 - null is unique often
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()

    objects: ClassVar = BatchQuerySet.as_manager()

    class Meta:
        db_table = "batches"
        verbose_name_plural = "batches"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "public_id"], name="batches_one_an_id"),
            models.UniqueConstraint(fields=["user", "idempotency_key"], name="batches_one_a_key"),
            models.CheckConstraint(name="batches_trigger_known", condition=Q(trigger__in=Trigger.values)),
            models.CheckConstraint(
                name="batches_state_has_its_reason",
                condition=Q(state="active", reason="")
                | Q(state="paused", reason__in=["user", "failing"])
                | Q(state="suspended", reason="tier"),
            ),
            models.CheckConstraint(
                name="batches_since_when_active",
                condition=Q(state="paused", activated_at__isnull=True)
                | (~Q(state="paused") & Q(activated_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="batches_suspended_at_a_limit",
                condition=Q(state="suspended", suspended_at_limit__isnull=False)
                | (~Q(state="suspended") & Q(suspended_at_limit__isnull=True)),
            ),
            # What is due and not told of would be run only by a device that happens to look.
            models.CheckConstraint(
                name="batches_told_while_active",
                condition=Q(state="active", next_due_at__isnull=False, tell_at__isnull=False)
                | Q(state="active", next_due_at__isnull=True, tell_at__isnull=True)
                | (~Q(state="active") & Q(tell_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="batches_due_is_not_over",
                condition=Q(next_due_at__isnull=True)
                | Q(settled_through__isnull=True)
                | Q(next_due_at__gt=F("settled_through")),
            ),
            models.CheckConstraint(name="batches_revision_positive", condition=Q(revision__gte=1)),
            models.CheckConstraint(name="batches_checksum", condition=Q(checksum__regex=CHECKSUM)),
        ]
        indexes: ClassVar = [
            models.Index(fields=["user", "created_at", "id"], name="batches_list"),
            models.Index(fields=["user", "state"], name="batches_by_state"),
            models.Index(fields=["tell_at"], condition=Q(tell_at__isnull=False), name="batches_to_tell"),
        ]

    def __str__(self) -> str:
        return str(self.public_id)

    @property
    def etag(self) -> str:
        """A strong validator, quotes included, of what PUT can change. Leases and runs are not in it: they would keep
        everybody from editing a batch that runs. Revisions go back with a restored database; the rest tells two of one
        number apart.
        """
        parts = (self.revision, self.checksum, self.trigger, self.state, self.reason, self.next_due_at, self.created_at)
        digest = hashlib.sha256(":".join(str(part) for part in parts).encode()).hexdigest()
        return f'"{self.revision}-{digest[:16]}"'


class BatchRunQuerySet(models.QuerySet["BatchRun"]):
    def for_user(self, user_id: UUID) -> Self:
        return self.filter(user_id=user_id)

    def finished(self) -> Self:
        return self.filter(finished_at__isnull=False)

    def leased(self, now: datetime) -> Self:
        return self.filter(finished_at__isnull=True, lease_expires_at__gt=now)


class BatchRun(models.Model):
    """What became of one slot. ``slot`` names it: a due time (``due_at``, in UTC) or the UUID of a manual run.

    While it is not finished, ``session_id`` holds it until ``lease_expires_at``, by the database's clock. Whoever takes
    it over raises ``attempt``, and what an earlier attempt still says is refused. The user is repeated here so that
    renewing is one conditional UPDATE of this row alone.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    batch = models.ForeignKey(Batch, on_delete=models.CASCADE, related_name="runs", db_index=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="batch_runs")
    slot = models.CharField(max_length=40)
    due_at = models.DateTimeField(null=True, blank=True)
    spec_revision = models.PositiveIntegerField()
    attempt = models.PositiveIntegerField(default=1)
    session_id = models.UUIDField(null=True, blank=True, editable=False)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(help_text="Of the first attempt.")
    finished_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=12, choices=Outcome.choices, blank=True, default="")
    error_code = models.CharField(max_length=40, blank=True, default="")
    total = models.PositiveIntegerField(null=True, blank=True)
    done = models.PositiveIntegerField(null=True, blank=True)
    failed = models.PositiveIntegerField(null=True, blank=True)
    skipped = models.PositiveIntegerField(null=True, blank=True)

    objects: ClassVar = BatchRunQuerySet.as_manager()

    class Meta:
        db_table = "batch_runs"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["batch", "slot"], name="batch_runs_one_a_slot"),
            models.CheckConstraint(name="batch_runs_attempt_positive", condition=Q(attempt__gte=1)),
            models.CheckConstraint(name="batch_runs_revision_positive", condition=Q(spec_revision__gte=1)),
            models.CheckConstraint(
                name="batch_runs_leased_or_finished",
                condition=Q(
                    finished_at__isnull=True,
                    session_id__isnull=False,
                    lease_expires_at__isnull=False,
                    outcome="",
                    error_code="",
                    total__isnull=True,
                    done__isnull=True,
                    failed__isnull=True,
                    skipped__isnull=True,
                )
                | Q(
                    finished_at__isnull=False,
                    session_id__isnull=True,
                    lease_expires_at__isnull=True,
                    outcome__in=Outcome.values,
                    total__isnull=False,
                    done__isnull=False,
                    failed__isnull=False,
                    skipped__isnull=False,
                ),
            ),
            # A run that was cut short has items that nothing became of.
            models.CheckConstraint(
                name="batch_runs_items_add_up",
                condition=Q(total__isnull=True) | Q(total__gte=F("done") + F("failed") + F("skipped")),
            ),
            models.CheckConstraint(
                name="batch_runs_error_code", condition=Q(error_code="") | Q(error_code__regex=ERROR_CODE)
            ),
            models.CheckConstraint(
                name="batch_runs_finished_after_start",
                condition=Q(finished_at__isnull=True) | Q(finished_at__gte=F("started_at")),
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["batch", "-started_at", "id"], name="batch_runs_newest"),
            models.Index(
                fields=["batch", "-finished_at"], condition=Q(finished_at__isnull=False), name="batch_runs_last"
            ),
            models.Index(
                fields=["batch", "due_at"], condition=Q(finished_at__isnull=True), name="batch_runs_under_way"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.slot} ({self.outcome or f'attempt {self.attempt}'})"

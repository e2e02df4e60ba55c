"""Snapshots, and how long they stay. The only way to a user's starts with ``for_user``."""

import uuid
from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q

from adiuva.api.preconditions import undated
from storage.models import CHECKSUM


class BackupQuerySet(models.QuerySet["Backup"]):
    def for_user(self, user_id: UUID) -> Self:
        return self.filter(user_id=user_id)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")


class Backup(models.Model):
    """``version`` and ``timestamp`` are the client's words; ``created_at`` is ours, and only rises.

    ``latest_since`` is the second since which it is the latest, by its upload or by the deletion of a newer one: no
    other snapshot is the latest for the first time in that second. Rows from before there was one have none.

    ``immutable_until`` was decided when it arrived, by the policy of that moment, and no later policy changes it: who
    has got hold of a session could otherwise allow themselves to delete it. None: it may be deleted at any time.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="backups")
    s3_key = models.CharField(max_length=255, unique=True)
    version = models.CharField(max_length=64)
    timestamp = models.DateTimeField()
    checksum = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    chunk_count = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()
    # The column's name is an older one, which servers of earlier versions use while this one is installed.
    latest_since = models.DateTimeField(null=True, blank=True, editable=False, db_column="latest_again_at")
    verified_at = models.DateTimeField(null=True, blank=True, help_text="When verify_blobs last read it whole.")
    immutable_until = models.DateTimeField(null=True, blank=True, help_text="Nobody can delete it before.")

    objects: ClassVar = BackupQuerySet.as_manager()

    class Meta:
        db_table = "backup_metadata"
        constraints = [
            models.CheckConstraint(name="backup_metadata_checksum", condition=Q(checksum__regex=CHECKSUM)),
            models.CheckConstraint(name="backup_metadata_size", condition=Q(size_bytes__gte=0)),
            models.CheckConstraint(name="backup_metadata_version_not_empty", condition=~Q(version="")),
        ]
        indexes = [
            models.Index(fields=["user", "-created_at", "-id"], name="backup_metadata_newest"),
            models.Index(fields=["verified_at"], name="backup_metadata_to_verify"),
        ]

    def __str__(self) -> str:
        return str(self.id)

    @property
    def date_as_latest(self) -> datetime:
        """What `Last-Modified` says where it is shown as the latest: see ``adiuva.api.preconditions``. Who has seen a
        newer one that was deleted must not be told that nothing has changed since.
        """
        return self.latest_since or undated(self.created_at)


MOST_LAST = 1000
MOST_DAILY = 366
MOST_WEEKLY = 520  # ten years
MOST_IMMUTABLE_DAYS = 30
KEEP_RULES = ("keep_last", "keep_daily", "keep_weekly")


class BackupPolicyQuerySet(models.QuerySet["BackupPolicy"]):
    def of_user(self, user_id: UUID) -> "BackupPolicy":
        """The user's, or the one that keeps everything and makes nothing immutable."""
        return self.filter(user_id=user_id).first() or BackupPolicy(user_id=user_id)


class BackupPolicy(models.Model):
    """What becomes of a user's snapshots after each upload (docs/api.md § 8); no row is a policy without any rule.

    Three rules say what stays: the newest ``keep_last``, and the newest one of each of the latest ``keep_daily`` days
    and ``keep_weekly`` weeks in which any has arrived (``created_at``, UTC; weeks begin on Monday). A rule that is None
    is not there, one that is 0 keeps nothing; without any rule everything stays. ``immutable_days`` is for snapshots
    that arrive from now on, and those that are there already are left as they are.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="backup_policy"
    )
    keep_last = models.PositiveIntegerField(null=True, blank=True)
    keep_daily = models.PositiveIntegerField(null=True, blank=True)
    keep_weekly = models.PositiveIntegerField(null=True, blank=True)
    immutable_days = models.PositiveIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar = BackupPolicyQuerySet.as_manager()

    class Meta:
        db_table = "backup_policies"
        verbose_name_plural = "backup policies"
        constraints = [
            models.CheckConstraint(
                name="backup_policies_numbers",
                condition=(Q(keep_last__isnull=True) | Q(keep_last__lte=MOST_LAST))
                & (Q(keep_daily__isnull=True) | Q(keep_daily__lte=MOST_DAILY))
                & (Q(keep_weekly__isnull=True) | Q(keep_weekly__lte=MOST_WEEKLY))
                & Q(immutable_days__lte=MOST_IMMUTABLE_DAYS),
            ),
            models.CheckConstraint(
                name="backup_policies_keep_something",
                condition=Q(keep_last__isnull=True, keep_daily__isnull=True, keep_weekly__isnull=True)
                # A comparison with NULL is no refusal to a check.
                | Q(keep_last__isnull=False, keep_last__gt=0)
                | Q(keep_daily__isnull=False, keep_daily__gt=0)
                | Q(keep_weekly__isnull=False, keep_weekly__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return str(self.user_id)

    @property
    def has_rules(self) -> bool:
        return any(getattr(self, rule) is not None for rule in KEEP_RULES)

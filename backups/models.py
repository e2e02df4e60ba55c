"""Snapshots. The only way to a user's starts with ``for_user``."""

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

"""Snapshots. The only way to a user's starts with ``for_user``."""

import uuid
from typing import ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q

from storage.models import CHECKSUM


class BackupQuerySet(models.QuerySet["Backup"]):
    def for_user(self, user_id: UUID) -> Self:
        return self.filter(user_id=user_id)

    def newest_first(self) -> Self:
        return self.order_by("-created_at", "-id")


class Backup(models.Model):
    """``version`` and ``timestamp`` are the client's words; ``created_at`` is ours, and only rises."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="backups")
    s3_key = models.CharField(max_length=255, unique=True)
    version = models.CharField(max_length=64)
    timestamp = models.DateTimeField()
    checksum = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    chunk_count = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField()
    latest_again_at = models.DateTimeField(
        null=True, blank=True, help_text="When the deletion of a newer one made it the latest again."
    )
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

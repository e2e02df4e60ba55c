"""Resumable uploads: what has arrived of them, and for a day what came of them."""

import uuid
from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from storage.models.records import CHECKSUM


class UploadQuerySet(models.QuerySet["Upload"]):
    def for_user(self, user_id: UUID) -> Self:
        return self.filter(user_id=user_id)

    def unfinished(self) -> Self:
        return self.filter(finished_at__isnull=True)

    def unexpired(self, now: datetime) -> Self:
        return self.filter(expires_at__gt=now)


class Upload(models.Model):
    """An upload by tus 1.0 (docs/api.md § 7). ``metadata`` is ``Upload-Metadata`` as the client sent it, which its
    ``target`` reads again at the end; ``item_id`` is the record's or snapshot's, ``s3_key`` where its bytes will be.

    ``offset`` of ``length`` bytes are durable: the last word on it, whatever a file or bucket holds. ``draft_ref``,
    ``part_bytes`` and ``parts`` are the blob store's (``storage.blobs.port.Draft``). ``reserved_bytes`` of the quota
    ``kind`` are kept free for it. One request writes: it holds ``writer`` until ``held_until``, and longer while it
    renews that. A finished one has ``etag`` and ``path`` of what came of it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="uploads", db_index=False)
    target = models.CharField(max_length=16)
    kind = models.CharField(max_length=16)
    metadata = models.TextField()
    item_id = models.UUIDField(editable=False)
    s3_key = models.CharField(max_length=255)
    checksum = models.CharField(max_length=64)
    length = models.BigIntegerField()
    offset = models.BigIntegerField(default=0)
    reserved_bytes = models.BigIntegerField(default=0)
    draft_ref = models.TextField(blank=True)
    part_bytes = models.BigIntegerField(default=0)
    parts = models.JSONField(default=list, blank=True)
    writer = models.UUIDField(null=True, blank=True, editable=False)
    held_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    etag = models.CharField(max_length=128, blank=True)
    path = models.CharField(max_length=255, blank=True)

    objects: ClassVar = UploadQuerySet.as_manager()

    class Meta:
        db_table = "storage_uploads"
        constraints = [
            # Not ``unique=True``, which makes a second index on PostgreSQL, for LIKE.
            models.UniqueConstraint(
                name="storage_uploads_one_a_key", fields=["s3_key"], condition=Q(finished_at__isnull=True)
            ),
            models.CheckConstraint(
                name="storage_uploads_offset",
                condition=Q(offset__gte=0, offset__lte=F("length"), reserved_bytes__gte=0),
            ),
            models.CheckConstraint(name="storage_uploads_checksum", condition=Q(checksum__regex=CHECKSUM)),
            models.CheckConstraint(
                name="storage_uploads_kind", condition=Q(kind__in=["storage", "backup"]) & ~Q(target="")
            ),
            models.CheckConstraint(
                name="storage_uploads_finished_or_not",
                condition=Q(finished_at__isnull=True, etag="", path="") & ~Q(draft_ref="")
                | Q(finished_at__isnull=False, offset=F("length"), reserved_bytes=0, writer__isnull=True)
                & ~Q(etag="")
                & ~Q(path=""),
            ),
            models.CheckConstraint(
                name="storage_uploads_held_or_not",
                condition=Q(writer__isnull=True, held_until__isnull=True)
                | Q(writer__isnull=False, held_until__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["user", "finished_at"], name="storage_uploads_of_user"),
            models.Index(fields=["expires_at"], name="storage_uploads_to_expire"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.offset}/{self.length}"

    @property
    def told_offset(self) -> int:
        """What ``Upload-Offset`` says. The last byte is acknowledged by the commit alone, or a client that asks after
        a crash in between would take its upload for done.
        """
        return self.offset if self.finished_at or self.offset < self.length else max(0, self.length - 1)

"""Records, and the answers that are kept for their uploads."""

import uuid
from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Q

from adiuva.api.preconditions import undated

CHECKSUM = r"^[0-9a-f]{64}$"  # SHA-256, lower-case hex
TABLE_NAME = r"^[a-z][a-z0-9_]{0,63}$"


class RecordQuerySet(models.QuerySet["StorageRecord"]):
    def for_user(self, user_id: UUID) -> Self:
        return self.filter(user_id=user_id)

    def live(self) -> Self:
        """Without tombstones."""
        return self.filter(deleted_at__isnull=True)


class StorageRecord(models.Model):
    """A sealed record, or its tombstone (``deleted_at``): then it has no blob and no size.

    The key is the user's own: two users may choose one id. ``seq`` is that of the record's last change, ``revision``
    counts its puts and deletes from 1; ``restored_from`` is the revision whose state this one brought back.
    ``dated_at`` is the second that no other state of the record has; rows from before there was one have none.
    """

    pk = models.CompositePrimaryKey("user_id", "id")
    # Without an index of its own: the primary key begins with it.
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="storage_records", db_index=False
    )
    id = models.UUIDField(default=uuid.uuid4, editable=False)
    table_name = models.CharField(max_length=64)
    s3_key = models.CharField(max_length=255, null=True, blank=True)  # noqa: DJ001 - unique, and tombstones have none
    checksum = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    revision = models.PositiveIntegerField()
    seq = models.BigIntegerField()
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    dated_at = models.DateTimeField(null=True, blank=True, editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True)
    restored_from = models.IntegerField(null=True, blank=True, editable=False)
    verified_at = models.DateTimeField(null=True, blank=True, help_text="When verify_blobs last read it whole.")

    objects: ClassVar = RecordQuerySet.as_manager()

    class Meta:
        db_table = "storage_records"
        constraints = [
            # Not ``unique=True``, which makes a second index on PostgreSQL, for LIKE.
            models.UniqueConstraint(name="storage_records_s3_key_key", fields=["s3_key"]),
            # The change feed: one change a number, and a follower pages by it.
            models.UniqueConstraint(name="storage_records_one_change_a_seq", fields=["user", "seq"]),
            models.CheckConstraint(name="storage_records_counts_positive", condition=Q(revision__gte=1, seq__gte=1)),
            models.CheckConstraint(name="storage_records_table_name", condition=Q(table_name__regex=TABLE_NAME)),
            models.CheckConstraint(name="storage_records_checksum", condition=Q(checksum__regex=CHECKSUM)),
            models.CheckConstraint(
                name="storage_records_live_or_tombstone",
                condition=Q(deleted_at__isnull=True, s3_key__isnull=False, size_bytes__gte=0)
                | Q(deleted_at__isnull=False, s3_key__isnull=True, size_bytes=0),
            ),
        ]
        indexes = [
            models.Index(
                fields=["user", "created_at", "id"], condition=Q(deleted_at__isnull=True), name="storage_records_list"
            ),
            models.Index(
                fields=["user", "table_name", "created_at", "id"],
                condition=Q(deleted_at__isnull=True),
                name="storage_records_by_table",
            ),
            models.Index(
                fields=["deleted_at"], condition=Q(deleted_at__isnull=False), name="storage_records_tombstones"
            ),
            models.Index(
                fields=["verified_at"], condition=Q(deleted_at__isnull=True), name="storage_records_to_verify"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.id} r{self.revision}"

    @property
    def date(self) -> datetime:
        """What `Last-Modified` says: see ``adiuva.api.preconditions``."""
        return self.dated_at or undated(self.updated_at)

    @property
    def etag(self) -> str:
        return record_etag(revision=self.revision, checksum=self.checksum)


def record_etag(*, revision: int, checksum: str) -> str:
    """A strong validator, quotes included (RFC 9110 § 8.8.3). Revisions go on across a deletion; where one comes again
    all the same (its tombstone was pruned, the service went back to a backup) the checksum tells two states apart.
    """
    return f'"{revision}-{checksum[:16]}"'


class UploadKey(models.Model):
    """The answer that a ``POST`` with an ``Idempotency-Key`` got: RecordMeta as it was then (``storage.records``)."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="upload_keys")
    key = models.CharField(max_length=255)
    record_id = models.UUIDField()
    table_name = models.CharField(max_length=64)
    checksum = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    revision = models.PositiveIntegerField()
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "storage_upload_keys"
        constraints = [models.UniqueConstraint(name="storage_upload_keys_one_a_key", fields=["user", "key"])]

    def __str__(self) -> str:
        return f"{self.key}: {self.record_id}"

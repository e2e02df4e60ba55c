"""Records, vectors, usage and the epoch of the change feeds. The only ways to a user's rows start with ``for_user``."""

import uuid
from datetime import datetime
from typing import ClassVar, Self
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from adiuva.api.preconditions import undated


class RecordQuerySet(models.QuerySet["StorageRecord"]):
    def for_user(self, user_id: UUID) -> Self:
        return self.filter(user_id=user_id)

    def live(self) -> Self:
        """Without tombstones."""
        return self.filter(deleted_at__isnull=True)


class VectorQuerySet(models.QuerySet["StoredVector"]):
    def for_user(self, user_id: UUID) -> Self:
        return self.filter(user_id=user_id)


CHECKSUM = r"^[0-9a-f]{64}$"  # SHA-256, lower-case hex
TABLE_NAME = r"^[a-z][a-z0-9_]{0,63}$"


class StorageUsage(models.Model):
    """One row a user: the counters that every commit locks and changes (``storage.quota``).

    Bytes of records and vectors count as ``storage_bytes``, those of snapshots as ``backup_bytes``. The two limits
    override the tier's where an operator has set them (``manage.py set_quota``). ``last_seq`` is the newest change's,
    ``pruned_seq`` that of the newest tombstone that is no longer kept. ``backup_date`` is what `Last-Modified` said of
    the snapshot whose deletion left none; the next one's is later.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="storage_usage"
    )
    storage_bytes = models.BigIntegerField(default=0)
    backup_bytes = models.BigIntegerField(default=0)
    storage_limit_bytes = models.BigIntegerField(null=True, blank=True, help_text="Instead of the tier's.")
    backup_limit_bytes = models.BigIntegerField(null=True, blank=True, help_text="Instead of the tier's.")
    last_seq = models.BigIntegerField(default=0)
    pruned_seq = models.BigIntegerField(default=0)
    backup_date = models.DateTimeField(null=True, blank=True, editable=False)
    vector_dimension = models.PositiveIntegerField(null=True, blank=True, help_text="Of all of the user's vectors.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "storage_usage"
        verbose_name_plural = "storage usage"
        constraints = [
            models.CheckConstraint(
                name="storage_usage_not_negative", condition=Q(storage_bytes__gte=0, backup_bytes__gte=0)
            ),
            models.CheckConstraint(
                name="storage_usage_limits_not_negative",
                condition=(Q(storage_limit_bytes__isnull=True) | Q(storage_limit_bytes__gte=0))
                & (Q(backup_limit_bytes__isnull=True) | Q(backup_limit_bytes__gte=0)),
            ),
            # What is pruned has been written.
            models.CheckConstraint(
                name="storage_usage_sequence_in_order", condition=Q(pruned_seq__gte=0, pruned_seq__lte=F("last_seq"))
            ),
        ]

    def __str__(self) -> str:
        return str(self.user_id)


class StorageRecord(models.Model):
    """A sealed record, or its tombstone (``deleted_at``): then it has no blob and no size.

    The key is the user's own: two users may choose one id. ``seq`` is that of the record's last change, ``revision``
    counts its puts and deletes from 1. ``dated_at`` is the second that no other state of the record has; rows from
    before there was one have none.
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


class FeedEpoch(models.Model):
    """One row for the whole service: since when its change feeds have gone forward without a break.

    ``epoch`` is in every cursor; None is what a restore leaves: whoever needs one next begins it (``storage.epochs``).
    ``cursor_key`` signs cursors and outlives epochs, or a cursor from before a restore could not be told from a forged
    one. Every change of a record since the epoch began has a revision above ``revision_floor``.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    epoch = models.UUIDField(null=True, blank=True)
    cursor_key = models.BinaryField(max_length=32)
    revision_floor = models.PositiveIntegerField(default=0)
    begun_at = models.DateTimeField()

    class Meta:
        db_table = "storage_feed_epoch"
        constraints = [models.CheckConstraint(name="storage_feed_epoch_one_row", condition=Q(id=1))]

    def __str__(self) -> str:
        return f"{self.epoch} since {self.begun_at}"


class StoredVector(models.Model):
    """A sealed blob beside its vector. The vector itself lives in the vector store, which is an index and may lag:
    a hit that has no row here does not exist.
    """

    pk = models.CompositePrimaryKey("user_id", "id")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="stored_vectors")
    id = models.UUIDField()
    blob = models.BinaryField()
    checksum = models.CharField(max_length=64)
    size_bytes = models.BigIntegerField()
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar = VectorQuerySet.as_manager()

    class Meta:
        db_table = "storage_vectors"
        constraints = [
            models.CheckConstraint(name="storage_vectors_checksum", condition=Q(checksum__regex=CHECKSUM)),
            models.CheckConstraint(name="storage_vectors_size", condition=Q(size_bytes__gte=0)),
        ]

    def __str__(self) -> str:
        return str(self.id)


def with_stored_kinds(usage: QuerySet[StorageUsage]) -> QuerySet[StorageUsage]:
    """``has_records``, ``has_vectors`` and ``has_backups`` to filter by."""
    records = StorageRecord.objects.filter(user=OuterRef("user"), deleted_at=None).order_by()
    vectors = StoredVector.objects.filter(user=OuterRef("user")).order_by()
    return usage.alias(
        has_records=Exists(records.values("user")),
        has_vectors=Exists(vectors.values("user")),
        has_backups=Q(backup_bytes__gt=0),
    )

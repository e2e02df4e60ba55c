"""Who has stored how much, and may."""

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from storage.models.records import StorageRecord
from storage.models.vectors import StoredVector

VERSIONS, MOST_VERSIONS = 10, 10
VERSION_DAYS, MOST_VERSION_DAYS = 30, 90


class StorageUsage(models.Model):
    """One row a user: the counters that every commit locks and changes (``storage.quota``).

    Bytes of records and vectors count as ``storage_bytes``, those of snapshots as ``backup_bytes``; ``versions_bytes``
    are of earlier states of records, which give way to new ones (``storage.versions``). What is reserved is for uploads
    that have not ended. The two limits override the tier's where an operator has set them (``manage.py set_quota``).
    ``last_seq`` is the newest change's, ``pruned_seq`` that of the newest tombstone that is no longer kept.
    ``backup_date`` is what `Last-Modified` said of the snapshot whose deletion left none; the next one's is later.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="storage_usage"
    )
    storage_bytes = models.BigIntegerField(default=0)
    backup_bytes = models.BigIntegerField(default=0)
    # A default of the database's: servers of earlier versions write rows too, while this one is installed.
    versions_bytes = models.BigIntegerField(default=0, db_default=0)
    storage_reserved_bytes = models.BigIntegerField(default=0, db_default=0)
    backup_reserved_bytes = models.BigIntegerField(default=0, db_default=0)
    storage_limit_bytes = models.BigIntegerField(null=True, blank=True, help_text="Instead of the tier's.")
    backup_limit_bytes = models.BigIntegerField(null=True, blank=True, help_text="Instead of the tier's.")
    last_seq = models.BigIntegerField(default=0)
    pruned_seq = models.BigIntegerField(default=0)
    backup_date = models.DateTimeField(null=True, blank=True, editable=False)
    vector_dimension = models.PositiveIntegerField(null=True, blank=True, help_text="Of all of the user's vectors.")
    versions_kept = models.PositiveSmallIntegerField(
        default=VERSIONS, db_default=VERSIONS, help_text="Earlier states of each record, at most."
    )
    version_days = models.PositiveSmallIntegerField(
        default=VERSION_DAYS, db_default=VERSION_DAYS, help_text="How long one is kept, at most."
    )
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "storage_usage"
        verbose_name_plural = "storage usage"
        constraints = [
            models.CheckConstraint(
                name="storage_usage_not_negative", condition=Q(storage_bytes__gte=0, backup_bytes__gte=0)
            ),
            models.CheckConstraint(
                name="storage_usage_others_not_negative",
                condition=Q(versions_bytes__gte=0, storage_reserved_bytes__gte=0, backup_reserved_bytes__gte=0),
            ),
            models.CheckConstraint(
                name="storage_usage_version_settings",
                condition=Q(versions_kept__lte=MOST_VERSIONS, version_days__lte=MOST_VERSION_DAYS),
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

    @property
    def keeps_versions(self) -> bool:
        return bool(self.versions_kept and self.version_days)


def with_stored_kinds(usage: QuerySet[StorageUsage]) -> QuerySet[StorageUsage]:
    """``has_records``, ``has_vectors`` and ``has_backups`` to filter by."""
    records = StorageRecord.objects.filter(user=OuterRef("user"), deleted_at=None).order_by()
    vectors = StoredVector.objects.filter(user=OuterRef("user")).order_by()
    return usage.alias(
        has_records=Exists(records.values("user")),
        has_vectors=Exists(vectors.values("user")),
        has_backups=Q(backup_bytes__gt=0),
    )

"""Who holds what, as columns of a query of ``StorageUsage``."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from storage.models import StorageRecord, StorageUsage, StoredVector


def with_holdings(usage: QuerySet[StorageUsage]) -> QuerySet[StorageUsage]:
    """``has_records``, ``has_vectors`` and ``has_backups`` to filter by."""
    records = StorageRecord.objects.filter(user=OuterRef("user"), deleted_at=None).order_by()
    vectors = StoredVector.objects.filter(user=OuterRef("user")).order_by()
    return usage.alias(
        has_records=Exists(records.values("user")),
        has_vectors=Exists(vectors.values("user")),
        has_backups=Q(backup_bytes__gt=0),
    )

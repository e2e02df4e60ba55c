"""Tombstones: what a deletion leaves in the change feed, until followers have had the time to read it."""

from datetime import datetime
from uuid import UUID

from django.db.models import Count, Max

from storage.maintenance import Tally, pages_of_ids
from storage.models import StorageRecord
from storage.quota import lock_usage_row


def make_tombstone(record: StorageRecord, *, at: datetime) -> None:
    """Of a live record, not saved yet: it has no blob and no size any more."""
    record.s3_key = None
    record.size_bytes = 0
    record.verified_at = None
    record.deleted_at = at


def prune_tombstones(*, older_than: datetime, dry_run: bool, tally: Tally) -> None:
    """Removes tombstones from before ``older_than`` (UTC). A follower who has not read them yet must start anew:
    ``pruned_seq`` says up to which change.
    """
    old = StorageRecord.objects.filter(deleted_at__lt=older_than, user__erasure_requested_at__isnull=True)
    for user_ids in pages_of_ids(lambda: old.order_by("user_id").distinct(), "user_id"):
        for user_id in user_ids:
            _prune(user_id, older_than=older_than, dry_run=dry_run, tally=tally)
            tally.step(1)


def _prune(user_id: UUID, *, older_than: datetime, dry_run: bool, tally: Tally) -> None:
    old = StorageRecord.objects.for_user(user_id).filter(deleted_at__lt=older_than)
    if dry_run:
        tally.tombstones += old.count()
        return
    with lock_usage_row(user_id) as usage:
        found = old.aggregate(count=Count("seq"), newest=Max("seq"))
        if usage is None or not found["count"]:
            return
        old.delete()
        usage.pruned_seq = max(usage.pruned_seq, found["newest"])
        usage.last_seq = max(usage.last_seq, usage.pruned_seq)
        usage.save(update_fields=["pruned_seq", "last_seq", "updated_at"])
        tally.tombstones += found["count"]

"""What becomes of a record's state when another takes its place: an earlier one, as far as its user keeps them."""

from collections import defaultdict
from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from storage.blobs.discarding import discard_after_commit
from storage.models import RecordVersion, StorageRecord
from storage.quota import LockedUsage
from storage.versions.giving_way import drop_versions


def retire(states: Sequence[StorageRecord], *, usage: LockedUsage, at: datetime, are_deleted: bool = False) -> None:
    """``states`` of one user, each of another record and as it is stored, end ``at`` this transaction's time (UTC).

    To be called before they are changed, and after they were charged for: their bytes are counted out of the storage
    there, and among the versions here. ``are_deleted``: they go to the trash.
    """
    with_blob = [state for state in states if state.s3_key is not None]
    if not with_blob:
        return
    if not usage.row.versions_kept or not usage.row.version_days:
        for state in with_blob:
            discard_after_commit(state.s3_key or "")
        return
    RecordVersion.objects.bulk_create(
        RecordVersion(
            user_id=state.user_id,
            record_id=state.id,
            revision=state.revision,
            table_name=state.table_name,
            s3_key=state.s3_key or "",
            checksum=state.checksum,
            size_bytes=state.size_bytes,
            created_at=state.updated_at,
            replaced_at=at,
            in_trash=are_deleted,
            verified_at=state.verified_at,
        )
        for state in with_blob
    )
    usage.row.versions_bytes += sum(state.size_bytes for state in with_blob)
    _drop_surplus(usage, [state.id for state in with_blob])


def _drop_surplus(usage: LockedUsage, record_ids: Collection[UUID]) -> None:
    """Of each record only so many are kept, the newest."""
    versions = RecordVersion.objects.for_user(usage.row.user_id).filter(record_id__in=record_ids).order_by("-revision")
    by_record: dict[UUID, list[RecordVersion]] = defaultdict(list)
    for version in versions:
        by_record[version.record_id].append(version)
    kept = usage.row.versions_kept
    drop_versions(usage.row, [version for newest_first in by_record.values() for version in newest_first[kept:]])


def leave_trash(*, user_id: UUID, record_ids: Collection[UUID]) -> None:
    """These records are there again; their earlier states stay."""
    RecordVersion.objects.for_user(user_id).filter(record_id__in=record_ids, in_trash=True).update(in_trash=False)

"""What becomes of a record's state when another takes its place: an earlier one, as far as its user keeps them."""

from collections.abc import Collection, Sequence
from datetime import datetime
from itertools import groupby
from uuid import UUID

from django.db import connection
from django.db.models import Max, UUIDField

from adiuva.db.compiled_queries import CompiledQuery
from adiuva.db.compiled_writes import CompiledWrites
from storage.blobs.discarding import discard_after_commit
from storage.models import RecordVersion, StorageRecord
from storage.quota import LockedUsage
from storage.versions.giving_way import drop_versions

_WRITES = CompiledWrites(RecordVersion)
_ID: "UUIDField[UUID, UUID]" = UUIDField()
_BEYOND = """SELECT s3_key, size_bytes FROM storage_record_versions
    WHERE user_id = %s AND record_id = %s ORDER BY revision DESC LIMIT 1 OFFSET %s"""
_DROP = "DELETE FROM storage_record_versions WHERE s3_key = %s"
_NEWEST = CompiledQuery(
    lambda user_id, record_id: RecordVersion.objects.for_user(user_id).filter(record_id=record_id).order_by("-revision")
)


def retire(states: Sequence[StorageRecord], *, usage: LockedUsage, at: datetime, are_deleted: bool = False) -> None:
    """``states`` of one user, each of another record and as it is stored, end ``at`` this transaction's time (UTC).

    To be called before they are changed, and after they were charged for: their bytes are counted out of the storage
    there, and among the versions here. ``are_deleted``: they go to the trash.
    """
    with_blob = [state for state in states if state.s3_key is not None]
    if not with_blob:
        return
    if not usage.row.keeps_versions:
        discard_after_commit(*(state.s3_key or "" for state in with_blob))
        return
    if are_deleted:
        # A server of the version before this one, which is being replaced, knows no trash that it could empty.
        leave_trash(user_id=usage.row.user_id, record_ids=[state.id for state in with_blob])
    versions = [_version_of(state, at=at, in_trash=are_deleted) for state in with_blob]
    if len(versions) == 1:
        _WRITES.insert(versions[0])
    else:
        RecordVersion.objects.bulk_create(versions)
    usage.row.versions_bytes += sum(version.size_bytes for version in versions)
    _drop_surplus(usage, versions)


def _version_of(state: StorageRecord, *, at: datetime, in_trash: bool) -> RecordVersion:
    return RecordVersion(
        user_id=state.user_id,
        record_id=state.id,
        revision=state.revision,
        table_name=state.table_name,
        s3_key=state.s3_key or "",
        checksum=state.checksum,
        size_bytes=state.size_bytes,
        created_at=state.updated_at,
        replaced_at=at,
        in_trash=in_trash,
        verified_at=state.verified_at,
    )


def _drop_surplus(usage: LockedUsage, added: Sequence[RecordVersion]) -> None:
    """Of each record only so many are kept, the newest."""
    kept = usage.row.versions_kept
    # Where revisions have not counted further than that, there cannot be more.
    grown = [version.record_id for version in added if version.revision > kept]
    if len(grown) == 1:
        _drop_one_beyond(usage, grown[0], kept)
    elif grown:
        versions = RecordVersion.objects.for_user(usage.row.user_id).filter(record_id__in=grown)
        by_record = groupby(versions.order_by("record_id", "-revision"), key=lambda version: version.record_id)
        drop_versions(usage.row, [version for _, newest_first in by_record for version in list(newest_first)[kept:]])


def _drop_one_beyond(usage: LockedUsage, record_id: UUID, kept: int) -> None:
    """One came, one goes, by SQL that is made already: every upload to a record that is often changed pays for it. What
    a setting has left over is the job's to prune (``storage.versions.pruning``).
    """
    ids = [_ID.get_db_prep_value(one, connection) for one in (usage.row.user_id, record_id)]
    with connection.cursor() as cursor:
        cursor.execute(_BEYOND, [*ids, kept])
        if beyond := cursor.fetchone():
            key, size_bytes = beyond
            cursor.execute(_DROP, [key])
            usage.row.versions_bytes -= size_bytes
            discard_after_commit(key)


def leave_trash(*, user_id: UUID, record_ids: Collection[UUID]) -> None:
    """These records are there again; their earlier states stay."""
    RecordVersion.objects.for_user(user_id).filter(record_id__in=record_ids, in_trash=True).update(in_trash=False)


def newest_revision(*, user_id: UUID, record_id: UUID) -> int:
    """0 where the record has no earlier state. To be asked of an id that has neither record nor tombstone: a tombstone
    that was pruned may have left versions, and what comes next must count on from there.
    """
    newest = _NEWEST.first(user_id, record_id)
    return newest.revision if newest else 0


def newest_revisions(*, user_id: UUID, record_ids: Collection[UUID]) -> dict[UUID, int]:
    """``newest_revision`` of many; those without earlier states are left out."""
    versions = RecordVersion.objects.for_user(user_id).filter(record_id__in=record_ids).order_by()
    return dict(versions.values_list("record_id").annotate(newest=Max("revision")))

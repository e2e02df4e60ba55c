"""Earlier states of records: found, listed as trash, and brought back."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db.models import QuerySet

from adiuva.api.errors import Conflict, NotFound, UpstreamError
from adiuva.api.preconditions import next_date
from adiuva.db.compiled_queries import CompiledQuery
from storage.models import RecordVersion, StorageRecord
from storage.quota import Kind, LockedUsage, lock_usage, usage_of
from storage.records.service import next_revision_without_row, save_change
from storage.staging import is_lost
from storage.versions.retiring import leave_trash, retire

# Asked with the record as it is, a tombstone too, or with None where there is neither; raises ``PreconditionFailed``
# when the client meant another state of it.
Expectation = Callable[[StorageRecord | None], None]

_STATE = CompiledQuery(lambda user_id, record_id: StorageRecord.objects.for_user(user_id).filter(id=record_id))
MOST_REVISION = 2**31 - 1  # what the column holds


def kept_versions(user_id: UUID) -> QuerySet[RecordVersion]:
    """As the user's settings have it now: what the job has yet to prune is not among them."""
    usage = usage_of(user_id)
    if usage is None or not usage.keeps_versions:
        nothing: QuerySet[RecordVersion] = RecordVersion.objects.none()
        return nothing
    since = datetime.now(UTC) - timedelta(days=usage.version_days)
    versions: QuerySet[RecordVersion] = RecordVersion.objects.for_user(user_id).filter(replaced_at__gte=since)
    return versions


def list_versions(*, user_id: UUID, record_id: UUID) -> list[RecordVersion]:
    """Newest first; they are few. Raises ``NotFound`` where there is neither a record nor an earlier state of one."""
    versions = list(kept_versions(user_id).filter(record_id=record_id).order_by("-revision"))
    if not versions and not StorageRecord.objects.for_user(user_id).live().filter(id=record_id).exists():
        raise NotFound("There is no such record.")
    return versions


def list_trash(user_id: UUID) -> QuerySet[RecordVersion]:
    """The last state of each deleted record, the last deleted first."""
    return kept_versions(user_id).filter(in_trash=True).order_by("-replaced_at", "record_id")


def find_version(*, user_id: UUID, record_id: UUID, revision: int) -> RecordVersion:
    """Raises ``NotFound``: it never was, is no longer kept, is the present state, or somebody else's."""
    version = None
    if 1 <= revision <= MOST_REVISION:
        version = kept_versions(user_id).filter(record_id=record_id, revision=revision).first()
    if version is None:
        raise NotFound("There is no such version.")
    return version


def restore_version(*, user_id: UUID, record_id: UUID, revision: int, expect: Expectation) -> StorageRecord:
    """What the record was at ``revision`` becomes its present state, under a new revision.

    The version moves: it is one no longer, and what was there becomes one in its place. Asked again after a lost
    answer, while that state still is the present one, it changes nothing, whatever ``expect`` would say.

    Raises:
        NotFound: there is no such version.
        Conflict: the record was deleted and made anew in another table since.
        PreconditionFailed: from ``expect``.
        QuotaExceeded: it has no room beside what else is stored.
        UpstreamError: its bytes are gone.
    """
    # Who has nothing gets no row of counters, and nobody waits for the blob store under the lock.
    try:
        version = find_version(user_id=user_id, record_id=record_id, revision=revision)
    except NotFound:
        state = _STATE.first(user_id, record_id)
        if state is not None and _is_restored(state, revision):
            return state
        raise
    if is_lost(version.s3_key):
        raise UpstreamError("The version's bytes are missing.")
    with lock_usage(user_id) as usage:
        state = _STATE.first(user_id, record_id)
        if state is not None and _is_restored(state, revision):
            return state
        version = find_version(user_id=user_id, record_id=record_id, revision=revision)
        expect(state)
        if state is not None and state.deleted_at is None and state.table_name != version.table_name:
            raise Conflict("The record was deleted and made anew in another table.")
        return _move(version, state=state, usage=usage)


def _is_restored(state: StorageRecord, revision: int) -> bool:
    return state.deleted_at is None and state.restored_from == revision


def _move(version: RecordVersion, *, state: StorageRecord | None, usage: LockedUsage) -> StorageRecord:
    now = datetime.now(UTC)
    usage.row.versions_bytes -= version.size_bytes
    usage.charge(Kind.STORAGE, added=version.size_bytes, removed=0 if state is None else state.size_bytes)
    RecordVersion.objects.for_user(version.user_id).filter(
        record_id=version.record_id, revision=version.revision
    ).delete()
    if state is None:
        return _make_anew(version, usage=usage, now=now)
    if state.deleted_at is None:
        retire([state], usage=usage, at=now)
    else:
        leave_trash(user_id=state.user_id, record_ids=[state.id])
    state.deleted_at = None
    state.table_name = version.table_name
    state.s3_key = version.s3_key
    state.checksum = version.checksum
    state.size_bytes = version.size_bytes
    state.verified_at = version.verified_at
    save_change(state, usage=usage, now=now, restored_from=version.revision)
    return state


def _make_anew(version: RecordVersion, *, usage: LockedUsage, now: datetime) -> StorageRecord:
    """Its tombstone is no longer kept."""
    # Of the version that goes and of those that stay: above all of them.
    revision = max(
        usage.next_revision(usage.next_revision(version.revision)),
        next_revision_without_row(usage, version.record_id),
    )
    record = StorageRecord(
        user_id=version.user_id,
        id=version.record_id,
        table_name=version.table_name,
        s3_key=version.s3_key,
        checksum=version.checksum,
        size_bytes=version.size_bytes,
        revision=revision,
        seq=usage.next_seq(),
        created_at=version.created_at,
        updated_at=now,
        dated_at=next_date(now=now, before=version.replaced_at),
        restored_from=version.revision,
        verified_at=version.verified_at,
    )
    record.save(force_insert=True)
    return record

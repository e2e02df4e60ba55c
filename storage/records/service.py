"""Records: created, replaced and deleted, each in one commit of ``storage.staging``'s protocol."""

import re
import uuid
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from accounts.models import User
from adiuva.api.errors import Conflict, NotFound
from adiuva.api.preconditions import next_date
from adiuva.db.compiled_queries import CompiledQuery
from adiuva.db.compiled_writes import CompiledWrites
from storage.blobs.discarding import discard_after_commit
from storage.blobs.key_owners import RowsWithBlobs, sum_bytes_by_user
from storage.blobs.port import A_UUID
from storage.models import RecordVersion, StorageRecord, StoredVector
from storage.quota import Kind, LockedUsage, lock_usage
from storage.records.tombstones import make_tombstone
from storage.records.upload_keys import answer_of, forget_keys, keep_answer
from storage.staging import (
    Allowance,
    SealedBody,
    StagedBody,
    WholeBlob,
    commit_usage,
    is_lost,
    read_through,
    stage_blob,
)
from storage.versions.retiring import leave_trash, newest_revision, retire

# Asked with the record as it is; raises ``PreconditionFailed`` when the client meant another state of it.
Expectation = Callable[[StorageRecord], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """``is_known``: its id and content had been there before this upload, which changed nothing."""

    record: StorageRecord
    is_known: bool = False


# A record or its tombstone.
_STATE = CompiledQuery(lambda user_id, record_id: StorageRecord.objects.for_user(user_id).filter(id=record_id))
_WRITES = CompiledWrites(StorageRecord)


class _AlreadyStoredError(Exception):
    """Unwinds a commit for which there is nothing to do; never leaves this module."""

    def __init__(self, created: Created) -> None:
        super().__init__()
        self.created = created


def find_record(*, user_id: UUID, record_id: UUID) -> StorageRecord:
    """Raises ``NotFound`` for what is missing, deleted or somebody else's."""
    record = _STATE.first(user_id, record_id)
    if record is None or record.deleted_at is not None:
        raise NotFound("There is no such record.")
    return record


def create_record(
    *,
    user: User,
    table_name: str,
    record_id: UUID | None,
    body: SealedBody,
    allowance: Allowance,
    idempotency_key: str | None = None,
) -> Created:
    """A new record under the client's id, or one of the server's making; then ``idempotency_key`` tells a repetition.

    An id that a deletion has freed goes on where it was: its revision counts on, and its tombstone becomes the record.
    What is sent again after a lost answer takes no room: its bytes are compared with their checksum, and dropped, but
    where those of the record are gone: then they take their place.

    Raises:
        Conflict: the id is taken by other content; before the body is read where that is known then.
        IdempotencyMismatch: the key came with other content before; likewise.
        ChecksumMismatch, PayloadTooLarge, QuotaExceeded: nothing was stored.
    """
    # Nobody has an id that the server has yet to make: only the client's own is looked for.
    chosen = record_id

    def known(state: StorageRecord | None) -> Created | None:
        if chosen is not None:
            return _same(state, table_name=table_name, checksum=body.checksum)
        record = answer_of(idempotency_key, user_id=user.id, table_name=table_name, checksum=body.checksum)
        return Created(record=record) if record else None

    if found := known(_STATE.first(user.id, chosen) if chosen else None):
        if _find_lost(found.record) is None:
            read_through(body, allowance=allowance)
            return found
        allowance = allowance.without_quota()
    allowance.check(body.declared_size or 0)
    new_id = chosen or uuid.uuid4()
    key = new_key(user_id=user.id, table_name=table_name, record_id=new_id)
    try:
        with stage_blob(key=key, body=body, allowance=allowance) as staged, commit_usage(user.id, staged) as usage:
            state = _STATE.first(user.id, chosen) if chosen else None
            if found := known(state):  # another request may have stored it meanwhile
                _replace_lost(found, key=key)
                return found
            record = _commit_new(
                user,
                table_name,
                new_id,
                tombstone=state,
                is_chosen=chosen is not None,
                key=key,
                staged=staged,
                usage=usage,
            )
            if chosen is None and idempotency_key is not None:
                keep_answer(idempotency_key, record)
    except _AlreadyStoredError as stored:
        return stored.created
    return Created(record=record)


def find_same(*, user_id: UUID, record_id: UUID, table_name: str, checksum: str) -> tuple[StorageRecord, bool] | None:
    """The record with this id and content, and whether its bytes are lost; None where the id is free.

    Raises:
        Conflict: another content has the id.
    """
    found = _same(_STATE.first(user_id, record_id), table_name=table_name, checksum=checksum)
    return None if found is None else (found.record, _find_lost(found.record) is not None)


def commit_blob(*, user: User, table_name: str, record_id: UUID, blob: WholeBlob, usage: LockedUsage) -> StorageRecord:
    """``create_record`` for bytes that are in the store already, in the caller's transaction.

    Raises:
        Conflict: the id is taken by other content.
        QuotaExceeded
    """
    state = _STATE.first(user.id, record_id)
    found = _same(state, table_name=table_name, checksum=blob.checksum)
    if found is None:
        return _commit_new(
            user, table_name, record_id, tombstone=state, is_chosen=True, key=blob.key, staged=blob, usage=usage
        )
    try:
        _replace_lost(found, key=blob.key)
    except _AlreadyStoredError:  # another upload of the same was first
        discard_after_commit(blob.key)
    return found.record


def _find_lost(record: StorageRecord) -> StorageRecord | None:
    """The row with the content of ``record``, where its bytes are gone."""
    rows = StorageRecord.objects.for_user(record.user_id).live().filter(id=record.id)
    row = rows.filter(table_name=record.table_name, checksum=record.checksum).first()
    return row if row is not None and row.s3_key is not None and is_lost(row.s3_key) else None


def _replace_lost(found: Created, *, key: str) -> None:
    """What is at ``key`` are its bytes. To whoever reads the record nothing has changed, and it is counted already.

    Raises:
        _AlreadyStoredError: they are not gone.
    """
    lost = _find_lost(found.record)
    if lost is None:
        raise _AlreadyStoredError(found)
    discard_after_commit(lost.s3_key or "")
    lost.s3_key = key
    lost.verified_at = None
    lost.save(update_fields=["s3_key", "verified_at"])


def _same(state: StorageRecord | None, *, table_name: str, checksum: str) -> Created | None:
    """None where no record has this id; a tombstone's is free. Raises ``Conflict`` where another one has it."""
    if state is None or state.deleted_at is not None:
        return None
    if (state.table_name, state.checksum) != (table_name, checksum):
        raise Conflict("A record with this id exists; replace it with PUT.")
    return Created(record=state, is_known=True)


def _commit_new(
    user: User,
    table_name: str,
    record_id: UUID,
    *,
    tombstone: StorageRecord | None,
    is_chosen: bool,
    key: str,
    staged: StagedBody | WholeBlob,
    usage: LockedUsage,
) -> StorageRecord:
    usage.charge(Kind.STORAGE, added=staged.size_bytes)
    now = datetime.now(UTC)
    if tombstone is not None:
        revision = usage.next_revision(tombstone.revision)
    else:
        revision = next_revision_without_row(usage, record_id) if is_chosen else usage.next_revision()
    record = StorageRecord(
        user_id=user.id,
        id=record_id,
        table_name=table_name,
        s3_key=key,
        checksum=staged.checksum,
        size_bytes=staged.size_bytes,
        revision=revision,
        seq=usage.next_seq(),
        created_at=now,
        updated_at=now,
        dated_at=next_date(now=now, before=None if tombstone is None else tombstone.date),
    )
    if tombstone is None:
        _WRITES.insert(record)
    else:
        _WRITES.update(record)
        leave_trash(user_id=user.id, record_ids=[record_id])
    return record


def next_revision_without_row(usage: LockedUsage, record_id: UUID) -> int:
    """Of an id that has neither record nor tombstone. Where a pruned tombstone has left versions it is above them and
    above the tombstone, and they leave the trash.
    """
    newest = newest_revision(user_id=usage.row.user_id, record_id=record_id)
    if not newest:
        return usage.next_revision()
    leave_trash(user_id=usage.row.user_id, record_ids=[record_id])
    return revision_above_versions(usage, newest=newest)


def revision_above_versions(usage: LockedUsage, *, newest: int) -> int:
    """Above the tombstone that was pruned, too: it had the revision after the ``newest`` of the versions it left."""
    deletion = usage.next_revision(newest)
    return usage.next_revision(deletion)


def replace_record(
    *, user: User, record: StorageRecord, body: SealedBody, allowance: Allowance, expect: Expectation
) -> StorageRecord:
    """New bytes for ``record`` as the caller found it; ``expect`` is asked of what is there when they are written.

    Raises:
        NotFound: deleted in the meantime.
        Conflict: deleted and made anew in another table.
        PreconditionFailed: from ``expect``.
        ChecksumMismatch, PayloadTooLarge, QuotaExceeded: what was stored before is untouched.
    """
    key = new_key(user_id=user.id, table_name=record.table_name, record_id=record.id)
    with stage_blob(key=key, body=body, allowance=allowance) as staged, commit_usage(user.id, staged) as usage:
        current = find_record(user_id=user.id, record_id=record.id)
        expect(current)
        if current.table_name != record.table_name:
            raise Conflict("The record was deleted and made anew in another table.")
        usage.charge(Kind.STORAGE, added=staged.size_bytes, removed=current.size_bytes)
        now = datetime.now(UTC)
        retire([current], usage=usage, at=now)
        put_content(current, key=key, checksum=staged.checksum, size_bytes=staged.size_bytes)
        save_change(current, usage=usage, now=now)
    return current


def delete_record(*, user_id: UUID, record_id: UUID, expect: Expectation) -> None:
    """Leaves a tombstone for the change feed.

    Raises:
        NotFound: there is none, or no longer one.
        PreconditionFailed: from ``expect``.
    """
    find_record(user_id=user_id, record_id=record_id)  # who has nothing gets no row of counters
    with lock_usage(user_id) as usage:
        record = find_record(user_id=user_id, record_id=record_id)
        expect(record)
        usage.charge(Kind.STORAGE, added=0, removed=record.size_bytes)
        now = datetime.now(UTC)
        retire([record], usage=usage, at=now, are_deleted=True)
        make_tombstone(record, at=now)
        save_change(record, usage=usage, now=now)


def save_change(record: StorageRecord, *, usage: LockedUsage, now: datetime, restored_from: int | None = None) -> None:
    """``record``, changed but not saved yet, under its next revision and with the feed's next number."""
    count_change(record, before=record, usage=usage, now=now)
    record.restored_from = restored_from
    _WRITES.update(record)


def count_change(record: StorageRecord, *, before: StorageRecord | None, usage: LockedUsage, now: datetime) -> None:
    """The next state of a record whose last one was ``before``: its revision, its number in the feed and its dates."""
    record.revision = usage.next_revision(0 if before is None else before.revision)
    record.seq = usage.next_seq()
    record.dated_at = next_date(now=now, before=None if before is None else before.date)
    record.updated_at = now
    record.restored_from = None


def put_content(record: StorageRecord, *, key: str, checksum: str, size_bytes: int) -> None:
    record.s3_key = key
    record.checksum = checksum
    record.size_bytes = size_bytes
    record.verified_at = None


def new_key(*, user_id: UUID, table_name: str, record_id: UUID) -> str:
    """Of its own for each attempt, so that no two ever write to one place."""
    return f"{user_id}/{table_name}/{record_id}.{uuid.uuid4().hex}"


_RECORD_KEY = re.compile(rf"{A_UUID}/[a-z][a-z0-9_]{{0,63}}/{A_UUID}\.[0-9a-f]{{32}}")


class RecordOwner(RowsWithBlobs):
    """What records and vectors tell the registry of owners.

    A vector's sealed blob lies in its row, so it has no key; its bytes count and its rows go as records' do.
    """

    def __init__(self) -> None:
        super().__init__(
            name="record",
            kind=Kind.STORAGE,
            rows=StorageRecord.objects.live,
            claims=lambda key: _RECORD_KEY.fullmatch(key) is not None,
        )

    def used_bytes(self, user_ids: Collection[UUID]) -> dict[tuple[UUID, Kind], int]:
        used = super().used_bytes(user_ids)
        for user_id, size in sum_bytes_by_user(StoredVector.objects.all(), user_ids):
            used[user_id, Kind.STORAGE] = used.get((user_id, Kind.STORAGE), 0) + size
        return used

    def forget(self, user_id: UUID) -> None:
        """Tombstones too, and the answers that are kept for repetitions."""
        forget_keys(user_id)
        StorageRecord.objects.for_user(user_id).delete()
        StoredVector.objects.for_user(user_id).delete()


class VersionOwner(RowsWithBlobs):
    """Earlier states keep the keys of the records they were. Their bytes count apart (``versions_bytes``)."""

    def __init__(self) -> None:
        super().__init__(name="version", kind=Kind.STORAGE, rows=RecordVersion.objects.all, claims=lambda _key: False)

    def used_bytes(self, user_ids: Collection[UUID]) -> dict[tuple[UUID, Kind], int]:
        return {}

"""Records: created, replaced and deleted, each in one commit of ``storage.staging``'s protocol."""

import re
import uuid
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from uuid import UUID

from accounts.models import User
from adiuva.api.errors import Conflict, NotFound
from storage.blobs.key_owners import RowsWithBlobs, sum_bytes_by_user
from storage.blobs.port import A_UUID
from storage.models import StorageRecord, StoredVector
from storage.quota import Kind, lock_usage
from storage.records.tombstones import make_tombstone
from storage.staging import Allowance, SealedBody, commit_usage, discard_after_commit, stage_blob

# Asked with the record as it is; raises ``PreconditionFailed`` when the client meant another state of it.
Expectation = Callable[[StorageRecord], None]


def etag_of(record: StorageRecord) -> str:
    """A strong validator. Revisions go on across a deletion; once its tombstone is pruned they begin anew, and then
    the checksum tells two states apart.
    """
    return f'"{record.revision}-{record.checksum[:16]}"'


def find_record(*, user_id: UUID, record_id: UUID) -> StorageRecord:
    """Raises ``NotFound`` for what is missing, deleted or somebody else's."""
    record = StorageRecord.objects.for_user(user_id).live().filter(id=record_id).first()
    if record is None:
        raise NotFound("There is no such record.")
    return record


def require_free_id(*, user_id: UUID, record_id: UUID) -> None:
    """Raises ``Conflict`` where a record has this id; a tombstone's is free."""
    if StorageRecord.objects.for_user(user_id).live().filter(id=record_id).exists():
        raise Conflict("A record with this id exists; replace it with PUT.")


def create_record(
    *, user: User, table_name: str, record_id: UUID | None, body: SealedBody, allowance: Allowance
) -> StorageRecord:
    """A new record under the client's id, or one of the server's making.

    An id that a deletion has freed goes on where it was: its revision counts on, and its tombstone becomes the record.

    Raises:
        Conflict: the id is taken; before the body is read where that is known then.
        ChecksumMismatch, PayloadTooLarge, QuotaExceeded: nothing was stored.
    """
    if record_id is not None:
        require_free_id(user_id=user.id, record_id=record_id)
    record_id = record_id or uuid.uuid4()
    key = _new_key(user_id=user.id, table_name=table_name, record_id=record_id)
    with stage_blob(key=key, body=body, allowance=allowance) as staged, commit_usage(user.id, staged) as usage:
        require_free_id(user_id=user.id, record_id=record_id)
        tombstone = StorageRecord.objects.for_user(user.id).filter(id=record_id).first()
        usage.charge(Kind.STORAGE, added=staged.size_bytes)
        now = datetime.now(UTC)
        record = StorageRecord(
            user_id=user.id,
            id=record_id,
            table_name=table_name,
            s3_key=key,
            checksum=staged.checksum,
            size_bytes=staged.size_bytes,
            revision=1 if tombstone is None else tombstone.revision + 1,
            seq=usage.next_seq(),
            created_at=now,
            updated_at=now,
        )
        record.save(force_insert=tombstone is None, force_update=tombstone is not None)
    return record


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
    key = _new_key(user_id=user.id, table_name=record.table_name, record_id=record.id)
    with stage_blob(key=key, body=body, allowance=allowance) as staged, commit_usage(user.id, staged) as usage:
        current = find_record(user_id=user.id, record_id=record.id)
        expect(current)
        if current.table_name != record.table_name:
            raise Conflict("The record was deleted and made anew in another table.")
        usage.charge(Kind.STORAGE, added=staged.size_bytes, removed=current.size_bytes)
        _discard_blob(current)
        current.s3_key = key
        current.checksum = staged.checksum
        current.size_bytes = staged.size_bytes
        current.verified_at = None
        _save_change(current, seq=usage.next_seq(), now=datetime.now(UTC))
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
        _discard_blob(record)
        now = datetime.now(UTC)
        make_tombstone(record, at=now)
        _save_change(record, seq=usage.next_seq(), now=now)


def _save_change(record: StorageRecord, *, seq: int, now: datetime) -> None:
    record.revision += 1
    record.seq = seq
    record.updated_at = now
    record.save(force_update=True)


def _discard_blob(record: StorageRecord) -> None:
    if record.s3_key is not None:
        discard_after_commit(record.s3_key)


def _new_key(*, user_id: UUID, table_name: str, record_id: UUID) -> str:
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
        """Tombstones too."""
        StorageRecord.objects.for_user(user_id).delete()
        StoredVector.objects.for_user(user_id).delete()

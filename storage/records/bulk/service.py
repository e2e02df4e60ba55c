"""A batch: blobs side by side, then one transaction for all of its operations (``storage.staging`` for the protocol).

What needs no lock to be known is settled while the body arrives, so that nothing is written for it: refusals by the
state the record is in, by the bytes that came, by a quota that is full. Everything else is decided once more under
the user's lock, and the blobs that came to nothing go after the commit.
"""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from django.db import InterfaceError, OperationalError

from accounts.models import User
from adiuva.api.errors import Conflict, QuotaExceeded, UpstreamUnavailable
from adiuva.db.compiled_writes import CompiledWrites
from adiuva.observability.metrics import UPLOAD_BYTES, UPLOADS
from storage.blobs.discarding import discard_after_commit, discard_blobs
from storage.blobs.factory import get_blob_store
from storage.models import StorageRecord
from storage.quota import Kind, LockedUsage, limit_bytes, lock_usage, require_room, taken_bytes, usage_of
from storage.records.bulk.operations import Delete, Operation, Put, Result, over_quota, settle
from storage.records.bulk.requests import BatchRequest
from storage.records.service import count_change, new_key, put_content, revision_above_versions
from storage.records.tombstones import make_tombstone
from storage.staging import LOOK_AGAIN_AFTER_SECONDS, release_connection
from storage.versions.retiring import leave_trash, newest_revisions, retire

GROUP_BYTES = 1024 * 1024  # held while the states of their records are looked up

_WRITES = CompiledWrites(StorageRecord)


def apply_batch(*, user: User, batch: BatchRequest) -> list[Result]:
    """What became of each operation, in their order. With ``batch.is_atomic`` one refusal refuses all.

    Raises:
        QuotaExceeded: there is a put of what is not there yet, and the user has no quota at all.
        Conflict: it is atomic and one was refused; ``results`` says which.
        ValidationFailed, PayloadTooLarge, UnsupportedMediaType: of the body. Nothing was stored.
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: the blob store failed; likewise.
    """
    work = _Work(user)
    started = time.monotonic()
    get_blob_store().upload_many(work.stage(batch))
    try:
        if batch.is_atomic:
            work.require_no_refusal()
        if work.is_unsettled:
            with lock_usage(user.id) as usage:
                if time.monotonic() - started > LOOK_AGAIN_AFTER_SECONDS:
                    work.require_blobs()
                work.commit(usage)
                if batch.is_atomic:
                    work.require_no_refusal()
    except (OperationalError, InterfaceError):
        # A connection that breaks during COMMIT does not say whether the rows are there. The reaper will know.
        raise
    except Exception:
        discard_blobs(work.keys())
        raise
    discard_blobs(work.unused_keys())
    work.count()
    return work.results()


@dataclass(slots=True)
class _Step:
    """An operation on its way: without a ``result`` it is not settled. ``key`` is of its blob, where that was written,
    and ``is_used`` when a row refers to it.
    """

    operation: Operation
    key: str | None = None
    result: Result | None = None
    is_used: bool = False


class _Room:
    """The quota as it was before the lock: enough to see what is hopeless."""

    def __init__(self, user: User) -> None:
        usage = usage_of(user.id)
        self._limit = limit_bytes(user, Kind.STORAGE, usage)
        self._used = taken_bytes(usage, Kind.STORAGE)

    def require_any(self, requested: int) -> None:
        if self._limit == 0:
            raise QuotaExceeded(limit_bytes=0, used_bytes=self._used, requested_bytes=requested)

    def charge(self, *, added: int, removed: int) -> None:
        """Raises ``QuotaExceeded``."""
        if added:
            require_room(limit=self._limit, used=self._used, requested=added, replaced=removed)
        self._used += added - removed


class _Work:
    def __init__(self, user: User) -> None:
        self._user = user
        self._room = _Room(user)
        self._steps: list[_Step] = []

    # --- while the body arrives ---

    def stage(self, batch: BatchRequest) -> Iterator[tuple[str, bytes]]:
        """The blobs that are to be written, under keys of their own."""
        release_connection()
        for group in self._groups(batch.operations()):
            states = _states(self._user.id, [operation.id for operation, _ in group])
            release_connection()
            begun = [self._begin(operation, states.get(operation.id)) for operation, _ in group]
            lost = self._lost(begun, states)
            for step, (operation, blob) in zip(begun, group, strict=True):
                needs_bytes = step.result is None or operation.id in lost
                if isinstance(operation, Put) and needs_bytes and not (batch.is_atomic and self._has_refusal()):
                    step.result = None
                    step.key = new_key(user_id=self._user.id, table_name=operation.table_name, record_id=operation.id)
                    yield step.key, blob

    def _groups(self, arriving: Iterable[tuple[Operation, bytes]]) -> Iterator[list[tuple[Operation, bytes]]]:
        group: list[tuple[Operation, bytes]] = []
        size = 0
        for operation, blob in arriving:
            group.append((operation, blob))
            size += len(blob)
            if size >= GROUP_BYTES:
                yield group
                group, size = [], 0
        if group:
            yield group

    def _begin(self, operation: Operation, state: StorageRecord | None) -> _Step:
        step = _Step(operation, result=settle(operation, state))
        self._steps.append(step)
        if isinstance(operation, Put) and not _is_done(step.result):
            self._room.require_any(operation.size_bytes)
        if step.result is None:
            added = operation.size_bytes if isinstance(operation, Put) else 0
            try:
                self._room.charge(added=added, removed=0 if state is None else state.size_bytes)
            except QuotaExceeded:
                step.result = over_quota(operation)
        return step

    def _lost(self, steps: Iterable[_Step], states: dict[UUID, StorageRecord]) -> set[UUID]:
        """The records that are what was sent, but whose bytes are gone."""
        known = [step.operation.id for step in steps if isinstance(step.operation, Put) and _is_done(step.result)]
        return _find_lost(states[record_id] for record_id in known)

    # --- in the transaction ---

    def require_blobs(self) -> None:
        """Raises ``UpstreamUnavailable`` where the reaper may have taken one for an old one."""
        if get_blob_store().missing(self.keys()):
            raise UpstreamUnavailable("The upload took too long; send it again.")

    def commit(self, usage: LockedUsage) -> None:
        now = datetime.now(UTC)
        waiting = [step for step in self._steps if step.result is None]
        states = _states(self._user.id, [step.operation.id for step in waiting])
        for step in waiting:
            step.result = settle(step.operation, states.get(step.operation.id))
            if step.result is None:
                step.result = _charge(step.operation, states.get(step.operation.id), usage)
        self._mend([step for step in waiting if step.key is not None and _is_done(step.result)], states)
        changing = [step for step in waiting if step.result is None]
        self._retire(changing, states, usage=usage, now=now)
        inserted: list[StorageRecord] = []
        updated: list[StorageRecord] = []
        back: list[UUID] = []
        without_row = [step.operation.id for step in changing if step.operation.id not in states]
        newest = newest_revisions(user_id=self._user.id, record_ids=without_row) if without_row else {}
        for step in changing:
            state = states.get(step.operation.id)
            record, status = self._change(step, state, usage=usage, now=now)
            if record.id in newest:
                record.revision = revision_above_versions(usage, newest=newest[record.id])
                back.append(record.id)
            (inserted if state is None else updated).append(record)
            if state is not None and isinstance(step.operation, Put) and status == CREATED:
                back.append(record.id)
            step.is_used = step.key is not None
            step.result = Result.of(record, status=status)
        _WRITES.insert_many(inserted)
        _WRITES.update_many(updated)
        if back:
            leave_trash(user_id=self._user.id, record_ids=back)

    def _mend(self, steps: list[_Step], states: dict[UUID, StorageRecord]) -> None:
        """Records whose bytes are gone get these. To whoever reads them nothing has changed."""
        lost = _find_lost(states[step.operation.id] for step in steps)
        mended = []
        for step in steps:
            if step.operation.id in lost:
                state = states[step.operation.id]
                discard_after_commit(state.s3_key or "")
                state.s3_key, state.verified_at = step.key, None
                step.is_used = True
                mended.append(state)
        _WRITES.update_many(mended)

    @staticmethod
    def _retire(steps: list[_Step], states: dict[UUID, StorageRecord], *, usage: LockedUsage, now: datetime) -> None:
        live = [
            (step, state)
            for step in steps
            if (state := states.get(step.operation.id)) is not None and state.deleted_at is None
        ]
        replaced = [state for step, state in live if isinstance(step.operation, Put)]
        deleted = [state for step, state in live if isinstance(step.operation, Delete)]
        retire(replaced, usage=usage, at=now)
        retire(deleted, usage=usage, at=now, are_deleted=True)

    def _change(
        self, step: _Step, state: StorageRecord | None, *, usage: LockedUsage, now: datetime
    ) -> tuple[StorageRecord, int]:
        """The record's next state, not saved yet, and the status that says so."""
        operation = step.operation
        if isinstance(operation, Delete):
            assert state is not None  # noqa: S101 - what is gone is settled
            make_tombstone(state, at=now)
            count_change(state, before=state, usage=usage, now=now)
            return state, DELETED
        record, status = state, REPLACED
        if record is None or record.deleted_at is not None:
            record, status = StorageRecord(user_id=self._user.id, id=operation.id, created_at=now), CREATED
        record.table_name = operation.table_name
        put_content(record, key=step.key or "", checksum=operation.checksum, size_bytes=operation.size_bytes)
        count_change(record, before=state, usage=usage, now=now)
        return record, status

    # --- afterwards ---

    @property
    def is_unsettled(self) -> bool:
        return any(step.result is None for step in self._steps)

    def _has_refusal(self) -> bool:
        return any(step.result is not None and step.result.is_refusal for step in self._steps)

    def require_no_refusal(self) -> None:
        """Raises ``Conflict``: what nothing was wrong with is refused along with the others, by the same code."""
        if not self._has_refusal():
            return
        own = (step.result if step.result is not None and step.result.is_refusal else None for step in self._steps)
        results = [
            result or Result.refused(step.operation.id, Conflict) for step, result in zip(self._steps, own, strict=True)
        ]
        raise Conflict(
            "One operation was refused, so none was carried out; see results.",
            results=[result.as_dict() for result in results],
        )

    def keys(self) -> list[str]:
        return [step.key for step in self._steps if step.key is not None]

    def unused_keys(self) -> list[str]:
        return [step.key for step in self._steps if step.key is not None and not step.is_used]

    def count(self) -> None:
        stored = [step.operation.size_bytes for step in self._steps if step.is_used and isinstance(step.operation, Put)]
        UPLOADS.labels("record").inc(len(stored))
        UPLOAD_BYTES.labels("record").inc(sum(stored))

    def results(self) -> list[Result]:
        return [step.result for step in self._steps if step.result is not None]


CREATED, REPLACED, DELETED = 201, 200, 204


def _states(user_id: UUID, record_ids: list[UUID]) -> dict[UUID, StorageRecord]:
    rows = StorageRecord.objects.for_user(user_id).filter(id__in=record_ids)
    return {row.id: row for row in rows}


def _charge(operation: Operation, state: StorageRecord | None, usage: LockedUsage) -> Result | None:
    added = operation.size_bytes if isinstance(operation, Put) else 0
    try:
        usage.charge(Kind.STORAGE, added=added, removed=0 if state is None else state.size_bytes)
    except QuotaExceeded:
        return over_quota(operation)
    return None


def _is_done(result: Result | None) -> bool:
    return result is not None and not result.is_refusal


def _find_lost(records: Iterable[StorageRecord]) -> set[UUID]:
    by_key = {record.s3_key: record.id for record in records if record.s3_key is not None}
    return {by_key[key] for key in get_blob_store().missing(by_key)} if by_key else set()

"""The backup history: snapshots kept one beside the other, each in one commit of ``storage.staging``'s protocol."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from accounts.models import User
from adiuva.api.errors import NotFound
from adiuva.api.preconditions import next_date
from backups.models import Backup
from storage.blobs.discarding import discard_after_commit
from storage.blobs.key_owners import RowsWithBlobs
from storage.blobs.port import A_UUID
from storage.quota import Kind, lock_usage
from storage.staging import Allowance, SealedBody, commit_usage, is_lost, stage_blob

_NEXT = timedelta(microseconds=1)

# Asked with the latest snapshot there is; raises ``PreconditionFailed`` when the client meant another.
Expectation = Callable[[Backup | None], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """What a client says of its snapshot. ``timestamp`` has a zone."""

    version: str
    timestamp: datetime
    chunk_count: int | None


def etag_of(backup: Backup) -> str:
    return f'"{backup.checksum}"'


def find_backup(*, user_id: UUID, backup_id: UUID) -> Backup:
    """Raises ``NotFound`` for what is missing, deleted or somebody else's."""
    backup: Backup | None = Backup.objects.for_user(user_id).filter(id=backup_id).first()
    if backup is None:
        raise NotFound("There is no such backup.")
    return backup


def get_latest(*, user_id: UUID) -> Backup | None:
    backup: Backup | None = Backup.objects.for_user(user_id).newest_first().first()
    return backup


def find_latest(*, user_id: UUID) -> Backup:
    """Raises ``NotFound`` when there is none."""
    backup = get_latest(user_id=user_id)
    if backup is None:
        raise NotFound("There is no backup.")
    return backup


@dataclass(frozen=True, slots=True)
class Stored:
    """``is_new`` is False where the snapshot was there already: nothing was stored then, unless its bytes were gone."""

    backup: Backup
    is_new: bool


def is_repeated(latest: Backup | None, *, label: Label, checksum: str) -> bool:
    """Whether an upload says again what the latest snapshot is: the answer to the first one was lost."""
    return latest is not None and (latest.checksum, latest.timestamp) == (checksum, label.timestamp)


def store_backup(*, user: User, label: Label, body: SealedBody, allowance: Allowance, expect: Expectation) -> Stored:
    """A new snapshot, the latest from now on. The same bytes again are another one: a client says with its timestamp
    that this is its state *then*, and may delete either. With the timestamp of the latest too they are that one again,
    whose bytes are read and compared all the same, and where they are gone these take their place. ``expect`` is asked
    of the latest when they are written.

    Raises:
        PreconditionFailed: from ``expect``.
        ChecksumMismatch, PayloadTooLarge, QuotaExceeded: nothing was stored.
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: the blob store failed, and nothing was stored either.
    """
    backup_id = uuid.uuid4()
    key = f"{user.id}/_backup/{backup_id}"
    with (
        stage_blob(key=key, body=body, allowance=allowance, kind="backup") as staged,
        commit_usage(user.id, staged) as usage,
    ):
        before = get_latest(user_id=user.id)
        if before is not None and is_repeated(before, label=label, checksum=staged.checksum):
            if is_lost(before.s3_key):
                _replace_lost(before, key=key)
            else:
                discard_after_commit(key)  # two of one upload at once: the other was first
            return Stored(before, is_new=False)
        usage.charge(Kind.BACKUP, added=staged.size_bytes)
        expect(before)
        now = datetime.now(UTC)
        backup: Backup = Backup.objects.create(
            id=backup_id,
            user_id=user.id,
            s3_key=key,
            version=label.version,
            timestamp=label.timestamp,
            checksum=staged.checksum,
            size_bytes=staged.size_bytes,
            chunk_count=label.chunk_count,
            # In the order of the commits, also where a clock is set back.
            created_at=now if before is None else max(now, before.created_at + _NEXT),
            latest_since=next_date(now=now, before=before.date_as_latest if before else usage.row.backup_date),
        )
    return Stored(backup, is_new=True)


def _replace_lost(backup: Backup, *, key: str) -> None:
    """What is at ``key`` are its bytes. Nothing else of it changes, and it is counted already."""
    discard_after_commit(backup.s3_key)
    backup.s3_key = key
    backup.verified_at = None
    backup.save(update_fields=["s3_key", "verified_at"])


def delete_backup(*, user_id: UUID, backup_id: UUID) -> None:
    """A reader who has begun is not disturbed. Raises ``NotFound`` when there is none, or no longer one."""
    find_backup(user_id=user_id, backup_id=backup_id)  # who has nothing gets no row of counters
    with lock_usage(user_id) as usage:
        backup = find_backup(user_id=user_id, backup_id=backup_id)
        was_latest = find_latest(user_id=user_id).id == backup.id
        usage.charge(Kind.BACKUP, added=0, removed=backup.size_bytes)
        discard_after_commit(backup.s3_key)
        backup.delete()
        if not was_latest:
            return
        latest = get_latest(user_id=user_id)
        if latest is None:
            usage.row.backup_date = backup.date_as_latest
        else:
            latest.latest_since = next_date(now=datetime.now(UTC), before=backup.date_as_latest)
            latest.save(update_fields=["latest_since"])


_BACKUP_KEY = re.compile(rf"{A_UUID}/_backup/{A_UUID}")

backup_owner = RowsWithBlobs(
    name="backup",
    kind=Kind.BACKUP,
    rows=Backup.objects.all,
    claims=lambda key: _BACKUP_KEY.fullmatch(key) is not None,
)

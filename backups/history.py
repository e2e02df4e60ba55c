"""The backup history: snapshots kept one beside the other, each in one commit of ``storage.staging``'s protocol."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from accounts.models import User
from adiuva.api.errors import NotFound
from backups.models import Backup
from storage.blobs.key_owners import RowsWithBlobs
from storage.blobs.port import A_UUID
from storage.quota import Kind, lock_usage
from storage.staging import Allowance, SealedBody, commit_usage, discard_after_commit, stage_blob

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


def became_latest_at(backup: Backup) -> datetime:
    """Since when it is the latest. A deletion shows an older snapshot again, and who has seen the deleted one must not
    be told that nothing has changed since.
    """
    return backup.latest_again_at or backup.created_at


def store_backup(*, user: User, label: Label, body: SealedBody, allowance: Allowance, expect: Expectation) -> Backup:
    """A new snapshot, the latest from now on. The same bytes again are another one: a client says with its timestamp
    that this is its state *then*, and may delete either. ``expect`` is asked of the latest when they are written.

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
        usage.charge(Kind.BACKUP, added=staged.size_bytes)
        before = get_latest(user_id=user.id)
        expect(before)
        now = datetime.now(UTC)
        # In the order of the commits, also where a clock is set back.
        created_at = now if before is None else max(now, became_latest_at(before) + _NEXT)
        backup: Backup = Backup.objects.create(
            id=backup_id,
            user_id=user.id,
            s3_key=key,
            version=label.version,
            timestamp=label.timestamp,
            checksum=staged.checksum,
            size_bytes=staged.size_bytes,
            chunk_count=label.chunk_count,
            created_at=created_at,
        )
    return backup


def delete_backup(*, user_id: UUID, backup_id: UUID) -> None:
    """A reader who has begun is not disturbed. Raises ``NotFound`` when there is none, or no longer one."""
    find_backup(user_id=user_id, backup_id=backup_id)  # who has nothing gets no row of counters
    with lock_usage(user_id) as usage:
        backup = find_backup(user_id=user_id, backup_id=backup_id)
        was_latest = find_latest(user_id=user_id).id == backup.id
        usage.charge(Kind.BACKUP, added=0, removed=backup.size_bytes)
        discard_after_commit(backup.s3_key)
        backup.delete()
        if was_latest:
            _make_latest_again(user_id, at=max(datetime.now(UTC), became_latest_at(backup) + _NEXT))


def _make_latest_again(user_id: UUID, *, at: datetime) -> None:
    latest = get_latest(user_id=user_id)
    if latest is not None:
        latest.latest_again_at = at
        latest.save(update_fields=["latest_again_at"])


_BACKUP_KEY = re.compile(rf"{A_UUID}/_backup/{A_UUID}")

backup_owner = RowsWithBlobs(
    name="backup",
    kind=Kind.BACKUP,
    rows=Backup.objects.all,
    claims=lambda key: _BACKUP_KEY.fullmatch(key) is not None,
)

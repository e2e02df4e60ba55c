"""The backup history: snapshots kept one beside the other, each in one commit of ``storage.staging``'s protocol."""

import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from django.conf import settings

from accounts.models import User
from adiuva.api.errors import Conflict, NotFound
from adiuva.api.fields import rfc_3339
from adiuva.api.preconditions import next_date
from backups.models import Backup, BackupPolicy
from backups.retention import Arrival, select_dropped
from storage.blobs.discarding import discard_after_commit
from storage.blobs.key_owners import RowsWithBlobs
from storage.blobs.port import A_UUID
from storage.quota import Kind, LockedUsage, lock_usage, require_room
from storage.staging import Allowance, SealedBody, WholeBlob, allowance_of, commit_usage, is_lost, stage_blob

_NEXT = timedelta(microseconds=1)
_PAGE = 500  # rows a statement
# Of the blobs that one upload drops. A new policy may drop thousands: the upload's answer does not wait for all those.
_DISCARDED_AT_ONCE = 100

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


def allowance_for(*, user: User, declared: int | None) -> Allowance:
    """What an upload that begins now may hold: what its arrival drops gives way to it. ``declared`` is its size in
    bytes as far as the client says it.

    Raises:
        QuotaExceeded: the quota is 0, or has no room for ``declared`` bytes.
    """
    allow = partial(allowance_of, user, Kind.BACKUP, max_bytes=settings.MAX_BACKUP_BYTES, declared=declared)
    if BackupPolicy.objects.of_user(user.id).has_rules:
        # What is used and what of it would be dropped are of one moment: with an upload in between, which changes both,
        # one could be refused that there is room for.
        with lock_usage(user.id):
            allowance = allow(replaced=bytes_giving_way(user.id))
    else:
        allowance = allow()
    if declared is not None:  # 402 goes before 413
        require_room(limit=allowance.limit, used=allowance.used, requested=declared, replaced=allowance.replaced)
    return allowance


def bytes_giving_way(user_id: UUID) -> int:
    """Of the snapshots that the user's policy would drop, were one to arrive now."""
    dropped = _plan_retention(BackupPolicy.objects.of_user(user_id), arrival=_next_arrival(get_latest(user_id=user_id)))
    return sum(one.size_bytes for one in dropped)


def store_backup(*, user: User, label: Label, body: SealedBody, allowance: Allowance, expect: Expectation) -> Stored:
    """A new snapshot, the latest from now on. The same bytes again are another one: a client says with its timestamp
    that this is its state *then*, and may delete either. With the timestamp of the latest too they are that one again,
    whose bytes are read and compared all the same, and where they are gone these take their place. ``expect`` is asked
    of the latest when they are written.

    The user's policy of that moment says how long nobody can delete the new one, and which older ones go in the same
    transaction: they do not count against the quota. What is there already drops nothing, however often it is sent.

    Raises:
        PreconditionFailed: from ``expect``.
        ChecksumMismatch, PayloadTooLarge, QuotaExceeded: nothing was stored.
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: the blob store failed, and nothing was stored either.
    """
    backup_id = uuid.uuid4()
    key = key_of(user_id=user.id, backup_id=backup_id)
    with (
        stage_blob(key=key, body=body, allowance=allowance, kind="backup") as staged,
        commit_usage(user.id, staged) as usage,
    ):
        blob = WholeBlob(key=key, checksum=staged.checksum, size_bytes=staged.size_bytes)
        return commit_blob(backup_id=backup_id, label=label, blob=blob, usage=usage, expect=expect)


def commit_blob(
    *, backup_id: UUID, label: Label, blob: WholeBlob, usage: LockedUsage, expect: Expectation | None = None
) -> Stored:
    """``store_backup`` for bytes that are in the store already, in the caller's transaction."""
    user_id = usage.row.user_id
    before = get_latest(user_id=user_id)
    if before is not None and is_repeated(before, label=label, checksum=blob.checksum):
        if is_lost(before.s3_key):
            _replace_lost(before, key=blob.key)
        else:
            discard_after_commit(blob.key)  # two of one upload at once: the other was first
        return Stored(before, is_new=False)
    arrival = _next_arrival(before)
    policy = BackupPolicy.objects.of_user(user_id)
    dropped = _plan_retention(policy, arrival=arrival)
    usage.charge(Kind.BACKUP, added=blob.size_bytes, removed=sum(one.size_bytes for one in dropped))
    if expect is not None:
        expect(before)
    backup: Backup = Backup.objects.create(
        id=backup_id,
        user_id=user_id,
        s3_key=blob.key,
        version=label.version,
        timestamp=label.timestamp,
        checksum=blob.checksum,
        size_bytes=blob.size_bytes,
        chunk_count=label.chunk_count,
        created_at=arrival,
        latest_since=next_date(
            now=datetime.now(UTC), before=before.date_as_latest if before else usage.row.backup_date
        ),
        immutable_until=arrival + timedelta(days=policy.immutable_days) if policy.immutable_days else None,
    )
    _drop(user_id, dropped)
    return Stored(backup, is_new=True)


def key_of(*, user_id: UUID, backup_id: UUID) -> str:
    return f"{user_id}/_backup/{backup_id}"


def _next_arrival(before: Backup | None) -> datetime:
    """``created_at`` of a snapshot after ``before``: in the order of the commits, also where a clock is set back."""
    now = datetime.now(UTC)
    return now if before is None else max(now, before.created_at + _NEXT)


def _plan_retention(policy: BackupPolicy, *, arrival: datetime) -> list[Arrival]:
    """What it drops when a snapshot arrives at ``arrival``."""
    if not policy.has_rules:
        return []
    earlier = Backup.objects.for_user(policy.user_id).newest_first().values_list(*Arrival._fields)
    return select_dropped(arrival, [Arrival(*row) for row in earlier], policy=policy, now=datetime.now(UTC))


def _drop(user_id: UUID, dropped: list[Arrival]) -> None:
    """Their rows, and their blobs once those are gone. What is too much for one request is left to the reaper."""
    for start in range(0, len(dropped), _PAGE):
        ids = [one.id for one in dropped[start : start + _PAGE]]
        Backup.objects.for_user(user_id).filter(id__in=ids).delete()
    discard_after_commit(*(one.s3_key for one in dropped[:_DISCARDED_AT_ONCE]))


def _replace_lost(backup: Backup, *, key: str) -> None:
    """What is at ``key`` are its bytes. Nothing else of it changes, and it is counted already."""
    discard_after_commit(backup.s3_key)
    backup.s3_key = key
    backup.verified_at = None
    backup.save(update_fields=["s3_key", "verified_at"])


def delete_backup(*, user_id: UUID, backup_id: UUID) -> None:
    """A reader who has begun is not disturbed.

    Raises:
        NotFound: there is none, or no longer one.
        Conflict: it is immutable still, whatever the policy is by now.
    """
    find_backup(user_id=user_id, backup_id=backup_id)  # who has nothing gets no row of counters
    with lock_usage(user_id) as usage:
        backup = find_backup(user_id=user_id, backup_id=backup_id)
        until = backup.immutable_until
        if until is not None and until > datetime.now(UTC):
            raise Conflict(f"The backup is immutable until {rfc_3339(until)}.")
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

"""Putting storage in order: blobs that nothing refers to are removed, what crashed uploads have left is dropped, and
counters that differ from what is stored are set right.
"""

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from django.db.models import Max

from accounts.models import User
from adiuva.api.errors import Problem
from storage.blobs.factory import get_blob_store
from storage.blobs.key_owners import find_referenced, owner_of, sum_bytes_by_user, sum_used_bytes, user_of
from storage.blobs.port import BlobInfo
from storage.maintenance import BATCH, Tally, batches, pages_of_ids
from storage.models import RecordVersion, StorageRecord, StorageUsage
from storage.quota import Kind, lock_usage_row
from storage.records.tombstones import prune_tombstones
from storage.records.upload_keys import purge_upload_keys
from storage.uploads.owner import sum_reserved_bytes
from storage.uploads.service import drop_expired, live_drafts

logger = logging.getLogger(__name__)

LEAST_AGE = timedelta(hours=1)  # younger blobs may be of uploads that are under way
TOMBSTONE_AGE = timedelta(days=90)
LOCK_SECONDS = 1.0  # a user's commits wait no longer than this, and one deletion, for the reaper


def reaping_steps(
    *, older_than: datetime, tombstones_older_than: datetime, dry_run: bool, tally: Tally
) -> list[tuple[str, Callable[[], None]]]:
    """What puts storage in order, one after the other, each with the name of what it counts. They raise as below."""
    return [
        ("blobs looked at", partial(reap_blobs, older_than=older_than, dry_run=dry_run, tally=tally)),
        ("uploads", partial(abort_uploads, older_than=older_than, dry_run=dry_run, tally=tally)),
        ("users pruned", partial(prune_tombstones, older_than=tombstones_older_than, dry_run=dry_run, tally=tally)),
        ("upload keys", partial(purge_upload_keys, dry_run=dry_run)),
        ("users counted", partial(recount, dry_run=dry_run, tally=tally)),
    ]


def reap_blobs(*, older_than: datetime, dry_run: bool, tally: Tally) -> None:
    """Removes unreferenced blobs from before ``older_than`` (UTC). Keys of a form that no owner claims are reported.

    An upload that is about to commit must not lose its blob. It is younger than any sensible ``older_than``; one that
    took very long looks again under its lock (``storage.staging``); and one that has just committed is seen here,
    because references are asked for again while its user is locked.

    Raises:
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: the store could not be listed.
    """
    for batch in batches(_list_old_blobs(older_than, tally)):
        sizes = {blob.key: blob.size_bytes for blob in batch}
        unreferenced = sizes.keys() - find_referenced(sizes.keys())
        if dry_run:
            tally.blobs += len(unreferenced)
            tally.blob_bytes += sum(sizes[key] for key in unreferenced)
            continue
        for user_id, keys in _group_by_user(unreferenced).items():
            _remove(user_id, {key: sizes[key] for key in sorted(keys)}, tally)


def abort_uploads(*, older_than: datetime, dry_run: bool, tally: Tally) -> None:
    """Drops the unfinished uploads that began before then; resumable ones when their day is over."""
    if not dry_run:
        drop_expired()
    tally.uploads += get_blob_store().abort_stale_uploads(older_than=older_than, dry_run=dry_run, spared=live_drafts())


def _list_old_blobs(older_than: datetime, tally: Tally) -> Iterator[BlobInfo]:
    for blob in get_blob_store().list_keys():
        tally.step(1)
        if owner_of(blob.key) is None:
            tally.unknown_keys += 1
            tally.say(f"not one of our keys, left alone: {blob.key!r}")
            logger.warning("a blob has a key that is not ours", extra={"key": blob.key})
        elif blob.modified_at <= older_than:
            yield blob


def _group_by_user(keys: set[str]) -> dict[UUID | None, list[str]]:
    """Without the keys of accounts that are being erased: their blobs go with them (``storage.erasure``)."""
    by_user: dict[UUID | None, list[str]] = defaultdict(list)
    for key in keys:
        by_user[user_of(key)].append(key)
    known = [user_id for user_id in by_user if user_id is not None]
    closing = User.objects.filter(id__in=known, erasure_requested_at__isnull=False).values_list("id", flat=True)
    for user_id in closing:
        del by_user[user_id]
    return by_user


def _remove(user_id: UUID | None, sizes: dict[str, int], tally: Tally) -> None:
    """Deletes what is still unreferenced under the user's lock, which is taken anew where that takes long."""
    waiting = sizes.copy()
    while waiting:
        if user_id is None:  # not a user's, so no commit of a user's refers to it
            _remove_some(waiting, tally)
        else:
            with lock_usage_row(user_id):
                _remove_some(waiting, tally)


def _remove_some(waiting: dict[str, int], tally: Tally) -> None:
    """Takes from ``waiting`` what it has dealt with, in order; ends early when time is up or the store fails."""
    kept = find_referenced(list(waiting)[:BATCH])
    until = time.monotonic() + LOCK_SECONDS
    for key in list(waiting)[:BATCH]:
        size = waiting.pop(key)
        if key in kept:
            continue
        try:
            get_blob_store().delete(key)
        except (Problem, OSError) as error:
            logger.exception("a blob could not be removed", extra={"key": key})
            tally.note_failure(f"could not be removed: {key} ({error})")
            return
        tally.blobs += 1
        tally.blob_bytes += size
        logger.info("an unreferenced blob is removed", extra={"key": key, "size_bytes": size})
        if time.monotonic() > until:
            return


def recount(*, dry_run: bool, tally: Tally) -> None:
    """Compares every user's counters with what their rows add up to, and sets right those that differ."""
    open_accounts = User.objects.filter(erasure_requested_at__isnull=True)
    for user_ids in pages_of_ids(lambda: open_accounts.order_by("id"), "id"):
        usage = StorageUsage.objects.in_bulk(user_ids)
        true = _count_stored(user_ids)
        for user_id in user_ids:
            # Read without a lock: this is a suspicion only.
            if _find_drift(usage.get(user_id) or StorageUsage(user_id=user_id), true[user_id]):
                _correct(user_id, dry_run=dry_run, tally=tally)
        tally.step(len(user_ids))


def _count_stored(user_ids: list[UUID]) -> dict[UUID, dict[str, int]]:
    sizes = sum_used_bytes(user_ids)
    changes = StorageRecord.objects.filter(user_id__in=user_ids).order_by().values_list("user_id")
    newest = dict(changes.annotate(newest=Max("seq")))
    versions = dict(sum_bytes_by_user(RecordVersion.objects.all(), user_ids))
    reserved = sum_reserved_bytes(user_ids)
    return {
        user_id: {
            "storage_bytes": sizes[user_id, Kind.STORAGE],
            "backup_bytes": sizes[user_id, Kind.BACKUP],
            "versions_bytes": versions.get(user_id, 0),
            "storage_reserved_bytes": reserved.get((user_id, Kind.STORAGE), 0),
            "backup_reserved_bytes": reserved.get((user_id, Kind.BACKUP), 0),
            "last_seq": newest.get(user_id, 0),
        }
        for user_id in user_ids
    }


def _find_drift(usage: StorageUsage, true: dict[str, int]) -> dict[str, tuple[int, int]]:
    """``{"storage_bytes": (is, should be)}`` of those that differ. A sequence never goes back: numbers that were given
    out and whose rows are gone must not come again.
    """
    wanted = true | {"last_seq": max(usage.last_seq, usage.pruned_seq, true["last_seq"])}
    return {name: (getattr(usage, name), value) for name, value in wanted.items() if getattr(usage, name) != value}


def _correct(user_id: UUID, *, dry_run: bool, tally: Tally) -> None:
    if dry_run:
        tally.counters += 1
        return
    with lock_usage_row(user_id) as usage:
        if usage is None:
            return
        drift = _find_drift(usage, _count_stored([user_id])[user_id])
        if not drift:
            return
        for name, (before, after) in drift.items():
            setattr(usage, name, after)
            logger.warning(
                "a counter was off", extra={"user": str(user_id), "counter": name, "was": before, "is": after}
            )
            tally.say(f"{name} of {user_id}: {before} -> {after}")
        usage.save(update_fields=[*drift, "updated_at"])
        tally.counters += 1

"""Removing blobs that nothing refers to: what crashed uploads and failed deletions have left."""

import logging
import time
from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from accounts.models import User
from adiuva.api.errors import Problem
from storage.blobs.owners import owner_of, referenced, user_of
from storage.blobs.port import BlobInfo, get_blob_store
from storage.maintenance.batches import BATCH, Tally, batches
from storage.quota import held_usage

logger = logging.getLogger(__name__)

HOLD_SECONDS = 1.0  # a user's commits wait no longer than this, and one deletion, for the reaper


def reap_blobs(*, older_than: datetime, dry_run: bool, tally: Tally) -> None:
    """Removes unreferenced blobs from before ``older_than`` (UTC). Keys of a form that no owner claims are reported.

    An upload that is about to commit must not lose its blob. It is younger than any sensible ``older_than``; one that
    took very long looks again under its lock (``storage.staging``); and one that has just committed is seen here,
    because references are asked for again while its user's lock is held.

    Raises:
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: the store could not be listed.
    """
    for batch in batches(_old_enough(older_than, tally)):
        sizes = {blob.key: blob.size_bytes for blob in batch}
        unreferenced = sizes.keys() - referenced(sizes.keys())
        if dry_run:
            tally.blobs += len(unreferenced)
            tally.blob_bytes += sum(sizes[key] for key in unreferenced)
            continue
        for user_id, keys in _by_user(unreferenced).items():
            _remove(user_id, {key: sizes[key] for key in sorted(keys)}, tally)


def abort_uploads(*, older_than: datetime, dry_run: bool, tally: Tally) -> None:
    """Drops the unfinished uploads that began before then."""
    tally.uploads += get_blob_store().abort_stale_uploads(older_than=older_than, dry_run=dry_run)


def _old_enough(older_than: datetime, tally: Tally) -> Iterator[BlobInfo]:
    for blob in get_blob_store().list_keys():
        tally.step(1)
        if owner_of(blob.key) is None:
            tally.unknown_keys += 1
            tally.say(f"not one of our keys, left alone: {blob.key!r}")
            logger.warning("a blob has a key that is not ours", extra={"key": blob.key})
        elif blob.modified_at <= older_than:
            yield blob


def _by_user(keys: set[str]) -> dict[UUID | None, list[str]]:
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
    """Deletes what is still unreferenced under the user's lock, in several short holds where it takes long."""
    waiting = sizes.copy()
    while waiting:
        if user_id is None:  # not a user's, so no commit of a user's refers to it
            _remove_some(waiting, tally)
        else:
            with held_usage(user_id):
                _remove_some(waiting, tally)


def _remove_some(waiting: dict[str, int], tally: Tally) -> None:
    """Takes from ``waiting`` what it has dealt with, in order; ends early when time is up or the store fails."""
    kept = referenced(list(waiting)[:BATCH])
    until = time.monotonic() + HOLD_SECONDS
    for key in list(waiting)[:BATCH]:
        size = waiting.pop(key)
        if key in kept:
            continue
        try:
            get_blob_store().delete(key)
        except (Problem, OSError) as error:
            logger.exception("a blob could not be removed", extra={"key": key})
            tally.trouble(f"could not be removed: {key} ({error})")
            return
        tally.blobs += 1
        tally.blob_bytes += size
        logger.info("an unreferenced blob is removed", extra={"key": key, "size_bytes": size})
        if time.monotonic() > until:
            return

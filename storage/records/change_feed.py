"""The change feed: the last change of each record, in commit order, and the cursor that goes through it.

A follower that is behind the newest pruned tombstone may have missed a deletion, and must start again. One that starts
from the beginning passes through such old numbers, though, since a record that nobody changes keeps its own: it has no
deletion to miss as long as none is pruned *while* it runs. Until it has passed that point its cursor says which pruning
it began after. A cursor of another epoch (``storage.epochs``) goes on nowhere: what its numbers meant is gone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from django.db.models import QuerySet, Subquery

from adiuva.api.errors import ResyncRequired, ValidationFailed
from adiuva.db.compiled_queries import CompiledQuery
from storage.epochs import settled_epoch
from storage.models import FeedEpoch, StorageRecord, StorageUsage, record_etag
from storage.records.cursors import Cursor

START = "0"


class Change(NamedTuple):
    """The last change of a record; a deletion has no ``s3_key``."""

    seq: int
    id: UUID
    table_name: str
    checksum: str
    size_bytes: int
    revision: int
    s3_key: str | None

    @property
    def etag(self) -> str:
        return record_etag(revision=self.revision, checksum=self.checksum)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """A page of it; ``next`` is what its follower asks with for the page after."""

    changes: list[Change]
    next: str
    has_more: bool


@dataclass(frozen=True, slots=True)
class _Feed:
    """A user's, as one query found it."""

    user_id: UUID
    epoch: UUID
    key: bytes
    last_seq: int
    pruned_seq: int


def list_changes(*, user_id: UUID, since: str, limit: int, fit: Callable[[list[Change]], int] = len) -> FeedPage:
    """At most ``limit`` changes after ``since``: "0", or the ``next`` of a page before. ``fit`` says how many of those,
    from the first on, go on one page; one at least.

    The numbers are given under the user's lock, so whoever sees one change sees all before it.

    Raises:
        ValidationFailed: ``since`` was never handed out to this user.
        ResyncRequired: tombstones that the follower has not seen are gone; or the service went back to a backup.
    """
    while True:
        before = _read_feed(user_id)
        cursor = _cursor_of(since, before)
        _require_complete(cursor, before)
        position = cursor.position if cursor else 0
        later = StorageRecord.objects.for_user(user_id).filter(seq__gt=position).order_by("seq")
        # Without a model for each, which takes three times as long: a page may have 1000.
        rows = [*map(Change._make, later.values_list(*Change._fields)[: limit + 1])]
        # Read once more: a pruning between the two could have taken a tombstone out of these rows.
        after = _read_feed(user_id)
        if after.epoch == before.epoch:
            _require_complete(cursor, after)
            break
        # They may be of both epochs: again, in the new one.
    changes = rows[:limit]
    changes = changes[: fit(changes)]
    has_more = len(rows) > len(changes)
    reached = changes[-1].seq if changes else position
    if not has_more:
        # Whatever had a number up to there is in these rows, or was pruned before they were read.
        reached = max(reached, before.pruned_seq)
    run_after = before.pruned_seq if reached < before.pruned_seq else 0
    following = Cursor(epoch=before.epoch, position=reached, run_after=run_after)
    return FeedPage(changes=changes, next=following.seal(key=before.key, user_id=user_id), has_more=has_more)


def _feed_of(user_id: UUID) -> "QuerySet[FeedEpoch]":
    usage = StorageUsage.objects.filter(user_id=user_id)
    return FeedEpoch.objects.filter(epoch__isnull=False).annotate(
        last_seq=Subquery(usage.values("last_seq")), pruned_seq=Subquery(usage.values("pruned_seq"))
    )


_COUNTERS = CompiledQuery(_feed_of)


def _read_feed(user_id: UUID) -> _Feed:
    row = _COUNTERS.first(user_id)
    if row is None:
        settled_epoch()
        return _read_feed(user_id)
    assert row.epoch is not None  # noqa: S101 - asked for
    last_seq, pruned_seq = (getattr(row, name) or 0 for name in ("last_seq", "pruned_seq"))
    return _Feed(user_id, row.epoch, bytes(row.cursor_key), last_seq, pruned_seq)


def _cursor_of(since: str, feed: _Feed) -> Cursor | None:
    if since == START:
        return None
    cursor = Cursor.unseal(since, key=feed.key, user_id=feed.user_id)
    if cursor is None:
        raise ValidationFailed({"since": ["Must be 0, or what next said to this account."]})
    return cursor


def _require_complete(cursor: Cursor | None, feed: _Feed) -> None:
    if cursor is None:
        return
    # Who has seen more than there is has seen what a way back has lost, even where nobody has begun a new epoch.
    if cursor.epoch != feed.epoch or cursor.position > feed.last_seq:
        raise ResyncRequired(reason="restored")
    if cursor.run_after != feed.pruned_seq if cursor.run_after else cursor.position < feed.pruned_seq:
        raise ResyncRequired(reason="pruned")

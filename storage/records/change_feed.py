"""The change feed: the last change of each record, in commit order, and the cursor that goes through it.

A cursor is the number of the newest change its follower has seen. A follower that is behind the newest pruned
tombstone may have missed a deletion, and must start again at 0. One that does start at 0 passes through such old
numbers, though, since a record that nobody changes keeps its own: knowing nothing, it has no deletion to miss as long
as none is pruned *while* it runs. Its cursor is negative and holds, beside the number, which pruning it began after.
"""

from dataclasses import dataclass
from uuid import UUID

from adiuva.api.errors import ResyncRequired
from storage.models import StorageRecord, StorageUsage
from storage.quota import usage_of

# 32 bits of number and 21 of pruning are what JavaScript's integers hold.
_NUMBERS = 1 << 32
_PRUNINGS = 1 << 21


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPage:
    """A page of it; ``next`` is what its follower asks with for the page after."""

    changes: list[StorageRecord]
    next: int
    has_more: bool


def list_changes(*, user_id: UUID, since: int, limit: int) -> FeedPage:
    """At most ``limit`` changes after ``since``: 0, or the ``next`` of a page before.

    The numbers are given under the user's lock, so whoever sees one change sees all before it.

    Raises:
        ResyncRequired: tombstones that the follower has not seen are gone; or it has seen more than there is, because
            this database was restored to an older state.
    """
    before = _counters(user_id)
    position = since if since >= 0 else -since % _NUMBERS
    _require_complete(since, before)
    if position > before.last_seq:
        raise ResyncRequired("This server knows fewer changes than that; start again with since=0.")
    rows = list(StorageRecord.objects.for_user(user_id).filter(seq__gt=position).order_by("seq")[: limit + 1])
    # Read once more: a pruning between the two could have taken a tombstone out of these rows.
    _require_complete(since, _counters(user_id))
    has_more = len(rows) > limit
    changes = rows[:limit]
    reached = changes[-1].seq if changes else position
    if not has_more:
        # Whatever had a number up to there is in these rows, or was pruned before they were read.
        reached = max(reached, before.pruned_seq)
    return FeedPage(changes=changes, next=_cursor(since, reached=reached, pruned=before.pruned_seq), has_more=has_more)


def _counters(user_id: UUID) -> StorageUsage:
    return usage_of(user_id) or StorageUsage(user_id=user_id)


def _require_complete(since: int, usage: StorageUsage) -> None:
    pruned = usage.pruned_seq
    if 0 < since < pruned or (since < 0 and -since // _NUMBERS != pruned % _PRUNINGS):
        raise ResyncRequired


def _cursor(since: int, *, reached: int, pruned: int) -> int:
    if since <= 0 and reached < pruned:
        return -(pruned % _PRUNINGS * _NUMBERS + reached)
    return reached

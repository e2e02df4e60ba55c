"""How many batches are active (docs/api.md §§ 11, 14): never more than the live tier allows.

What is counted is counted under the lock of the user's row, which ``billing.subscriptions.set_tier`` takes as well, so
that a tier does not change between counting and activating; what an organisation's does meanwhile, ``reconcile`` mends.
The order of locks is user, batches, runs, everywhere.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Count, F, Q

from accounts.models import User
from adiuva.api.errors import InvalidToken, QuotaExceeded
from agents.batches.models import Batch, BatchState, PauseReason
from billing import entitlements
from billing.tiers import TIERS, Tier

RESOURCE = "batch_active"  # of docs/api.md § 11


def limit_of(user: User) -> int | None:
    """None is unlimited."""
    return entitlements.limit(user, RESOURCE)


@contextmanager
def lock_account(user_id: UUID) -> Iterator[User]:
    """One transaction in which nobody else activates a batch of this user's, and no operator changes their tier.

    Raises:
        InvalidToken: the account was closed in the meantime.
    """
    with transaction.atomic():
        # Not a key lock: runs, which refer to the user, start and end meanwhile.
        if User.objects.select_for_update(no_key=True).filter(id=user_id, is_active=True).first() is None:
            raise InvalidToken
        # A statement of its own: one that waited for the lock still sees the tier as it was before.
        yield User.objects.select_related(*entitlements.RELATIONS).get(id=user_id)


def count_active(user_id: UUID) -> int:
    return Batch.objects.for_user(user_id).active().count()


def require_room(user: User) -> None:
    """For one more, under the lock.

    Raises:
        QuotaExceeded
    """
    limit, used = limit_of(user), count_active(user.id)
    if limit is not None and used >= limit:
        raise over_limit(limit=limit, used=used)


def over_limit(*, limit: int, used: int) -> QuotaExceeded:
    """The refusal, with the lowest tier that has room for one more: above ``limit``, whatever is active."""
    return QuotaExceeded(
        "The tier has no room for one more active batch.",
        resource=RESOURCE,
        limit=limit,
        used=used,
        required_tier=_lowest_tier_for(max(limit, used) + 1),
    )


def _lowest_tier_for(count: int) -> Tier:
    return next(tier for tier in Tier if (most := TIERS[tier].batch_active) is None or most >= count)


def reconcile(user: User) -> None:
    """Makes the states what the live tier allows: after a downgrade the oldest-activated stay and the others are
    suspended, after an upgrade those wake again, oldest first. One query where there is nothing to do.
    """
    limit = limit_of(user)
    batches = Batch.objects.for_user(user.id).order_by()
    counts = batches.aggregate(
        active=Count("id", filter=Q(state=BatchState.ACTIVE)),
        undecided=Count("id", filter=_suspended_at_other(limit)),
    )
    if counts["undecided"] or (limit is not None and counts["active"] > limit):
        with lock_account(user.id) as locked:
            settle(locked)


def settle(user: User) -> None:
    """``reconcile`` under the lock."""
    limit, now = limit_of(user), datetime.now(UTC)
    batches = Batch.objects.for_user(user.id)
    oldest_first = ("activated_at", "id")
    active = list(batches.active().order_by(*oldest_first).values_list("id", flat=True))
    # A run's end may pause one meanwhile, without this lock: what it has become is asked again by each UPDATE.
    if limit is not None and len(active) > limit:
        batches.active().filter(id__in=active[limit:]).update(
            state=BatchState.SUSPENDED,
            reason=PauseReason.TIER,
            suspended_at_limit=limit,
            tell_at=None,
            updated_at=now,
        )
    # Those that were too many for a smaller number than today's.
    waiting = batches.filter(state=BatchState.SUSPENDED)
    if limit is not None:
        waiting = waiting.filter(suspended_at_limit__lt=limit)
    woken = list(waiting.order_by(*oldest_first).values_list("id", flat=True))
    if limit is not None:
        woken = woken[: max(0, limit - len(active))]
    if woken:
        batches.filter(id__in=woken, state=BatchState.SUSPENDED).update(
            state=BatchState.ACTIVE, reason="", suspended_at_limit=None, tell_at=F("next_due_at"), updated_at=now
        )
    if limit is not None:
        batches.filter(_suspended_at_other(limit)).update(suspended_at_limit=limit)


def _suspended_at_other(limit: int | None) -> Q:
    """Of suspended ones, those of which nothing is decided yet by this limit."""
    others = Q(state=BatchState.SUSPENDED)
    return others if limit is None else others & ~Q(suspended_at_limit=limit)

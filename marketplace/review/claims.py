"""Who reads a submission now. A claim is a courtesy among reviewers: it keeps two of them off the same submission, and
keeps nobody from a decision.

It lasts ``LASTS`` from the last time that its holder used the page; a decision, or letting go of it, ends it earlier.
"""

import math
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet

from accounts.models import User
from adiuva.api.errors import Conflict, NotFound, PermissionDenied
from marketplace.locks import lock_open_user
from marketplace.models import PluginStatus, PluginVersion, ReviewClaim

LASTS: Final = timedelta(minutes=30)
# A page asks for its files one by one: not every request of its holder is worth a write.
_WORTH_RENEWING: Final = timedelta(minutes=1)
_MOST_TRIES: Final = 50


@transaction.atomic
def claim(*, version: PluginVersion, reviewer: User) -> ReviewClaim:
    """The claim that counts from here on: the reviewer's own, or that of whoever was first.

    Raises:
        Conflict: it is decided or withdrawn.
        NotFound: it is gone.
        PermissionDenied: the reviewer's own plugin.
    """
    lock_open_user(reviewer.pk)
    locked = PluginVersion.objects.select_for_update(no_key=True).filter(pk=version.pk).first()
    if locked is None:
        raise NotFound("This version is gone.")
    if locked.status != PluginStatus.PENDING_REVIEW:
        raise Conflict("This version has already been decided on.")
    if is_own(locked, reviewer):
        raise PermissionDenied("You cannot review your own plugin.")
    now = datetime.now(UTC)
    known = ReviewClaim.objects.select_related("reviewer").filter(pk=locked.pk).first()
    if known is None:
        return ReviewClaim.objects.create(version=locked, reviewer=reviewer, claimed_at=now, lapses_at=now + LASTS)
    if known.lapses_at > now and known.reviewer_id != reviewer.pk:
        return known
    if known.lapses_at <= now:
        known.reviewer, known.claimed_at = reviewer, now
    known.lapses_at = now + LASTS
    known.save()
    return known


def claim_first(versions: QuerySet[PluginVersion], *, reviewer: User) -> PluginVersion | None:
    """The first of ``versions`` that nobody was quicker to claim; None where all are taken."""
    for version in versions[:_MOST_TRIES]:
        try:
            if claim(version=version, reviewer=reviewer).reviewer_id == reviewer.pk:
                return version
        except (Conflict, NotFound):
            continue
    return None


def renew(*, version: PluginVersion, reviewer: User) -> bool:
    """Whether the reviewer has a claim on it, which then lasts its whole time again."""
    now = datetime.now(UTC)
    held = ReviewClaim.objects.filter(pk=version.pk, reviewer=reviewer, lapses_at__gt=now)
    renewed = held.filter(lapses_at__lt=now + LASTS - _WORTH_RENEWING).update(lapses_at=now + LASTS)
    return bool(renewed) or held.exists()


def release(*, version: PluginVersion, reviewer: User) -> bool:
    """Lets go of the reviewer's own; False where they have none."""
    gone, _ = ReviewClaim.objects.filter(pk=version.pk, reviewer=reviewer).delete()
    return bool(gone)


def end(version_id: UUID) -> None:
    """Whoever has it: there is nothing left to claim."""
    ReviewClaim.objects.filter(pk=version_id).delete()


def standing_claim(version: PluginVersion) -> ReviewClaim | None:
    """The one that has not lapsed; ``select_related("claim__reviewer")`` keeps this from asking the database."""
    held: ReviewClaim | None = getattr(version, "claim", None)
    if held is None or version.status != PluginStatus.PENDING_REVIEW or held.lapses_at <= datetime.now(UTC):
        return None
    return held


def find_claim(version: PluginVersion) -> ReviewClaim | None:
    """As the database has it now."""
    return ReviewClaim.objects.select_related("reviewer").filter(pk=version.pk).first()


def minutes_left(held: ReviewClaim) -> int:
    """A begun one counts."""
    return max(1, math.ceil((held.lapses_at - datetime.now(UTC)).total_seconds() / 60))


def claimed() -> Q:
    """A condition on versions: that somebody's claim on them has not lapsed."""
    return Q(claim__lapses_at__gt=datetime.now(UTC))


def unclaimed(versions: QuerySet[PluginVersion]) -> QuerySet[PluginVersion]:
    """Without a row, or with one that has lapsed."""
    return versions.filter(Q(claim=None) | Q(claim__lapses_at__lte=datetime.now(UTC)))


def is_own(version: PluginVersion, user: Any) -> bool:
    return user.pk in {version.plugin.author_id, version.submitted_by_id}

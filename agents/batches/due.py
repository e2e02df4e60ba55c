"""What is due, and how devices hear of it: once when it is, and more and more seldom while nobody runs it.

Nothing is started here. After an outage thousands of batches may be due at once: each is told of once, some hundreds at
a time, and of a week that was missed there is one due time, not seven.
"""

from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import Max, OuterRef, Subquery

from accounts.sockets.messages import tell_hint
from agents.batches.models import Batch, BatchRun

HINT = "batch_due"
MOST_GREETED = 32  # ids in a socket's first frame; a device asks for the list anyhow
PAGE, PAGES = 500, 20  # of batches that are told of at a time, and of pages in one go
AGAIN_SOONEST, AGAIN_LATEST = timedelta(minutes=10), timedelta(days=1)


def due_ids(user_id: UUID) -> list[str]:
    """Of the batches that a device should look at now, the longest due first: nobody is at them, or whoever was has let
    the lease end.
    """
    now = datetime.now(UTC)
    due = Batch.objects.for_user(user_id).due(now).unleased(now).order_by("next_due_at", "id")
    return [str(public_id) for public_id in due.values_list("public_id", flat=True)[:MOST_GREETED]]


def tell_due() -> int:
    """Tells the open sockets of each owner, after the commit; returns of how many batches. One query by its index where
    nothing is due. Several at once share the work.
    """
    told = 0
    for _ in range(PAGES):
        found, hints = _tell_page()
        told += hints
        if found < PAGE:
            break
    return told


@transaction.atomic
def _tell_page() -> tuple[int, int]:
    """How many were looked at, and how many of them told."""
    now = datetime.now(UTC)
    under_way = BatchRun.objects.leased(now).filter(batch=OuterRef("pk"), due_at__gte=OuterRef("next_due_at"))
    leased_until = under_way.order_by().values("batch").annotate(last=Max("lease_expires_at")).values("last")
    page = list(
        Batch.objects.select_for_update(skip_locked=True, no_key=True)
        .filter(tell_at__lte=now)
        .order_by("tell_at")
        .annotate(leased_until=Subquery(leased_until))
        .values("id", "user_id", "public_id", "next_due_at", "leased_until")[:PAGE]
    )
    later, hints = [], 0
    for row in page:
        tell_at = row["leased_until"]  # where a device is at it, as long as it goes on saying so
        if tell_at is None:
            assert row["next_due_at"] is not None  # noqa: S101 - of the constraint batches_told_while_active
            tell_at = now + min(max(now - row["next_due_at"], AGAIN_SOONEST), AGAIN_LATEST)
            frame = {"type": HINT, "id": str(row["public_id"])}
            transaction.on_commit(partial(tell_hint, user_id=row["user_id"], frame=frame))
            hints += 1
        later.append(Batch(id=row["id"], tell_at=tell_at))
    Batch.objects.bulk_update(later, ["tell_at"])
    return len(page), hints

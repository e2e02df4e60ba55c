"""The epoch of the change feeds: one for the whole service, and another after each way back in time.

A restore brings back an older state. Devices know changes that it lacks, and numbers that will be given again with
another meaning. So their cursors name the epoch they belong to, and in a new one none of the old goes on.
"""

import hashlib
import hmac
from datetime import UTC, datetime
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import Subquery

from adiuva.db.compiled_queries import CompiledQuery
from storage.models import FeedEpoch

# Seconds fit the column until 2094, and nobody changes one record more than once a second for as long as an epoch.
_FLOORS_COUNT_FROM = datetime(2026, 1, 1, tzinfo=UTC)


_BEGUN = CompiledQuery(lambda: FeedEpoch.objects.filter(epoch__isnull=False))


def begin_epoch() -> FeedEpoch:
    """From the next request on every cursor there is gets 410 ``resync_required``, ``restored``."""
    settle_row()
    with transaction.atomic():
        return _begin(FeedEpoch.objects.select_for_update().get())


def settled_epoch() -> FeedEpoch:
    """The one there is; where a restore has left none, a new one."""
    begun = _BEGUN.first()
    if begun is not None:
        return begun
    settle_row()
    with transaction.atomic():
        row = FeedEpoch.objects.select_for_update().get()
        return row if row.epoch is not None else _begin(row)


def revision_floor() -> Subquery:
    """``settled_epoch().revision_floor`` as part of another query; null where a restore has left no epoch."""
    return Subquery(FeedEpoch.objects.filter(epoch__isnull=False).values("revision_floor")[:1])


def settle_row() -> None:
    """Makes the row where there is none: in a new database, or one that was emptied."""
    first = FeedEpoch(epoch=uuid4(), cursor_key=first_cursor_key(), begun_at=datetime.now(UTC))
    FeedEpoch.objects.bulk_create([first], ignore_conflicts=True)


def first_cursor_key() -> bytes:
    """Not a random one: a backup from before there was this row gets it anew, and the cursors that were given out
    meanwhile must still be known for ours. Once in the row it stays, whatever becomes of the secret.
    """
    return hmac.new(settings.SECRET_KEY.encode(), b"adiuva:feed-cursor", hashlib.sha256).digest()


def _begin(row: FeedEpoch) -> FeedEpoch:
    now = datetime.now(UTC)
    row.epoch, row.begun_at = uuid4(), now
    row.revision_floor = max(row.revision_floor + 1, int((now - _FLOORS_COUNT_FROM).total_seconds()))
    row.save(force_update=True)
    return row

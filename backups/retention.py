"""Retention: which snapshots go when another one arrives. Only arithmetic; ``backups.history`` does it."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from backups.models import BackupPolicy


class Arrival(NamedTuple):
    """A snapshot, by the columns that retention asks for."""

    id: UUID
    created_at: datetime
    immutable_until: datetime | None
    size_bytes: int
    s3_key: str


def select_dropped(
    arrival: datetime, earlier: Sequence[Arrival], *, policy: BackupPolicy, now: datetime
) -> list[Arrival]:
    """Those of ``earlier`` that no rule of ``policy`` keeps once a snapshot has come at ``arrival``, in their order.

    ``earlier`` is the newest first, and older than ``arrival``. The one that arrives is the latest, which every rule
    counts and nothing drops. What is immutable at ``now`` stays, beside what the rules keep and not in its place. All
    times are in UTC.
    """
    if not policy.has_rules:
        return []
    moments = [arrival, *(one.created_at for one in earlier)]
    kept = {
        *range(policy.keep_last or 0),
        *_newest_of_each(moments, _day, count=policy.keep_daily or 0),
        *_newest_of_each(moments, _week, count=policy.keep_weekly or 0),
    }
    return [
        one
        for place, one in enumerate(earlier, start=1)
        if place not in kept and (one.immutable_until is None or one.immutable_until <= now)
    ]


def _newest_of_each(moments: Iterable[datetime], period: Callable[[datetime], object], *, count: int) -> Iterable[int]:
    """The places of the newest moment in each of the latest ``count`` periods that have any."""
    newest: dict[object, int] = {}
    for place, moment in enumerate(moments):
        newest.setdefault(period(moment), place)
        if len(newest) > count:
            break
    return list(newest.values())[:count]


def _day(moment: datetime) -> date:
    return moment.date()


def _week(moment: datetime) -> tuple[int, int]:
    """Of ISO 8601: from Monday on, also across a new year."""
    return moment.isocalendar()[:2]

"""Earlier states of records that are older, or more, than their user keeps: their end, and the user's say in it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from uuid import UUID

from django.db.models import Count, Exists, OuterRef, QuerySet

from storage.maintenance import pages_of_ids
from storage.models import RecordVersion, StorageUsage
from storage.models.usage import MOST_VERSIONS, VERSION_DAYS, VERSIONS
from storage.quota import lock_usage, lock_usage_row, usage_of
from storage.versions.giving_way import PAGE, drop_versions

# A request that keeps nothing any more removes what there is for so long; the job does the rest. It is not to be seen
# in the meantime (``storage.versions.service.kept_versions``).
AT_ONCE_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class VersionSettings:
    """``versions`` of each record, at most, for ``days``, at most; either may be 0, which keeps none."""

    versions: int = VERSIONS
    days: int = VERSION_DAYS


def settings_of(user_id: UUID) -> VersionSettings:
    usage = usage_of(user_id)
    return VersionSettings() if usage is None else _settings_in(usage)


def _settings_in(usage: StorageUsage) -> VersionSettings:
    return VersionSettings(versions=usage.versions_kept, days=usage.version_days)


def change_settings(user_id: UUID, *, versions: int | None, days: int | None) -> VersionSettings:
    """None leaves a number as it is. Lower ones are acted on by the job within the hour, a 0 at once."""
    with lock_usage(user_id) as usage:
        if versions is not None:
            usage.row.versions_kept = versions
        if days is not None:
            usage.row.version_days = days
        changed = _settings_in(usage.row)
        keeps_versions = usage.row.keeps_versions
    if not keeps_versions:
        until = time.monotonic() + AT_ONCE_SECONDS
        prune_user(user_id, is_over=lambda: time.monotonic() > until)
    return changed


def prune_versions() -> int:
    """Of all users. How many went."""
    dropped = 0
    for user_ids in pages_of_ids(_may_have_too_many, "user_id"):
        dropped += sum(prune_user(user_id) for user_id in user_ids)
    for days in _days_in_use():
        dropped += sum(prune_user(user_id) for user_id in _users_with_old_ones(days))
    return dropped


def _may_have_too_many() -> QuerySet[StorageUsage]:
    """Who keeps as many as can be kept has never more, because each new one pushes one out."""
    versions = RecordVersion.objects.filter(user_id=OuterRef("user_id")).order_by()
    usage = StorageUsage.objects.filter(Exists(versions), versions_kept__lt=MOST_VERSIONS)
    return usage.filter(user__erasure_requested_at=None).order_by("user_id")


def _days_in_use() -> list[int]:
    return list(StorageUsage.objects.order_by("version_days").values_list("version_days", flat=True).distinct())


def _users_with_old_ones(days: int) -> Iterator[UUID]:
    old = _older_than(days).filter(user__storage_usage__version_days=days, user__erasure_requested_at=None)
    for user_ids in pages_of_ids(lambda: old.order_by("user_id").distinct(), "user_id"):
        yield from user_ids


def _older_than(days: int) -> QuerySet[RecordVersion]:
    old: QuerySet[RecordVersion] = RecordVersion.objects.filter(
        replaced_at__lt=datetime.now(UTC) - timedelta(days=days)
    )
    return old


def prune_user(user_id: UUID, *, is_over: Callable[[], bool] = lambda: False) -> int:
    """A page at a time, so that the user's uploads wait for one at most. How many went; ``is_over`` ends it early."""
    return _drop_old(user_id, is_over) + _drop_surplus(user_id, is_over)


def _drop_old(user_id: UUID, is_over: Callable[[], bool]) -> int:
    dropped = 0
    while not is_over():
        with lock_usage_row(user_id) as usage:
            if usage is None:
                break
            old = _older_than(usage.version_days).filter(user_id=user_id)
            page = list(old.order_by("replaced_at", "record_id", "revision")[:PAGE])
            _drop(usage, page)
        dropped += len(page)
        if len(page) < PAGE:
            break
    return dropped


def _drop_surplus(user_id: UUID, is_over: Callable[[], bool]) -> int:
    dropped = 0
    last: UUID | None = None
    while not is_over():
        with lock_usage_row(user_id) as usage:
            if usage is None:
                break
            versions = RecordVersion.objects.for_user(user_id)
            kept = usage.versions_kept
            record_ids = _with_surplus(versions, kept=kept, after=last)
            rows = versions.filter(record_id__in=record_ids).order_by("record_id", "-revision")
            by_record = groupby(rows, key=lambda version: version.record_id)
            surplus = [version for _, newest_first in by_record for version in list(newest_first)[kept:]]
            _drop(usage, surplus)
        dropped += len(surplus)
        if len(record_ids) < PAGE:
            break
        last = record_ids[-1]
    return dropped


def _with_surplus(versions: QuerySet[RecordVersion], *, kept: int, after: UUID | None) -> list[UUID]:
    beyond = versions if after is None else versions.filter(record_id__gt=after)
    counted = beyond.order_by().values("record_id").annotate(many=Count("revision")).filter(many__gt=kept)
    return list(counted.order_by("record_id").values_list("record_id", flat=True)[:PAGE])


def _drop(usage: StorageUsage, versions: list[RecordVersion]) -> None:
    if versions:
        drop_versions(usage, versions)
        usage.save(update_fields=["versions_bytes", "updated_at"])

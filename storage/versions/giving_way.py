"""Earlier states of records take what room there is, and give it up: oldest first."""

from collections.abc import Collection, Iterable
from uuid import UUID

from django.db.models import QuerySet

from storage.blobs.discarding import discard_after_commit
from storage.models import RecordVersion, StorageUsage

PAGE = 500


def give_way(usage: StorageUsage, *, to_bytes: int) -> None:
    """The oldest go until the others have no more than ``to_bytes``. ``usage`` is locked, and the caller's to save."""
    oldest = RecordVersion.objects.for_user(usage.user_id).oldest_first()
    while usage.versions_bytes > to_bytes:
        over = usage.versions_bytes - to_bytes
        page = list(oldest[:PAGE])
        if not page:
            return  # the counter was off; the reaper sets it right
        drop_versions(usage, _take(page, over))


def _take(page: Iterable[RecordVersion], over: int) -> list[RecordVersion]:
    taken, size = [], 0
    for version in page:
        if size >= over:
            break
        taken.append(version)
        size += version.size_bytes
    return taken


def drop_versions(usage: StorageUsage, versions: Collection[RecordVersion]) -> None:
    """Their rows now, their blobs after the commit; ``usage`` is the caller's to save."""
    if versions:
        of_them(usage.user_id, versions).delete()
    for version in versions:
        usage.versions_bytes -= version.size_bytes
        discard_after_commit(version.s3_key)


def of_them(user_id: UUID, versions: Collection[RecordVersion]) -> "QuerySet[RecordVersion]":
    keys: list[tuple[UUID, UUID, int]] = [(user_id, version.record_id, version.revision) for version in versions]
    rows: QuerySet[RecordVersion] = RecordVersion.objects.for_user(user_id).filter(pk__in=keys)
    return rows

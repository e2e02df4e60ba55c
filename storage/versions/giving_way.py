"""Earlier states of records take what room there is, and give it up: oldest first."""

from collections.abc import Iterable, Sequence

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


def drop_versions(usage: StorageUsage, versions: Sequence[RecordVersion]) -> None:
    """Their rows now, their blobs after the commit; ``usage`` is the caller's to save."""
    keys = [version.s3_key for version in versions]
    for begin in range(0, len(keys), PAGE):
        # By one column, which tells them apart: SQLite takes no long list of keys of three.
        rows = RecordVersion.objects.for_user(usage.user_id).filter(s3_key__in=keys[begin : begin + PAGE])
        rows.delete()
    usage.versions_bytes -= sum(version.size_bytes for version in versions)
    discard_after_commit(*keys)

"""What a ``POST`` with an ``Idempotency-Key`` was answered, so that a repetition gets the same (docs/api.md § 7)."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from adiuva.api.errors import IdempotencyMismatch
from storage.models import StorageRecord, UploadKey

KEPT = timedelta(hours=24)


def answer_of(key: str | None, *, user_id: UUID, table_name: str, checksum: str) -> StorageRecord | None:
    """The record as it was when the key was first used, whatever became of it since; not to be saved. None for a key
    that is new, or so old that it is new again.

    Raises:
        IdempotencyMismatch: the key came with another table or other bytes.
    """
    if key is None:
        return None
    kept = UploadKey.objects.filter(user_id=user_id, key=key, created_at__gt=datetime.now(UTC) - KEPT).first()
    if kept is None:
        return None
    if (kept.table_name, kept.checksum) != (table_name, checksum):
        raise IdempotencyMismatch
    return StorageRecord(
        user_id=user_id,
        id=kept.record_id,
        table_name=kept.table_name,
        checksum=kept.checksum,
        size_bytes=kept.size_bytes,
        revision=kept.revision,
        created_at=kept.created_at,
        updated_at=kept.created_at,
    )


def keep_answer(key: str, record: StorageRecord) -> None:
    """In the transaction that creates ``record``, under its user's lock."""
    UploadKey.objects.update_or_create(
        user_id=record.user_id,
        key=key,
        defaults={
            "record_id": record.id,
            "table_name": record.table_name,
            "checksum": record.checksum,
            "size_bytes": record.size_bytes,
            "revision": record.revision,
            "created_at": record.created_at,
        },
    )


def forget_keys(user_id: UUID) -> None:
    UploadKey.objects.filter(user_id=user_id).delete()


def purge_upload_keys(*, dry_run: bool) -> None:
    """Those that are no longer answered."""
    old = UploadKey.objects.filter(created_at__lte=datetime.now(UTC) - KEPT)
    if not dry_run:
        old.delete()

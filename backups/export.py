"""What an export of an account holds of snapshots: the sealed bytes as they are."""

from collections.abc import Iterator
from uuid import UUID

from accounts.export.registry import Collection, SealedItem, register_collection
from backups.models import Backup
from storage.export import by_id, open_blob


def list_backups(user_id: UUID) -> Iterator[SealedItem]:
    columns = ("id", "version", "timestamp", "checksum", "size_bytes", "chunk_count", "created_at", "s3_key")
    for row in by_id(Backup.objects.for_user(user_id), columns):
        key = row.pop("s3_key")
        yield SealedItem(str(row["id"]), key, row["size_bytes"], row["checksum"], row)


def register() -> None:
    register_collection(Collection("backups/", list_backups, open_item=open_blob))

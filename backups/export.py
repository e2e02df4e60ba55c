"""What an export of an account holds of snapshots: the sealed bytes as they are, and how long they stay."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

from accounts.export.registry import Collection, SealedItem, register_collection, register_document
from backups.models import KEEP_RULES, Backup, BackupPolicy
from storage.export import by_id, open_blob


def list_backups(user_id: UUID) -> Iterator[SealedItem]:
    columns = (
        "id",
        "version",
        "timestamp",
        "checksum",
        "size_bytes",
        "chunk_count",
        "created_at",
        "immutable_until",
        "s3_key",
    )
    for row in by_id(Backup.objects.for_user(user_id), columns):
        key = row.pop("s3_key")
        yield SealedItem(str(row["id"]), key, row["size_bytes"], row["checksum"], row)


def collect_policy(user_id: UUID) -> dict[str, Any]:
    policy = BackupPolicy.objects.of_user(user_id)
    return {name: getattr(policy, name) for name in (*KEEP_RULES, "immutable_days")}


def register() -> None:
    register_document("backup_policy.json", collect_policy)
    register_collection(Collection("backups/", list_backups, open_item=open_blob))

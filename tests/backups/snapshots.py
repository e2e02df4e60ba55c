"""Snapshots to test with, and a look at what is kept of them without asking our own code."""

import hashlib
import secrets
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings

from backups.models import Backup
from storage.models import StorageUsage
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

TIMESTAMP = "2026-11-22T18:20:05.061422Z"
UNFINISHED = ".unfinished"


def checksum_of(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def label(body: bytes, **changes: str | None) -> dict[str, str]:
    """The headers of an upload; ``label(body, Chunk_Count="3", Version=None)`` adds one and leaves one out."""
    sent: dict[str, str | None] = {"Version": "1", "Timestamp": TIMESTAMP, "Checksum": checksum_of(body), **changes}
    return {f"X-Backup-{name.replace('_', '-')}": value for name, value in sent.items() if value is not None}


def put(api: ApiClient, account: Account, body: bytes, *, headers: dict[str, str] | None = None) -> Answer:
    return api.put(
        "backup",
        body=body,
        headers=label(body) if headers is None else headers,
        token=account.access_token,
        content_type="application/octet-stream",
    )


def store(api: ApiClient, account: Account, body: bytes | None = None) -> Any:
    """The BackupMeta of a new snapshot; random bytes where none are given."""
    answer = put(api, account, secrets.token_bytes(64) if body is None else body)
    assert answer.status == 201, answer
    return answer.json


def allow(account: Account, limit_bytes: int) -> None:
    """The account's own quota, instead of its tier's."""
    StorageUsage.objects.update_or_create(user_id=account.user.id, defaults={"backup_limit_bytes": limit_bytes})


def blobs_of(user_id: UUID, folder: Path | None = None) -> dict[str, bytes]:
    """What lies in the blob folder for a user, by key."""
    root = folder or Path(settings.BLOB_DIR)
    files = [file for file in (root / str(user_id)).rglob("*") if file.is_file()]
    return {str(file.relative_to(root)): file.read_bytes() for file in files}


def list_unfinished(folder: Path | None = None) -> list[str]:
    """Uploads that have begun."""
    area = (folder or Path(settings.BLOB_DIR)) / UNFINISHED
    return [file.name for file in area.iterdir()] if area.exists() else []


def used_bytes(user_id: UUID) -> int:
    usage = StorageUsage.objects.filter(user_id=user_id).first()
    return usage.backup_bytes if usage is not None else 0


def assert_nothing_is_kept_of(account: Account) -> None:
    assert blobs_of(account.user.id) == {}
    assert used_bytes(account.user.id) == 0
    assert not Backup.objects.for_user(account.user.id).exists()


def age(backup: Any, *, created_at: datetime) -> None:
    """Moves a stored snapshot to the time it is given."""
    assert Backup.objects.filter(id=backup["id"]).update(created_at=created_at, latest_since=created_at) == 1


def seconds_of(http_date: str) -> datetime:
    return parsedate_to_datetime(http_date).astimezone(UTC)

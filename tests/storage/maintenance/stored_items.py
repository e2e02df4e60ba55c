"""Things in storage, put there as the routes do it, without the routes."""

import io
import os
import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.core.management import CommandError, call_command

from accounts.models import User
from backups.models import Backup
from storage.blobs.factory import get_blob_store
from storage.checksums import checksum_of
from storage.models import RecordVersion, StorageRecord, StoredVector
from storage.quota import Kind, lock_usage
from storage.records import service as records


def upload(key: str, data: bytes = b"sealed") -> str:
    get_blob_store().upload(key, [data])
    return key


def write_blob_file(folder: Path, key: str, data: bytes = b"sealed") -> str:
    """As ``upload``, for many: a file in the store's ``folder`` that nobody has made sure is on the disk."""
    path = folder / key
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return key


def record_key(user_id: UUID, *, table: str = "notes", record_id: UUID | None = None) -> str:
    return f"{user_id}/{table}/{record_id or uuid.uuid4()}.{uuid.uuid4().hex}"


def make_record(user: User, data: bytes = b"sealed") -> StorageRecord:
    record_id, now = uuid.uuid4(), datetime.now(UTC)
    key = upload(record_key(user.id, record_id=record_id), data)
    with lock_usage(user.id) as usage:
        usage.charge(Kind.STORAGE, added=len(data))
        record: StorageRecord = StorageRecord.objects.create(
            user=user,
            id=record_id,
            table_name="notes",
            s3_key=key,
            checksum=checksum_of(data),
            size_bytes=len(data),
            revision=1,
            seq=usage.next_seq(),
            created_at=now,
            updated_at=now,
        )
    return record


def delete_record(record: StorageRecord, *, days_ago: float = 0) -> None:
    """Leaves the tombstone only."""
    key = record.s3_key
    with lock_usage(record.user_id) as usage:
        usage.charge(Kind.STORAGE, added=0, removed=record.size_bytes)
        record.s3_key, record.size_bytes, record.seq = None, 0, usage.next_seq()
        record.deleted_at = datetime.now(UTC) - timedelta(days=days_ago)
        record.save()
    get_blob_store().delete(str(key))


def make_version(user: User, data: bytes = b"what it was") -> RecordVersion:
    """Of a record that was deleted since."""
    record = make_record(user, data)
    records.delete_record(user_id=user.id, record_id=record.id, expect=lambda _: None)
    version: RecordVersion = RecordVersion.objects.get(record_id=record.id)
    return version


def make_vector(user: User, data: bytes = b"sealed vector") -> StoredVector:
    with lock_usage(user.id) as usage:
        usage.charge(Kind.STORAGE, added=len(data))
        vector: StoredVector = StoredVector.objects.create(
            user=user, id=uuid.uuid4(), blob=data, checksum=checksum_of(data), size_bytes=len(data)
        )
    return vector


def make_backup(user: User, data: bytes = b"sealed snapshot") -> Backup:
    backup_id, now = uuid.uuid4(), datetime.now(UTC)
    key = upload(f"{user.id}/_backup/{backup_id}", data)
    with lock_usage(user.id) as usage:
        usage.charge(Kind.BACKUP, added=len(data))
        backup: Backup = Backup.objects.create(
            user=user,
            id=backup_id,
            s3_key=key,
            version="1",
            timestamp=now,
            checksum=checksum_of(data),
            size_bytes=len(data),
            created_at=now,
        )
    return backup


def age_files(folder: Path, seconds: float) -> None:
    """Every file below ``folder`` was written that much earlier."""
    then = time.time() - seconds
    for path in folder.rglob("*"):
        if path.is_file():
            os.utime(path, (then, then))


def keys() -> set[str]:
    return {blob.key for blob in get_blob_store().list_keys()}


def run(command: str, *arguments: str) -> tuple[int, str]:
    """``(exit code, what it printed on stdout)``."""
    out = io.StringIO()
    try:
        call_command(command, *arguments, stdout=out)
    except CommandError as error:
        return error.returncode, out.getvalue()
    return 0, out.getvalue()

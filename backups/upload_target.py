"""Snapshots that arrive by a resumable upload."""

import uuid
from collections.abc import Mapping
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from accounts.models import User
from backups.headers import parse_label
from backups.history import Stored, bytes_giving_way, commit_blob, etag_of, get_latest, is_repeated, key_of
from storage.quota import Kind, LockedUsage
from storage.staging import UploadKind, WholeBlob, is_lost
from storage.uploads import targets
from storage.uploads.targets import Plan, Result


class BackupTarget:
    """As ``PUT /backup``: the fields are its headers."""

    name = "backup"
    kind = Kind.BACKUP
    upload_kind: UploadKind = "backup"

    def max_bytes(self) -> int:
        return settings.MAX_BACKUP_BYTES

    def plan(self, *, user: User, fields: Mapping[str, str], size_bytes: int) -> Plan:
        label, checksum = parse_label(fields)
        backup_id = uuid.uuid4()
        result, replaced = None, bytes_giving_way(user.id)
        latest = get_latest(user_id=user.id)
        if latest is not None and is_repeated(latest, label=label, checksum=checksum):
            if is_lost(latest.s3_key):
                replaced = latest.size_bytes
            elif latest.size_bytes == size_bytes:
                result = _result(Stored(latest, is_new=False))
        return Plan(
            item_id=backup_id,
            key=key_of(user_id=user.id, backup_id=backup_id),
            checksum=checksum,
            result=result,
            replaced_bytes=replaced,
            is_room_shared=True,
        )

    def commit(
        self, *, user: User, fields: Mapping[str, str], item_id: UUID, blob: WholeBlob, usage: LockedUsage
    ) -> Result:
        return _result(commit_blob(backup_id=item_id, label=parse_label(fields)[0], blob=blob, usage=usage))


def _result(stored: Stored) -> Result:
    return Result(path=reverse("backup", args=[stored.backup.id]), etag=etag_of(stored.backup))


def register() -> None:
    targets.register(BackupTarget())

"""Records that arrive by a resumable upload."""

import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.urls import reverse

from accounts.models import User
from adiuva.api.errors import Conflict
from storage.models import StorageRecord
from storage.quota import Kind, LockedUsage
from storage.records.serializers import UploadSerializer
from storage.records.service import commit_blob, find_same, new_key
from storage.staging import UploadKind, WholeBlob
from storage.uploads.targets import Plan, Result


class RecordTarget:
    """As ``POST /storage/records``: the id is the client's choice, or made here; one that is taken is refused."""

    name = "record"
    kind = Kind.STORAGE
    upload_kind: UploadKind = "record"

    def max_bytes(self) -> int:
        return settings.MAX_RECORD_BYTES

    def plan(self, *, user: User, fields: Mapping[str, str], size_bytes: int) -> Plan:
        data = _read(fields)
        table, checksum = data["table_name"], data["checksum"]
        item_id = data.get("id") or uuid.uuid4()
        key = new_key(user_id=user.id, table_name=table, record_id=item_id)
        plan = Plan(item_id=item_id, key=key, checksum=checksum)
        found = find_same(user_id=user.id, record_id=item_id, table_name=table, checksum=checksum)
        if found is None:
            return plan
        record, is_lost = found
        if record.size_bytes != size_bytes:
            raise Conflict("A record with this id and checksum exists, of another size.")
        return replace(plan, replaced_bytes=size_bytes) if is_lost else replace(plan, result=_result(record))

    def commit(
        self, *, user: User, fields: Mapping[str, str], item_id: UUID, blob: WholeBlob, usage: LockedUsage
    ) -> Result:
        table = _read(fields)["table_name"]
        return _result(commit_blob(user=user, table_name=table, record_id=item_id, blob=blob, usage=usage))


def _read(fields: Mapping[str, str]) -> dict[str, Any]:
    serializer = UploadSerializer(data=dict(fields))
    serializer.is_valid(raise_exception=True)
    data: dict[str, Any] = serializer.validated_data
    return data


def _result(record: StorageRecord) -> Result:
    return Result(path=reverse("record", args=[record.id]), etag=record.etag)

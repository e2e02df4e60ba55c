"""What records and vectors tell the registry of blob owners (``storage.blobs.owners``)."""

import re
from collections.abc import Collection
from uuid import UUID

from storage.blobs.keys import A_UUID
from storage.blobs.owners import RowsWithBlobs, bytes_by_user
from storage.models import StorageRecord, StoredVector
from storage.quota import Kind

_RECORD_KEY = re.compile(rf"{A_UUID}/[a-z][a-z0-9_]{{0,63}}/{A_UUID}\.[0-9a-f]{{32}}")


class Records(RowsWithBlobs):
    """A vector's sealed blob lies in its row, so it has no key; its bytes count and its rows go as records' do."""

    def __init__(self) -> None:
        super().__init__(
            name="record",
            kind=Kind.STORAGE,
            rows=StorageRecord.objects.live,
            claims=lambda key: _RECORD_KEY.fullmatch(key) is not None,
        )

    def used_bytes(self, user_ids: Collection[UUID]) -> dict[tuple[UUID, Kind], int]:
        used = super().used_bytes(user_ids)
        for user_id, size in bytes_by_user(StoredVector.objects.all(), user_ids):
            used[user_id, Kind.STORAGE] = used.get((user_id, Kind.STORAGE), 0) + size
        return used

    def forget(self, user_id: UUID) -> None:
        """Tombstones too."""
        StorageRecord.objects.for_user(user_id).delete()
        StoredVector.objects.for_user(user_id).delete()

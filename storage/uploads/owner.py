"""What unfinished uploads tell the registry of owners, and the counters."""

import re
from collections.abc import Collection, Iterator
from datetime import datetime
from uuid import UUID

from django.db.models import Sum

from storage.blobs.key_owners import StoredBlob
from storage.blobs.port import A_UUID
from storage.models import Upload
from storage.quota import Kind
from storage.uploads.service import forget_uploads, live_keys

# What the object store keeps of an upload beside its parts (``storage.blobs.s3.drafts``).
_REST = re.compile(rf"({A_UUID}/[a-z_][a-z0-9_]*/{A_UUID}(?:\.[0-9a-f]{{32}})?)\.rest[0-9]+")


class UploadOwner:
    """The bytes of one that is whole lie at their key before its commit: nobody else refers to them yet."""

    name = "upload"

    def claims(self, key: str) -> bool:
        return _REST.fullmatch(key) is not None

    def find_referenced(self, keys: Collection[str]) -> set[str]:
        goals = {key: rest[1] if (rest := _REST.fullmatch(key)) else key for key in keys}
        live = live_keys(set(goals.values()))
        return {key for key, goal in goals.items() if goal in live}

    def to_verify(self, *, before: datetime) -> Iterator[StoredBlob]:
        """Their end verifies them."""
        yield from ()

    def mark_verified(self, key: str, *, at: datetime) -> None:
        """None is."""

    def used_bytes(self, user_ids: Collection[UUID]) -> dict[tuple[UUID, Kind], int]:
        """Reserved, not used."""
        return {}

    def forget(self, user_id: UUID) -> None:
        forget_uploads(user_id)


def sum_reserved_bytes(user_ids: Collection[UUID]) -> dict[tuple[UUID, Kind], int]:
    """What unfinished uploads have reserved; 0 is left out."""
    rows = Upload.objects.filter(user_id__in=user_ids).order_by().values_list("user_id", "kind")
    return {
        (user_id, Kind(kind)): total for user_id, kind, total in rows.annotate(total=Sum("reserved_bytes")) if total
    }

"""What packages tell the registry of blob owners (``storage.blobs.owners``)."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet, UUIDField, Value

from marketplace.models import PluginVersion
from marketplace.package_keys import is_package_key
from marketplace.packages import is_laid_down
from storage.blobs.owners import RowsWithBlobs, StoredBlob
from storage.quota import Kind


class Packages(RowsWithBlobs):
    """Nobody's: they count towards no quota, and what becomes of a leaving author's is ``leaving_authors``' to say."""

    def __init__(self) -> None:
        super().__init__(name="plugin package", kind=Kind.STORAGE, rows=_versions, claims=is_package_key)

    def to_verify(self, *, before: datetime) -> Iterator[StoredBlob]:
        return (blob for blob in super().to_verify(before=before) if is_laid_down(blob.key))

    def used_bytes(self, user_ids: Collection[UUID]) -> Mapping[tuple[UUID, Kind], int]:  # type: ignore[override]
        return {}

    def forget(self, user_id: UUID) -> None:
        """Nothing is one user's."""


def _versions() -> QuerySet[PluginVersion, PluginVersion]:
    return PluginVersion.objects.annotate(user_id=Value(None, output_field=UUIDField(null=True)))

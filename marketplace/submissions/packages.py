"""Under which keys packages lie in the blob store: ``_plugins/{slug}/{version}.{nonce}``.

A user's keys begin with a UUID, so none of theirs can be one of these.
"""

import logging
import re
import uuid
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet, UUIDField, Value

from marketplace import seeds
from marketplace.models import PluginVersion
from storage.blobs.factory import get_blob_store
from storage.blobs.key_owners import RowsWithBlobs, StoredBlob
from storage.quota import Kind

FOLDER = "_plugins"
SEED = "seed"  # in the nonce's place: a package of Adiuva's own, which can be made again from this repository
_KEY = re.compile(rf"{FOLDER}/[a-z0-9_][a-z0-9-]{{0,64}}/[0-9][0-9A-Za-z._-]*\.(?:[0-9a-f]{{32}}|{SEED})")


def new_key(*, slug: str, version: str) -> str:
    """Of its own for each attempt, so that no two ever write to one place."""
    return _key(slug, version, uuid.uuid4().hex)


def seed_key(*, slug: str, version: str) -> str:
    return _key(slug, version, SEED)


def is_package_key(key: str) -> bool:
    return _KEY.fullmatch(key) is not None


def _key(slug: str, version: str, end: str) -> str:
    # A name in a key must not begin with a hyphen and has no plus sign (storage.blobs.port); neither has an underscore.
    folder = f"_{slug}" if slug.startswith("-") else slug
    return f"{FOLDER}/{folder}/{version.replace('+', '_')}.{end}"


logger = logging.getLogger(__name__)


def is_laid_down(key: str) -> bool:
    """False for a seed's that nobody has asked for yet; what others submitted must be there."""
    return key not in _SEEDS or get_blob_store().exists(key)


def lay_down(key: str) -> bool:
    """Puts a seed's package into the store where it is missing. False where ``key`` is not a seed's.

    Raises:
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: the store failed.
    """
    slug = _SEEDS.get(key)
    if slug is None:
        return False
    if not get_blob_store().exists(key):
        # Two at once write the same bytes.
        get_blob_store().upload(key, [seeds.package_of(slug)])
        logger.info("a package of our own is laid down", extra={"key": key})
    return True


_SEEDS = {seed_key(slug=slug, version=seeds.manifest_of(slug)["version"]): slug for slug in seeds.SLUGS}


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

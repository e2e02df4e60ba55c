"""Packages in the blob store, and the ones that this repository brings along.

A package lies under ``_plugins/{slug}/{version}.{nonce}``; users' own keys begin with a UUID, so none of them can be
one of these.

The *seeds* are Adiuva's own plugins, each a folder in ``marketplace/seeds``: a manifest and the scripts of its package.
The package is made from them whenever the blob store has none, always byte for byte the same: stored, not compressed,
because another zlib may compress otherwise. A published version never changes, so neither do these files: what is new
is a new version with a migration of its own.
"""

import io
import json
import logging
import re
import uuid
import zipfile
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db.models import QuerySet, UUIDField, Value

from marketplace.models import PluginVersion
from storage.blobs.factory import get_blob_store
from storage.blobs.key_owners import RowsWithBlobs, StoredBlob
from storage.quota import Kind

SEEDS_FOLDER = Path(__file__).resolve().parent.parent / "seeds"
SEED_MANIFEST = "manifest.json"
SEED_SLUGS = ("github-sync", "slack-notifier", "time-tracker")
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip archive can tell
_UNIX, _READABLE_FILE = 3, 0o100644


def seed_manifest(slug: str) -> dict[str, Any]:
    manifest: dict[str, Any] = json.loads((SEEDS_FOLDER / slug / SEED_MANIFEST).read_text("utf-8"))
    return manifest


def seed_package(slug: str) -> bytes:
    """The zip archive of the scripts beside the manifest."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted((SEEDS_FOLDER / slug).glob("*.js")):
            archive.writestr(_zip_info(path.name), path.read_bytes())
    return packed.getvalue()


def _zip_info(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, date_time=_LONG_AGO)
    info.create_system = _UNIX
    info.external_attr = _READABLE_FILE << 16
    return info


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


def is_stored(key: str) -> bool:
    """False for a seed's that nobody has asked for yet; what others submitted must be there."""
    return key not in _SEEDS or get_blob_store().exists(key)


def store_seed(key: str) -> bool:
    """Puts a seed's package into the store where it is missing. False where ``key`` is not a seed's.

    Raises:
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: the store failed.
    """
    slug = _SEEDS.get(key)
    if slug is None:
        return False
    if not get_blob_store().exists(key):
        # Two at once write the same bytes.
        get_blob_store().upload(key, [seed_package(slug)])
        logger.info("a package of our own is laid down", extra={"key": key})
    return True


_SEEDS = {seed_key(slug=slug, version=seed_manifest(slug)["version"]): slug for slug in SEED_SLUGS}


class Packages(RowsWithBlobs):
    """They belong to nobody and count towards no quota; ``marketplace.erasure`` decides what becomes of those of an
    author whose account is deleted.
    """

    def __init__(self) -> None:
        super().__init__(name="plugin package", kind=Kind.STORAGE, rows=_versions, claims=is_package_key)

    def to_verify(self, *, before: datetime) -> Iterator[StoredBlob]:
        return (blob for blob in super().to_verify(before=before) if is_stored(blob.key))

    def used_bytes(self, user_ids: Collection[UUID]) -> Mapping[tuple[UUID, Kind], int]:  # type: ignore[override]
        return {}

    def forget(self, user_id: UUID) -> None:
        """Nothing is one user's."""


def _versions() -> QuerySet[PluginVersion, PluginVersion]:
    return PluginVersion.objects.annotate(user_id=Value(None, output_field=UUIDField(null=True)))

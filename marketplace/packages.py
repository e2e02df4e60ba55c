"""Packages in the blob store, and those of Adiuva's own, which come from this repository."""

import logging

from marketplace import seeds
from marketplace.package_keys import seed_key
from storage.blobs.port import get_blob_store

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

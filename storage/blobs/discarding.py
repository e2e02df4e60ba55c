"""Blobs that nothing refers to any more."""

import logging
from collections.abc import Collection
from functools import partial

from django.db import transaction

from storage.blobs.factory import get_blob_store
from storage.blobs.port import BlobsAreLocked

logger = logging.getLogger(__name__)


def discard_after_commit(*keys: str) -> None:
    """Removes the blobs that this transaction has replaced, once it has. Many in one go: the answer waits for it."""
    transaction.on_commit(partial(discard_blobs, keys), robust=True)


def discard_blob(key: str) -> None:
    """Removes a blob that nothing refers to. A failure is logged and left to the reaper: it must not undo a commit."""
    discard_blobs([key])


def discard_blobs(keys: Collection[str]) -> None:
    """``discard_blob`` of each, side by side where the store is better at that."""
    if not keys:
        return
    some = next(iter(keys))
    try:
        get_blob_store().delete_many(keys)
    except BlobsAreLocked:
        logger.info("a backup is being made: a blob is left for reap_storage", extra={"key": some})
    except Exception:
        logger.exception("a blob is left for reap_storage", extra={"key": some})

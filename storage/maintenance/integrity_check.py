"""The rolling integrity check: reads stored blobs, the longest unread first, and compares them with their rows."""

import asyncio
import hashlib
import heapq
import logging
import time
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from adiuva.api.errors import Problem
from storage.blobs.factory import get_blob_store
from storage.blobs.key_owners import BlobOwner, StoredBlob, owners
from storage.checksums import verify_checksum
from storage.maintenance import Tally

logger = logging.getLogger(__name__)

GIVE_UP_AFTER = 5  # blobs in a row that the store did not give: it is not available


class Damage(StrEnum):
    MISSING = "missing"
    SIZE = "size"
    CHECKSUM = "checksum"


@dataclass(slots=True)
class IntegrityTally(Tally):
    """``blobs`` and ``blob_bytes`` were read and are whole, or count as ``damaged``."""

    damaged: int = 0


class StoreUnavailableError(Exception):
    """The check ended early: the blob store gives nothing any more."""


def check_integrity(
    *, before: datetime, max_bytes: int | None = None, max_seconds: float | None = None, tally: IntegrityTally
) -> None:
    """Reads what was not verified since ``before`` (UTC), until that or the budget is used up.

    Damaged blobs are reported and not marked as verified, so each run reports them again, first. A budget of bytes is
    left by at most one blob; bytes of damaged blobs do not use it up, or they would keep all others from being read.

    Raises:
        StoreUnavailableError: nothing more can be read for now.
    """
    until = None if max_seconds is None else time.monotonic() + max_seconds
    failed_in_a_row = 0
    with asyncio.Runner() as runner:
        for owner, blob in _longest_unread_first(before):
            if (until is not None and time.monotonic() >= until) or (
                max_bytes is not None and tally.blob_bytes >= max_bytes
            ):
                return
            try:
                damage = runner.run(_find_damage(blob))
            except (Problem, OSError) as error:
                logger.exception("a blob could not be read", extra={"key": blob.key})
                tally.note_failure(f"could not be read: {_label_of(owner, blob)} ({error})")
                failed_in_a_row += 1
                if failed_in_a_row == GIVE_UP_AFTER:
                    raise StoreUnavailableError from error
                continue
            failed_in_a_row = 0
            _note_result(owner, blob, damage, tally)


def _longest_unread_first(before: datetime) -> Iterator[tuple[BlobOwner, StoredBlob]]:
    never = datetime.min.replace(tzinfo=UTC)
    walks = [_list_unverified(owner, before) for owner in owners()]
    return heapq.merge(*walks, key=lambda one: one[1].verified_at or never)


def _list_unverified(owner: BlobOwner, before: datetime) -> Iterator[tuple[BlobOwner, StoredBlob]]:
    for blob in owner.to_verify(before=before):
        yield owner, blob


def _note_result(owner: BlobOwner, blob: StoredBlob, damage: Damage | None, tally: IntegrityTally) -> None:
    if damage is None:
        owner.mark_verified(blob.key, at=datetime.now(UTC))
        tally.blobs += 1
        tally.blob_bytes += blob.size_bytes
    elif owner.find_referenced([blob.key]):  # else it was replaced or deleted while it was read
        tally.damaged += 1
        tally.say(f"damaged ({damage}): {_label_of(owner, blob)}")
        logger.error(
            "a blob is damaged",
            extra={"damage": str(damage), "owner": owner.name, "item": str(blob.item_id), "key": blob.key},
        )
    tally.step(1)


async def _find_damage(blob: StoredBlob) -> Damage | None:
    digest, size = hashlib.sha256(), 0
    try:
        opened = get_blob_store().download(blob.key)
    except FileNotFoundError:
        return Damage.MISSING
    async with aclosing(opened) as parts:
        async for part in parts:
            size += len(part)
            digest.update(part)
    if size != blob.size_bytes:
        return Damage.SIZE
    return None if verify_checksum(blob.checksum, digest.hexdigest()) else Damage.CHECKSUM


def _label_of(owner: BlobOwner, blob: StoredBlob) -> str:
    return f"{owner.name} {blob.item_id}, key {blob.key}"

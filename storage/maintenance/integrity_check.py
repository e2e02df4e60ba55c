"""The rolling scrub: reads stored blobs, the longest unread first, and compares them with what is known of them."""

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

GIVE_UP_AFTER = 5  # blobs in a row that the store did not give: it is away


class Damage(StrEnum):
    MISSING = "missing"
    SIZE = "size"
    CHECKSUM = "checksum"


@dataclass(slots=True)
class Scrubbed(Tally):
    """``blobs`` and ``blob_bytes`` were read and are whole, or count as ``damaged``."""

    damaged: int = 0


class StoreIsAwayError(Exception):
    """The scrub ended early: the blob store gives nothing any more."""


def scrub(*, before: datetime, max_bytes: int | None = None, max_seconds: float | None = None, tally: Scrubbed) -> None:
    """Reads what was not verified since ``before`` (UTC), until that or the budget is used up.

    Damaged blobs are reported and not marked as verified, so each run reports them again, first. A budget of bytes is
    left by at most one blob; bytes of damaged blobs do not use it up, or they would keep all others from being read.

    Raises:
        StoreIsAwayError: nothing more can be read for now.
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
                damage = runner.run(_damage_of(blob))
            except (Problem, OSError) as error:
                logger.exception("a blob could not be read", extra={"key": blob.key})
                tally.trouble(f"could not be read: {_named(owner, blob)} ({error})")
                failed_in_a_row += 1
                if failed_in_a_row == GIVE_UP_AFTER:
                    raise StoreIsAwayError from error
                continue
            failed_in_a_row = 0
            _record(owner, blob, damage, tally)


def _longest_unread_first(before: datetime) -> Iterator[tuple[BlobOwner, StoredBlob]]:
    never = datetime.min.replace(tzinfo=UTC)
    walks = [_walk(owner, before) for owner in owners()]
    return heapq.merge(*walks, key=lambda one: one[1].verified_at or never)


def _walk(owner: BlobOwner, before: datetime) -> Iterator[tuple[BlobOwner, StoredBlob]]:
    for blob in owner.to_verify(before=before):
        yield owner, blob


def _record(owner: BlobOwner, blob: StoredBlob, damage: Damage | None, tally: Scrubbed) -> None:
    if damage is None:
        owner.mark_verified(blob.key, at=datetime.now(UTC))
        tally.blobs += 1
        tally.blob_bytes += blob.size_bytes
    elif owner.referenced([blob.key]):  # else it was replaced or deleted while it was read
        tally.damaged += 1
        tally.say(f"damaged ({damage}): {_named(owner, blob)}")
        logger.error(
            "a blob is damaged",
            extra={"damage": str(damage), "owner": owner.name, "item": str(blob.item_id), "key": blob.key},
        )
    tally.step(1)


async def _damage_of(blob: StoredBlob) -> Damage | None:
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


def _named(owner: BlobOwner, blob: StoredBlob) -> str:
    return f"{owner.name} {blob.item_id}, key {blob.key}"

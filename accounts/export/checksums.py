"""The CRC-32 of what an export has sent, kept a day in the cache for the request that goes on where it broke off.

Without them nothing is lost: what is not known is read once more. So they are no table of the database.
"""

import hashlib
import logging
from array import array
from concurrent.futures import ThreadPoolExecutor
from typing import Self

from django.core.cache import cache

from adiuva.db.cache import cache_errors

logger = logging.getLogger(__name__)

KEPT_SECONDS = 24 * 60 * 60
CHUNK = 4096  # items a key: 20 KiB
_KNOWN, _MISSING = 1, 2

_keeper = ThreadPoolExecutor(max_workers=1, thread_name_prefix="export-checksums")


class KnownChecksums:
    """By an entry's number in its plan: five bytes each. ``miss`` notes that its item was gone."""

    def __init__(self, *, etag: str, count: int) -> None:
        # Of the tag its hash: keys show up in a cache server's monitoring.
        self._key = "export:" + hashlib.sha256(etag.encode()).hexdigest()
        self._crcs = array("I", bytes(4 * count))
        self._states = bytearray(count)
        self._changed: set[int] = set()

    @classmethod
    def load(cls, *, etag: str, count: int) -> Self:
        """What was kept, as far as it is still there."""
        known = cls(etag=etag, count=count)
        keys = {known._name(chunk): chunk for chunk in range(-(-count // CHUNK))}
        try:
            found = cache.get_many(keys)
        except cache_errors():
            logger.warning("the cache is away: an export reads again what it has sent", exc_info=True)
            return known
        for key, (crcs, states) in found.items():
            first = keys[key] * CHUNK
            known._crcs[first : first + len(states)] = array(known._crcs.typecode, crcs)
            known._states[first : first + len(states)] = states
        return known

    def get(self, number: int) -> int | None:
        return self._crcs[number] if self._states[number] else None

    def is_missing(self, number: int) -> bool:
        return self._states[number] == _MISSING

    def set(self, number: int, crc: int) -> None:
        if self._states[number] and self._crcs[number] == crc:
            return
        self._crcs[number] = crc
        self._states[number] = self._states[number] or _KNOWN
        self._changed.add(number // CHUNK)
        if number % CHUNK == CHUNK - 1:
            self.keep()

    def miss(self, number: int) -> None:
        self._states[number] = _MISSING
        self._changed.add(number // CHUNK)

    def keep(self) -> None:
        """In a thread of its own; nobody waits for it."""
        changed, self._changed = self._changed, set()
        chunks = {}
        for chunk in changed:
            part = slice(chunk * CHUNK, (chunk + 1) * CHUNK)
            chunks[self._name(chunk)] = (self._crcs[part].tobytes(), bytes(self._states[part]))
        if chunks:
            _keeper.submit(_keep, chunks)

    def _name(self, chunk: int) -> str:
        return f"{self._key}:{chunk}"


def _keep(chunks: dict[str, tuple[bytes, bytes]]) -> None:
    try:
        cache.set_many(chunks, timeout=KEPT_SECONDS)
    except cache_errors():
        logger.warning("the cache is away: an export that breaks off reads again what it has sent", exc_info=True)

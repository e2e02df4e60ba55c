"""An export on its way to one client: the bytes of its archive from any place on, a few in memory at a time.

Small items are read several at once and ahead of the client, large ones while they are sent. No database connection is
held: rows are fetched a group at a time, and so is the lease, by which an export that somebody else took over, or whose
session ended, ends here.
"""

import asyncio
import hashlib
import logging
import zlib
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from functools import partial
from typing import TypeVar

from asgiref.sync import sync_to_async
from django.db import close_old_connections

from accounts.export.checksums import KnownChecksums
from accounts.export.plan import FOLDER_LENGTH, MISSING, Plan, PlannedEntry
from accounts.export.registry import ItemReader
from accounts.export.zip_format import EntryHead, central_header, descriptor, local_header

logger = logging.getLogger(__name__)

SMALL_BYTES = 256 * 1024
GROUP_BYTES, GROUP_ITEMS = 1024 * 1024, 64
PART_BYTES = 256 * 1024  # small pieces go out together
LEASE_EVERY_SECONDS = 15.0
_ZEROS = bytes(PART_BYTES)

_AT_ONCE = 8  # small items of one export
# Opening a blob takes a store's answer; these bound how many are asked for at once, of all exports together.
_openers = ThreadPoolExecutor(max_workers=_AT_ONCE, thread_name_prefix="export")

T = TypeVar("T")
Group = list[PlannedEntry]


class ExportDamagedError(Exception):
    """What was read is not what was listed. Raised in mid-answer: nothing but a cut connection says so."""


class ExportSender:
    """``parts`` gives the archive's bytes from ``start`` on. ``renew`` is called in the request's thread every
    ``LEASE_EVERY_SECONDS`` and raises where this export must not go on.
    """

    def __init__(self, plan: Plan, *, start: int, checksums: KnownChecksums, renew: Callable[[], None]) -> None:
        self._plan = plan
        self._start = start
        self._at = 0
        self._checksums = checksums
        self._renew = renew
        self._at_once = asyncio.Semaphore(_AT_ONCE)

    async def parts(self) -> AsyncGenerator[bytes, None]:
        """In one piece what is small. Raises ``ExportDamagedError``, whatever a store or ``renew`` raises."""
        loop = asyncio.get_running_loop()
        renewed = loop.time()
        waiting: list[bytes] = []
        size = 0
        async with aclosing(self._pieces()) as pieces:
            async for piece in pieces:
                waiting.append(piece)
                size += len(piece)
                if size >= PART_BYTES:
                    yield b"".join(waiting)
                    waiting, size = [], 0
                    if loop.time() - renewed > LEASE_EVERY_SECONDS:
                        await in_request_thread(self._renew)
                        renewed = loop.time()
        if waiting:
            yield b"".join(waiting)

    def _from_start(self, piece: bytes) -> bytes:
        """What of the archive's next bytes was asked for."""
        behind = self._start - self._at
        self._at += len(piece)
        return piece if behind <= 0 else piece[behind:]

    async def _pieces(self) -> AsyncGenerator[bytes, None]:
        try:
            async with aclosing(self._contents()) as pieces:
                async for piece in pieces:
                    if asked := self._from_start(piece):
                        yield asked
            async with aclosing(self._directory()) as pieces:
                async for piece in pieces:
                    if asked := self._from_start(piece):
                        yield asked
            if asked := self._from_start(self._plan.ending):
                yield asked
        finally:
            self._checksums.keep()

    # --- entries ---

    async def _contents(self) -> AsyncGenerator[bytes, None]:
        groups = _groups(entry for entry in self._plan.entries() if self._is_asked(entry))
        reading = asyncio.ensure_future(self._read_next(groups))
        try:
            while True:
                group, contents = await reading
                if not group:
                    return
                if contents is not None:
                    reading = asyncio.ensure_future(self._read_next(groups))
                    for entry, content in zip(group, contents, strict=True):
                        for piece in self._small(entry, content):
                            yield piece
                else:
                    async with aclosing(self._large(group[0])) as pieces:
                        async for piece in pieces:
                            yield piece
                    reading = asyncio.ensure_future(self._read_next(groups))
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError, Exception):  # of what nobody waits for any more
                await reading

    def _is_asked(self, entry: PlannedEntry) -> bool:
        """Passes over an entry that the client has."""
        if entry.end > self._start:
            return True
        self._at = entry.end
        return False

    async def _read_next(self, groups: Iterator[Group]) -> tuple[Group, Sequence[bytes | None] | None]:
        """The next group and its contents; None for those that are read while they are sent."""
        group = await asyncio.get_running_loop().run_in_executor(_openers, lambda: next(groups, []))
        if not group or _is_long(group[0]):
            return group, None
        return group, await self._read(group)

    async def _read(self, group: Group) -> Sequence[bytes | None]:
        collection = group[0].collection
        loop = asyncio.get_running_loop()
        if collection is None:
            return await loop.run_in_executor(
                _openers, lambda: [self._plan.read_text(entry.position, entry.head.size) for entry in group]
            )
        contents: Sequence[bytes | None]
        if collection.read_rows is not None:
            refs = [entry.ref for entry in group]
            rows = await in_request_thread(partial(collection.read_rows, self._plan.user_id, refs))
            contents = [rows.get(ref) for ref in refs]
        else:
            contents = await asyncio.gather(*(self._read_blob(entry) for entry in group))
        for entry, content in zip(group, contents, strict=True):
            if content is not None and hashlib.sha256(content).digest() != entry.checksum:
                raise _damaged(entry)
        return contents

    async def _read_blob(self, entry: PlannedEntry) -> bytes | None:
        async with self._at_once:
            reader = await _open(entry, start=0)
            if reader is None:
                return None
            try:
                return b"".join([part async for part in reader])
            finally:
                reader.close()

    def _small(self, entry: PlannedEntry, content: bytes | None) -> Iterator[bytes]:
        if content is None:
            yield from self._zeros(entry)
            return
        yield local_header(entry.head, at=self._plan.at)
        yield content
        yield self._end_of(entry, zlib.crc32(content))

    def _zeros(self, entry: PlannedEntry) -> Iterator[bytes]:
        """In the place of what is gone: as long, and not under its name."""
        crc, left = 0, entry.head.size
        yield local_header(_missing(entry), at=self._plan.at)
        while left:
            piece = _ZEROS[:left]
            crc, left = zlib.crc32(piece, crc), left - len(piece)
            yield piece
        self._checksums.miss(entry.number)
        yield self._end_of(entry, crc)

    async def _large(self, entry: PlannedEntry) -> AsyncGenerator[bytes, None]:
        """Where its CRC is known from before the connection broke, what the client has of it is not read again."""
        if entry.collection is None:
            async for piece in self._long_text(entry):
                yield piece
            return
        header = local_header(entry.head, at=self._plan.at)
        known = self._checksums.get(entry.number)
        start = max(0, self._start - entry.offset - len(header)) if known is not None else 0
        start = min(start, entry.head.size)
        reader = None if self._checksums.is_missing(entry.number) else await _open(entry, start=start)
        if reader is None:
            for piece in self._zeros(entry):
                yield piece
            return
        try:
            yield header
            self._at += start
            size, sums = start, _Sums()
            async for piece in reader:
                size += len(piece)
                if size > entry.head.size:
                    raise _damaged(entry)
                if known is None:  # off the loop: a few milliseconds a part
                    await asyncio.get_running_loop().run_in_executor(_openers, sums.add, piece)
                yield piece
        finally:
            reader.close()
        if size != entry.head.size or (known is None and sums.digest != entry.checksum):
            raise _damaged(entry)
        yield self._end_of(entry, sums.crc if known is None else known)

    async def _long_text(self, entry: PlannedEntry) -> AsyncGenerator[bytes, None]:
        yield local_header(entry.head, at=self._plan.at)
        loop = asyncio.get_running_loop()
        for done in range(0, entry.head.size, PART_BYTES):
            size = min(PART_BYTES, entry.head.size - done)
            yield await loop.run_in_executor(_openers, self._plan.read_text, entry.position + done, size)

    def _end_of(self, entry: PlannedEntry, crc: int) -> bytes:
        if entry.collection is not None:
            self._checksums.set(entry.number, crc)
        return descriptor(entry.head, crc)

    # --- the directory ---

    async def _directory(self) -> AsyncGenerator[bytes, None]:
        """Asks for the CRC of each item; those that an earlier connection sent are known, or are read once more."""
        for entry in self._plan.entries():
            crc = entry.head.crc if entry.head.crc is not None else self._checksums.get(entry.number)
            if crc is None:
                crc = await self._crc_of(entry)
            head = _missing(entry) if self._checksums.is_missing(entry.number) else entry.head
            yield central_header(head, crc, offset=entry.offset, at=self._plan.at)

    async def _crc_of(self, entry: PlannedEntry) -> int:
        if not _is_long(entry):
            (content,) = await self._read([entry])
            if content is not None:
                return zlib.crc32(content)
        elif (reader := await _open(entry, start=0)) is not None:
            sums = _Sums()
            try:
                async for piece in reader:
                    await asyncio.get_running_loop().run_in_executor(_openers, sums.add, piece)
            finally:
                reader.close()
            if sums.digest != entry.checksum:
                raise _damaged(entry)
            return sums.crc
        self._checksums.miss(entry.number)
        crc = 0
        for done in range(0, entry.head.size, PART_BYTES):
            crc = zlib.crc32(_ZEROS[: entry.head.size - done], crc)
        return crc


class _Sums:
    def __init__(self) -> None:
        self.crc = 0
        self._digest = hashlib.sha256()

    def add(self, piece: bytes) -> None:
        self.crc = zlib.crc32(piece, self.crc)
        self._digest.update(piece)

    @property
    def digest(self) -> bytes:
        return self._digest.digest()


async def in_request_thread(function: Callable[[], T]) -> T:
    """Where the database is; its connection is free again afterwards."""

    def call() -> T:
        try:
            return function()
        finally:
            close_old_connections()

    return await sync_to_async(call)()


async def _open(entry: PlannedEntry, *, start: int) -> ItemReader | None:
    """None for what is gone."""
    opener = entry.collection.open_item if entry.collection else None
    if opener is None:
        raise TypeError(f"{entry.ref} is nothing to open")
    opening = asyncio.get_running_loop().run_in_executor(
        _openers, partial(opener, entry.ref, start=start, end=entry.head.size)
    )
    try:
        return await asyncio.shield(opening)
    except FileNotFoundError:
        logger.warning("an item is gone while its account is exported", extra={"ref": entry.ref})
        return None
    except asyncio.CancelledError:
        opening.add_done_callback(_close_opened)
        raise


def _close_opened(opening: "asyncio.Future[ItemReader]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _missing(entry: PlannedEntry) -> EntryHead:
    return EntryHead(MISSING + entry.head.name[FOLDER_LENGTH:], entry.head.size, entry.head.crc)


def _damaged(entry: PlannedEntry) -> ExportDamagedError:
    logger.error("an item is not what its row says", extra={"ref": entry.ref, "size": entry.head.size})
    return ExportDamagedError(entry.ref)


def _is_long(entry: PlannedEntry) -> bool:
    is_row = entry.collection is not None and entry.collection.read_rows is not None
    return entry.head.size > SMALL_BYTES and not is_row


def _groups(entries: Iterator[PlannedEntry]) -> Iterator[Group]:
    """Neighbours of one collection that are read at once; what is long, alone."""
    group: Group = []
    size = 0
    for entry in entries:
        ends = group and (
            _is_long(entry)
            or entry.collection is not group[0].collection
            or len(group) >= GROUP_ITEMS
            or size + entry.head.size > GROUP_BYTES
        )
        if ends:
            yield group
            group, size = [], 0
        group.append(entry)
        size += entry.head.size
        if _is_long(entry):
            yield group
            group, size = [], 0
    if group:
        yield group

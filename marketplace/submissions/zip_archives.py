"""Zip archives by strangers, read strictly: one way to understand each, or none.

Python's ``zipfile`` and other readers forgive a lot, each differently: bytes before, between and after the entries,
local headers that say something else than the central directory, entries that overlap (D. Fifield, "A better zip bomb",
2019). What one reader skips another one unpacks. Here every byte has one meaning (PKWARE's APPNOTE 6.3.10: § 4.3), the
archive is never unpacked to disk, and what is kept of it in memory is bounded before it is read.
"""

import stat
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

MAX_ENTRIES: Final = 2_000
MAX_DIRECTORY_BYTES: Final = 1024 * 1024  # of the central directory: 2,000 entries of 500 bytes
READ_BYTES: Final = 256 * 1024
MAX_SHOWN: Final = 120  # characters of a name in a message

STORED, DEFLATED = 0, 8
MAX_VERSION: Final = 45  # of the specification, by 10 (§ 4.4.3); what is here needs 2.0
_VERSION: Final = 0xFF
# Bits of the general purpose flags (§ 4.4.4).
ENCRYPTED: Final = 1 << 0 | 1 << 6 | 1 << 13  # traditional, strong, and with its directory masked
HAS_DESCRIPTOR: Final = 1 << 3
PATCHED: Final = 1 << 5
UTF8: Final = 1 << 11

_END = struct.Struct("<4s4H2LH")
_DIRECTORY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_DESCRIPTOR = struct.Struct("<3L")
_EXTRA = struct.Struct("<2H")
_END_SIGNATURE, _DIRECTORY_SIGNATURE, _LOCAL_SIGNATURE = b"PK\x05\x06", b"PK\x01\x02", b"PK\x03\x04"
_DESCRIPTOR_SIGNATURE = b"PK\x07\x08"
_ZIP64_EXTRA, _UNICODE_PATH_EXTRA = 0x0001, 0x7075
_ZIP64_COUNT, _ZIP64_SIZE = 0xFFFF, 0xFFFFFFFF


class ArchiveError(Exception):
    """What is wrong, in a sentence for the author."""


class TooManyEntriesError(ArchiveError):
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """As the central directory has it. ``name`` may still be hostile; ``mode`` is Unix's, 0 where none is told."""

    name: str
    flags: int
    method: int
    crc: int
    packed_bytes: int
    size_bytes: int
    offset: int
    mode: int
    dos_attributes: int

    @property
    def is_directory(self) -> bool:
        return self.name.endswith("/")

    @property
    def is_encrypted(self) -> bool:
        return bool(self.flags & ENCRYPTED)

    @property
    def file_type(self) -> int:
        """0, or one of ``stat``'s ``S_IF…``."""
        return stat.S_IFMT(self.mode)


class Archive:
    """A zip archive in ``file``, which must be seekable; its directory is read and compared with its headers.

    Raises:
        TooManyEntriesError: more than ``MAX_ENTRIES``.
        ArchiveError: not a zip archive, or not one that all readers understand alike.
    """

    def __init__(self, file: IO[bytes], *, size_bytes: int) -> None:
        self._file = file
        self._size_bytes = size_bytes
        start, count, length = self._end()
        self.entries = tuple(_entries(self._at(start, length), count))
        self._data_starts = self._locate_data(start)

    def parts(self, entry: Entry) -> Iterator[bytes]:
        """The entry's bytes, unpacked; never more than it declares.

        Raises:
            ArchiveError: they are not of the declared size or CRC-32, or are not followed by what they should be.
        """
        packed = self.packed_parts(entry)
        crc = size = 0
        for part in _inflate(packed) if entry.method == DEFLATED else packed:
            size += len(part)
            crc = zlib.crc32(part, crc)
            if size > entry.size_bytes:
                raise ArchiveError(f"{quote_name(entry.name)} is larger than it says.")
            yield part
        if size != entry.size_bytes or crc != entry.crc:
            raise ArchiveError(f"{quote_name(entry.name)} is damaged.")

    def read(self, entry: Entry) -> bytes:
        """``parts`` in one; for entries whose declared size was found small enough."""
        return b"".join(self.parts(entry))

    def packed_parts(self, entry: Entry) -> Iterator[bytes]:
        """The entry's bytes as they lie in the archive."""
        position, left = self._data_starts[entry.offset], entry.packed_bytes
        while left:
            part = self._at(position, min(left, READ_BYTES))
            position += len(part)
            left -= len(part)
            yield part

    def _at(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        data = self._file.read(length)
        if len(data) != length:
            raise ArchiveError("The archive is cut short.")
        return data

    def _end(self) -> tuple[int, int, int]:
        """Where the central directory starts, how many entries it has, and its length in bytes."""
        if self._size_bytes < _END.size:
            raise ArchiveError("This is not a zip archive.")
        position = self._size_bytes - _END.size
        signature, disk, first_disk, here, count, length, start, comment = _END.unpack(self._at(position, _END.size))
        if signature != _END_SIGNATURE or comment:
            raise ArchiveError("This is not a zip archive, or something follows it; it may have no comment.")
        if count == _ZIP64_COUNT or _ZIP64_SIZE in (length, start):
            raise ArchiveError("ZIP64 is for archives that are larger than a package may be.")
        if disk or first_disk or here != count:
            raise ArchiveError("The archive is in several volumes.")
        if count > MAX_ENTRIES or length > MAX_DIRECTORY_BYTES:
            raise TooManyEntriesError(f"The archive has {count} entries; at most {MAX_ENTRIES} are allowed.")
        if start + length != position:
            raise ArchiveError("The archive's directory is not where it should be.")
        return start, count, length

    def _locate_data(self, directory: int) -> dict[int, int]:
        """Where each entry's data starts, by its offset. From the first byte on, entry follows entry without a gap."""
        starts: dict[int, int] = {}
        expected = 0
        for entry in sorted(self.entries, key=lambda one: one.offset):
            if entry.offset != expected:
                raise ArchiveError(f"{quote_name(entry.name)} overlaps another entry, or does not follow it directly.")
            starts[entry.offset] = data = entry.offset + self._local_bytes(entry)
            expected = data + entry.packed_bytes
            if entry.flags & HAS_DESCRIPTOR:
                expected += self._descriptor_bytes(entry, expected)
        if expected != directory:
            raise ArchiveError("Something lies between the entries and the directory.")
        return starts

    def _local_bytes(self, entry: Entry) -> int:
        """The length of the local header, once it says what the directory says."""
        fields = _LOCAL.unpack(self._at(entry.offset, _LOCAL.size))
        signature, _, flags, method, _, _, crc, packed, size, name_length, extra_length = fields
        names = self._at(entry.offset + _LOCAL.size, name_length + extra_length)
        told, sizes = (crc, packed, size), (entry.crc, entry.packed_bytes, entry.size_bytes)
        agrees = told == sizes or (flags & HAS_DESCRIPTOR and told == (0, 0, 0))
        if signature != _LOCAL_SIGNATURE or (flags, method) != (entry.flags, entry.method) or not agrees:
            raise ArchiveError(f"{quote_name(entry.name)} is described in two ways.")
        if _decode_name(names[:name_length], flags) != entry.name:
            raise ArchiveError(f"{quote_name(entry.name)} has two names.")
        _require_one_meaning(names[name_length:], entry.name)
        length: int = _LOCAL.size + name_length + extra_length
        return length

    def _descriptor_bytes(self, entry: Entry, offset: int) -> int:
        plain = _DESCRIPTOR.pack(entry.crc, entry.packed_bytes, entry.size_bytes)
        for descriptor in (_DESCRIPTOR_SIGNATURE + plain, plain):
            if self._at(offset, len(descriptor)) == descriptor:
                return len(descriptor)
        raise ArchiveError(f"{quote_name(entry.name)} is described in two ways.")


def _entries(directory: bytes, count: int) -> Iterator[Entry]:
    position = 0
    for _ in range(count):
        if position + _DIRECTORY.size > len(directory):
            raise ArchiveError("The archive's directory is cut short.")
        fields = _DIRECTORY.unpack_from(directory, position)
        signature, _, needed, flags, method, _, _, crc, packed, size = fields[:10]
        name_length, extra_length, comment_length = fields[10:13]
        disk, _, attributes, offset = fields[13:]
        start = position + _DIRECTORY.size
        position = start + name_length + extra_length + comment_length
        if signature != _DIRECTORY_SIGNATURE or disk or position > len(directory):
            raise ArchiveError("The archive's directory is damaged.")
        name = _decode_name(directory[start : start + name_length], flags)
        _require_one_meaning(directory[start + name_length : start + name_length + extra_length], name)
        if method not in {STORED, DEFLATED} and not flags & ENCRYPTED:
            raise ArchiveError(f"{quote_name(name)} is packed in a way that few can unpack; use deflate.")
        if needed & _VERSION > MAX_VERSION:
            raise ArchiveError(f"{quote_name(name)} needs a reader newer than those that users have.")
        if flags & PATCHED or (method == STORED and packed != size and not flags & ENCRYPTED):
            raise ArchiveError(f"{quote_name(name)} is not packed as it says.")
        yield Entry(
            name=name,
            flags=flags,
            method=method,
            crc=crc,
            packed_bytes=packed,
            size_bytes=size,
            offset=offset,
            mode=attributes >> 16,
            dos_attributes=attributes & 0xFFFF,
        )
    if position != len(directory):
        raise ArchiveError("Something follows the archive's directory.")


def _decode_name(name: bytes, flags: int) -> str:
    """Only ASCII means the same without the flag: what else a reader makes of it depends on its machine."""
    try:
        return name.decode("utf-8" if flags & UTF8 else "ascii")
    except UnicodeDecodeError:
        raise ArchiveError("A name is not in UTF-8, or the archive does not say that it is.") from None


def _require_one_meaning(extra: bytes, name: str) -> None:
    """Refuses what would give an entry another size or name for readers that know the field."""
    position = 0
    while position + _EXTRA.size <= len(extra):
        kind, length = _EXTRA.unpack_from(extra, position)
        if kind in {_ZIP64_EXTRA, _UNICODE_PATH_EXTRA}:
            raise ArchiveError(f"{quote_name(name)} has a second size or name (ZIP64, or Unicode Path).")
        position += _EXTRA.size + length


def _inflate(packed: Iterator[bytes]) -> Iterator[bytes]:
    """Raises ``ArchiveError`` for what is no deflated data, too short, or too long."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        for arrived in packed:
            waiting = arrived
            while waiting and not inflate.eof:
                yield inflate.decompress(waiting, READ_BYTES)
                waiting = inflate.unconsumed_tail
            if inflate.eof and (waiting or inflate.unused_data):
                break
        while not inflate.eof:
            part = inflate.decompress(b"", READ_BYTES)
            if not part:
                break
            yield part
    except zlib.error:
        raise ArchiveError("An entry is not deflated data.") from None
    if not inflate.eof or inflate.unused_data or next(packed, None) is not None:
        raise ArchiveError("An entry's data ends too early or too late.")


def quote_name(name: str) -> str:
    """A name from an archive, for a message: quoted, without control characters, and short."""
    text = ascii(name)
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…'"

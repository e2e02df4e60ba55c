"""The parts of a ZIP file (PKWARE's APPNOTE 6.3.10) whose every length is known before a byte of content is read.

zipstream-ng makes archives while they are sent, too, but reads its contents synchronously, always begins at the first
byte, and keeps an object an entry: no range could be answered, and a hundred thousand records would be 60 MB. What is
needed of the format is here: entries that are stored as they are, and ZIP64 where numbers ask for it.

An entry whose CRC-32 is not known beforehand has it in a data descriptor behind its bytes (§ 4.3.9) and, as all have,
in the central directory at the archive's end, by which every program but those that read from a pipe finds its way.
"""

import struct
from dataclasses import dataclass
from datetime import datetime

LARGE = 0xFFFFFFFF  # from here on a number is in a ZIP64 field
MANY = 0xFFFF
_VERSION, _VERSION_ZIP64 = 20, 45
_MADE_ON_UNIX = 3 << 8
_MODE = 0o100600 << 16  # § 4.4.15: a regular file, its owner's
_DESCRIPTOR_FOLLOWS = 1 << 3

_LOCAL = struct.Struct("<4sHHHHHLLLHH")
_CENTRAL = struct.Struct("<4sHHHHHHLLLHHHHHLL")
_END = struct.Struct("<4sHHHHLLH")
_END_ZIP64 = struct.Struct("<4sQHHLLQQQQ")
_LOCATOR_ZIP64 = struct.Struct("<4sLQL")


@dataclass(frozen=True, slots=True)
class EntryHead:
    """``crc``: None where only reading the content tells."""

    name: bytes
    size: int
    crc: int | None

    @property
    def is_large(self) -> bool:
        return self.size >= LARGE


def entry_length(head: EntryHead) -> int:
    """Header, content and descriptor."""
    header = _LOCAL.size + len(head.name) + (20 if head.is_large else 0)
    descriptor = 0 if head.crc is not None else 24 if head.is_large else 16
    return header + head.size + descriptor


def local_header(head: EntryHead, *, at: datetime) -> bytes:
    flags = _DESCRIPTOR_FOLLOWS if head.crc is None else 0
    size = head.size if head.crc is not None else 0
    extra = struct.pack("<HHQQ", 1, 16, size, size) if head.is_large else b""
    if head.is_large:
        size = LARGE
    time, date = _dos(at)
    version = _VERSION_ZIP64 if head.is_large else _VERSION
    fixed = _LOCAL.pack(b"PK\3\4", version, flags, 0, time, date, head.crc or 0, size, size, len(head.name), len(extra))
    return fixed + head.name + extra


def descriptor(head: EntryHead, crc: int) -> bytes:
    if head.crc is not None:
        return b""
    return struct.pack("<4sLQQ" if head.is_large else "<4sLLL", b"PK\7\x08", crc, head.size, head.size)


def central_length(head: EntryHead, *, offset: int) -> int:
    return _CENTRAL.size + len(head.name) + len(_central_extra(head, offset))


def central_header(head: EntryHead, crc: int, *, offset: int, at: datetime) -> bytes:
    extra = _central_extra(head, offset)
    size = LARGE if head.is_large else head.size
    time, date = _dos(at)
    version = _VERSION_ZIP64 if extra else _VERSION
    fixed = _CENTRAL.pack(
        b"PK\1\2",
        _MADE_ON_UNIX | version,
        version,
        _DESCRIPTOR_FOLLOWS if head.crc is None else 0,
        0,
        time,
        date,
        crc,
        size,
        size,
        len(head.name),
        len(extra),
        0,
        0,
        0,
        _MODE,
        min(offset, LARGE),
    )
    return fixed + head.name + extra


def _central_extra(head: EntryHead, offset: int) -> bytes:
    """§ 4.5.3: only the numbers that do not fit, in this order."""
    numbers = [head.size, head.size] if head.is_large else []
    if offset >= LARGE:
        numbers.append(offset)
    return struct.pack(f"<HH{len(numbers)}Q", 1, 8 * len(numbers), *numbers) if numbers else b""


def ending(*, count: int, offset: int, length: int) -> bytes:
    """After the central directory, which has ``count`` headers in ``length`` bytes from ``offset`` on."""
    zip64 = b""
    if count >= MANY or offset >= LARGE or length >= LARGE:
        zip64 = _END_ZIP64.pack(
            b"PK\6\6", 44, _MADE_ON_UNIX | _VERSION_ZIP64, _VERSION_ZIP64, 0, 0, count, count, length, offset
        ) + _LOCATOR_ZIP64.pack(b"PK\6\7", 0, offset + length, 1)
    few = min(count, MANY)
    return zip64 + _END.pack(b"PK\5\6", 0, 0, few, few, min(length, LARGE), min(offset, LARGE), 0)


def _dos(at: datetime) -> tuple[int, int]:
    """§ 4.4.6: steps of two seconds since 1980, without a zone (ours is UTC)."""
    return at.hour << 11 | at.minute << 5 | at.second // 2, (at.year - 1980) << 9 | at.month << 5 | at.day

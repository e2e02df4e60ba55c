"""Zip archives byte by byte: good ones, and those that no packer would make."""

import io
import random
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

FILE, FOLDER, LINK, DEVICE = stat.S_IFREG | 0o644, stat.S_IFDIR | 0o755, stat.S_IFLNK | 0o777, stat.S_IFCHR | 0o666


def package(main: bytes = b"", **others: bytes) -> bytes:
    """A good one, as Python packs it: ``main.js``, and ``name__js=…`` as ``name.js``."""
    named = {name.replace("__", "."): data for name, data in others.items()}
    return build_zip({"main.js": main, **named} if main else named)


def noise(size_bytes: int, *, seed: int = 0) -> bytes:
    """What no packer makes smaller. Always the same: by chance some would begin as an archive or a program does."""
    return random.Random(seed).randbytes(size_bytes)  # noqa: S311 - no secret


def build_zip(files: dict[str, bytes], *, method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


@dataclass(frozen=True, slots=True, kw_only=True)
class Raw:
    """An entry as its headers tell it; ``local_…`` are the local header's where it tells something else."""

    name: bytes = b"a.js"
    data: bytes = b"//"
    deflated: bool = False
    flags: int = 0x800
    method: int | None = None
    mode: int = FILE
    dos_attributes: int = 0
    crc: int | None = None
    size: int | None = None
    packed_size: int | None = None
    extra: bytes = b""
    local_name: bytes | None = None
    local_flags: int | None = None
    local_size: int | None = None
    local_extra: bytes = b""
    offset: int | None = None
    descriptor: bytes = b""

    @property
    def packed(self) -> bytes:
        if not self.deflated:
            return self.data
        pack = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
        return pack.compress(self.data) + pack.flush()

    @property
    def numbers(self) -> tuple[int, int, int]:
        crc = zlib.crc32(self.data) if self.crc is None else self.crc
        packed_size = len(self.packed) if self.packed_size is None else self.packed_size
        return crc, packed_size, len(self.data) if self.size is None else self.size

    @property
    def packing(self) -> int:
        return (8 if self.deflated else 0) if self.method is None else self.method

    def local(self) -> bytes:
        name = self.name if self.local_name is None else self.local_name
        flags = self.flags if self.local_flags is None else self.local_flags
        crc, packed, size = (0, 0, 0) if flags & 8 else self.numbers
        size = size if self.local_size is None else self.local_size
        lengths = len(name), len(self.local_extra)
        head = struct.pack("<4s5H3L2H", b"PK\3\4", 20, flags, self.packing, 0, 33, crc, packed, size, *lengths)
        return head + name + self.local_extra + self.packed + self.descriptor

    def central(self, offset: int) -> bytes:
        head = struct.pack("<4s6H3L5H2L", b"PK\1\2", 0x0314, 20, self.flags, self.packing, 0, 33, *self.numbers,
                           len(self.name), len(self.extra), 0, 0, 0, self.mode << 16 | self.dos_attributes,
                           offset if self.offset is None else self.offset)  # fmt: skip
        return head + self.name + self.extra


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    before: bytes = b""
    between: bytes = b""
    after_directory: bytes = b""
    comment: bytes = b""
    count: int | None = None
    end: dict[str, int] = field(default_factory=dict)


def archive(entries: Iterable[Raw], layout: Layout = Layout()) -> bytes:
    body, central = layout.before, b""
    entries = list(entries)
    for entry in entries:
        central += entry.central(len(body))
        body += entry.local() + layout.between
    central += layout.after_directory
    count = len(entries) if layout.count is None else layout.count
    end = {
        "disk": 0,
        "first": 0,
        "here": count,
        "count": count,
        "length": len(central),
        "start": len(body),
    } | layout.end
    return body + central + struct.pack("<4s4H2LH", b"PK\5\6", *end.values(), len(layout.comment)) + layout.comment


def with_main(*entries: Raw, layout: Layout = Layout()) -> bytes:
    """What is sane but for ``entries``."""
    return archive([Raw(name=b"main.js"), *entries], layout)


def overlapping(count: int, *, kernel: bytes) -> bytes:
    """A better zip bomb, in its simple form: every entry of the directory is the same one."""
    entry = Raw(name=b"main.js", data=kernel, deflated=True)
    body = entry.local()
    crc, packed_size, size = entry.numbers
    entry = replace(entry, crc=crc, packed_size=packed_size, size=size)  # told, so that it is not packed each time
    central = b"".join(replace(entry, name=b"f%07d" % number, offset=0).central(0) for number in range(count))
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, count, count, len(central), len(body), 0)
    return body + central + end

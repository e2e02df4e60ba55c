"""What one export is made of, listed before its first byte is sent: every entry's name, size and place.

The list is in files that no name leads to, not in memory: of a hundred thousand records it is some 40 MB. The database
is read for the list only, row by row; nothing is locked and no transaction lasts, so a record that changes meanwhile is
in the list as it was before, or after.
"""

import base64
import hashlib
import json
import struct
import tempfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any
from uuid import UUID

from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder

from accounts.export.documents import README
from accounts.export.registry import Collection, SealedItem, collections
from accounts.export.zip_format import EntryHead, central_length, ending, entry_length

FOLDER_LENGTH = len("records/")
# In the place of an item that is gone when its turn comes: as long as every folder, so that nothing moves.
MISSING = b"MISSING/"
_ROW = struct.Struct("<BHHQQI32s")


@dataclass(frozen=True, slots=True)
class PlannedEntry:
    """``collection`` holds the bytes, under ``ref``; None: they are at ``position`` in the plan's texts."""

    number: int
    offset: int
    head: EntryHead
    collection: Collection | None
    ref: str
    position: int
    checksum: bytes

    @property
    def end(self) -> int:
        return self.offset + entry_length(self.head)


def _scratch_file() -> IO[bytes]:
    """Beside the blobs, where there is room; a folder for temporary files is often in memory."""
    return tempfile.TemporaryFile(dir=settings.DATA_DIR if settings.DATA_DIR.is_dir() else None)


class Plan:
    """Made by ``make_plan``. ``size`` is the archive's, of ``count`` entries and a directory from ``directory`` on.
    Closed by its owner; not for two threads at once.
    """

    def __init__(self, user_id: UUID, *, at: datetime) -> None:
        self.user_id = user_id
        self.at = at
        self.count = self.size = self.directory = self._directory_length = 0
        self._collections = collections()
        self._texts: IO[bytes] = _scratch_file()
        self._rows: IO[bytes] = _scratch_file()
        self._digest = hashlib.sha256(at.isoformat().encode())

    @property
    def etag(self) -> str:
        return f'"{self._digest.hexdigest()}"'

    @property
    def ending(self) -> bytes:
        return ending(count=self.count, offset=self.directory, length=self._directory_length)

    def close(self) -> None:
        self._texts.close()
        self._rows.close()

    # --- its making ---

    def add_text(self, name: str, text: bytes) -> None:
        position = self._texts.seek(0, 2)
        self._texts.write(text)
        self._add(name, collection=0, size=len(text), position=position, crc=zlib.crc32(text), text=text)

    def add_index(self, index: int, collection: Collection) -> None:
        """The index, which is as long as the collection, and the collection behind it."""
        position = self._texts.seek(0, 2)
        crc, digest, size = 0, hashlib.sha256(), 0

        def write(text: bytes) -> None:
            nonlocal crc, size
            self._texts.write(text)
            digest.update(text)
            crc, size = zlib.crc32(text, crc), size + len(text)

        write(b'{"items":[')
        listed: IO[bytes] = _scratch_file()
        with listed:
            separator = b"\n"
            for item in collection.list_items(self.user_id):
                write(separator + to_json({"file": collection.folder + item.name, **item.about}))
                listed.write(_listed(item))
                separator = b",\n"
            write(b"\n]}\n")
            self._add(
                collection.folder.rstrip("/") + ".json",
                collection=0,
                size=size,
                position=position,
                crc=crc,
                text=digest.digest(),
            )
            listed.seek(0)
            for line in listed:
                name, ref, item_size, checksum = json.loads(line)
                self._add(collection.folder + name, collection=index, size=item_size, ref=ref, checksum=checksum)

    def _add(
        self,
        name: str,
        *,
        collection: int,
        size: int,
        position: int = 0,
        crc: int = 0,
        ref: str = "",
        checksum: str = "",
        text: bytes = b"",
    ) -> None:
        self._rows.write(
            _ROW.pack(collection, len(name), len(ref), size, position, crc, bytes.fromhex(checksum))
            + name.encode("ascii")
            + ref.encode("ascii")
        )
        self._digest.update(f"{name}\0{size}\0{checksum}\0{ref}\0{len(text)}\0".encode() + text)
        self.count += 1

    def settle(self) -> None:
        """When all is added: where everything is."""
        length = 0
        for entry in self.entries():
            self.directory = entry.end
            length += central_length(entry.head, offset=entry.offset)
        self._directory_length = length
        self.size = self.directory + length + len(self.ending)

    # --- its use ---

    def entries(self) -> Iterator[PlannedEntry]:
        """In their order. Two walks at once would be in each other's way."""
        self._rows.seek(0)
        offset = 0
        for number in range(self.count):
            row = self._rows.read(_ROW.size)
            collection, name_length, ref_length, size, position, crc, checksum = _ROW.unpack(row)
            name, ref = self._rows.read(name_length), self._rows.read(ref_length).decode()
            entry = PlannedEntry(
                number,
                offset,
                EntryHead(name, size, None if collection else crc),
                self._collections[collection - 1] if collection else None,
                ref,
                position,
                checksum,
            )
            yield entry
            offset = entry.end

    def read_text(self, position: int, size: int) -> bytes:
        self._texts.seek(position)
        return self._texts.read(size)


def make_plan(*, user_id: UUID, at: datetime, documents: Mapping[str, str]) -> Plan:
    """``documents``: the JSON by name. Blocks for some seconds a million records."""
    plan = Plan(user_id, at=at)
    try:
        plan.add_text("README.txt", README.encode())
        for name, text in documents.items():
            plan.add_text(name, text.encode())
        for index, collection in enumerate(collections(), start=1):
            plan.add_index(index, collection)
        plan.settle()
    except BaseException:
        plan.close()
        raise
    return plan


def to_json(value: Any, *, indent: int | None = None) -> bytes:
    separators = (",", ":") if indent is None else None
    return json.dumps(value, cls=_Encoder, ensure_ascii=False, indent=indent, separators=separators).encode()


class _Encoder(DjangoJSONEncoder):
    def default(self, o: Any) -> Any:
        return base64.b64encode(o).decode() if isinstance(o, bytes | memoryview) else super().default(o)


def _listed(item: SealedItem) -> bytes:
    return json.dumps([item.name, item.ref, item.size_bytes, item.checksum]).encode() + b"\n"

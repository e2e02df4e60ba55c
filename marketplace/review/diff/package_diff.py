"""Which files of a package are another package's, by their bytes.

A CRC-32 of one's choice is easily made, so it only tells that two files differ, never that they are the same.
"""

import asyncio
import hashlib
import tempfile
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import IO, Final, NamedTuple

from adiuva.api.errors import Problem
from marketplace.models import PluginVersion
from marketplace.review.diff.file_texts import is_binary
from marketplace.review.package_contents import PackageUnreadableError
from marketplace.submissions.packages import store_seed
from marketplace.submissions.validators.contents import MAX_UNPACKED_BYTES
from marketplace.submissions.zip_archives import Archive, ArchiveError, Entry
from storage.blobs.factory import get_blob_store

_IN_MEMORY: Final = 8 * 1024 * 1024  # a larger package lies in a temporary file while it is read
_KEPT: Final = 16  # comparisons: a reviewer opens several pages about the same two packages


class Status(StrEnum):
    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"
    SAME = "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class FileChange:
    """``number`` names it on pages; the indices are places in the archives' directories, None on a side without it."""

    number: int
    status: Status
    name: str
    old_name: str | None = None
    old_index: int | None = None
    new_index: int | None = None
    is_binary: bool = False


class StoredPackage(NamedTuple):
    """A package by its blob, which never changes."""

    key: str
    size_bytes: int
    label: str


def stored_package(version: PluginVersion) -> StoredPackage:
    return StoredPackage(version.s3_key, version.size_bytes, version.version)


def read_package(stored: StoredPackage) -> bytes:
    """The archive itself, damaged or not.

    Raises:
        PackageUnreadableError: it is gone, or the store fails.
    """
    with _downloaded(stored) as file:
        return file.read()


@contextmanager
def open_package(stored: StoredPackage) -> Iterator[Archive]:
    """Of ``stored``, read strictly.

    Raises:
        PackageUnreadableError: it is gone, no zip archive that all readers understand alike, or too large unpacked.
    """
    with _downloaded(stored) as file:
        try:
            archive = Archive(file, size_bytes=stored.size_bytes)
            _require_size(archive)
            yield archive
        except ArchiveError as error:
            raise PackageUnreadableError(f"The package of {stored.label} is damaged: {error}") from error


def _require_size(archive: Archive) -> None:
    if sum(entry.size_bytes for entry in archive.entries) > MAX_UNPACKED_BYTES:
        raise ArchiveError("It is larger unpacked than a package may be.")


@contextmanager
def _downloaded(stored: StoredPackage) -> Iterator[IO[bytes]]:
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        try:
            store_seed(stored.key)
            asyncio.run(_download(stored.key, file))
        except FileNotFoundError:
            raise PackageUnreadableError(f"The package of {stored.label} is gone from the store.") from None
        except Problem as error:
            raise PackageUnreadableError("The store does not answer; try again.") from error
        file.seek(0)
        yield file


async def _download(key: str, file: IO[bytes]) -> None:
    async with aclosing(get_blob_store().download(key)) as parts:
        async for part in parts:
            file.write(part)


@lru_cache(maxsize=_KEPT)
def compare_packages(new: StoredPackage, old: StoredPackage | None) -> tuple[FileChange, ...]:
    """Every file of both, in the order of ``new``, then what ``old`` alone has. Without ``old`` all is added.

    Raises:
        PackageUnreadableError: as ``open_package``.
    """
    with open_package(new) as archive:
        if old is None:
            return tuple(_compare(archive, None))
        with open_package(old) as before:
            return tuple(_compare(archive, before))


def _compare(new: Archive, old: Archive | None) -> list[FileChange]:
    here, there = _files(new), _files(old) if old else {}
    contents = _Contents(new, old)
    lost = {key: index for key, index in there.items() if key not in here}
    lost_files = _Lost(contents, lost.values())
    found: list[FileChange] = []
    moved: set[int] = set()

    def note(status: Status, name: str, old_at: int | None, new_at: int | None, old_name: str | None = None) -> None:
        found.append(
            FileChange(
                number=len(found),
                status=status,
                name=name,
                old_name=old_name,
                old_index=old_at,
                new_index=new_at,
                is_binary=status != Status.SAME and contents.is_binary(old_at, new_at),
            )
        )

    for key, index in here.items():
        name = key[0]
        if key in there:
            status = Status.SAME if contents.same(there[key], index) else Status.CHANGED
            note(status, name, there[key], index)
            continue
        source = lost_files.take_alike(index)
        if source is None:
            note(Status.ADDED, name, None, index)
        else:
            moved.add(source)
            note(Status.RENAMED, name, source, index, contents.old(source).name)
    for key, index in lost.items():
        if index not in moved:
            note(Status.REMOVED, key[0], index, None)
    return found


class _Lost:
    """Files that only the old package has: one of them may be there under another name."""

    def __init__(self, contents: "_Contents", indices: Iterable[int]) -> None:
        self._contents = contents
        self._alike: dict[tuple[int, int], list[int]] = defaultdict(list)
        for index in indices:
            entry = contents.old(index)
            if entry.size_bytes and not entry.is_encrypted:  # a file of nothing is no other one's in particular
                self._alike[entry.crc, entry.size_bytes].append(index)
        self._by_digest: dict[tuple[int, int], dict[bytes, list[int]]] = {}

    def take_alike(self, new_index: int) -> int | None:
        """One with the same bytes, once. A checksum is forged easily: each file is read, and each of them once."""
        entry = self._contents.new(new_index)
        key = entry.crc, entry.size_bytes
        if entry.is_encrypted or key not in self._alike:
            return None
        if key not in self._by_digest:
            self._by_digest[key] = defaultdict(list)
            for one in reversed(self._alike[key]):
                self._by_digest[key][self._contents.digest(one, is_new=False)].append(one)
        same = self._by_digest[key].get(self._contents.digest(new_index, is_new=True))
        return same.pop() if same else None


def _files(archive: Archive) -> dict[tuple[str, int], int]:
    """The index of each by its name, and by how many of that name came before it: a name may be there twice."""
    seen: dict[str, int] = defaultdict(int)
    files: dict[tuple[str, int], int] = {}
    for index, entry in enumerate(archive.entries):
        if entry.is_directory and not entry.size_bytes:
            continue
        files[entry.name, seen[entry.name]] = index
        seen[entry.name] += 1
    return files


class _Contents:
    """What two entries hold, read only as far as it takes to tell them apart."""

    def __init__(self, new: Archive, old: Archive | None) -> None:
        self._new, self._old = new, old
        self._digests: dict[tuple[bool, int], bytes] = {}

    def new(self, index: int) -> Entry:
        return self._new.entries[index]

    def old(self, index: int) -> Entry:
        assert self._old is not None  # noqa: S101 - nothing is there without one
        return self._old.entries[index]

    def is_binary(self, old_index: int | None, new_index: int | None) -> bool:
        """Of what is there now, else of what was."""
        if new_index is not None:
            return is_binary(self._new, self.new(new_index))
        return self._old is not None and old_index is not None and is_binary(self._old, self.old(old_index))

    def same(self, old_index: int, new_index: int) -> bool:
        old, new = self.old(old_index), self.new(new_index)
        if (old.size_bytes, old.crc, old.file_type, old.is_encrypted) != (
            new.size_bytes, new.crc, new.file_type, new.is_encrypted,
        ):  # fmt: skip
            return False
        if self._packed_alike(old, new):
            return True
        # What cannot be read is not said to be the same.
        return not new.is_encrypted and self.digest(old_index, is_new=False) == self.digest(new_index, is_new=True)

    def _packed_alike(self, old: Entry, new: Entry) -> bool:
        """The same packer makes the same bytes; then nothing has to be unpacked."""
        if (old.method, old.packed_bytes) != (new.method, new.packed_bytes) or self._old is None:
            return False
        pairs = zip(self._old.packed_parts(old), self._new.packed_parts(new), strict=True)
        return all(before == after for before, after in pairs)

    def digest(self, index: int, *, is_new: bool) -> bytes:
        known = self._digests.get((is_new, index))
        if known is None:
            archive, entry = (self._new, self.new(index)) if is_new else (self._old, self.old(index))
            digest = hashlib.sha256()
            for part in archive.parts(entry) if archive else ():
                digest.update(part)
            known = self._digests[is_new, index] = digest.digest()
        return known

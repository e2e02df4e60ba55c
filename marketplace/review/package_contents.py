"""Looks into a stored package without unpacking it: its list of files, and the beginning of one that is text.

Only what is asked for leaves the blob store: the archive's directory at its end, and a file's own bytes.
"""

import asyncio
import io
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import IO, Final

from adiuva.api.errors import Problem
from marketplace.models import PluginVersion
from marketplace.submissions.packages import store_seed
from marketplace.submissions.zip_archives import MAX_ENTRIES
from storage.blobs.factory import get_blob_store

MAX_LISTED: Final = MAX_ENTRIES  # all that a submission may have: what is not listed, no reviewer reads
MAX_PREVIEW_BYTES: Final = 128 * 1024
_CHUNK: Final = 64 * 1024
_COPY_BYTES: Final = 4 * 1024 * 1024
_ENCRYPTED: Final = 0x1
# The methods whose decompressor gives no more than it is asked for.
_BOUNDED: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
# All that ``zipfile`` raises for archives that lie about themselves.
_BROKEN: Final = (
    zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OverflowError, RuntimeError, ValueError,
)  # fmt: skip


class PackageUnreadableError(Exception):
    """Says why in a sentence for reviewers."""


@dataclass(frozen=True, slots=True)
class PackageFile:
    """``index`` is its place in the archive's directory, which names it better than a name that may be there twice."""

    index: int
    name: str
    size_bytes: int
    packed_bytes: int
    kind: str


@dataclass(frozen=True, slots=True)
class PackageListing:
    files: list[PackageFile]
    count: int
    size_bytes: int

    @property
    def unlisted(self) -> int:
        return self.count - len(self.files)


@dataclass(frozen=True, slots=True)
class FilePreview:
    """``is_cut``: there is more of it than ``text`` holds."""

    file: PackageFile
    text: str
    is_cut: bool


def list_package(version: PluginVersion) -> PackageListing:
    """The first ``MAX_LISTED`` files, and how many and how large (unpacked, as the archive has it) all are.

    Raises:
        PackageUnreadableError: it is gone, or no zip archive.
    """
    with _open_archive(version) as archive:
        infos = archive.infolist()
        files = [_file(index, info) for index, info in enumerate(infos[:MAX_LISTED])]
        return PackageListing(files=files, count=len(infos), size_bytes=sum(info.file_size for info in infos))


def preview(version: PluginVersion, *, index: int) -> FilePreview:
    """The first ``MAX_PREVIEW_BYTES`` of a text file.

    Raises:
        IndexError: there is no such file.
        PackageUnreadableError: it is no text, encrypted or packed in a way that is not looked into.
    """
    with _open_archive(version) as archive:
        info = archive.infolist()[index]
        if info.flag_bits & _ENCRYPTED or info.compress_type not in _BOUNDED:
            raise PackageUnreadableError("This file is encrypted or packed in an unusual way.")
        with archive.open(info) as opened:
            content = opened.read(MAX_PREVIEW_BYTES + 1)
    is_cut = len(content) > MAX_PREVIEW_BYTES
    return FilePreview(file=_file(index, info), text=_text(content[:MAX_PREVIEW_BYTES], is_cut=is_cut), is_cut=is_cut)


def _text(content: bytes, *, is_cut: bool) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        # A character in two halves at the cut is no fault of the file's.
        if not (is_cut and error.reason == "unexpected end of data"):
            raise PackageUnreadableError("This file is not UTF-8 text.") from error
        text = content[: error.start].decode("utf-8-sig")
    if "\0" in text:
        raise PackageUnreadableError("This file is not text: it contains NUL bytes.")
    return text


def _file(index: int, info: zipfile.ZipInfo) -> PackageFile:
    mode = info.external_attr >> 16
    kind = "link" if stat.S_ISLNK(mode) else "folder" if info.is_dir() else "file"
    return PackageFile(
        index=index, name=info.filename, size_bytes=info.file_size, packed_bytes=info.compress_size, kind=kind
    )


@contextmanager
def _open_archive(version: PluginVersion) -> Iterator[zipfile.ZipFile]:
    with asyncio.Runner() as runner:
        blob = io.BufferedReader(_BlobFile(runner, version.s3_key, version.size_bytes), buffer_size=_CHUNK)
        try:
            store_seed(version.s3_key)
            with blob, zipfile.ZipFile(blob) as archive:
                yield archive
        except _BROKEN as error:
            raise PackageUnreadableError("The package, or this file of it, is damaged.") from error
        except Problem as error:
            raise PackageUnreadableError("The store does not answer; try again.") from error


class _BlobFile(io.RawIOBase):
    """A stored blob as a file to read and to seek in; each read is a ranged download."""

    def __init__(self, runner: asyncio.Runner, key: str, size_bytes: int) -> None:
        self._runner, self._key, self._size = runner, key, size_bytes
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if base + offset < 0:
            raise ValueError("before the beginning")
        self._at = base + offset
        return self._at

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        end = min(self._at + len(buffer), self._size)
        if end <= self._at:
            return 0
        content = self._runner.run(_download(self._key, self._at, end))
        buffer[: len(content)] = content
        self._at += len(content)
        return len(content)


async def _download(key: str, start: int, end: int) -> bytes:
    try:
        opened = get_blob_store().download(key, start=start, end=end)
    except FileNotFoundError as error:  # which ``zipfile`` would take for a damaged archive
        raise PackageUnreadableError("The package is gone from the store.") from error
    async with aclosing(opened) as parts:
        return b"".join([part async for part in parts])


def copy_package(version: PluginVersion, file: IO[bytes]) -> None:
    """Writes the whole package, as it is, to ``file``.

    Raises:
        PackageUnreadableError: it is gone.
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: the store failed.
    """
    store_seed(version.s3_key)
    asyncio.run(_copy(version.s3_key, version.size_bytes, file))


async def _copy(key: str, size_bytes: int, file: IO[bytes]) -> None:
    for start in range(0, size_bytes, _COPY_BYTES):
        file.write(await _download(key, start, min(start + _COPY_BYTES, size_bytes)))

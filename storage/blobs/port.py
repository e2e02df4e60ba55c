"""The port to sealed bytes: what a blob store does, which keys a blob may have, and the reader of an opened blob.

An adapter imports this module only; ``storage.blobs.factory`` chooses one.
"""

import asyncio
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Protocol, Self

from adiuva.api.errors import UpstreamUnavailable

READ_BYTES = 1024 * 1024

# Threads of their own: a store that stalls must not take those that the loop resolves names with.
_readers = ThreadPoolExecutor(max_workers=32, thread_name_prefix="blob-reader")

A_UUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # in the one spelling that keys have
MAX_KEY_LENGTH = 255  # what the tables keep, and what a file system takes for one name
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_KEY = re.compile(rf"{_SEGMENT.pattern}(?:/{_SEGMENT.pattern})*")


def validate_key(key: str) -> str:
    """``key`` itself: names joined by ``/``, each of ASCII letters, digits, ``.``, ``_``, ``-``, none with a dot first.

    Raises:
        ValueError: anything else. Keys are made by our own code, so this is a mistake of ours.
    """
    if len(key) > MAX_KEY_LENGTH or not _KEY.fullmatch(key):
        raise ValueError(f"not a key for a blob: {key[:MAX_KEY_LENGTH]!r}")
    return key


def validate_prefix(prefix: str) -> str:
    """The beginning of a key, ``""`` included; otherwise as ``validate_key``."""
    *folders, last = prefix.split("/")
    beginning = last == "" or _SEGMENT.fullmatch(last)
    if len(prefix) > MAX_KEY_LENGTH or not beginning or not all(_SEGMENT.fullmatch(folder) for folder in folders):
        raise ValueError(f"not the beginning of a blob's key: {prefix[:MAX_KEY_LENGTH]!r}")
    return prefix


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """``modified_at`` (UTC) is when the store says the blob was written, or when that began."""

    key: str
    size_bytes: int
    modified_at: datetime


class BlobsAreLocked(UpstreamUnavailable):
    """A backup of the service copies the blobs, and nothing is removed meanwhile."""

    def __init__(self) -> None:
        super().__init__("A backup of the service is being made; what goes now is removed later.", retry_after=60)


def _read_nothing() -> bytes:
    return b""


class BlobReader:
    """A blob's bytes on their way out, read in threads and never on the event loop. It holds a file or a connection
    until its end or ``close`` (``aclose``).

    ``read`` gives the next bytes and ``b""`` at the end, or raises when the store cannot go on; ``close`` ends it.

    A close that comes while a thread reads (the client went away) is left to that thread: a file number or a
    connection closed under it might already be somebody else's.
    """

    def __init__(
        self, *, read: Callable[[], bytes] = _read_nothing, close: Callable[[], object] = _read_nothing
    ) -> None:
        self._read = read
        self._close = close
        self._lock = Lock()
        self._reading = False
        self._closed = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        part = await asyncio.get_running_loop().run_in_executor(_readers, self._next)
        if not part:
            raise StopAsyncIteration
        return part

    def parts(self) -> Iterator[bytes]:
        """The bytes in this thread, which is not the event loop's."""
        return iter(self._next, b"")

    def _next(self) -> bytes:
        if not self._begin_read():
            return b""
        part = b""
        try:
            part = self._read()
        finally:
            if self._end_read(more=bool(part)):
                self._close()
        return part

    def _begin_read(self) -> bool:
        with self._lock:
            self._reading = not self._closed
            return self._reading

    def _end_read(self, *, more: bool) -> bool:
        """Whether it is this thread that has to close: at the end, after a failure, or asked to while it read."""
        with self._lock:
            self._reading = False
            self._closed |= not more
            return self._closed

    def close(self) -> None:
        """From any thread, also while another one reads; again is fine."""
        with self._lock:
            ours = not (self._closed or self._reading)
            self._closed = True
        if ours:
            self._close()

    async def aclose(self) -> None:
        self.close()


class BlobStore(Protocol):
    """Bytes under keys such as ``{user_id}/{table}/{record_id}.{suffix}``; never looked into.

    Every method but ``download``'s iteration is synchronous and safe to call from several threads. All raise
    ``UpstreamError``, ``UpstreamUnavailable`` or ``UpstreamTimeout`` for the store's own trouble, in bounded time,
    ``NotConfigured`` where settings are missing, and ``ValueError`` for a key that could not be one.
    """

    def upload(self, key: str, parts: Iterable[bytes]) -> int:
        """Writes the parts as they come and returns the size in bytes. Durable when it returns.

        The blob appears whole or not at all; it takes the place of one that is there. An exception out of ``parts``
        passes through and changes nothing. After trouble of the store's own nothing is under ``key``, as far as
        the store still listens; the reaper removes what it could not be asked to drop.
        """

    def upload_many(self, blobs: Iterable[tuple[str, bytes]]) -> None:
        """``upload`` of each key and its bytes, taken as there is room for them, and sent side by side where that is
        faster. All are durable when it returns. Whatever it raises, an exception out of ``blobs`` too, none is there.
        """

    def download(self, key: str, *, start: int = 0, end: int | None = None) -> BlobReader:
        """The bytes from ``start`` up to, and without, ``end``; there may be fewer, or none. The blob is opened (and
        ``FileNotFoundError`` raised for one that is not there) before this returns, so that a deletion later on
        does not cut the reader off.

        Iterate it to its end, or close it. It ends well only after the last byte: what is cut raises.
        """

    def read_many(self, keys: Sequence[str]) -> Iterator[bytes | None]:
        """The whole of each, in this order, for blobs of which some fit into memory; None for one that is not there.
        Read ahead of whoever takes them, side by side where that is faster.
        """

    def delete(self, key: str) -> None:
        """No error where there is nothing. Raises ``BlobsAreLocked`` while a backup copies the blobs."""

    def delete_many(self, keys: Collection[str]) -> None:
        """As ``delete``. After a failure the others are tried all the same, and one of the failures is raised."""

    def exists(self, key: str) -> bool: ...

    def missing(self, keys: Collection[str]) -> set[str]:
        """Those under which there is nothing."""

    def list_keys(self, prefix: str = "") -> Iterator[BlobInfo]:
        """Every blob whose key starts with ``prefix``, in no promised order, found as it is asked for. Blobs that come
        or go meanwhile may or may not be among them.
        """

    def abort_stale_uploads(
        self, *, older_than: datetime, dry_run: bool = False, spared: Collection[str] = frozenset()
    ) -> int:
        """Drops what unfinished uploads that began before then have left (temporary files, multipart uploads); of files
        the last write counts. Returns how many. ``spared`` are drafts (``Draft.ref``) that somebody still goes on with.
        """

    def check(self, *, thorough: bool = False) -> None:
        """Raises when nothing can be written, read or deleted; for readiness, which may be told what was seen some
        minutes ago, and for doctor, who wants it ``thorough``.
        """


# --- uploads that go on over several requests ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What has arrived of a blob that will be at ``key``. The caller keeps it from one request to the next.

    ``ref`` is the store's own name for it, ``size_bytes`` of it are durable. ``parts``, of ``part_bytes`` each, are the
    store's own too.
    """

    key: str
    ref: str
    size_bytes: int = 0
    part_bytes: int = 0
    parts: tuple[str, ...] = ()


class DraftLost(Exception):  # noqa: N818 - a finding
    """Bytes of a draft are not there any more: the service went back to a backup, or somebody has tidied up."""


class DraftBusy(Exception):  # noqa: N818 - a finding
    """Another process writes to it."""


class DraftWriter(Protocol):
    """Goes on at ``Draft.size_bytes``; what is behind it, of a request that was cut off, is dropped. One thread's."""

    def write(self, part: bytes) -> None:
        """Raises ``DraftLost``."""

    def settle(self) -> Draft:
        """The draft with as much of what was written as can be made durable at little cost."""

    def finish(self, *, is_whole: bool) -> Draft:
        """The draft with all that was written, durable. ``is_whole``: it is the whole blob, and nothing follows.

        Raises ``DraftLost``.
        """

    def tidy(self) -> None:
        """Once the caller has kept what ``settle`` or ``finish`` gave: removes what it is not needed for any more."""

    def close(self) -> None: ...


class DraftStore(Protocol):
    """Raises what ``BlobStore`` does."""

    def begin(self, key: str) -> Draft: ...

    def open(self, draft: Draft) -> DraftWriter:
        """Raises ``DraftLost``, or ``DraftBusy``."""

    def exists(self, draft: Draft) -> bool: ...

    def publish(self, draft: Draft) -> None:
        """The blob is at its key, whole and durable; also if it was before. Raises ``DraftLost``."""

    def abort(self, draft: Draft) -> None:
        """No error where there is nothing. A blob that was published stays."""

"""The port to sealed bytes, and which implementation the settings choose."""

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Protocol

from django.conf import settings


@dataclass(frozen=True, slots=True)
class BlobInfo:
    """``modified_at`` (UTC) is when the store says the blob was written, or when that began."""

    key: str
    size_bytes: int
    modified_at: datetime


class OpenBlob(Protocol):
    """A blob's bytes on their way out. It holds a file or a connection until its end or ``close`` (``aclose``)."""

    def __aiter__(self) -> AsyncIterator[bytes]: ...

    async def __anext__(self) -> bytes: ...

    async def aclose(self) -> None: ...

    def close(self) -> None:
        """From any thread, also while another one reads; again is fine."""


class BlobStore(Protocol):
    """Bytes under keys such as ``{user_id}/{table}/{record_id}.{suffix}`` (``blob_keys``); never looked into.

    Every method but ``download``'s iteration is synchronous and safe to call from several threads. All raise
    ``UpstreamError``, ``UpstreamUnavailable`` or ``UpstreamTimeout`` for the store's own trouble, in bounded time,
    ``NotConfigured`` where settings are missing, and ``ValueError`` for a key that could not be one.
    """

    def upload(self, key: str, parts: Iterable[bytes]) -> int:
        """Writes the parts as they come and returns the size in bytes. Durable when it returns.

        The blob appears whole or not at all; it takes the place of one that is there. An exception out of ``parts``
        passes through and changes nothing. After trouble of the store's own nothing is under ``key``, as far as
        the store still listens; the reaper removes what it could not be told.
        """

    def download(self, key: str, *, start: int = 0, end: int | None = None) -> OpenBlob:
        """The bytes from ``start`` up to, and without, ``end``; there may be fewer, or none. The blob is opened (and
        ``FileNotFoundError`` raised for one that is not there) before this returns, so that a deletion later on
        does not cut the reader off.

        Iterate it to its end, or close it. It ends well only after the last byte: what is cut raises.
        """

    def delete(self, key: str) -> None:
        """No error where there is nothing."""

    def exists(self, key: str) -> bool: ...

    def list_keys(self, prefix: str = "") -> Iterator[BlobInfo]:
        """Every blob whose key starts with ``prefix``, in no promised order, found as it is asked for. Blobs that come
        or go meanwhile may or may not be among them.
        """

    def abort_stale_uploads(self, *, older_than: datetime, dry_run: bool = False) -> int:
        """Drops what unfinished uploads that began before then have left (temporary files, multipart uploads); of files
        the last write counts. Returns how many.
        """

    def check(self) -> None:
        """Raises when the store cannot be used; for readiness and doctor."""


@cache
def get_blob_store() -> BlobStore:
    """Files in ``DATA_DIR`` unless ``S3_BUCKET`` is set. One a process; vendor SDKs load at the first call."""
    if settings.S3_BUCKET:
        from storage.blobs.s3.store import S3BlobStore

        return S3BlobStore.from_settings()
    from storage.blobs.files import FileBlobStore

    return FileBlobStore(settings.BLOB_DIR)

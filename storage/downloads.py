"""Sealed bytes on their way out: whole, in part, or not at all when the client has them."""

import logging
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from typing import Self, cast

from django.http import HttpResponse, HttpResponseNotModified, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from adiuva.api.byte_ranges import requested_range
from adiuva.api.openapi.responses import problem
from adiuva.api.preconditions import is_not_modified, last_modified_header, range_is_current, require_match
from storage.blobs.factory import get_blob_store
from storage.blobs.port import BlobReader

logger = logging.getLogger(__name__)

CONTENT_TYPE = "application/octet-stream"
# A client may keep the bytes and must ask before it uses them: one that does pays for a 304 only.
CACHE_CONTROL = "private, no-cache"
# Of every route that answers with a blob, or moves one.
BLOB_FAILURES = {
    502: problem("The blob store failed, or has lost the bytes"),
    503: problem("The blob store is not available"),
    504: problem("The blob store took too long"),
}


class BlobDamagedError(Exception):
    """The store holds other than what was committed. Raised in mid-answer: nothing but a cut connection says so."""


def blob_response(
    request: Request,
    *,
    key: str,
    size_bytes: int,
    etag: str,
    last_modified: datetime | None,
    headers: Mapping[str, str],
) -> HttpResponseBase:
    """The answer to a GET or HEAD for the blob ``key``: 200, 206, or 304; ``headers`` go on the first two.

    ``last_modified`` is this state's date and no other's (``adiuva.api.preconditions.next_date``), or None where what
    is served has none.

    HEAD opens nothing, and ignores ``Range`` (RFC 9110 § 14.2 defines it for GET only).

    Raises:
        FileNotFoundError: the blob is gone. The row may have been replaced in between: read it again, once.
        PreconditionFailed, RangeNotSatisfiable: as the request's headers have it.
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: the store failed before the first byte.
    """
    validators = {"ETag": etag, "Cache-Control": CACHE_CONTROL}
    if last_modified is not None:
        validators["Last-Modified"] = last_modified_header(last_modified, now=datetime.now(UTC))
    require_match(request, etag, last_modified=last_modified)
    if is_not_modified(request, etag=etag, last_modified=last_modified):
        return HttpResponseNotModified(headers=validators)
    all_headers = {**headers, **validators, "Accept-Ranges": "bytes", "Content-Type": CONTENT_TYPE}
    if request.method == "HEAD":
        return HttpResponse(headers={**all_headers, "Content-Length": str(size_bytes)})
    if range_is_current(request, etag=etag, last_modified=last_modified):
        part = requested_range(request.headers.get("Range"), size_bytes=size_bytes)
        if part is not None:
            parts = get_blob_store().download(key, start=part.start, end=part.end)
            all_headers["Content-Range"] = part.content_range
            return BlobResponse(BlobParts(parts, key=key, size_bytes=len(part)), status=206, headers=all_headers)
    parts = get_blob_store().download(key)
    return BlobResponse(BlobParts(parts, key=key, size_bytes=size_bytes), status=200, headers=all_headers)


class BlobParts:
    """A blob's parts on their way to one client: exactly ``size_bytes`` of them, or an exception.

    What the store holds open for them is given back when they end, fail, or are closed.
    """

    def __init__(self, blob: BlobReader, *, key: str, size_bytes: int) -> None:
        self.size_bytes = size_bytes
        self.close = blob.close  # Django calls it when it is done with the response, begun or not
        self._blob = blob
        self._key = key
        self._left = size_bytes

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        try:
            return await self._next()
        except BaseException:
            self.close()
            raise

    async def _next(self) -> bytes:
        part: bytes | None = await anext(self._blob, None)
        if (part is None and self._left) or len(part or b"") > self._left:
            logger.error("a blob has another size than its row", extra={"key": self._key, "size": self.size_bytes})
            raise BlobDamagedError(self._key)
        if part is None:
            raise StopAsyncIteration
        self._left -= len(part)
        return part


class BlobResponse(StreamingHttpResponse):
    """Django leaves the iterator inside a response to the garbage collector when a client goes away, and does not close
    the response when its iterator fails.
    """

    def __init__(self, parts: BlobParts, *, status: int, headers: Mapping[str, str]) -> None:
        super().__init__(parts, status=status, headers={**headers, "Content-Length": str(parts.size_bytes)})
        self._parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for part in cast("AsyncIterator[bytes]", self.streaming_content):
                yield part
        finally:
            self._parts.close()

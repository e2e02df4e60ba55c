"""Answers of many records with their bytes, written while those are read: JSON or a CBOR sequence, one map an item."""

import asyncio
import binascii
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

from adiuva.api import cbor
from storage.blobs.factory import get_blob_store
from storage.downloads import BlobDamagedError

logger = logging.getLogger(__name__)

JSON: Final = "application/json"
GROUP_BYTES, GROUP_ITEMS = 512 * 1024, 256  # of blobs, read and sent in one go
_compact = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


@dataclass(frozen=True, slots=True)
class Item:
    """``meta`` is all that is said of it but the bytes, which are ``size_bytes`` at ``key``; without a key there are
    none.
    """

    meta: Mapping[str, Any]
    key: str | None = None
    size_bytes: int = 0


# What to say of an item whose bytes are not where they should be: itself without a key, another state of it, or None
# where it is gone.
Missing = Callable[[Item], Item | None]


class Writer(Protocol):
    """A form of an answer. An item is its ``open``, the bytes in any number of ``part``, and its ``close``."""

    content_type: str

    def begin(self) -> bytes: ...
    def without_bytes(self, meta: Mapping[str, Any], *, says_null: bool) -> bytes: ...
    def open(self, meta: Mapping[str, Any], size_bytes: int) -> bytes: ...
    def part(self, data: bytes) -> bytes: ...
    def close(self) -> bytes: ...
    def end(self, rest: Mapping[str, Any]) -> bytes: ...


class JsonWriter:
    """``{listed: [items], …rest}``."""

    content_type = JSON

    def __init__(self, listed: str) -> None:
        self._listed = listed
        self._separator = ""
        self._carried = b""  # up to two bytes that wait for a third

    def begin(self) -> bytes:
        return f'{{"{self._listed}":['.encode()

    def without_bytes(self, meta: Mapping[str, Any], *, says_null: bool) -> bytes:
        return self._begin(meta) + (b',"blob":null}' if says_null else b"}")

    def open(self, meta: Mapping[str, Any], size_bytes: int) -> bytes:
        return self._begin(meta) + b',"blob":"'

    def _begin(self, meta: Mapping[str, Any]) -> bytes:
        separator, self._separator = self._separator, ","
        return (separator + _compact(meta)[:-1]).encode()

    def part(self, data: bytes) -> bytes:
        if self._carried:
            data = self._carried + data
        whole = len(data) - len(data) % 3
        self._carried = data[whole:]
        return binascii.b2a_base64(data[:whole] if self._carried else data, newline=False)

    def close(self) -> bytes:
        carried, self._carried = self._carried, b""
        return binascii.b2a_base64(carried, newline=False) + b'"}' if carried else b'"}'

    def end(self, rest: Mapping[str, Any]) -> bytes:
        return b"]," + _compact(rest)[1:].encode()


class CborWriter:
    """A map an item, and one for the rest."""

    content_type = cbor.SEQUENCE

    def begin(self) -> bytes:
        return b""

    def without_bytes(self, meta: Mapping[str, Any], *, says_null: bool) -> bytes:
        return self._begin(meta, more=1) + _BLOB + cbor.write(None) if says_null else self._begin(meta, more=0)

    def open(self, meta: Mapping[str, Any], size_bytes: int) -> bytes:
        return self._begin(meta, more=1) + _BLOB + cbor.write_bytes_head(size_bytes)

    def _begin(self, meta: Mapping[str, Any], *, more: int) -> bytes:
        return cbor.write_map_head(len(meta) + more) + cbor.write_members(meta)

    def part(self, data: bytes) -> bytes:
        return data

    def close(self) -> bytes:
        return b""

    def end(self, rest: Mapping[str, Any]) -> bytes:
        return cbor.write(rest)


_BLOB: Final = cbor.write("blob")


def writer_for(media_type: str, *, listed: str) -> Writer:
    return CborWriter() if media_type == cbor.SEQUENCE else JsonWriter(listed)


def write_answer(
    items: Iterable[Item], *, writer: Writer, missing: Missing, rest: Callable[[], Mapping[str, Any]]
) -> Iterator[bytes]:
    """The answer in pieces. ``rest`` is asked when all items are written.

    Raises:
        BlobDamagedError: bytes that had begun to go out end too early. Nothing but a cut connection says so.
        UpstreamError, UpstreamUnavailable, UpstreamTimeout: the blob store failed.
    """
    yield writer.begin()
    for group in _groups(items):
        blobs = get_blob_store().read_many([item.key for item in group if item.key and not _is_large(item)])
        written = []
        for item in group:
            if item.key is None:
                written.append(writer.without_bytes(item.meta, says_null=True))
            elif _is_large(item):
                yield from _write_large(item, writer, missing)
            elif (blob := _as_it_should_be(next(blobs), item)) is not None:
                written += (writer.open(item.meta, len(blob)), writer.part(blob), writer.close())
            elif (instead := missing(item)) is not None:
                yield b"".join(written)
                written = []
                yield from _write_large(instead, writer, missing)  # it may be larger
        yield b"".join(written)
    yield writer.end(rest())


def _is_large(item: Item) -> bool:
    return item.size_bytes > GROUP_BYTES


def _groups(items: Iterable[Item]) -> Iterator[list[Item]]:
    """A large one is a group of its own."""
    group: list[Item] = []
    size = 0
    for item in items:
        added = item.size_bytes if item.key else 0
        if group and (size + added > GROUP_BYTES or len(group) == GROUP_ITEMS):
            yield group
            group, size = [], 0
        group.append(item)
        size += added
    if group:
        yield group


def _as_it_should_be(blob: bytes | None, item: Item) -> bytes | None:
    if blob is not None and len(blob) != item.size_bytes:
        logger.error("a blob has another size than its row", extra={"key": item.key, "size": item.size_bytes})
        return None
    return blob


def _write_large(item: Item, writer: Writer, missing: Missing) -> Iterator[bytes]:
    """In parts, of which each is in memory alone."""
    said: Item | None = item
    while said is not None and said.key is not None:
        try:
            blob = get_blob_store().download(said.key)
        except FileNotFoundError:
            said = missing(said)
            continue
        left = said.size_bytes
        yield writer.open(said.meta, left)
        try:
            for part in blob.parts():
                left -= len(part)
                if left < 0:
                    break
                yield writer.part(part)
        finally:
            blob.close()
        if left:
            logger.error("a blob has another size than its row", extra={"key": said.key, "size": said.size_bytes})
            raise BlobDamagedError(said.key)
        yield writer.close()
        return
    if said is not None:
        yield writer.without_bytes(said.meta, says_null=True)


class StreamedAnswer(StreamingHttpResponse):
    """``pieces`` as they are made: in the request's own thread, one ahead of what is being sent.

    The first two are made at once, so that a store which is away is a problem document and no broken answer.
    """

    def __init__(self, pieces: Iterator[bytes], *, content_type: str) -> None:
        super().__init__(
            _Ahead(pieces, begun=b"".join(_first(pieces))),
            content_type=content_type,
            headers={"Cache-Control": "no-store"},
        )


def _first(pieces: Iterator[bytes]) -> Iterator[bytes]:
    for _ in range(2):
        if piece := next(pieces, None):
            yield piece


class _Ahead:
    def __init__(self, pieces: Iterator[bytes], *, begun: bytes) -> None:
        self._pieces = pieces
        self._begun = begun

    async def __aiter__(self) -> AsyncIterator[bytes]:
        following = self._ask()
        try:
            yield self._begun
            while (piece := await following) is not None:
                following = self._ask()
                yield piece
        finally:
            following.cancel()

    def _ask(self) -> "asyncio.Future[bytes | None]":
        return asyncio.ensure_future(sync_to_async(self._next)())

    def _next(self) -> bytes | None:
        return next(self._pieces, None)

    def close(self) -> None:
        """Django calls it in the thread that the pieces are made in, so none is being made."""
        self._pieces.close()  # type: ignore[attr-defined]  # a generator

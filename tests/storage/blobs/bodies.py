"""Bodies to send, and what comes back."""

import random
from collections.abc import Callable, Iterator

from storage.blobs.port import BlobReader, BlobStore

MIB = 1024 * 1024


def sealed_bytes(size: int, *, seed: int = 0) -> bytes:
    """Bytes as cipher text has them: no two parts alike."""
    return random.Random(seed).randbytes(size)  # noqa: S311 - reproducible, not secret


def in_parts(body: bytes, size: int = 64 * 1024) -> Iterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def parts_then_error(body: bytes, error: BaseException) -> Iterator[bytes]:
    yield from in_parts(body)
    raise error


async def read_all(blob: BlobReader) -> bytes:
    return b"".join([part async for part in blob])


async def download(store: BlobStore, key: str, *, start: int = 0, end: int | None = None) -> bytes:
    return await read_all(store.download(key, start=start, end=end))


def keys_of(store: BlobStore, prefix: str = "") -> set[str]:
    return {info.key for info in store.list_keys(prefix)}


def catch_error(work: Callable[[], object]) -> BaseException | None:
    try:
        work()
    except BaseException as error:  # noqa: BLE001 - the error is the answer
        return error
    return None

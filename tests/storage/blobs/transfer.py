"""Moves one large body through a store, in a process of its own, and says how its memory grew.

``python -m tests.storage.blobs.transfer files FOLDER MIB`` or ``… s3 URL MIB``; prints JSON. Needs Linux.
"""

import asyncio
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from storage.blobs.files import FileBlobStore
from storage.blobs.port import BlobStore

MIB = 1024 * 1024
KEY = "moving/large"


def _store(kind: str, place: str) -> BlobStore:
    if kind == "files":
        return FileBlobStore(Path(place))
    from storage.blobs.s3.store import S3BlobStore

    return S3BlobStore(bucket="sealed", endpoint_url=place, access_key="test", secret_key="test")


def _memory_mib(name: str) -> float:
    """``VmRSS``: now. ``VmHWM``: at most, since the last ``_forget_peak``."""
    (line,) = (line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1024


def _forget_peak() -> None:
    Path("/proc/self/clear_refs").write_text("5")


async def _drain(store: BlobStore, key: str) -> int:
    return sum([len(part) async for part in store.download(key)])


def main(kind: str, place: str, mib: int) -> None:
    store = _store(kind, place)
    part = bytes(range(256)) * 1024
    store.upload("moving/small", [part])
    asyncio.run(_drain(store, "moving/small"))
    measured: dict[str, dict[str, float]] = {}

    def upload() -> int:
        return store.upload(KEY, _parts(part, mib))

    def download() -> int:
        return asyncio.run(_drain(store, KEY))

    for name, move in (("up", upload), ("down", download)):
        _forget_peak()
        before, started = _memory_mib("VmRSS"), time.perf_counter()
        assert move() == mib * MIB
        seconds = time.perf_counter() - started
        measured[name] = {
            "growth_mib": round(_memory_mib("VmHWM") - before, 1),
            "mb_per_second": round(mib * MIB / seconds / 1e6),
        }
    print(json.dumps(measured))  # noqa: T201 - what it is for


def _parts(part: bytes, mib: int) -> Iterator[bytes]:
    for _ in range(mib * MIB // len(part)):
        yield part


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))

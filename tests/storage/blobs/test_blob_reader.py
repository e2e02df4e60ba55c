"""A blob on its way out is read in threads, and closed once, when nobody reads."""

import asyncio
import threading
import time

import pytest

from storage.blobs.port import BlobReader


async def test_the_loop_goes_on_while_a_store_is_waited_for() -> None:
    arrived = threading.Event()

    def read() -> bytes:
        assert threading.current_thread() is not threading.main_thread()
        assert arrived.wait(10)
        return b"x"

    reading = asyncio.ensure_future(anext(BlobReader(read=read)))
    await asyncio.sleep(0.01)
    arrived.set()
    assert await reading == b"x"


async def test_who_leaves_while_a_thread_reads_waits_for_nothing_and_the_thread_closes() -> None:
    reading, arrived, closed = threading.Event(), threading.Event(), threading.Event()

    def read() -> bytes:
        reading.set()
        assert arrived.wait(10)
        assert not closed.is_set()
        return b"x"

    blob = BlobReader(read=read, close=closed.set)
    waiting = asyncio.ensure_future(anext(blob))
    await asyncio.to_thread(reading.wait, 10)
    waiting.cancel()
    await blob.aclose()
    assert not closed.is_set()
    arrived.set()
    assert await asyncio.to_thread(closed.wait, 10)


@pytest.mark.parametrize("ending", ["end", "failure", "close"])
async def test_it_is_closed_exactly_once(ending: str) -> None:
    closed: list[float] = []

    def read() -> bytes:
        if ending == "failure":
            raise OSError
        return b"x" if ending == "close" else b""

    blob = BlobReader(read=read, close=lambda: closed.append(time.monotonic()))
    if ending == "failure":
        with pytest.raises(OSError):  # noqa: PT011 - it is the one raised above
            await anext(blob)
    elif ending == "end":
        assert await anext(blob, None) is None
    else:
        assert await anext(blob) == b"x"
    assert len(closed) == (0 if ending == "close" else 1)
    for _ in range(2):
        blob.close()
        await blob.aclose()
    assert len(closed) == 1
    assert await anext(blob, None) is None

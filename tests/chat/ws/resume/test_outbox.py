"""The outbox of a resumable turn by itself: what it keeps, for whom, and when it is too much."""

import asyncio
from contextlib import aclosing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adiuva.api.errors import ResumeLost, ValidationFailed
from chat.ws.resume.outbox import AHEAD_BYTES, Outbox, OutboxFullError


class _Reader:
    def __init__(self) -> None:
        self.lost = False

    def on_taken_over(self) -> None:
        self.lost = True


async def read(outbox: Outbox, reader: _Reader, *, after: int, count: int | None = None) -> list[str]:
    """``count`` frames, or all up to the end."""
    outbox.attach(reader, after=after)
    texts: list[str] = []
    async with aclosing(outbox.frames(reader, after=after)) as frames:
        async for text in frames:
            texts.append(text)
            if len(texts) == count:
                break
    return texts


@given(st.lists(st.text(max_size=30), max_size=30), st.data())
def test_every_reader_gets_what_comes_after_the_frame_it_has(texts: list[str], data: st.DataObject) -> None:
    async def scene() -> None:
        outbox = Outbox()
        for text in texts:
            await outbox.put(text)
        outbox.end()
        for _ in range(3):
            after = data.draw(st.integers(0, len(texts)))
            assert await read(outbox, _Reader(), after=after) == texts[after:]

    asyncio.run(scene())


@given(st.lists(st.sampled_from(["a", "é", "☃☃", "x" * 9]), max_size=40), st.integers(1, 30))
def test_memory_is_bounded_and_what_nobody_has_read_is_never_dropped_in_silence(texts: list[str], limit: int) -> None:
    async def scene() -> None:
        outbox = Outbox(max_bytes=limit)
        size = 0
        for text in texts:
            size += len(text.encode())
            if size > limit:
                with pytest.raises(OutboxFullError):
                    await outbox.put(text)
                return
            await outbox.put(text)
            assert outbox.kept_bytes == size
            assert outbox.first == 1

    asyncio.run(scene())


async def test_frames_that_were_read_give_way_and_can_then_not_be_had_again() -> None:
    outbox = Outbox(max_bytes=10)
    reader = _Reader()
    outbox.attach(reader, after=0)
    async with aclosing(outbox.frames(reader, after=0)) as frames:
        for number in range(20):
            await outbox.put(f"{number:05}")
            assert await anext(frames) == f"{number:05}"
        await outbox.put("much too long")
        assert await anext(frames) == "much too long"
        outbox.end()
        assert await anext(frames, None) is None
    outbox.detach(reader)

    assert outbox.kept_bytes == 0
    for after in (1, 18, 20):
        with pytest.raises(ResumeLost):
            outbox.attach(_Reader(), after=after)


async def test_a_number_that_was_never_sent_is_refused_and_the_reader_stays() -> None:
    outbox = Outbox()
    reader = _Reader()
    await outbox.put("a")
    outbox.attach(reader, after=1)

    with pytest.raises(ValidationFailed):
        outbox.attach(_Reader(), after=2)

    assert outbox.reader is reader
    assert not reader.lost


async def test_the_newer_reader_takes_over_and_the_older_gets_nothing_more() -> None:
    outbox = Outbox()
    old, new = _Reader(), _Reader()
    await outbox.put("a")
    outbox.attach(old, after=0)
    old_frames = outbox.frames(old, after=0)
    assert await anext(old_frames) == "a"
    waiting = asyncio.ensure_future(anext(old_frames, None))
    await asyncio.sleep(0)
    rest = asyncio.ensure_future(read(outbox, new, after=1))
    await asyncio.sleep(0)
    await outbox.put("b")
    outbox.end()

    assert await waiting is None
    assert old.lost
    assert await rest == ["b"]
    assert not outbox.detach(old)


async def test_the_writer_waits_for_a_reader_that_is_slow_and_for_none_that_is_gone() -> None:
    outbox = Outbox()
    reader = _Reader()
    outbox.attach(reader, after=0)
    frames = outbox.frames(reader, after=0)
    for _ in range(2):
        await outbox.put("x" * (AHEAD_BYTES + 1))
        writing = asyncio.ensure_future(outbox.put("y"))
        await anext(frames)
        assert not writing.done()  # that frame may still be on its way
        taking = asyncio.ensure_future(anext(frames))
        await writing
        assert await taking == "y"
    await outbox.put("x" * (AHEAD_BYTES + 1))
    writing = asyncio.ensure_future(outbox.put("y"))
    await asyncio.sleep(0)
    assert not writing.done()

    assert outbox.detach(reader)
    await writing


async def test_a_frame_whose_writer_was_cancelled_is_not_there() -> None:
    outbox = Outbox()
    reader = _Reader()
    outbox.attach(reader, after=0)
    await outbox.put("x" * (AHEAD_BYTES + 1))
    writing = asyncio.ensure_future(outbox.put("y"))
    await asyncio.sleep(0)
    writing.cancel()
    outbox.detach(reader)
    await asyncio.wait([writing])
    outbox.end()

    assert outbox.last == 1


async def test_a_reader_may_come_back_with_less_than_it_had_taken() -> None:
    outbox = Outbox(max_bytes=6)
    reader = _Reader()
    for text in ("a", "b", "c"):
        await outbox.put(text)
    assert await read(outbox, reader, after=0, count=3) == ["a", "b", "c"]
    outbox.detach(reader)
    outbox.attach(reader, after=1)

    await outbox.put("dddd")
    outbox.end()

    assert await read(outbox, reader, after=1) == ["b", "c", "dddd"]


async def test_a_failure_comes_after_what_there_is() -> None:
    outbox = Outbox()
    await outbox.put("a")
    outbox.end(ResumeLost())
    outbox.end()
    reader = _Reader()
    outbox.attach(reader, after=0)
    frames = outbox.frames(reader, after=0)

    assert await anext(frames) == "a"
    with pytest.raises(ResumeLost):
        await anext(frames)

"""Bodies that a view reads while they arrive: the handler by itself, its client played by the test."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adiuva.server import body_limits
from adiuva.server.asgi_handler import PooledASGIHandler
from adiuva.server.body_limits import KIB, BodyLimit
from adiuva.server.drain import drain
from adiuva.server.streaming_body import READ_AHEAD_BYTES, BodyIncomplete, StreamingBody
from tests.adiuva.server import streaming_app
from tests.adiuva.server.streaming_app import CAP, Sender, gate

PART = b"a" * 64 * KIB
SIZE = 8 * len(PART)


@pytest.fixture
async def handler(settings: Any) -> AsyncIterator[PooledASGIHandler]:
    settings.ROOT_URLCONF = streaming_app.routes
    settings.MIDDLEWARE = []
    settings.ALLOWED_HOSTS = ["*"]
    handler = PooledASGIHandler()
    gate.close()
    yield handler
    for executor in handler._idle:
        executor.shutdown()


@pytest.fixture
def app(handler: PooledASGIHandler) -> BodyLimit:
    return streaming_app.streaming_app(handler)


async def settle() -> None:
    """What must not happen had time to."""
    await asyncio.sleep(0.05)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - nothing says so
            await asyncio.sleep(0.001)


async def test_a_view_reads_a_body_while_it_arrives(app: BodyLimit) -> None:
    sender = Sender(app, "once-then-wait", declared=SIZE)
    sender.send(PART)
    await gate.view_entered()
    gate.read_on.release()
    for index in range(7):
        sender.send(PART, last=index == 6)
    assert (await sender.answer())["size"] == SIZE
    assert b"connection" not in sender.headers


async def test_nothing_is_asked_for_before_the_view_reads(app: BodyLimit) -> None:
    """uvicorn says 100 Continue when it is asked."""
    sender = Sender(app, "work", declared=SIZE)
    await gate.view_entered()
    await settle()
    assert sender.asked == 0
    gate.read_on.release()
    await sender.answered.wait()
    sender.leave()
    await sender.answer()


async def test_a_view_that_is_busy_is_sent_no_more_than_the_read_ahead(app: BodyLimit) -> None:
    sender = Sender(app, "once-then-wait", declared=CAP)
    for index in range(CAP // len(PART)):
        sender.send(PART, last=index == CAP // len(PART) - 1)
    await gate.view_entered()
    await until(lambda: sender.taken > READ_AHEAD_BYTES)
    await settle()
    assert sender.taken <= READ_AHEAD_BYTES + 2 * len(PART)
    gate.read_on.release()
    assert (await sender.answer())["size"] == CAP


async def test_a_client_that_leaves_wakes_the_view(app: BodyLimit) -> None:
    sender = Sender(app, "all", declared=SIZE)
    sender.send(PART)
    await gate.view_entered()
    sender.leave()
    await sender.task
    assert sender.status == 400


async def test_a_client_that_stops_sending_is_408(
    app: BodyLimit, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.CLIENT_IDLE_SECONDS = 0.05
    monkeypatch.setattr(body_limits, "LINGER_SECONDS", 0.05)
    sender = Sender(app, "all", declared=SIZE)
    sender.send(PART)
    assert (await sender.answer())["code"] == "request_timeout"
    assert sender.headers[b"connection"] == b"close"
    assert sender.ended.is_set()


async def test_a_view_may_take_its_time(app: BodyLimit, settings: Any) -> None:
    """Its slow disk is not the client's fault."""
    settings.CLIENT_IDLE_SECONDS = 0.05
    sender = Sender(app, "once-then-wait", declared=CAP)
    for index in range(CAP // len(PART)):
        sender.send(PART, last=index == CAP // len(PART) - 1)
    await gate.view_entered()
    await asyncio.sleep(0.2)
    gate.read_on.release()
    assert (await sender.answer())["size"] == CAP


async def test_a_chunked_body_may_have_the_cap_and_no_more(app: BodyLimit) -> None:
    whole, too_large = Sender(app, "all", declared=None), Sender(app, "all", declared=None)
    for sender, last in ((whole, PART), (too_large, PART + b"a")):
        for _ in range(CAP // len(PART) - 1):
            sender.send(PART)
        sender.send(last, last=sender is whole)
    assert (await whole.answer())["size"] == CAP
    assert b"connection" not in whole.headers

    await too_large.answered.wait()
    too_large.send(PART, last=True)  # what still comes is dropped
    assert (await too_large.answer())["code"] == "payload_too_large"
    assert too_large.headers[b"connection"] == b"close"


@pytest.mark.parametrize("view", ["nothing", "once"])
async def test_an_answer_without_the_whole_body_closes_after_a_while(app: BodyLimit, view: str) -> None:
    sender = Sender(app, view, declared=SIZE)
    sender.send(PART)
    await sender.answered.wait()
    assert sender.headers[b"connection"] == b"close"
    await settle()
    assert not sender.ended.is_set()
    sender.send(PART, last=True)
    assert "thread" in await sender.answer()
    assert sender.ended.is_set()


async def test_who_still_sends_after_the_answer_keeps_no_thread(handler: PooledASGIHandler, app: BodyLimit) -> None:
    sender = Sender(app, "once", declared=SIZE)
    sender.send(PART)
    await sender.answered.wait()
    await until(lambda: len(handler._idle) == 1)
    await settle()
    assert not sender.task.done()
    sender.leave()
    await sender.answer()


async def test_a_body_that_was_read_ahead_whole_keeps_the_connection(app: BodyLimit) -> None:
    sender = Sender(app, "once-then-wait", declared=len(PART))
    sender.send(PART, last=True)
    await gate.view_entered()
    await settle()
    gate.read_on.release()
    await sender.answer()
    assert b"connection" not in sender.headers


async def test_a_stopping_server_lets_the_view_answer_that_waits_for_bytes(
    handler: PooledASGIHandler, app: BodyLimit
) -> None:
    sender = Sender(app, "all", declared=SIZE)
    sender.send(PART)
    await gate.view_entered()
    await settle()
    drain.last_call()
    await sender.answered.wait()
    sender.leave()
    assert (await sender.answer())["code"] == "upstream_unavailable"
    assert sender.status == 503
    assert len(handler._idle) == 1


async def test_a_cancelled_request_leaves_no_thread_waiting_for_bytes(app: BodyLimit) -> None:
    sender = Sender(app, "all", declared=SIZE)
    sender.send(PART)
    await gate.view_entered()
    sender.task.cancel()
    await asyncio.wait([sender.task])
    assert await asyncio.to_thread(gate.left.acquire, timeout=60)


async def test_a_thread_that_is_at_work_after_a_cancelled_request_is_not_given_to_another(
    handler: PooledASGIHandler, app: BodyLimit
) -> None:
    cancelled = Sender(app, "work", declared=SIZE)
    await gate.view_entered()
    cancelled.task.cancel()
    await asyncio.wait([cancelled.task])
    assert handler._idle == []
    other = Sender(app, "all", declared=3)
    other.send(b"abc", last=True)
    assert (await other.answer())["size"] == 3
    gate.read_on.release()
    assert await asyncio.to_thread(gate.left.acquire, timeout=60)


async def test_what_breaks_the_receiving_reaches_the_reader() -> None:
    async def receive() -> Any:
        raise RuntimeError("a bug")

    body = StreamingBody(receive, declared_size=None)
    with pytest.raises(RuntimeError, match="a bug"):
        await asyncio.to_thread(body.read)


async def test_a_reader_that_comes_after_the_end_of_the_request_does_not_wait() -> None:
    async def receive() -> Any:
        return {"type": "http.request", "body": b"abc", "more_body": True}

    body = StreamingBody(receive, declared_size=None)
    await body.aclose()
    with pytest.raises(BodyIncomplete):
        await asyncio.to_thread(body.read)


@pytest.mark.thorough
@given(parts=st.lists(st.binary(max_size=40), min_size=1), sizes=st.lists(st.integers(1, 50), min_size=1))
def test_however_it_is_cut_and_read_it_is_the_same_body(parts: list[bytes], sizes: list[int]) -> None:
    async def read_back() -> bytes:
        left = iter(parts)
        count = 0

        async def receive() -> Any:
            nonlocal count
            count += 1
            return {"type": "http.request", "body": next(left), "more_body": count < len(parts)}

        def read() -> bytes:
            pieces: list[bytes] = []
            while piece := body.read(sizes[len(pieces) % len(sizes)]):
                assert len(piece) <= sizes[len(pieces) % len(sizes)]
                pieces.append(piece)
            return b"".join(pieces)

        body = StreamingBody(receive, declared_size=None)
        whole = await asyncio.to_thread(read)
        assert body.read(5) == b""
        await body.aclose()
        return whole

    assert asyncio.run(read_back()) == b"".join(parts)

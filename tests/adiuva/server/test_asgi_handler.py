"""``PooledASGIHandler``: a warm thread for each request, and no thread left behind."""

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

import pytest
from django.core.signals import request_finished
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from adiuva.server import asgi_handler
from adiuva.server.asgi_handler import PooledASGIHandler

entered = threading.Semaphore(0)
leave = threading.Event()


def quick(request: HttpRequest) -> HttpResponse:
    return JsonResponse({"thread": threading.get_ident()})


def slow(request: HttpRequest) -> HttpResponse:
    entered.release()
    assert leave.wait(60)
    return quick(request)


def failing(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a bug")


routes = ModuleType("routes")
routes.__dict__["urlpatterns"] = [path("quick", quick), path("slow", slow), path("failing", failing)]


@pytest.fixture
async def handler(settings: Any) -> AsyncIterator[PooledASGIHandler]:
    settings.ROOT_URLCONF = routes
    settings.MIDDLEWARE = []
    settings.ALLOWED_HOSTS = ["*"]
    leave.clear()
    handler = PooledASGIHandler()
    yield handler
    leave.set()
    for executor in handler._idle:
        executor.shutdown()


class Client:
    """One request to the handler, without a server."""

    def __init__(self, handler: PooledASGIHandler, url: str) -> None:
        self._gone = asyncio.Event()
        self._body_read = False
        self.status = 0
        self.body = b""
        scope = {"type": "http", "method": "GET", "path": f"/{url}", "query_string": b"", "headers": []}
        self.task = asyncio.create_task(handler(scope, self._receive, self._send))

    def leave(self) -> None:
        self._gone.set()

    async def answer(self) -> Any:
        async with asyncio.timeout(60):
            await self.task
        return json.loads(self.body)

    async def _receive(self) -> Any:
        if not self._body_read:
            self._body_read = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.status = message.get("status", self.status)
        self.body += message.get("body", b"")


async def all_entered(count: int) -> None:
    for _ in range(count):
        assert await asyncio.to_thread(entered.acquire, timeout=60)


def wait_until_ended(count: int, *, before: set[threading.Thread]) -> bool:
    """Of the threads that were not there ``before``: those of other tests end when they like."""
    deadline = time.monotonic() + 60
    while len(request_threads() - before) > count and time.monotonic() < deadline:
        time.sleep(0.01)
    return len(request_threads() - before) == count


def request_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("request")}


async def test_requests_one_after_another_share_a_thread(handler: PooledASGIHandler) -> None:
    threads = [(await Client(handler, "quick").answer())["thread"] for _ in range(5)]
    assert len(set(threads)) == 1
    assert threads[0] != threading.get_ident()


async def test_requests_at_the_same_time_have_a_thread_each(handler: PooledASGIHandler) -> None:
    slow_ones = [Client(handler, "slow") for _ in range(20)]
    await all_entered(20)
    quick_one = await Client(handler, "quick").answer()
    leave.set()
    answers = [await client.answer() for client in slow_ones]
    assert len({answer["thread"] for answer in [*answers, quick_one]}) == 21


async def test_only_so_many_threads_stay(handler: PooledASGIHandler, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asgi_handler, "MAX_IDLE", 3)
    before = request_threads()
    for _ in range(3):
        leave.clear()
        clients = [Client(handler, "slow") for _ in range(12)]
        await all_entered(12)
        leave.set()
        for client in clients:
            await client.answer()
            assert client.status == 200
    assert await asyncio.to_thread(wait_until_ended, 3, before=before)
    assert len(handler._idle) == 3


async def test_a_client_that_leaves_gives_its_thread_back_when_the_view_has_ended(handler: PooledASGIHandler) -> None:
    client = Client(handler, "slow")
    await all_entered(1)
    client.leave()
    other = await Client(handler, "quick").answer()
    leave.set()
    async with asyncio.timeout(60):
        await client.task
    assert client.body == b""
    assert len(handler._idle) == 2
    assert {(await Client(handler, "quick").answer())["thread"] for _ in range(3)} != {other["thread"], None}


async def test_a_failing_view_gives_its_thread_back(handler: PooledASGIHandler) -> None:
    for _ in range(3):
        client = Client(handler, "failing")
        await client.task
        assert client.status == 500
    assert len(handler._idle) == 1


async def test_a_request_ends_once_and_before_its_answer_goes_out(handler: PooledASGIHandler) -> None:
    """A slow client then keeps no database connection: Django gives it back when a request is over."""
    finished: list[int] = []
    sent_after: list[int] = []

    def on_finished(**_: object) -> None:
        finished.append(threading.get_ident())

    class NotingClient(Client):
        async def _send(self, message: Any) -> None:
            sent_after.append(len(finished))
            await super()._send(message)

    request_finished.connect(on_finished)
    try:
        thread = (await NotingClient(handler, "quick").answer())["thread"]
    finally:
        request_finished.disconnect(on_finished)
    assert finished == [thread]
    assert sent_after == [1, 1]

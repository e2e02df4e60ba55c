"""The handler with views that read live bodies, and one request to it whose sender the test plays."""

import asyncio
import json
import re
import threading
from collections.abc import Callable, MutableMapping
from types import ModuleType
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.urls import path

from adiuva.api.errors import Problem
from adiuva.server.asgi_handler import PooledASGIHandler
from adiuva.server.body_limits import KIB, BodyLimit, Cap

CAP = 4096 * KIB


class Gate:
    """What views and tests tell each other."""

    def __init__(self) -> None:
        self.close()

    def close(self) -> None:
        self.entered = threading.Semaphore(0)
        self.read_on = threading.Semaphore(0)
        self.left = threading.Semaphore(0)

    async def view_entered(self) -> None:
        assert await asyncio.to_thread(self.entered.acquire, timeout=60)


gate = Gate()


def _answering(view: Callable[[HttpRequest], dict[str, Any]]) -> Callable[[HttpRequest], HttpResponse]:
    def answer(request: HttpRequest) -> HttpResponse:
        gate.entered.release()
        try:
            return JsonResponse(view(request))
        except Problem as problem:
            return JsonResponse({"code": problem.code}, status=problem.status)
        finally:
            gate.left.release()

    return answer


@_answering
def read_all(request: HttpRequest) -> dict[str, Any]:
    size = 0
    while part := request.read(64 * KIB):
        size += len(part)
    return {"size": size, "thread": threading.get_ident()}


@_answering
def read_once_then_wait(request: HttpRequest) -> dict[str, Any]:
    size = len(request.read(1))
    assert gate.read_on.acquire(timeout=60)
    while part := request.read(64 * KIB):
        size += len(part)
    return {"size": size}


@_answering
def read_once(request: HttpRequest) -> dict[str, Any]:
    return {"size": len(request.read(10)), "thread": threading.get_ident()}


@_answering
def read_nothing(request: HttpRequest) -> dict[str, Any]:
    return {"thread": threading.get_ident()}


@_answering
def work_on(request: HttpRequest) -> dict[str, Any]:
    assert gate.read_on.acquire(timeout=60)
    return {}


VIEWS = (read_all, read_once_then_wait, read_once, read_nothing, work_on)
NAMES = ("all", "once-then-wait", "once", "nothing", "work")
routes = ModuleType("live_routes")
routes.__dict__["urlpatterns"] = [path(name, view) for name, view in zip(NAMES, VIEWS, strict=True)]


def streaming_app(handler: PooledASGIHandler) -> BodyLimit:
    return BodyLimit(handler, caps=[Cap(re.compile(".*"), CAP, streams=True)], token_is_signed=lambda _: True)


class Sender:
    """One request: its body is what the test puts into it, its answer what the application sends."""

    def __init__(self, app: BodyLimit, view: str, *, declared: int | None) -> None:
        length = (b"transfer-encoding", b"chunked") if declared is None else (b"content-length", b"%d" % declared)
        headers = [(b"host", b"localhost"), (b"authorization", b"Bearer x"), length]
        scope = {"type": "http", "method": "PUT", "path": f"/{view}", "query_string": b"", "headers": headers}
        self._messages: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._has_left = asyncio.Event()
        self.asked = 0
        self.taken = 0
        self.status = 0
        self.headers: dict[bytes, bytes] = {}
        self.body = b""
        self.ended = asyncio.Event()
        self.answered = asyncio.Event()
        self.task = asyncio.create_task(app(scope, self._receive, self._send))

    def send(self, part: bytes, *, last: bool = False) -> None:
        self._messages.put_nowait({"type": "http.request", "body": part, "more_body": not last})

    def leave(self) -> None:
        """From now on there is nothing but a disconnect to receive."""
        self._has_left.set()
        self._messages.put_nowait({"type": "http.disconnect"})

    async def answer(self) -> Any:
        async with asyncio.timeout(60):
            await self.task
        return json.loads(self.body)

    async def _receive(self) -> Any:
        self.asked += 1
        if self._has_left.is_set():
            return {"type": "http.disconnect"}
        message = await self._messages.get()
        self.taken += len(message.get("body", b""))
        return message

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = dict(message["headers"])
        else:
            self.body += message.get("body", b"")
            self.answered.set()
            if not message.get("more_body"):
                self.ended.set()

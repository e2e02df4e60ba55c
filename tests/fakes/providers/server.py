"""HTTP on loopback as a provider's edge speaks it: kept-alive connections, streams, and a watch on who hangs up.

Each provider's class says what it accepts and how its answers are written; this one moves bytes and remembers::

    with AnthropicServer() as provider:
        provider.script(use(call("create_task", title="Buy milk")), say("Done", "."))
        ...
        assert provider.requests[0].body["model"] == "claude-x"
"""

import asyncio
import json
import ssl
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Self
from urllib.parse import parse_qs, urlsplit

from tests.fakes.providers.script import Answer, Body, Refused, Scripted, Trouble, say


@dataclass(frozen=True, slots=True)
class Request:
    """``headers`` by lower-case name; ``connection`` is the number of the connection it came on, from 1."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Body
    connection: int


@dataclass(slots=True)
class Records:
    """``refused``: what the provider did not accept. ``faults``: of the fake itself. ``hung_up``: answers whose client
    went away before their end. ``answered``: those sent to their end. ``lists``: requests for the list of models.
    ``connections``: all there were; ``open``: those there are.
    """

    requests: list[Request] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    faults: list[Exception] = field(default_factory=list)
    lists: list[Request] = field(default_factory=list)
    hung_up: int = 0
    answered: int = 0
    connections: int = 0
    open: int = 0


_HANDSHAKE_SECONDS = 10.0


class ProviderServer(ABC):
    """``requests`` holds those that were answered by the script, in order of their arrival; others leave no trace but
    in ``records.refused``. When the script has run out, ``default`` answers.
    """

    key: ClassVar[str] = "key-of-the-operator"
    stream_type: ClassVar[str] = "text/event-stream"
    # Whether the vendor ever stops a prompt or an answer for what it says.
    filters: ClassVar[bool] = True

    def __init__(self) -> None:
        self.default: Scripted = say("Hello", " there", ".")
        self.records = Records()
        # Those that its list has; None for a server without a list.
        self.models: list[str] | None = None
        self._script: deque[Scripted] = deque()
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=type(self).__name__, daemon=True)
        self._server: asyncio.Server | None = None
        self._protocols: set[_Connection] = set()
        self.port = 0
        # Before it is entered: it then speaks HTTPS.
        self.tls: ssl.SSLContext | None = None

    # --- what a provider says -----------------------------------------------------------------------------------

    @property
    @abstractmethod
    def base_url(self) -> str:
        """As an operator writes it into the provider's variable."""

    @abstractmethod
    def check(self, request: Request) -> None:
        """Raises ``Refused`` for what the vendor does not accept: path, key, body."""

    @abstractmethod
    def stream(self, request: Request, answer: Answer) -> Iterator[bytes]:
        """The events of an answer, each as it goes over the wire; without an end where the answer breaks."""

    @abstractmethod
    def whole(self, request: Request, answer: Answer) -> Any:
        """The JSON of an answer that is not streamed."""

    @abstractmethod
    def refuse(self, trouble: Trouble) -> Refused:
        """What the vendor says in this kind of trouble."""

    @abstractmethod
    def wants_stream(self, request: Request) -> bool: ...

    def answer_aside(self, request: Request) -> Any:
        """The JSON of a route beside chat, None for none."""
        return None

    # --- what a test asks ---------------------------------------------------------------------------------------

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def requests(self) -> list[Request]:
        return self.records.requests

    @property
    def bodies(self) -> list[Body]:
        return [request.body for request in self.records.requests]

    def script(self, *replies: Scripted) -> None:
        self._script.extend(replies)

    def forget(self) -> None:
        """An empty script, the first default, no request seen, every connection closed."""
        self._script.clear()
        self.default = say("Hello", " there", ".")
        self._run(self._drop_connections())
        self.records = Records()

    def wait_requests(self, count: int, timeout: float = 10.0) -> bool:
        """True as soon as ``count`` requests have arrived. Blocks: from a coroutine call it through a thread."""
        return self._wait(lambda: len(self.records.requests) >= count, timeout)

    def wait_answered(self, count: int, timeout: float = 10.0) -> bool:
        """True as soon as ``count`` answers have been sent to their end. Blocks."""
        return self._wait(lambda: self.records.answered >= count, timeout)

    def wait_hung_up(self, timeout: float = 10.0) -> bool:
        """True as soon as a client has gone away in the middle of an answer. Blocks."""
        return self._wait(lambda: self.records.hung_up > 0, timeout)

    def wait_closed(self, timeout: float = 10.0) -> bool:
        """True as soon as no connection is open. Blocks."""
        return self._wait(lambda: self.records.open == 0, timeout)

    def _wait(self, condition: Any, timeout: float) -> bool:
        with self._changed:
            return bool(self._changed.wait_for(condition, timeout))

    # --- its life -----------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = self._run(self._listen())
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server is not None
        self._loop.call_soon_threadsafe(self._server.close)
        self._run(self._drop_connections())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    async def _listen(self) -> asyncio.Server:
        return await self._loop.create_server(
            lambda: _Connection(self),
            "127.0.0.1",
            0,
            ssl=self.tls,
            ssl_handshake_timeout=_HANDSHAKE_SECONDS if self.tls else None,
        )

    async def _drop_connections(self) -> None:
        await asyncio.gather(*[connection.drop() for connection in list(self._protocols)])
        await self._end_handshakes()

    async def _end_handshakes(self) -> None:
        """A connection is nobody's until its TLS handshake is over, and a client may have left in the middle of it."""
        server: Any = self._server
        if hasattr(server, "abort_clients"):  # from Python 3.13 on
            server.abort_clients()
            await asyncio.sleep(0)
            return
        until = self._loop.time() + _HANDSHAKE_SECONDS
        while server._active_count and self._loop.time() < until:  # noqa: ASYNC110 - 3.11 has no event for it
            await asyncio.sleep(0.01)

    # --- one request --------------------------------------------------------------------------------------------

    def note(self, **changes: int) -> None:
        with self._changed:
            for name, change in changes.items():
                setattr(self.records, name, getattr(self.records, name) + change)
            self._changed.notify_all()

    async def answer(self, request: Request, transport: asyncio.Transport) -> None:
        try:
            aside = self.answer_aside(request)
            if aside is not None:
                _write_whole(transport, 200, aside, {})
                return
            self.check(request)
            reply = self._next_reply(request)
            if isinstance(reply, Trouble):
                if reply.kind == "hang":
                    await asyncio.Event().wait()
                raise self.refuse(reply)
        except Refused as refused:
            self.records.refused.append(refused)
            _write_whole(transport, refused.status, refused.body, refused.headers)
            return
        if self.wants_stream(request):
            await self._send_stream(request, reply, transport)
        else:
            await asyncio.sleep(reply.delay)
            _write_whole(transport, 200, self.whole(request, reply), {})

    def _next_reply(self, request: Request) -> Answer | Trouble:
        scripted = self._script.popleft() if self._script else self.default
        with self._changed:
            self.records.requests.append(request)
            self._changed.notify_all()
        return scripted(request.body) if callable(scripted) else scripted

    async def _send_stream(self, request: Request, answer: Answer, transport: asyncio.Transport) -> None:
        transport.write(_head(200, {"Content-Type": self.stream_type, "Transfer-Encoding": "chunked"}))
        for event in self.stream(request, answer):
            await asyncio.sleep(answer.delay)
            transport.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
        if answer.breaks == "stall":
            await asyncio.Event().wait()
        if answer.breaks == "reset":
            await asyncio.sleep(0.05)  # what was sent must arrive before the reset does
            transport.abort()
            return
        transport.write(b"0\r\n\r\n")


class _Connection(asyncio.Protocol):
    """Answers one request after the other, and stops as soon as the client is gone."""

    def __init__(self, server: ProviderServer) -> None:
        self._provider = server
        self._data = bytearray()
        self._lost = asyncio.Event()
        self._transport: asyncio.Transport
        self._answering: asyncio.Task[None] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._provider._protocols.add(self)
        self._provider.note(connections=1, open=1)
        self._number = self._provider.records.connections

    def data_received(self, data: bytes) -> None:
        self._data += data
        self._begin_next()

    def connection_lost(self, exc: Exception | None) -> None:
        self._provider._protocols.discard(self)
        unfinished = self._answering is not None
        if self._answering is not None:
            self._answering.cancel()
        self._provider.note(open=-1, hung_up=int(unfinished))
        self._lost.set()

    async def drop(self) -> None:
        """Without counting as a client that hung up."""
        task, self._answering = self._answering, None
        if task is not None:
            task.cancel()
        self._transport.abort()
        await self._lost.wait()

    def _begin_next(self) -> None:
        request = None if self._answering else self._take_request()
        if request is not None:
            self._answering = asyncio.get_running_loop().create_task(self._answer(request))

    async def _answer(self, request: Request) -> None:
        try:
            await self._provider.answer(request, self._transport)
            self._provider.note(answered=1)
        except Exception as fault:  # noqa: BLE001 - whoever runs the test is told
            self._provider.records.faults.append(fault)
            self._transport.abort()
        self._answering = None
        if not self._transport.is_closing():
            self._begin_next()

    def _take_request(self) -> Request | None:
        head, found, rest = bytes(self._data).partition(b"\r\n\r\n")
        if not found:
            return None
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", "0"))
        if len(rest) < length:
            return None
        self._data = bytearray(rest[length:])
        method, target, _ = first.split(" ")
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        body = json.loads(rest[:length]) if length else {}
        return Request(method, parts.path, query, headers, body, self._number)


def _write_whole(transport: asyncio.Transport, status: int, content: Any, headers: Mapping[str, str]) -> None:
    data = content.encode() if isinstance(content, str) else json.dumps(content).encode()
    named = {"Content-Type": "application/json", **headers, "Content-Length": str(len(data))}
    transport.write(_head(status, named) + data)


def _head(status: int, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} Scripted", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def event(data: Any, name: str = "") -> bytes:
    """A server-sent event whose data is JSON."""
    title = f"event: {name}\n" if name else ""
    return f"{title}data: {json.dumps(data)}\n\n".encode()

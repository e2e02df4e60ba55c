"""What the loopback vector stores share: a real HTTP/1.1 server in threads, a log of requests, and faults."""

import contextlib
import json
import socket
import struct
import threading
from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal, Self
from urllib.parse import parse_qs, unquote, urlsplit

# stall: the request is read and never answered; reset: TCP reset instead of an answer; cut: the answer ends half way;
# garbage: 200 without JSON; a number: that status.
Fault = Literal["stall", "reset", "cut", "garbage"] | int


@dataclass(frozen=True)
class Seen:
    """One request: ``headers`` have lower-case names."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: Any


class RefusedError(Exception):
    """An answer that is an error, with the body a real server would send."""

    def __init__(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers or {}


@dataclass
class Faults:
    """``now`` is what goes wrong, with every request whose path ends with ``on``, after ``after`` of them went well."""

    now: Fault | None = None
    on: str = ""
    after: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    def of(self, path: str) -> Fault | None:
        if self.now is None or not path.endswith(self.on):
            return None
        if self.after > 0:
            self.after -= 1
            return None
        return self.now


class HttpStore(ABC):
    """A context manager: inside it ``url`` answers. A subclass implements ``handle``, which raises ``RefusedError``."""

    def __init__(self) -> None:
        self.requests: list[Seen] = []
        self.faults = Faults()
        self.lock = threading.RLock()
        self.connections: set[socket.socket] = set()
        self._released = threading.Event()
        self._server: ThreadingHTTPServer | None = None
        self._port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @abstractmethod
    def handle(self, seen: Seen) -> Any:
        """The JSON of a 200."""

    def fail(self, fault: Fault | None, *, on: str = "", after: int = 0, **headers: str) -> None:
        self.faults = Faults(fault, on, after, {name.replace("_", "-"): value for name, value in headers.items()})

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """From here on connections are refused."""
        if self._server is not None:
            self._released.set()
            self._server.shutdown()
            with self.lock:
                for connection in self.connections:
                    with contextlib.suppress(OSError):  # the client was faster
                        connection.shutdown(socket.SHUT_RDWR)
            self._server.server_close()
            self._server = None

    def wait_released(self) -> None:
        self._released.wait(60)


def _handler_of(store: HttpStore) -> type[BaseHTTPRequestHandler]:  # noqa: C901 - one class
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            with store.lock:
                store.connections.add(self.connection)

        def _serve(self) -> None:
            parts = urlsplit(self.path)
            raw = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            seen = Seen(
                method=self.command,
                path=unquote(parts.path),
                query=parse_qs(parts.query),
                headers={name.lower(): value for name, value in self.headers.items()},
                body=json.loads(raw) if raw else None,
            )
            with store.lock:
                store.requests.append(seen)
                fault = store.faults.of(seen.path)
            if fault is not None:
                self._misbehave(fault)
                return
            try:
                with store.lock:
                    answer = store.handle(seen)
            except RefusedError as refusal:
                self._answer(refusal.status, refusal.body, refusal.headers)
            else:
                self._answer(200, answer)

        def _misbehave(self, fault: Fault) -> None:
            self.close_connection = True
            match fault:
                case "stall":
                    store.wait_released()
                case "reset":
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
                case "cut":
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{")
                case "garbage":
                    self._send(200, b"<html>", {"Content-Type": "text/html"})
                case int():
                    secret = {"status": {"error": "SECRET STORE TEXT"}, "message": "SECRET STORE TEXT", "code": 2}
                    self._answer(fault, secret, store.faults.headers)

        def _answer(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
            self._send(status, json.dumps(body).encode(), {"Content-Type": "application/json", **(headers or {})})

        def _send(self, status: int, data: bytes, headers: dict[str, str]) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PUT = do_DELETE = _serve  # noqa: N815 - http.server's names

        def finish(self) -> None:
            with store.lock:
                store.connections.discard(self.connection)
            with contextlib.suppress(OSError, ValueError):  # reset on purpose
                super().finish()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name
            """Not on stderr."""

    return Handler


def cosine(one: list[float], other: list[float]) -> float:
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    return float(dot / (sum(a * a for a in one) * sum(b * b for b in other)) ** 0.5)

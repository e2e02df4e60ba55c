"""HTTP as bytes on a socket, for what no client library would send."""

import io
import json
import socket
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPMessage, HTTPResponse
from typing import Any, cast

from tests.support.server import RunningServer

SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class RawAnswer:
    status: int
    headers: HTTPMessage
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """The problem's code; fails for anything that is not a whole problem document."""
        assert self.headers["Content-Type"] == "application/problem+json", self
        problem = self.json
        assert {"type", "title", "status", "detail", "code", "request_id"} <= problem.keys()
        assert problem["status"] == self.status
        assert problem["request_id"] == self.headers["X-Request-ID"]
        return str(problem["code"])


@contextmanager
def connect(server: RunningServer, *, source: str = "127.0.0.1") -> Iterator[socket.socket]:
    """``source`` is the client's own address, any of 127.0.0.0/8."""
    opened = socket.create_connection(("127.0.0.1", server.port), timeout=SECONDS, source_address=(source, 0))
    with closing(opened) as connection:
        yield connection


def head(line: str, *headers: str, host: str | None = "localhost") -> bytes:
    """``head("GET /api/v1/health", "Accept: */*")``: a request's head, in Latin-1 so that it may hold any byte."""
    lines = [f"{line} HTTP/1.1", *([f"Host: {host}"] if host is not None else []), *headers]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def chunked(parts: Iterable[bytes]) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def read_answer(connection: socket.socket, *, method: str = "GET") -> RawAnswer:
    """The next final answer on ``connection``; interim ones (100) are passed over."""
    response = HTTPResponse(connection, method=method)
    response.begin()
    body = response.read()
    return RawAnswer(response.status, response.headers, body)


class _OneReader(io.BufferedReader):
    """For several answers on one connection: each ``HTTPResponse`` would buffer, and lose, the head of the next."""

    def makefile(self, mode: str) -> "_OneReader":
        return self

    def close(self) -> None:
        """Not when the first answer has been read."""


def read_answers(connection: socket.socket, count: int) -> list[RawAnswer]:
    """The next ``count`` answers of pipelined GETs."""
    with connection.makefile("rb", buffering=0) as raw:
        reader = _OneReader(raw)
        return [read_answer(cast("socket.socket", reader)) for _ in range(count)]


def exchange(server: RunningServer, data: bytes, *, method: str = "GET") -> RawAnswer:
    with connect(server) as connection:
        connection.sendall(data)
        return read_answer(connection, method=method)


def post(server: RunningServer, path: str, body: bytes, *headers: str) -> RawAnswer:
    """A POST of JSON (unless ``headers`` name another type) with its Content-Length."""
    own = [] if any(header.lower().startswith("content-type") for header in headers) else [JSON]
    return exchange(server, head(f"POST {path}", f"Content-Length: {len(body)}", *own, *headers) + body)


JSON = "Content-Type: application/json"

"""One request to an endpoint: where it goes, how long it may take, and how much it may bring."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from adiuva.egress import AnswerTooLarge, Endpoint, HostUnreachable, client_context
from adiuva.egress.http import ask
from tests.support.certificates import Authority

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-One: two\r\nContent-Length: 2\r\n\r\n{}"
Serve = Callable[..., Endpoint]


class Host:
    """Answers each connection with ``pieces``, ``pause`` seconds apart; ``received`` is what came."""

    def __init__(self, *pieces: bytes, pause: float = 0.0, tls: Any = None) -> None:
        self.pieces = pieces
        self.pause = pause
        self.tls = tls
        self.received = b""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            try:
                self._serve(connection)
            except OSError:
                pass  # the client went away, which is what some tests want
            finally:
                connection.close()

    def _serve(self, connection: socket.socket) -> None:
        if self.tls is not None:
            connection = self.tls.wrap_socket(connection, server_side=True)
        self.received += connection.recv(65_536)
        if self.received.startswith(b"POST") and self.received.endswith(b"\r\n\r\n"):
            self.received += connection.recv(65_536)
        for piece in self.pieces:
            connection.sendall(piece)
            time.sleep(self.pause)
        connection.close()

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Authority]:
    made = Authority(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(made.roots))
    client_context.cache_clear()
    yield made
    client_context.cache_clear()


@pytest.fixture
def serve() -> Iterator[Callable[..., tuple[Host, Endpoint]]]:
    hosts: list[Host] = []

    def served(*pieces: bytes, name: str = "llm.example.com", **options: Any) -> tuple[Host, Endpoint]:
        host = Host(*pieces, **options)
        hosts.append(host)
        scheme = "https" if host.tls else "http"
        port = 443 if host.tls else 80
        return host, Endpoint(f"{scheme}://{name}/v1", scheme, name, port, (("127.0.0.1", host.port),))

    yield served
    for host in hosts:
        host.close()


def test_the_name_is_in_the_request_and_the_address_is_connected_to(serve: Any) -> None:
    host, endpoint = serve(OK)
    answer = ask(endpoint, "GET", "/models", headers={"Authorization": "Bearer x"})
    assert (answer.status, answer.headers["x-one"], answer.body) == (200, "two", b"{}")
    head = host.received.decode().lower()
    assert head.startswith("get /v1/models http/1.1\r\n")
    assert "host: llm.example.com\r\n" in head
    assert "accept-encoding: identity\r\n" in head


def test_a_body_may_be_sent(serve: Any) -> None:
    host, endpoint = serve(OK)
    ask(endpoint, "POST", "/token", content=b"code=1")
    assert host.received.endswith(b"\r\n\r\ncode=1")


def test_tls_checks_the_name(serve: Any, authority: Authority) -> None:
    host, endpoint = serve(OK, tls=authority.server_context("llm.example.com"))
    assert ask(endpoint, "GET", "").status == 200
    other, endpoint = serve(OK, tls=authority.server_context("evil.example.com"))
    with pytest.raises(HostUnreachable):
        ask(endpoint, "GET", "", headers={"Authorization": "Bearer x"})
    assert (b"Bearer" in host.received, other.received) == (False, b"")


def test_a_certificate_of_nobody_known_is_refused(serve: Any, authority: Authority, tmp_path: Path) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    _, endpoint = serve(OK, tls=Authority(folder).server_context("llm.example.com"))
    with pytest.raises(HostUnreachable):
        ask(endpoint, "GET", "")


def test_a_redirect_is_an_answer(serve: Any) -> None:
    trap, _ = serve(OK)
    _, endpoint = serve(
        f"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:{trap.port}/\r\nContent-Length: 0\r\n\r\n".encode()
    )
    assert ask(endpoint, "GET", "").status == 302
    assert trap.received == b""


def test_no_proxy_of_the_environment_is_asked(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    trap, _ = serve(OK)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{trap.port}")
    host, endpoint = serve(OK)
    assert ask(endpoint, "GET", "").status == 200
    assert (bool(host.received), trap.received) == (True, b"")


def test_of_two_addresses_the_living_one_answers(serve: Any) -> None:
    _, endpoint = serve(OK)
    dead = ("127.0.0.1", 1)
    both = Endpoint(endpoint.url, "http", endpoint.host, 80, (dead, *endpoint.addresses))
    assert ask(both, "GET", "").status == 200
    with pytest.raises(HostUnreachable):
        ask(Endpoint(endpoint.url, "http", endpoint.host, 80, (dead, dead)), "GET", "")


@pytest.mark.parametrize(
    "pieces",
    [
        (),
        (b"nonsense\r\n\r\n",),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}",),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",),
    ],
    ids=["nothing", "nonsense", "cut", "no-chunk"],
)
def test_what_is_no_answer_is_unreachable(serve: Any, pieces: tuple[bytes, ...]) -> None:
    _, endpoint = serve(*pieces)
    with pytest.raises(HostUnreachable):
        ask(endpoint, "GET", "")


def test_an_answer_that_comes_in_drops_ends_in_time(serve: Any) -> None:
    """Each drop is in time for a read's own limit; together they are not. In the head, and in the body."""
    for head in (b"HTTP/1.1 200 OK\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n"):
        _, endpoint = serve(head, *[b"x"] * 100, pause=0.05)
        started = time.monotonic()
        with pytest.raises(HostUnreachable):
            ask(endpoint, "GET", "", seconds=0.4)
        assert time.monotonic() - started < 3


@pytest.mark.parametrize(
    "pieces",
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", *[b"x" * 1024] * 64),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 65536\r\n\r\n", *[b"x" * 1024] * 64),
        (b"HTTP/1.1 200 OK\r\n", *[b"X-Field: " + b"x" * 1000 + b"\r\n"] * 64),
        (*[b"HTTP/1.1 100 Continue\r\n\r\n"] * 4096,),
    ],
    ids=["endless", "long", "head", "informational"],
)
def test_an_answer_that_is_too_large_is_not_read_to_its_end(serve: Any, pieces: tuple[bytes, ...]) -> None:
    _, endpoint = serve(*pieces)
    with pytest.raises(HostUnreachable) as caught:
        ask(endpoint, "GET", "", most_bytes=16 * 1024)
    # h11 has a limit for heads of its own.
    assert isinstance(caught.value, AnswerTooLarge) or b"X-Field" in pieces[1]

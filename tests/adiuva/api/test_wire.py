"""What is hardly HTTP: answered with a problem document where it can be, and never at the cost of the server."""

import json
import socket
import time
from contextlib import suppress

import pytest

from adiuva.server.protocol import MAX_HEAD_BYTES
from tests.adiuva.members import Member
from tests.support.raw_http import JSON, chunked, connect, exchange, head, read_answer, read_answers
from tests.support.server import RunningServer

HEALTH = "GET /api/v1/health"
WEBSOCKET = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")

NOT_HTTP = {
    "noise": b"\x00\x01\x02\r\n\r\n",
    "an unknown method": head("FETCH /api/v1/health"),
    "a space in the path": head("GET /api/v1/hea lth"),
    "a raw byte in the path": head("GET /api/v1/h\xe9alth"),
    "a line feed in a header": head(HEALTH, "X-A: b\nX-B: c"),
    "a NUL in a header": head(HEALTH, "X-A: b\x00c"),
    "a header without a colon": head(HEALTH, "X-A"),
    "a Content-Length that is a word": head("POST /api/v1/chat", "Content-Length: many"),
    "a negative Content-Length": head("POST /api/v1/chat", "Content-Length: -1"),
    "a Content-Length beyond any number": head("POST /api/v1/chat", "Content-Length: 1" + "0" * 30),
    "two Content-Lengths": head("POST /api/v1/chat", "Content-Length: 2", "Content-Length: 3"),
    "a Content-Length beside chunks": head("POST /api/v1/chat", "Content-Length: 2", "Transfer-Encoding: chunked"),
    "an unknown transfer coding": head("POST /api/v1/chat", "Transfer-Encoding: chunked, nonsense"),
    "a chunk without a size": head("POST /api/v1/chat", "Transfer-Encoding: chunked") + b"zz\r\n",
    "HTTP/2 without asking": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
}


@pytest.mark.parametrize("data", NOT_HTTP.values(), ids=NOT_HTTP.keys())
def test_what_cannot_be_parsed_is_answered_with_a_problem_and_the_connection_closes(
    server: RunningServer, data: bytes
) -> None:
    with connect(server) as connection:
        connection.sendall(data)
        answer = read_answer(connection)
        assert (answer.status, answer.code) == (400, "validation_error")
        assert connection.recv(1) == b""
    assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(head(f"{HEALTH}?{'a' * MAX_HEAD_BYTES}"), id="a long query"),
        pytest.param(head(f"GET /api/v1/{'a' * MAX_HEAD_BYTES}"), id="a long path"),
        pytest.param(head(HEALTH, f"X-A: {'a' * MAX_HEAD_BYTES}"), id="a long header"),
        pytest.param(head(HEALTH, *[f"X-{n}: {'a' * 100}" for n in range(1000)]), id="many headers"),
        pytest.param(head(HEALTH, f"{'X' * MAX_HEAD_BYTES}: a"), id="a long header name"),
    ],
)
def test_a_head_over_64_kib_is_a_problem(server: RunningServer, data: bytes) -> None:
    answer = exchange(server, data)
    assert (answer.status, answer.code) == (400, "validation_error")
    assert str(MAX_HEAD_BYTES) in answer.json["errors"]["non_field_errors"][0]


def test_a_head_of_60_kib_is_read(server: RunningServer) -> None:
    assert exchange(server, head(f"{HEALTH}?{'a' * 60_000}")).status == 200
    assert exchange(server, head(HEALTH, f"X-A: {'a' * 60_000}")).status == 200


@pytest.mark.parametrize(
    "beginning",
    [
        pytest.param(b"GET /", id="a path"),
        pytest.param(b"GET / HTTP/1.1\r\nHost: localhost\r\nX-A: ", id="a header"),
        pytest.param(head("POST /api/v1/auth/login", "Transfer-Encoding: chunked") + b"0\r\nX-A: ", id="a trailer"),
        pytest.param(head("POST /api/v1/auth/login", "Transfer-Encoding: chunked") + b"5;a=", id="a chunk extension"),
    ],
)
def test_one_that_never_ends_costs_no_memory(server: RunningServer, beginning: bytes) -> None:
    """What the system's own buffers take is some MiB; without a limit all 256 MiB would be kept."""
    sent = 0
    with connect(server) as connection, suppress(ConnectionResetError, BrokenPipeError):
        connection.sendall(beginning)
        while sent < 2**28:
            sent += connection.send(b"a" * 2**20)
    assert sent < 2**25


def test_a_trailer_is_no_header(server: RunningServer, member: Member) -> None:
    """A proxy in front may have checked the headers; what follows the body must not count as one."""
    for line, body in (("POST /api/v1/auth/ws-ticket", b""), ("POST /api/v1/chat", b"{}")):
        trailed = chunked([body] if body else [])[:-2] + f"{member.bearer}\r\n\r\n".encode()
        answer = exchange(server, head(line, JSON, "Transfer-Encoding: chunked") + trailed)
        assert (answer.status, answer.code) == (401, "not_authenticated")


def test_pipelined_requests_are_answered_in_order(server: RunningServer) -> None:
    with connect(server) as connection:
        connection.sendall(head("GET /api/v1/nowhere") + head(HEALTH) + head("GET /api/v1/auth/me"))
        assert [answer.status for answer in read_answers(connection, 3)] == [404, 200, 401]


def test_a_connection_is_kept_alive_after_a_refusal(server: RunningServer) -> None:
    body = b'{"email":'
    with connect(server) as connection:
        connection.sendall(head("POST /api/v1/auth/login", JSON, f"Content-Length: {len(body)}") + body)
        assert read_answer(connection).status == 400
        connection.sendall(head(HEALTH))
        assert read_answer(connection).status == 200


def test_an_offer_of_http_2_is_ignored(server: RunningServer) -> None:
    body = b"{}"
    offer = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")
    with connect(server) as connection:
        connection.sendall(head("POST /api/v1/auth/login", JSON, f"Content-Length: {len(body)}", *offer) + body)
        assert read_answer(connection).code == "validation_error"
        connection.sendall(head(HEALTH))
        assert read_answer(connection).status == 200


@pytest.mark.parametrize(
    ("line", "headers", "status"),
    [
        pytest.param("POST /api/v1/chat/stream", [*WEBSOCKET, "Sec-WebSocket-Version: 13"], 404, id="a POST"),
        pytest.param("GET /api/v1/chat/stream", [*WEBSOCKET, "Sec-WebSocket-Version: 12"], 400, id="an old version"),
        pytest.param("GET /api/v1/chat/stream", [*WEBSOCKET[:2], "Sec-WebSocket-Version: 13"], 400, id="no key"),
        pytest.param("GET /api/v1/chat/stream", [], 404, id="no handshake at all"),
        pytest.param("GET /api/v1/nowhere", [*WEBSOCKET, "Sec-WebSocket-Version: 13"], 404, id="an unknown path"),
        pytest.param("GET /api/v1/chat/stream", [*WEBSOCKET, "Sec-WebSocket-Version: 13"], 403, id="nobody"),
        pytest.param(
            "GET /api/v1/chat/stream",
            [*WEBSOCKET, "Sec-WebSocket-Version: 13", "Origin: https://evil.example"],
            403,
            id="a foreign Origin",
        ),
    ],
)
def test_a_websocket_handshake_that_fails_is_answered_with_a_problem(
    server: RunningServer, line: str, headers: list[str], status: int
) -> None:
    before = len(server.log_text())
    answer = exchange(server, head(line, *headers))
    assert answer.status == status
    assert answer.code
    assert "ERROR" not in server.log_text()[before:]


def test_a_client_that_leaves_in_the_middle_of_its_request_is_no_error(server: RunningServer) -> None:
    before = len(server.log_text())
    for data in (
        b"GET /api",
        head("POST /api/v1/auth/login", JSON, "Content-Length: 100") + b'{"email"',
        head("POST /api/v1/auth/login", JSON, "Transfer-Encoding: chunked") + b"5\r\n{",
        head("POST /api/v1/auth/login", JSON, "Content-Length: 2") + b"{}",
    ):
        with connect(server) as connection:
            connection.sendall(data)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")  # close by reset
    time.sleep(0.2)
    assert exchange(server, head(HEALTH)).status == 200
    assert "ERROR" not in server.log_text()[before:]


def test_the_answer_to_what_cannot_be_parsed_has_a_log_line_with_its_id(server: RunningServer) -> None:
    answer = exchange(server, NOT_HTTP["noise"])
    assert json.loads(answer.body)["request_id"] in server.log_text()

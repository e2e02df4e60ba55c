"""How large a body may be, and that its sender learns of it: the real server, and the wrapper by itself."""

import asyncio
import json
from collections.abc import Iterable
from typing import Any

import pytest

from adiuva.api.views import BODY_PROBLEM
from adiuva.server import body_limits
from adiuva.server.body_limits import ANONYMOUS_CAP, DEFAULT_CAP, KIB
from tests.adiuva.members import Member
from tests.support.raw_http import JSON, RawAnswer, chunked, connect, exchange, head, post, read_answer
from tests.support.server import RunningServer

LOGIN = "/api/v1/auth/login"
CHAT = "/api/v1/chat"
CHAT_CAP = 2048 * KIB
TAKE_A_CONTEXT = [CHAT, "/api/v1/batches/build", "/api/v1/plans/templates/tpl_note_agent_default/run"]
MIB = 1024 * KIB


def pieces(size: int) -> Iterable[bytes]:
    return [b"a" * (64 * KIB)] * (size // (64 * KIB)) + [b"a" * (size % (64 * KIB))] * bool(size % (64 * KIB))


def post_chunked(server: RunningServer, path: str, size: int, *headers: str) -> RawAnswer:
    return exchange(server, head(f"POST {path}", JSON, "Transfer-Encoding: chunked", *headers) + chunked(pieces(size)))


def test_a_body_of_just_the_cap_is_read(server: RunningServer) -> None:
    assert post(server, LOGIN, b"a" * DEFAULT_CAP).code == "validation_error"
    assert post_chunked(server, LOGIN, DEFAULT_CAP).code == "validation_error"


@pytest.mark.parametrize("size", [DEFAULT_CAP + 1, 2 * MIB, 24 * MIB])
def test_a_larger_one_is_413_declared_or_in_chunks_and_its_sender_sees_the_answer(
    server: RunningServer, size: int
) -> None:
    """Each sends everything before it looks for an answer, as simple clients do."""
    for answer in (post(server, LOGIN, b"a" * size), post_chunked(server, LOGIN, size)):
        assert (answer.status, answer.code) == (413, "payload_too_large")
        assert answer.json["max_bytes"] == DEFAULT_CAP
        assert answer.headers["Connection"] == "close"


@pytest.mark.parametrize("path", TAKE_A_CONTEXT)
def test_what_takes_a_context_may_have_2_mib_of_somebody_signed_in(
    server: RunningServer, member: Member, path: str
) -> None:
    assert post(server, path, b"a" * CHAT_CAP, member.bearer).code == "validation_error"
    assert post_chunked(server, path, CHAT_CAP, member.bearer).code == "validation_error"
    assert post(server, path, b"a" * (CHAT_CAP + 1), member.bearer).code == "payload_too_large"
    assert post_chunked(server, path, CHAT_CAP + 1, member.bearer).code == "payload_too_large"


@pytest.mark.parametrize("path", ["register", "password/reset/confirm"])
def test_what_brings_all_envelopes_may_have_512_kib(server: RunningServer, path: str) -> None:
    assert post(server, f"/api/v1/auth/{path}", b"a" * (512 * KIB)).code == "validation_error"
    assert post(server, f"/api/v1/auth/{path}", b"a" * (512 * KIB + 1)).code == "payload_too_large"


@pytest.mark.parametrize("token", [None, "x.y.z", "tampered"])
def test_a_body_over_1_mib_of_nobody_is_401(server: RunningServer, member: Member, token: str | None) -> None:
    if token == "tampered":
        token = member.token[:-6] + "AAAAAA"
    headers = [f"Authorization: Bearer {token}"] if token else []
    expected = "invalid_token" if token else "not_authenticated"
    for answer in (
        post(server, CHAT, b"a" * (ANONYMOUS_CAP + 1), *headers),
        post_chunked(server, CHAT, ANONYMOUS_CAP + 1, *headers),
    ):
        assert (answer.status, answer.code) == (401, expected)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


@pytest.mark.parametrize(("declared", "status"), [(ANONYMOUS_CAP + 1, 401), (CHAT_CAP + 1, 401), (10**15, 401)])
def test_it_is_refused_before_a_byte_of_it_is_sent(server: RunningServer, declared: int, status: int) -> None:
    assert exchange(server, head(f"POST {CHAT}", JSON, f"Content-Length: {declared}")).status == status
    assert exchange(server, head(f"POST {LOGIN}", JSON, f"Content-Length: {declared}")).status == 413


def test_a_client_that_waits_for_100_is_told_to_go_on_or_refused_and_never_both(
    server: RunningServer, member: Member
) -> None:
    for path, size, first_line in (
        (LOGIN, 3, b"HTTP/1.1 100 "),
        (LOGIN, DEFAULT_CAP + 1, b"HTTP/1.1 413 "),
        (CHAT, ANONYMOUS_CAP + 1, b"HTTP/1.1 401 "),
    ):
        with connect(server) as connection:
            expect = head(f"POST {path}", JSON, f"Content-Length: {size}", "Expect: 100-continue")
            connection.sendall(expect)
            begun = connection.recv(13)
            assert begun == first_line
            if begun == b"HTTP/1.1 100 ":
                while not begun.endswith(b"\r\n\r\n"):
                    begun += connection.recv(1)
                connection.sendall(b"{x}")
                assert read_answer(connection).code == "validation_error"


def test_the_refusal_of_a_slow_stream_comes_while_it_is_still_sent(server: RunningServer) -> None:
    with connect(server) as connection:
        connection.sendall(head(f"POST {LOGIN}", JSON, "Transfer-Encoding: chunked"))
        connection.sendall(chunked([b"a" * (DEFAULT_CAP + 1)])[:-5])
        assert read_answer(connection).code == "payload_too_large"


async def test_the_connection_of_a_refused_body_closes_though_nothing_more_comes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(body_limits, "LINGER_SECONDS", 0.05)
    sent: list[Any] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        assert (await receive())["body"] == b""
        await send({"type": "http.response.start", "status": scope[BODY_PROBLEM].status, "headers": []})
        await send({"type": "http.response.body", "body": b"no"})

    async def receive() -> Any:
        await asyncio.sleep(3600)

    async def send(message: Any) -> None:
        sent.append(message)

    limited = body_limits.BodyLimit(app, caps=[], token_is_signed=lambda _: False)
    scope = {"path": "/", "headers": [(b"content-length", str(DEFAULT_CAP + 1).encode())]}
    async with asyncio.timeout(60):
        await limited(scope, receive, send)
    start, body, end = sent
    assert start["status"] == 413
    assert (b"connection", b"close") in start["headers"]
    assert body == {"type": "http.response.body", "body": b"no", "more_body": True}
    assert not end["more_body"]


def test_a_route_refuses_in_its_own_order_before_it_looks_at_the_body(server: RunningServer, member: Member) -> None:
    too_large = b"a" * (CHAT_CAP + 1)
    assert post(server, "/api/v1/nowhere", too_large).code == "not_found"
    assert post(server, "/api/v1/auth/me", too_large).code == "not_authenticated"
    assert post(server, "/api/v1/auth/me", too_large, member.bearer).code == "method_not_allowed"
    assert post(server, CHAT, too_large, member.bearer, "Accept: text/html").code == "not_acceptable"


def test_a_refused_body_has_the_headers_of_any_other_answer(server: RunningServer) -> None:
    too_large = b"a" * (DEFAULT_CAP + 1)
    answer = post(server, LOGIN, too_large, "Origin: app://.", "X-Request-ID: mine-1")
    assert answer.headers["Access-Control-Allow-Origin"] == "app://."
    assert "X-Request-ID" in answer.headers["Access-Control-Expose-Headers"]
    assert answer.headers["X-Request-ID"] == "mine-1"
    assert answer.json["request_id"] == "mine-1"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_a_page_outside_the_api_says_413_too(server: RunningServer) -> None:
    assert post(server, "/admin/login/", b"a" * (3 * MIB)).status == 413
    assert post(server, "/nowhere", b"a" * (DEFAULT_CAP + 1)).status == 413


def test_a_login_with_an_ordinary_body_is_untouched(server: RunningServer, member: Member) -> None:
    body = json.dumps({"email": member.email, "password": member.password}).encode()
    assert post(server, LOGIN, body).status == 200

"""Against the real server: bodies that arrive while they are read, and refusals that do not wait for them."""

import base64
import hashlib
import json
import socket
from uuid import uuid4

import pytest

from tests.storage.vectors.client import UPSERT, VECTORS, item
from tests.support.accounts import PASSWORD
from tests.support.client import API
from tests.support.raw_http import JSON, chunked, connect, exchange, head, post, read_answer
from tests.support.server import RunningServer

MIB = 1024 * 1024


def register(server: RunningServer) -> tuple[str, str]:
    email = f"{uuid4().hex}@example.com"
    body = json.dumps({"email": email, "password": PASSWORD}).encode()
    return email, post(server, f"{API}/auth/register", body).json["access_token"]


@pytest.fixture(scope="module")
def token(server: RunningServer) -> str:
    """Of one account with storage, for all tests here."""
    email, access_token = register(server)
    server.manage("set_tier", email, "pro")
    return access_token


def bearer(token: str) -> str:
    return f"Authorization: Bearer {token}"


@pytest.mark.thorough
def test_large_bodies_come_through_whole_chunked_or_not(server: RunningServer, token: str) -> None:
    items = [item(bytes([n]) * 20_000, vector=[n + 1, 50]) for n in range(100)]
    body = json.dumps({"vectors": items}).encode()
    assert 2 * MIB < len(body) < 16 * MIB
    assert post(server, f"{API}/{UPSERT}", body, bearer(token)).json == {"upserted": 100}
    parts = [body[start : start + 100_000] for start in range(0, len(body), 100_000)]
    request = head(f"POST {API}/{UPSERT}", "Transfer-Encoding: chunked", JSON, bearer(token)) + chunked(parts)
    assert exchange(server, request, method="POST").json == {"upserted": 100}
    search = json.dumps({"vector": [100, 50], "top_k": 1}).encode()
    (hit,) = post(server, f"{API}/storage/vectors/search", search, bearer(token)).json["results"]
    assert hashlib.sha256(base64.b64decode(hit["blob"])).hexdigest() == hit["checksum"] == items[99]["checksum"]
    ids = json.dumps({"ids": [one["id"] for one in items]}).encode()
    request = head(f"DELETE {API}/{VECTORS}", f"Content-Length: {len(ids)}", JSON, bearer(token)) + ids
    assert exchange(server, request, method="DELETE").json == {"deleted": 100}


def test_who_has_no_quota_is_answered_before_the_body(server: RunningServer) -> None:
    _, token = register(server)
    with connect(server) as connection:
        connection.sendall(head(f"POST {API}/{UPSERT}", f"Content-Length: {8 * MIB}", JSON, bearer(token)))
        answer = read_answer(connection, method="POST")  # not a byte of the body was sent
    assert (answer.status, answer.code) == (402, "quota_exceeded")


def test_a_body_over_the_cap_is_413(server: RunningServer, token: str) -> None:
    with connect(server) as connection:
        connection.sendall(head(f"POST {API}/{UPSERT}", f"Content-Length: {64 * MIB + 1}", JSON, bearer(token)))
        answer = read_answer(connection, method="POST")
    assert (answer.status, answer.code, answer.json["max_bytes"]) == (413, "payload_too_large", 64 * MIB)


def test_a_body_that_ends_early_changes_nothing(server: RunningServer, token: str) -> None:
    body = json.dumps({"vectors": [item(b"x" * 90_000)]}).encode()
    before = exchange(server, head(f"GET {API}/storage/quota", bearer(token))).json
    with connect(server) as connection:
        connection.sendall(
            head(f"POST {API}/{UPSERT}", f"Content-Length: {len(body)}", JSON, bearer(token)) + body[:-1]
        )
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)
    assert exchange(server, head(f"GET {API}/storage/quota", bearer(token))).json == before

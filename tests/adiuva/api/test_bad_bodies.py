"""Bodies that are not what the route asks for: a problem document each time, from the real server."""

import json

import pytest

from tests.adiuva.members import Member
from tests.support.raw_http import JSON, chunked, exchange, head, post
from tests.support.server import RunningServer

CHAT = "/api/v1/chat"
REGISTER = "/api/v1/auth/register"

NOT_JSON = {
    "nothing closed": b'{"message":',
    "a trailing comma": b'{"message":"x",}',
    "two values": b'{"message":"x"}{}',
    "a comment": b'{"message":"x"} // hello',
    "single quotes": b"{'message':'x'}",
    "a form": b"message=hello",
    "a byte order mark": b'\xef\xbb\xbf{"message":"x"}',
    "a raw NUL": b'{"message":"a\x00b"}',
    "a raw newline in a string": b'{"message":"a\nb"}',
    "NaN": b'{"message":NaN}',
    "minus infinity": b'{"message":-Infinity}',
    "an escaped NUL": b'{"message":"a\\u0000b"}',
    "an escaped NUL in a key": b'{"\\u0000":1}',
    "a lone surrogate": b'{"message":"\\ud800"}',
    "65 lists": b'{"context":' + b"[" * 64 + b"]" * 64 + b"}",
    "65 objects": b'{"a":' * 65 + b"1" + b"}" * 65,
    "a hundred thousand brackets": b"[" * 100_000,
    "Latin-1": '{"message":"é"}'.encode("latin-1"),
    "UTF-16": '{"message":"x"}'.encode("utf-16"),
    "an integer of 5,000 digits": b'{"message":' + b"1" * 5000 + b"}",
    "a number beyond a double": b'{"message":1e999}',
    "a list": b"[]",
    "a string": b'"message"',
    "null": b"null",
    "a number": b"1",
}


@pytest.mark.parametrize("path", [CHAT, REGISTER])
@pytest.mark.parametrize("body", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_a_body_that_is_no_json_object_is_a_validation_error(
    server: RunningServer, member: Member, path: str, body: bytes
) -> None:
    answer = post(server, path, body, member.bearer)
    assert (answer.status, answer.code) == (400, "validation_error")
    (message,) = answer.json["errors"]["non_field_errors"]
    assert isinstance(message, str)


@pytest.mark.parametrize(
    "value",
    ["1", "true", "null", "[]", "{}", '""', '"   "', '["a"]', "1.5", "-1", '{"a":{"b":[]}}', json.dumps("a" * 500)],
)
def test_a_field_of_a_wrong_kind_is_named(server: RunningServer, value: str) -> None:
    answer = post(server, REGISTER, f'{{"email": {value}, "password": "correct horse battery"}}'.encode())
    assert (answer.status, answer.code) == (400, "validation_error")
    assert list(answer.json["errors"]) == ["email"]


def test_no_body_at_all_names_what_is_missing(server: RunningServer) -> None:
    for answer in (
        post(server, REGISTER, b""),
        exchange(server, head(f"POST {REGISTER}", "Content-Length: 0")),
        exchange(server, head(f"POST {REGISTER}", JSON, "Transfer-Encoding: chunked") + chunked([])),
    ):
        assert (answer.status, answer.code) == (400, "validation_error")
        assert answer.json["errors"].keys() == {"email", "password"}


@pytest.mark.parametrize(
    "content_type",
    [
        *("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "multipart/form-data"),
        *("application/problem+json", "application/xml", "application/*", "*/*", "json", ";", "", "\xff\xfe"),
    ],
)
def test_another_content_type_is_415(server: RunningServer, member: Member, content_type: str) -> None:
    answer = post(server, CHAT, b'{"message":"x"}', f"Content-Type: {content_type}", member.bearer)
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


def test_no_content_type_is_415(server: RunningServer, member: Member) -> None:
    body = b'{"message":"x"}'
    answer = exchange(server, head(f"POST {CHAT}", f"Content-Length: {len(body)}", member.bearer) + body)
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "content_type", ["application/json", "APPLICATION/JSON", "application/json; charset=utf-8", "application/json;;"]
)
def test_json_is_json_however_its_type_is_spelled(server: RunningServer, content_type: str) -> None:
    answer = post(server, REGISTER, b'{"email": 1}', f"Content-Type: {content_type}")
    assert (answer.status, answer.code) == (400, "validation_error")
    assert answer.json["errors"].keys() == {"email", "password"}


def test_a_chunked_body_without_content_length_is_read_whole(server: RunningServer, member: Member) -> None:
    body = json.dumps({"email": member.email, "password": member.password}).encode()
    parts = [body[:1], body[1:7], body[7:]]
    answer = exchange(server, head("POST /api/v1/auth/login", JSON, "Transfer-Encoding: chunked") + chunked(parts))
    assert answer.status == 200
    assert answer.json["token_type"] == "bearer"


def test_a_body_where_none_is_asked_for_is_ignored(server: RunningServer, member: Member) -> None:
    body = b"{not json"
    for line in ("GET /api/v1/auth/me", "GET /api/v1/health", "POST /api/v1/auth/ws-ticket"):
        answer = exchange(server, head(line, JSON, f"Content-Length: {len(body)}", member.bearer) + body)
        assert answer.status in {200, 201}, (line, answer)


def test_unknown_fields_are_ignored(server: RunningServer, member: Member) -> None:
    body = {"email": member.email, "password": member.password, "tier": "team", "is_staff": True, "user": "x"}
    assert post(server, "/api/v1/auth/login", json.dumps(body).encode()).status == 200

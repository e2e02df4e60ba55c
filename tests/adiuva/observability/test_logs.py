"""Log lines: JSON or readable, with a request id, one a record, and without a secret."""

import contextvars
import json
import logging
import re
import secrets
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from django.apps import apps
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from adiuva.observability import logging as logs
from adiuva.observability import request_id
from adiuva.observability.logging import DETAILS, OUR_PACKAGES, JsonFormatter, ReadableFormatter, logging_config, redact
from tests.adiuva.members import Member, join
from tests.support.raw_http import exchange, head, post
from tests.support.server import PROJECT_DIR, RunningServer

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"


def record(message: str, *args: Any, extra: dict[str, Any] | None = None, error: bool = False) -> logging.LogRecord:
    logger = logging.getLogger("adiuva.tests")
    exc_info = sys.exc_info() if error else None
    return logger.makeRecord(logger.name, logging.WARNING, __file__, 1, message, args, exc_info, extra=extra)


def test_json_lines_hold_time_level_logger_request_id_and_the_fields() -> None:
    request_id.bind("id-1")
    line = JsonFormatter().format(record('said "%s"', "hällo\nthere", extra={"ms": 1.5, "codes": ["a"], "none": None}))
    assert "\n" not in line
    entry = json.loads(line)
    assert entry.pop("time").endswith("Z")
    assert entry == {
        "level": "WARNING",
        "logger": "adiuva.tests",
        "request_id": "id-1",
        "message": 'said "hällo\nthere"',
        "ms": 1.5,
        "codes": ["a"],
        "none": None,
    }


def test_a_field_does_not_replace_what_each_line_has() -> None:
    entry = json.loads(JsonFormatter().format(record("x", extra={"level": "no", "time": "no", "logger": "no"})))
    assert (entry["level"], entry["logger"]) == ("WARNING", "adiuva.tests")


def test_readable_lines_hold_the_same() -> None:
    request_id.bind("id-1")
    line = ReadableFormatter().format(record("said %s", "hello", extra={"ms": 1.5}))
    assert line[8:] == " WARNING adiuva.tests [id-1] said hello ms=1.5"


@pytest.mark.parametrize("character", ["\n", "\r", "\x00", "\x1b", "\x85", "\u2028"])
def test_no_text_begins_a_line_of_its_own(character: str) -> None:
    line = ReadableFormatter().format(
        record("GET /a%s12:00:00 INFO forged", character, extra={"path": f"/{character}x"})
    )
    assert character not in line
    assert len(line.splitlines()) == 1


def test_outside_a_request_the_id_is_a_dash() -> None:
    line = contextvars.Context().run(ReadableFormatter().format, record("x"))
    assert " [-] " in line


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("GET /x?token=abc&y=1", "GET /x?token=[REDACTED]&y=1"),
        ('"WebSocket /x?a=1&token=abc" [accepted]', '"WebSocket /x?[REDACTED] [accepted]'),
        ('"WebSocket /x?%74oken=abc" 403', '"WebSocket /x?[REDACTED] 403'),
        ("?ticket=abc", "?ticket=[REDACTED]"),
        ("access_token=abc refresh_token=def", "access_token=[REDACTED] refresh_token=[REDACTED]"),
        (f"Authorization: Bearer {JWT}", "Authorization: Bearer [REDACTED]"),
        (f"decoding {JWT} failed", "decoding [REDACTED] failed"),
        ("Incorrect API key provided: sk-proj-abcdefgh1234", "Incorrect API key provided: sk_[REDACTED]"),
        (f"scim_{'aB-_' * 10}aBc beside scim_token_created", "scim_[REDACTED] beside scim_token_created"),
        ("sk_live_abcdefgh and whsec_abcdefgh", "sk_[REDACTED] and whsec_[REDACTED]"),
        ("postgres://user:pass@host/db", "postgres://user:[REDACTED]@host/db"),
        ("redis://:pass@host:6379/0", "redis://:[REDACTED]@host:6379/0"),
        (
            "duplicate key\nDETAIL:  Key (email)=(x) exists.\n\nThe above",
            "duplicate key\nDETAIL: [REDACTED]\n\nThe above",
        ),
        ("mail to <jo.e+x@mail.example.com>: no", "mail to <[EMAIL]>: no"),
        ("5 @ 3.5, @name, a@b", "5 @ 3.5, @name, a@b"),
        ("a task, at http://localhost:8000/x: risk-free", "a task, at http://localhost:8000/x: risk-free"),
    ],
)
def test_what_looks_like_a_secret_is_blanked(text: str, clean: str) -> None:
    assert redact(text) == clean


def test_json_stays_json_when_a_secret_is_cut_from_it() -> None:
    entry = json.loads(
        JsonFormatter().format(record('"GET /x?token=%s" \\ "y"', "abc", extra={"url": ["/?ticket=x\\"]}))
    )
    assert entry["message"] == '"GET /x?token=[REDACTED]" \\ "y"'
    assert entry["url"] == ["/?ticket=[REDACTED]"]


def test_a_dict_of_details_is_for_json_only() -> None:
    told = record("GET /a 200", extra={"ms": 1, DETAILS: {"path": "/a?token=abc", "level": "no", "status": 200}})
    entry = json.loads(JsonFormatter().format(told))
    assert (entry["path"], entry["status"], entry["ms"], entry["level"]) == ("/a?token=[REDACTED]", 200, 1, "WARNING")
    assert ReadableFormatter().format(told).endswith("GET /a 200 ms=1")


@pytest.mark.parametrize("character", ["\n", "\r", "\x00", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"])
def test_json_is_one_line_to_every_reader(character: str) -> None:
    line = JsonFormatter().format(record("a%sb", character, extra={"path": f"/{character}x"}))
    assert len(line.splitlines()) == 1
    assert line.isprintable()
    assert json.loads(line)["path"] == f"/{character}x"


@pytest.mark.parametrize("formatter", [JsonFormatter(), ReadableFormatter()])
def test_the_values_of_our_own_secrets_are_blanked_however_they_look(
    formatter: logging.Formatter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "_own_secrets", ())
    logs.keep_out(["plain words", "p/w+d&1234", "short", ""])
    line = formatter.format(record("plain words, short p/w+d&1234", extra={"url": "x=p%2Fw%2Bd%261234&y=plain+words"}))
    assert not [secret for secret in ("plain words", "p/w+d&1234", "p%2Fw", "plain+words") if secret in line]
    assert "short" in line


def test_debug_is_for_our_own_loggers() -> None:
    config = logging_config(level="DEBUG", as_json=False)
    assert (
        config["root"]["level"]
        == config["loggers"]["django"]["level"]
        == config["loggers"]["uvicorn"]["level"]
        == "INFO"
    )
    assert {config["loggers"][package]["level"] for package in OUR_PACKAGES} == {"DEBUG"}
    assert logging_config(level="ERROR", as_json=False)["root"]["level"] == "ERROR"


def test_every_package_of_ours_is_known_to_the_logs() -> None:
    assert set(OUR_PACKAGES) == {app.name for app in apps.get_app_configs() if (PROJECT_DIR / app.name).is_dir()}


@pytest.mark.parametrize("formatter", [JsonFormatter(), ReadableFormatter()])
def test_an_exception_has_its_traceback_and_no_secret(formatter: logging.Formatter) -> None:
    def fail(url: str) -> None:
        raise RuntimeError(f"cannot reach {url}")

    try:
        fail(f"https://host/?token={JWT}")
    except RuntimeError:
        line = formatter.format(record("failed", error=True))
    else:
        pytest.fail("it did not fail")
    assert "RuntimeError" in line
    assert "in fail" in line
    assert JWT not in line


@pytest.mark.parametrize(
    "text",
    [
        "eyJaaaaa-" * 20_000,
        "a@" * 80_000,
        "a" * 150_000,
        "a@b." * 40_000,
        "\n DETAIL" * 20_000,
        "\n" * 150_000,
        "://a:" * 30_000,
        "token=" * 30_000,
        "sk-" * 50_000,
        "Bearer " * 30_000,
    ],
)
def test_looking_for_secrets_takes_time_in_proportion_to_the_text(text: str) -> None:
    started = time.process_time()
    redact(text)
    assert time.process_time() - started < 1.0


# --- the real server -------------------------------------------------------------------------------------------


async def _handshake(server: RunningServer, query: str) -> int:
    try:
        async with connect(f"{server.ws_url}/api/v1/chat/stream?{query}"):
            return 101
    except InvalidStatus as refusal:
        return refusal.response.status_code


async def test_no_token_ticket_password_or_key_is_ever_logged(server: RunningServer, member: Member) -> None:
    canary = f"canary{secrets.token_hex(12)}"
    ticket = post(server, "/api/v1/auth/ws-ticket", b"", member.bearer).json["ticket"]
    assert await _handshake(server, f"token={member.token}") == 101
    assert await _handshake(server, f"ticket={ticket}") == 101
    assert await _handshake(server, f"%74oken={member.token}&x=%22") == 101
    for name in ("token", "ticket", "%74oken", "TOKEN", "x"):
        await _handshake(server, f"{name}={canary}")
        exchange(server, head(f"GET /api/v1/auth/me?{name}={canary}"))
        exchange(server, head(f"GET /nowhere?{name}={canary}"))
    exchange(server, head("GET /api/v1/auth/me", f"Authorization: Bearer {canary}", f"Cookie: sessionid={canary}"))
    post(server, "/api/v1/auth/login", json.dumps({"email": member.email, "password": canary}).encode())
    post(server, "/api/v1/auth/refresh", json.dumps({"refresh_token": canary}).encode())
    post(server, "/api/v1/auth/login", f'{{"password": {canary}'.encode())
    text = server.log_text()
    for secret in (canary, member.token, member.token.split(".")[2], ticket, member.password):
        assert secret not in text
    assert "WebSocket /api/v1/chat/stream" in text


def test_each_request_has_one_access_line_with_its_id_and_no_query(server: RunningServer) -> None:
    for path, status in (("/api/v1/health", 200), ("/api/v1/nowhere", 404), ("/api/v1/auth/me", 401)):
        own_id = f"line-{secrets.token_hex(8)}"
        exchange(server, head(f"GET {path}?a=b", f"X-Request-ID: {own_id}"))
        (line,) = [line for line in server.log_text().splitlines() if own_id in line]
        assert f"adiuva.access [{own_id}] GET {path} {status} ms=" in line


def test_a_path_cannot_forge_a_line(server: RunningServer) -> None:
    exchange(server, head("GET /api/v1/x%0a00:00:00%20ERROR%20forged%0d%1b%5b31m%00"))
    text = server.log_text()
    assert not any(line.startswith("00:00:00 ERROR forged") for line in text.splitlines())
    assert "\x1b" not in text
    assert "\x00" not in text


def test_production_writes_json_lines_only(production: RunningServer) -> None:
    own_id = f"line-{secrets.token_hex(8)}"
    httpx.get(f"{production.url}/api/v1/nowhere?token=x", headers={"X-Request-ID": own_id}, timeout=30)
    entries = [json.loads(line) for line in production.log_text().splitlines()]
    assert {"time", "level", "logger", "request_id", "message"} <= set.intersection(*(set(e) for e in entries))
    (access,) = [entry for entry in entries if entry["request_id"] == own_id]
    assert (access["logger"], access["message"]) == ("adiuva.access", "GET /api/v1/nowhere 404")
    assert isinstance(access["ms"], float)
    fields = {name: access[name] for name in ("method", "path", "route", "status", "user")}
    assert fields == {"method": "GET", "path": "/api/v1/nowhere", "route": "none", "status": 404, "user": None}


@pytest.mark.thorough
def test_the_format_is_the_operators_to_choose(server_factory: Callable[..., RunningServer]) -> None:
    server = server_factory(LOG_FORMAT="json")
    member = join(server)
    own_id = f"line-{secrets.token_hex(8)}"
    exchange(server, head("GET /api/v1/storage/records/%0a%e2%80%a8?x=y", member.bearer, f"X-Request-ID: {own_id}"))
    server.stop()
    entries = [json.loads(line) for line in server.log_text().splitlines()]
    (access,) = [entry for entry in entries if entry["request_id"] == own_id]
    assert (access["path"], access["route"]) == (
        "/api/v1/storage/records/\n\u2028",
        "/api/v1/storage/records/<str:pk>",
    )
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", access["user"])
    assert datetime.fromisoformat(access["time"]).tzinfo == UTC
    assert {"uvicorn.error", "adiuva.lifespan"} <= {entry["logger"] for entry in entries}
    assert member.email not in server.log_text()

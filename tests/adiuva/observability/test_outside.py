"""What goes to Sentry and to an OpenTelemetry collector: that something happened and where, never with what."""

import signal
import sqlite3
import uuid
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from adiuva.observability import spans
from adiuva.observability.outside.errors import keep_what_is_ours
from adiuva.observability.outside.traces import describe_statement
from tests.fakes.telemetry import Telemetry
from tests.support.server import RunningServer
from tests.support.template_database import Templates

CANARY = f"canary-{uuid.uuid4().hex}"


def everything(value: Any) -> Any:
    """An event as full as the SDK could make it, the canary in each place."""
    frame = {"filename": "chat/views.py", "function": "post", "lineno": 7, "vars": {"message": CANARY}}
    exception = {"type": "ValueError", "module": "builtins", "value": CANARY, "stacktrace": {"frames": [frame]}}
    return {
        "event_id": "a" * 32,
        "level": "error",
        "logger": "adiuva.api",
        "logentry": {"message": "request failed", "formatted": CANARY, "params": [CANARY]},
        "exception": {"values": [exception]},
        "extra": {"code": "internal_error", "arguments": {"user_id": CANARY}, "body": CANARY},
        "request": {"url": CANARY, "data": CANARY, "headers": {"Authorization": CANARY}, "cookies": CANARY},
        "user": {"email": CANARY, "ip_address": CANARY},
        "breadcrumbs": {"values": [{"message": CANARY}]},
        "contexts": {"trace": {"data": CANARY}},
        "tags": {"path": CANARY},
        "modules": {CANARY: "1"},
        "something_new": value,
    }


def test_of_an_event_only_what_is_named_goes_out() -> None:
    kept = keep_what_is_ours(everything(CANARY))
    assert CANARY not in repr(kept)
    assert kept["logentry"] == {"message": "request failed"}
    assert kept["extra"] == {"code": "internal_error"}
    (exception,) = kept["exception"]["values"]
    assert exception["type"] == "ValueError"
    assert exception["stacktrace"]["frames"] == [{"filename": "chat/views.py", "function": "post", "lineno": 7}]


@pytest.mark.parametrize(("logger", "is_told"), [("chat.turns", True), ("asyncio", False), ("uvicorn.error", False)])
def test_a_line_that_others_have_formatted_stays_here(logger: str, is_told: bool) -> None:
    kept = keep_what_is_ours({"logger": logger, "logentry": {"message": f"future: {CANARY}"}})
    assert (CANARY in repr(kept)) is is_told


@pytest.mark.parametrize(
    ("sql", "told"),
    [
        ('SELECT "users"."id" FROM "users" WHERE "users"."email" = \'a@example.com\'', ("SELECT", "users")),
        ('INSERT INTO "sessions" ("id") VALUES (%s)', ("INSERT", "sessions")),
        ('UPDATE "plugins" SET "name" = %s', ("UPDATE", "plugins")),
        ('DELETE FROM "users" WHERE id IN (%s)', ("DELETE", "users")),
        ("SAVEPOINT s1_x2", ("SAVEPOINT", "")),
        ("SELECT pg_advisory_xact_lock(7)", ("SELECT", "")),
        ("", ("", "")),
    ],
)
def test_of_a_statement_its_verb_and_table_are_told(sql: str, told: tuple[str, str]) -> None:
    assert describe_statement(sql) == told


def test_a_span_that_nobody_wants_is_always_the_same_object() -> None:
    assert spans.begin_span("a") is spans.begin_span("b", key=1) is spans.UNWANTED


@pytest.mark.slow
def test_a_server_tells_of_errors_and_spans_and_of_no_content(tmp_path: Path, database_templates: Templates) -> None:
    with Telemetry() as telemetry:
        server = RunningServer(folder=tmp_path / "log", env=environment_for(telemetry, tmp_path))
        database_templates.migrate(server)
        server.start()
        try:
            secrets, request_id = say_secrets_and_fail(server, tmp_path / "adiuva.sqlite3")
            telemetry.wait_for(lambda fake: fake.events and "/api/v1/storage/quota" in routes_of(fake))
            telemetry.stop()  # nobody listens any more: that is no request's affair
            health = [httpx.get(f"{server.url}/api/v1/health", timeout=30).status_code for _ in range(50)]
            assert health == [200] * 50
        finally:
            assert server.stop(timeout=30) in {0, -signal.SIGTERM}
    (event,) = [one for one in telemetry.events if one["tags"]["request_id"] == request_id]
    assert event["exception"]["values"][-1]["type"] == "OperationalError"
    assert {"request", "user", "breadcrumbs", "contexts", "modules"}.isdisjoint(event)
    attributes = [{one.key: one.value for one in span.attributes} for span in telemetry.spans]
    assert {"/api/v1/chat", "/api/v1/auth/register", "/api/v1/storage/quota"} <= routes_of(telemetry)
    names = {span.name for span in telemetry.spans}
    assert {"POST", "chat", "chat.turn", "INSERT users", "SELECT users"} <= names
    requests = {span.span_id for span, told in zip(telemetry.spans, attributes, strict=True) if "http.route" in told}
    assert {span.parent_span_id for span in telemetry.spans if span.name == "INSERT users"} <= requests
    assert telemetry.headers[0]["x-team"] == "blue sky"
    assert not [body for body in telemetry.raw for secret in secrets if secret.encode() in body]


def routes_of(telemetry: Telemetry) -> set[str]:
    attributes = [one for span in telemetry.spans for one in span.attributes]
    return {one.value.string_value for one in attributes if one.key == "http.route"}


def environment_for(telemetry: Telemetry, folder: Path) -> dict[str, str]:
    return {
        "DATA_DIR": str(folder / "data"),
        "DATABASE_URL": f"sqlite:///{folder}/adiuva.sqlite3",
        "LLM_PRELOAD": "false",
        "SENTRY_DSN": telemetry.dsn,
        "OTEL_EXPORTER_OTLP_ENDPOINT": telemetry.endpoint,
        "OTEL_EXPORTER_OTLP_HEADERS": "x-team=blue%20sky,authorization=Bearer%20collector",
        "OTEL_SERVICE_NAME": "adiuva-test",
    }


def say_secrets_and_fail(server: RunningServer, database_file: Path) -> tuple[list[str], str]:
    """What was said that nobody outside may read, and the id of the request that failed."""
    api = f"{server.url}/api/v1"
    account = {"email": f"{CANARY}@example.com", "password": f"sparrow {uuid.uuid4().hex}"}
    registered = httpx.post(f"{api}/auth/register", json=account, timeout=60)
    assert registered.status_code == 201, registered.text
    token = registered.json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    said = {"message": f"create a task {CANARY}", "context": {"tasks": [{"title": CANARY}]}}
    assert httpx.post(f"{api}/chat", json=said, headers=bearer, timeout=60).status_code == 200
    with closing(sqlite3.connect(database_file)) as database:
        database.execute("ALTER TABLE storage_usage RENAME TO away")
    failed = httpx.get(f"{api}/storage/quota?{CANARY}=1", headers=bearer, timeout=60)
    assert failed.status_code == 503
    return [CANARY, token, account["password"]], failed.headers["X-Request-ID"]

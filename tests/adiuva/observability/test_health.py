"""docs/api.md § 2: alive and ready."""

import time
from collections.abc import Callable
from functools import partial
from threading import Barrier, Event

import httpx
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from adiuva import __version__
from adiuva.observability import probes
from adiuva.server.drain import drain
from tests.support.accounts import Account
from tests.support.client import ApiClient
from tests.support.server import RunningServer

SYSTEMS = {"database", "cache", "blobs", "vectors"}
PATIENCE_SECONDS = 120


def hang(released: Event) -> None:
    released.wait(PATIENCE_SECONDS)


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> dict[str, Callable[[], None]]:
    """The registered checks, to be replaced in one test."""
    replaced = dict(probes._readiness_probes)
    monkeypatch.setattr(probes, "_readiness_probes", replaced)
    return replaced


def test_alive_says_ok_and_the_version(api: ApiClient) -> None:
    answer = api.get("health")
    assert (answer.status, answer.json) == (200, {"status": "ok", "version": __version__})


@pytest.mark.django_db
def test_alive_asks_no_database(api: ApiClient) -> None:
    with CaptureQueriesContext(connection) as queries:
        assert api.get("health").status == 200
    assert len(queries) == 0


def test_alive_and_not_ready_with_the_database_away(production: RunningServer) -> None:
    assert httpx.get(f"{production.url}/api/v1/health", timeout=30).json() == {"status": "ok", "version": __version__}
    started = time.monotonic()
    answer = httpx.get(f"{production.url}/api/v1/health/ready", timeout=60)
    assert time.monotonic() - started < 5
    assert answer.status_code == 503
    body = answer.json()
    assert body["status"] == "unavailable"
    assert body["checks"].keys() == SYSTEMS
    assert body["checks"].pop("database") in {"failed", "timeout"}
    assert set(body["checks"].values()) == {"ok"}
    assert "canary-db-pass" not in production.log_text()


def test_ready_names_all_four_systems(server: RunningServer) -> None:
    answer = httpx.get(f"{server.url}/api/v1/health/ready", timeout=30)
    assert answer.status_code == 200
    assert answer.json() == {"status": "ok", "checks": dict.fromkeys(SYSTEMS, "ok")}


@pytest.mark.parametrize("system", sorted(SYSTEMS))
def test_one_failing_system_is_503_and_named(
    api: ApiClient, checks: dict[str, Callable[[], None]], system: str
) -> None:
    def fail() -> None:
        raise RuntimeError("canary: its text stays in the log")

    checks.update({name: lambda: None for name in checks} | {system: fail})
    answer = api.get("health/ready")
    assert answer.status == 503
    assert answer.json == {"status": "unavailable", "checks": dict.fromkeys(SYSTEMS, "ok") | {system: "failed"}}


def test_a_system_that_hangs_holds_the_answer_up_for_a_moment_only(
    api: ApiClient, checks: dict[str, Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "READINESS_SECONDS", 0.1)
    released = Event()
    checks.update({name: lambda: None for name in checks} | {"vectors": lambda: hang(released)})
    assert api.get("health/ready").json["checks"]["vectors"] == "timeout"
    released.set()


@pytest.mark.thorough
def test_systems_that_hang_are_waited_for_together_and_asked_once(
    api: ApiClient, checks: dict[str, Callable[[], None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probes, "READINESS_SECONDS", 1.0)
    together = Barrier(len(SYSTEMS) + 1)
    released = Event()
    calls: list[str] = []

    def asked(name: str) -> None:
        calls.append(name)
        together.wait(PATIENCE_SECONDS)
        hang(released)

    checks.update({name: partial(asked, name) for name in checks})
    started = time.monotonic()
    assert set(api.get("health/ready").json["checks"].values()) == {"timeout"}
    assert time.monotonic() - started < len(SYSTEMS) - 0.5  # seconds; one after another it is a second each
    together.wait(PATIENCE_SECONDS)  # one after another they would never all be there
    monkeypatch.setattr(probes, "READINESS_SECONDS", 0.1)
    for _ in range(2):
        assert set(api.get("health/ready").json["checks"].values()) == {"timeout"}
    assert sorted(calls) == sorted(SYSTEMS)
    released.set()


def test_a_process_that_is_about_to_stop_is_not_ready(api: ApiClient, checks: dict[str, Callable[[], None]]) -> None:
    checks.update({name: lambda: None for name in checks})
    assert api.get("health/ready").status == 200
    drain.draining = True
    try:
        assert api.get("health/ready").json["status"] == "unavailable"
        assert api.get("health").status == 200
    finally:
        drain.draining = False


@pytest.mark.django_db
def test_neither_counts_towards_the_rate_limit(api: ApiClient, make_user: Callable[..., Account]) -> None:
    token = make_user(tier="free").access_token
    for path in ("health", "health/ready", "billing/tiers"):
        for _ in range(25 if path == "health" else 3):
            answer = api.get(path, token=token)
            assert answer.status in {200, 503}
            assert "RateLimit-Limit" not in answer.headers
    assert api.get("auth/me", token=token).headers["RateLimit-Remaining"] == "19"

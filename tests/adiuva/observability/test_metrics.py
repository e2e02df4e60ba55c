"""`GET /metrics` of the real server: who may read it, what it counts, and what nobody can make it hold."""

import asyncio
import hashlib
import json
import secrets
import signal
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from websockets.asyncio.client import connect as open_socket
from websockets.exceptions import InvalidStatus

from adiuva.observability import probes
from tests.adiuva.members import Member, join
from tests.billing import stripe_events
from tests.fakes.llm_server import LoopbackLLM, hang, status, text
from tests.support.metrics import BEARER, TOKEN, Scrape, scrape
from tests.support.raw_http import connect, exchange, head, post, read_answer
from tests.support.server import RunningServer

WEBHOOK_SECRET = "whsec_" + "5d4c3b2a" * 4
ServerFactory = Callable[..., RunningServer]


@pytest.fixture(scope="module")
def provider() -> Iterator[LoopbackLLM]:
    with LoopbackLLM() as running:
        running.aside["gpt-router"] = text("task_agent")
        yield running


@pytest.fixture(scope="module")
def model(provider: LoopbackLLM) -> dict[str, str]:
    return {
        "LLM_MODEL": "gpt-test",
        "LLM_ROUTER_MODEL": "gpt-router",
        "OPENAI_API_KEY": "sk-loopback-0123456789",
        "OPENAI_API_BASE": provider.base_url,
    }


@pytest.fixture(scope="module")
def measured(
    server_environment: dict[str, str], model: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("measured")
    own = {
        "DATA_DIR": str(folder / "data"),
        "METRICS_TOKEN": TOKEN,
        "STRIPE_WEBHOOK_SECRET": WEBHOOK_SECRET,
    }
    running = RunningServer(folder=folder, env=server_environment | model | own).start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def somebody(measured: RunningServer) -> Member:
    member = join(measured)
    measured.manage("set_tier", member.email, "team")
    return member


@pytest.fixture(autouse=True)
def _quiet_provider(provider: LoopbackLLM) -> None:
    provider.forget()


def chat(server: RunningServer, member: Member, message: str = "Hello") -> int:
    return post(server, "/api/v1/chat", json.dumps({"message": message}).encode(), member.bearer).status


# --- who may read ----------------------------------------------------------------------------------------------


def test_without_a_token_set_there_is_no_such_page(server: RunningServer) -> None:
    for headers in ({}, BEARER, {"Authorization": "Bearer"}):
        page = httpx.get(f"{server.url}/metrics", headers=headers, timeout=30)
        unknown = httpx.get(f"{server.url}/nowhere", headers=headers, timeout=30)
        assert page.status_code == unknown.status_code == 404
        assert page.headers["content-type"] == unknown.headers["content-type"]


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (None, "not_authenticated"),
        ("Basic eDp5", "not_authenticated"),
        ("Bearer", "invalid_token"),
        ("Bearer " + "0" * 32, "invalid_token"),
        (f"Bearer {TOKEN[:-1]}", "invalid_token"),
        (f"Bearer {TOKEN}x", "invalid_token"),
        ("Bearer \xe4\xf6", "invalid_token"),
    ],
)
def test_only_its_own_token_opens_it(measured: RunningServer, header: str | None, code: str) -> None:
    lines = [] if header is None else [f"Authorization: {header}"]
    for method in ("GET", "POST"):
        answer = exchange(measured, head(f"{method} /metrics", *lines, "Content-Length: 0"))
        assert (answer.status, answer.json["code"]) == (401, code)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer ")
        assert "adiuva_" not in answer.body.decode()


def test_an_access_token_of_a_user_does_not_open_it(measured: RunningServer, somebody: Member) -> None:
    assert exchange(measured, head("GET /metrics", somebody.bearer)).json["code"] == "invalid_token"


def test_it_is_read_and_nothing_else(measured: RunningServer) -> None:
    refused = httpx.post(f"{measured.url}/metrics", headers=BEARER, timeout=30)
    assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
    probed = httpx.head(f"{measured.url}/metrics", headers=BEARER, timeout=30)
    assert (probed.status_code, probed.content) == (200, b"")


def test_a_scraper_may_ask_for_open_metrics(measured: RunningServer) -> None:
    plain = httpx.get(f"{measured.url}/metrics", headers=BEARER, timeout=30)
    assert plain.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert plain.headers["cache-control"] == "no-store"
    accept = "application/openmetrics-text;version=1.0.0;q=0.6,text/plain;version=0.0.4;q=0.3"
    open_text = httpx.get(f"{measured.url}/metrics", headers=BEARER | {"Accept": accept}, timeout=30)
    assert open_text.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert open_text.text.endswith("# EOF\n")
    families = {family.name for family in open_metrics(open_text.text)}  # type: ignore[no-untyped-call]
    assert {"adiuva_http_requests", "adiuva_build_info", "process_cpu_seconds"} <= families


@pytest.mark.parametrize("version", ["x", "9", "", "1.0.0\xe4"])
def test_a_senseless_accept_is_answered_like_any(measured: RunningServer, version: str) -> None:
    answer = exchange(
        measured,
        head(
            "GET /metrics", f"Authorization: Bearer {TOKEN}", f"Accept: application/openmetrics-text;version={version}"
        ),
    )
    assert answer.status == 200


# --- what is counted -------------------------------------------------------------------------------------------


def test_requests_are_counted_by_route_and_status(measured: RunningServer, somebody: Member) -> None:
    before = scrape(measured)
    path = f"/api/v1/storage/records/{secrets.token_hex(16)}"
    exchange(measured, head("GET /api/v1/auth/me", somebody.bearer))
    exchange(measured, head("GET /api/v1/auth/me"))
    exchange(measured, head(f"GET {path}", somebody.bearer))
    after = scrape(measured)
    name, me, record = "adiuva_http_requests_total", "/api/v1/auth/me", "/api/v1/storage/records/<str:pk>"

    def growth(sample: str, **labels: str) -> float:
        return after.value(sample, **labels) - before.value(sample, **labels)

    assert growth(name, method="GET", route=me, status="2xx") == 1
    assert growth(name, method="GET", route=me, status="4xx") == 1
    assert growth(name, method="GET", route=record, status="4xx") == 1
    assert growth("adiuva_http_request_duration_seconds_count", method="GET", route=me) == 2
    assert growth("adiuva_http_response_body_bytes_total", route=me) > 100
    assert growth("adiuva_rate_limit_decisions_total", tier="team", decision="allowed") == 2
    assert after.value("adiuva_http_requests_in_flight") == 1  # the scrape itself
    assert after.value("adiuva_build_info", version="0.1.0") == 1
    assert after.value("adiuva_workers") == 1
    assert after.value("process_resident_memory_bytes") > 10_000_000


def test_no_request_makes_a_series_of_its_own(measured: RunningServer, somebody: Member) -> None:
    word = f"canary{secrets.token_hex(6)}"
    bearer = {"Authorization": f"Bearer {somebody.token}"}

    def strange(number: int) -> None:
        with httpx.Client(base_url=measured.url, headers=bearer, timeout=30) as client:
            client.request(f"X{word.upper()}{number}", "/api/v1/auth/me")
            client.get(f"/{word}{number}")
            client.get(f"/api/v1/{word}/{number}")
            client.get(f"/admin/{word}{number}")
            client.get(f"/static/{word}{number}")
            client.get(f"/api/v1/plugins/{word}{number}")
            client.get(f"/api/v1/storage/records?table={word}{number}", headers={"User-Agent": word})
            client.get("/api/v1/health", headers={"Host": f"{word}{number}"})
        exchange(measured, f"{word}{number}\r\n\r\n".encode())
        event = stripe_events.event(
            f"{word}{number}.made", {"id": f"x_{number}", "object": word}, created=1_700_000_000
        )
        body = stripe_events.encode(event)
        post(
            measured,
            "/api/v1/billing/webhook",
            body,
            f"Stripe-Signature: {stripe_events.signature(body, WEBHOOK_SECRET)}",
        )

    strange(0)
    before = scrape(measured)
    for number in range(1, 8):
        strange(number)
    after = scrape(measured)
    assert after.series == before.series
    assert word not in after.text.casefold()
    assert somebody.email not in after.text
    assert after.value("adiuva_http_requests_total", method="other") > 0


def test_logins_and_the_limit_are_counted(measured: RunningServer) -> None:
    before = scrape(measured)
    member = join(measured)
    wrong = json.dumps({"email": member.email, "password": "not the password"}).encode()
    assert post(measured, "/api/v1/auth/login", wrong).status == 401
    statuses = [exchange(measured, head("GET /api/v1/auth/me", member.bearer)).status for _ in range(22)]
    after = scrape(measured)
    limited = after.value("adiuva_rate_limit_decisions_total", tier="free", decision="limited")
    assert limited - before.value("adiuva_rate_limit_decisions_total", tier="free", decision="limited") == (
        statuses.count(429)
    )
    assert statuses.count(429) >= 2
    assert after.value("adiuva_login_failures_total") - before.value("adiuva_login_failures_total") == 1
    for guard in ("register", "login"):
        counted = [
            one.value("adiuva_login_guard_decisions_total", guard=guard, decision="allowed") for one in (before, after)
        ]
        assert counted[1] - counted[0] == 1


async def test_turns_tokens_sockets_and_trouble_are_counted(
    measured: RunningServer, somebody: Member, provider: LoopbackLLM
) -> None:
    before = scrape(measured)
    provider.script(text("well, ", "<thinking>never</thinking>", "done"), status(401), hang())
    assert chat(measured, somebody) == 200
    assert chat(measured, somebody) == 502
    async with open_socket(f"{measured.ws_url}/api/v1/chat/stream?token={somebody.token}") as socket:
        await socket.send(json.dumps({"message": "Hello"}))
        assert provider.wait_requests(3, timeout=30)
        assert scrape(measured).value("adiuva_chat_turns_running") == 1
        assert scrape(measured).value("adiuva_websockets_open", kind="chat") == 1
        await socket.send(json.dumps({"type": "cancel"}))
        while not (frame := json.loads(await asyncio.wait_for(socket.recv(), 30))).get("done"):
            pass
        assert frame["cancelled"] is True
    with pytest.raises(InvalidStatus):
        await open_socket(f"{measured.ws_url}/api/v1/chat/stream?token=x")
    after = scrape(measured)

    def growth(sample: str, **labels: str) -> float:
        return after.value(sample, **labels) - before.value(sample, **labels)

    turns = "adiuva_chat_turns_total"
    assert [growth(turns, mode="direct", outcome=name) for name in ("done", "upstream_error", "cancelled")] == [1, 1, 1]
    assert growth("adiuva_chat_turn_duration_seconds_count", mode="direct") == 3
    assert growth("adiuva_chat_first_token_seconds_count") == 1
    assert growth("adiuva_llm_calls_total", role="router") == 3
    assert growth("adiuva_llm_tokens_total", role="answer", direction="input") > 0
    assert growth("adiuva_llm_tokens_total", role="answer", direction="output") > 0
    assert growth("adiuva_llm_failures_total", role="answer", kind="credentials") == 1
    assert growth("adiuva_sanitizer_redactions_total", rule="reasoning_marker") == 1
    assert growth("adiuva_websocket_handshakes_total", outcome="accepted") == 1
    assert growth("adiuva_websocket_handshakes_total", outcome="invalid_token") == 1
    assert after.value("adiuva_chat_turns_running") == 0


@pytest.mark.usefixtures("provider")
async def test_a_map_run_and_its_items_are_counted(measured: RunningServer, somebody: Member) -> None:
    before = scrape(measured)
    items = [{"key": "good", "record": {"id": "task-0001"}}, {"key": "bad", "record": None}]
    async with open_socket(f"{measured.ws_url}/api/v1/chat/stream?token={somebody.token}") as socket:
        run = {"run_id": str(uuid.uuid4()), "instruction": "Tidy up.", "tools": ["update_task"], "total": 2}
        await socket.send(json.dumps({"type": "map", **run}))
        while not (frame := json.loads(await asyncio.wait_for(socket.recv(), 30))).get("done"):
            if frame["type"] == "need":
                await socket.send(json.dumps({"type": "items", "items": items}))
    after = scrape(measured)
    items_of = [("adiuva_chat_map_items_total", {"status": status}) for status in ("done", "failed")]
    counted = [("adiuva_chat_turns_total", {"mode": "map", "outcome": "done"}), *items_of]
    assert [after.value(name, **labels) - before.value(name, **labels) for name, labels in counted] == [1, 1, 1]


def test_uploads_and_webhooks_are_counted(measured: RunningServer, somebody: Member) -> None:
    before = scrape(measured)
    sealed = secrets.token_bytes(100_000)
    checksum = hashlib.sha256(sealed).hexdigest()
    with httpx.Client(base_url=f"{measured.url}/api/v1/", timeout=30) as client:
        client.headers["Authorization"] = f"Bearer {somebody.token}"
        binary = {"Content-Type": "application/octet-stream", "X-Checksum": checksum}
        assert client.post("storage/records?table_name=notes", content=sealed, headers=binary).status_code == 201
        wrong = binary | {"X-Checksum": "0" * 64}
        assert client.post("storage/records?table_name=notes", content=sealed, headers=wrong).status_code == 400
        stamped = {"X-Backup-Version": "1", "X-Backup-Timestamp": "2026-11-01T00:00:00Z", "X-Backup-Checksum": checksum}
        assert client.put("backup", content=sealed, headers=stamped).status_code == 201

    customer = stripe_events.customer(stripe_events.new_id("cus"))
    body = stripe_events.encode(stripe_events.event("customer.updated", customer, created=1_700_000_000))
    signed = f"Stripe-Signature: {stripe_events.signature(body, WEBHOOK_SECRET)}"
    malformed = b'{"object": "event"}'
    deliveries = [
        (body, signed),
        (body, signed),
        (body, "Stripe-Signature: t=1,v1=00"),
        (malformed, f"Stripe-Signature: {stripe_events.signature(malformed, WEBHOOK_SECRET)}"),
    ]
    statuses = [post(measured, "/api/v1/billing/webhook", sent, header).status for sent, header in deliveries]
    assert statuses == [200, 200, 400, 400]
    after = scrape(measured)

    def growth(sample: str, **labels: str) -> float:
        return after.value(sample, **labels) - before.value(sample, **labels)

    for kind in ("record", "backup"):
        assert growth("adiuva_uploads_total", kind=kind) == 1
        assert growth("adiuva_upload_bytes_total", kind=kind) == 100_000
    assert growth("adiuva_http_request_body_bytes_total", route="/api/v1/storage/records") == 200_000
    webhooks = "adiuva_stripe_webhooks_total"
    assert growth(webhooks, type="customer", outcome="applied") == 1
    assert growth(webhooks, type="customer", outcome="duplicate") == 1
    assert growth(webhooks, type="unread", outcome="refused_signature") == 1
    assert growth(webhooks, type="unread", outcome="malformed") == 1


# --- the process -----------------------------------------------------------------------------------------------


@pytest.mark.slow
async def test_it_answers_while_the_server_drains(
    server_factory: ServerFactory, provider: LoopbackLLM, model: dict[str, str]
) -> None:
    server = server_factory(METRICS_TOKEN=TOKEN, **model)
    member = join(server)
    provider.script(text(*["tick "] * 30, delay=0.1))
    with connect(server) as scraper:
        scraper.settimeout(30)
        async with open_socket(f"{server.ws_url}/api/v1/chat/stream?token={member.token}") as socket:
            await socket.send(json.dumps({"message": "Hello"}))
            await socket.recv()
            server.signal(signal.SIGTERM)
            draining = 0.0
            while not draining:
                scraper.sendall(head("GET /metrics", f"Authorization: Bearer {TOKEN}"))
                answer = read_answer(scraper)
                assert answer.status == 200
                draining = Scrape(answer.body.decode()).value("adiuva_draining")
                await asyncio.sleep(0.05)
            frames: list[dict[str, Any]] = []
            while not (frames and frames[-1].get("done")):
                frames.append(json.loads(await asyncio.wait_for(socket.recv(), 30)))
    assert frames[-1]["response"] == "tick " * 30  # it was still running
    assert server.wait(120) in {0, -signal.SIGTERM}, server.log_text()
    assert "ERROR" not in server.log_text()


@pytest.mark.slow
@pytest.mark.redis
def test_any_of_several_workers_answers_for_all(server_factory: ServerFactory, tmp_path: Path) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    server = server_factory(METRICS_TOKEN=TOKEN, WEB_CONCURRENCY="2", TMPDIR=str(temporary))
    (folder,) = temporary.glob("adiuva-metrics-*")
    deadline = time.monotonic() + 120
    while scrape(server).value("adiuva_workers") < 2 and time.monotonic() < deadline:
        time.sleep(0.2)
    before = scrape(server)
    assert before.value("adiuva_workers") == 2
    assert before.value("adiuva_build_info") == 1
    for _ in range(40):
        assert exchange(server, head("GET /api/v1/health")).status == 200
    sums = {
        scrape(server).value("adiuva_http_requests_total", route="/api/v1/health")
        - before.value("adiuva_http_requests_total", route="/api/v1/health")
        for _ in range(10)
    }
    assert sums == {40}
    assert before.value("process_resident_memory_bytes") > 100_000_000  # two of them
    server.stop()
    assert not folder.exists()


@pytest.mark.postgres
def test_the_pool_of_connections_is_watched(measured: RunningServer, somebody: Member) -> None:
    exchange(measured, head("GET /api/v1/auth/me", somebody.bearer))
    deadline = time.monotonic() + 120
    while not (now := scrape(measured)).value("adiuva_database_pool_connections") and time.monotonic() < deadline:
        time.sleep(0.2)
    assert now.value("adiuva_database_pool_max_connections") == 10
    assert 1 <= now.value("adiuva_database_pool_connections") <= 10


def test_what_waits_for_an_operator_is_there(measured: RunningServer) -> None:
    now = scrape(measured)
    # Without an alert, or a payment, these have no sample.
    without_sample = {
        "adiuva_operator_alerts_open",
        "adiuva_subscription_revenue_cents",
        "adiuva_subscription_revenue_month_cents",
    }
    assert probes.gauge_names() - without_sample <= now.names()

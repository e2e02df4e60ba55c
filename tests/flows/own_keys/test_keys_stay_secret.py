"""No key of a user's is on disk, in a row, in a log, in a metric, in an answer or at a foreign host, whatever happens
to the request that carries it; and the operator's key is never at a user's host.
"""

import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
from redis import Redis

from tests.fakes.llm_server import LoopbackLLM, text
from tests.flows.own_keys import key_scenario
from tests.flows.own_keys.bad_neighbours import redirecting, untrusted_tls
from tests.flows.own_keys.key_scenario import OwnKeys
from tests.support import canaries
from tests.support.metrics import BEARER, TOKEN
from tests.support.ports import held_port
from tests.support.redis_server import RedisServer
from tests.support.server import RunningServer, drop_database, new_database

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

OPERATOR_MODEL, OPERATOR_ROUTER, OPERATOR_FALLBACK = "gpt-test", "gpt-router", "gpt-fallback"
PASSWORD = "a long sentence is best"


class OfflineServer(RunningServer):
    module = "tests.flows.own_keys.offline_server"


@dataclass
class Neighbourhood:
    life: OwnKeys
    operator: LoopbackLLM
    operators_key: str
    redis: RedisServer
    folder: Path
    tls_port: int
    closed_port: int
    redirecting_port: int
    heard_elsewhere: list[list[bytes]]


@pytest.fixture(params=["text", "json"])
def place(
    request: pytest.FixtureRequest, tmp_path: Path, redis_server: RedisServer, postgres_template: str
) -> Iterator[Neighbourhood]:
    operators_key = canaries.new("sk-proj-", characters=64)
    url = new_database(f"adiuva_keys_{os.getpid()}_{request.param}", tmp_path, template=postgres_template)
    folder = tmp_path / "data"
    (folder / "tmp").mkdir(parents=True)
    with ExitStack() as stack:
        stack.callback(drop_database, url)
        operator, own, elsewhere = (stack.enter_context(LoopbackLLM()) for _ in range(3))
        tls_port, heard_by_tls = stack.enter_context(untrusted_tls(tmp_path))
        redirecting_port, heard_before = stack.enter_context(redirecting(elsewhere.base_url.removesuffix("/v1")))
        closed_port = held_port(stack)
        ports = [urlport(own.base_url), tls_port, redirecting_port, closed_port]
        server = OfflineServer(
            folder=tmp_path / "log",
            env={
                "DATA_DIR": str(folder),
                "TMPDIR": str(folder / "tmp"),
                "DATABASE_URL": url,
                "REDIS_URL": redis_server.url,
                "JWT_SECRET": canaries.new(characters=64),
                "METRICS_TOKEN": TOKEN,
                "LOG_LEVEL": "DEBUG",
                "LOG_FORMAT": request.param,
                "LLM_MODEL": OPERATOR_MODEL,
                "LLM_ROUTER_MODEL": OPERATOR_ROUTER,
                "LLM_FALLBACK_MODEL": OPERATOR_FALLBACK,
                "LLM_TIMEOUT_SECONDS": "5",
                "OPENAI_API_KEY": operators_key,
                "OPENAI_API_BASE": operator.base_url,
                "EGRESS_ALLOW": ",".join(f"127.0.0.1:{port}" for port in ports),
            },
        )
        server.start()
        stack.callback(server.stop)
        told = {"email": f"{uuid.uuid4().hex[:12]}@example.com", "password": PASSWORD}
        tokens = httpx.post(f"{server.url}/api/v1/auth/register", json=told, timeout=30).raise_for_status().json()
        server.manage("set_tier", told["email"], "team")
        yield Neighbourhood(
            OwnKeys(server, tokens["access_token"], own), operator, operators_key, redis_server, folder, tls_port,
            closed_port, redirecting_port, [heard_by_tls, heard_before],
        )  # fmt: skip
        assert elsewhere.requests == [], "a redirect was followed"


def urlport(url: str) -> int:
    return httpx.URL(url).port or 443


# --- where a key could be --------------------------------------------------------------------------------------


def rename(url: str, table: str, to: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f'ALTER TABLE "{table}" RENAME TO "{to}"')


def rows(url: str) -> Iterator[tuple[str, bytes]]:
    with psycopg.connect(url) as connection:
        for (table,) in connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall():
            kept = connection.execute(f'SELECT t::text FROM "{table}" t').fetchall()  # noqa: S608 - PostgreSQL's own name
            yield table, "\n".join(row for (row,) in kept).encode()


def redis_values(server: RedisServer) -> bytes:
    with Redis.from_url(server.url) as client:
        return b"\n".join(name + (client.dump(name) or b"") for name in client.keys("*"))


def leaks(place: Neighbourhood, log: str, metrics: str) -> list[str]:
    keys = place.life.keys
    found = canaries.found(keys, log.encode(), where="the log")
    found += canaries.found(keys, metrics.encode(), where="a metric")
    found += canaries.found(keys, "\n".join(place.life.told).encode(), where="an answer")
    found += canaries.found(keys, redis_values(place.redis), where="Redis")
    for table, content in rows(place.life.server.env["DATABASE_URL"]):
        found += canaries.found(keys, content, where=f"table {table}")
    found += canaries.found_in_files(keys, place.folder)
    for heard in place.heard_elsewhere:
        for said in heard[1:]:  # the redirecting host is one that a user has named: its own key is there
            found += canaries.found({"operator's key": place.operators_key}, said, where="a user's host")
    seen = f"{place.operator.headers} {place.operator.requests} {place.operator.asked_aside}"
    found += canaries.found(keys, seen.encode(), where="the operator's provider")
    theirs = f"{place.life.own.headers} {place.life.own.asked_for_lists} {place.life.own.requests}"
    found += canaries.found({"operator's key": place.operators_key}, theirs.encode(), where="the user's provider")
    return found


# --- the story -------------------------------------------------------------------------------------------------


def test_no_key_is_anywhere_but_where_its_user_sent_it(place: Neighbourhood) -> None:
    life = place.life
    url = life.server.env["DATABASE_URL"]
    place.operator.aside[OPERATOR_ROUTER] = text('{"agents": ["task_agent"]}')
    key_scenario.every_fault_on_every_route(life)
    # “Hello there.” is no list of tasks, and no batch.
    odd = {"build": 502, "extracting template": 502, "socket": "done", "resume": "done", "map": "succeeded"}
    for route in key_scenario.ROUTES:
        assert life.statuses[f"{route}, fine"] == odd.get(route, 200), life.statuses
        if route not in {"plan", "map"}:  # which answer without a model, and item by item
            for fault in ("401", "400", "404", "429", "500"):
                assert life.statuses[f"{route}, {fault}"] == 502, life.statuses
    # Side by side, each request had its own key, whatever client another one had left behind.
    assert len(life.own.requests) > len(key_scenario.ROUTES) * len(key_scenario.FAULTS) / 2
    for body, headers in zip(life.own.requests, life.own.headers, strict=True):
        assert headers["authorization"] == f"Bearer {life.key_of[body['model']]}"
    key_scenario.bad_places(
        life, tls_port=place.tls_port, closed_port=place.closed_port, redirecting_port=place.redirecting_port
    )
    key_scenario.vendors(life)
    key_scenario.keys_in_the_wrong_place(life)
    key_scenario.the_server_fails(
        life, lambda: rename(url, "chat_usage", "away"), lambda: rename(url, "away", "chat_usage")
    )

    # The operator's own turns go on beside them, under the operator's key.
    before = len(place.operator.headers)
    assert life.post("chat", {"message": "Hello"}) == 200
    asked = place.operator.headers[before:]
    assert asked
    assert {header["authorization"] for header in asked} == {f"Bearer {place.operators_key}"}
    assert before == 0, "the operator's provider was asked in a user's stead"

    metrics = httpx.get(f"{life.server.url}/metrics", headers=BEARER, timeout=30).raise_for_status().text
    assert life.server.stop() in {0, -signal.SIGTERM}
    log = life.server.log_text()
    assert "Traceback" in log
    assert "DEBUG" in log or "debug" in log
    assert leaks(place, log, metrics) == []

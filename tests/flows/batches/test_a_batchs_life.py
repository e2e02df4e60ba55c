"""A batch's life, told once through the real server: a sentence becomes a spec, a device seals it, another one runs
what is due, and tiers come and go.
"""

import base64
import hashlib
import json
import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from jsonschema import Draft202012Validator
from websockets.sync.client import ClientConnection, connect

from tests.flows.batches.mapping_client import Run, chat_socket, deterministic_id, map_over
from tests.flows.batches.racing_devices import rfc3339
from tests.support.contract import CHECKED
from tests.support.redis_server import RedisServer
from tests.support.server import RunningServer, ShortMinuteServer
from tests.support.worker import worker_beside

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

PASSWORD = "a long sentence is best"
WISH = "Every day at 9 am set the priority of my overdue tasks to high"
HINT_SECONDS = 90  # the clock's jobs run once a minute


@dataclass(frozen=True)
class Device:
    """With a session of its own, and the key that every device of the user has."""

    http: httpx.Client
    token: str
    key: bytes

    def seal(self, spec: dict[str, Any]) -> dict[str, str]:
        nonce = os.urandom(12)
        blob = nonce + AESGCM(self.key).encrypt(nonce, json.dumps(spec).encode(), None)
        return {"spec": base64.b64encode(blob).decode(), "checksum": hashlib.sha256(blob).hexdigest()}

    def open(self, batch: dict[str, Any]) -> dict[str, Any]:
        blob = base64.b64decode(batch["spec"])
        assert hashlib.sha256(blob).hexdigest() == batch["checksum"]
        spec: dict[str, Any] = json.loads(AESGCM(self.key).decrypt(blob[:12], blob[12:], None))
        return spec

    def listed(self) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.get("batches").raise_for_status().json()
        return answer

    def batch(self, batch_id: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.http.get(f"batches/{batch_id}").raise_for_status().json()
        return answer


@dataclass(frozen=True)
class Life:
    """A user of the pro tier with two devices, and the server with its worker."""

    server: RunningServer
    email: str
    laptop: Device
    phone: Device

    @property
    def database(self) -> str:
        return self.server.env["DATABASE_URL"]


@pytest.fixture
def own_server(
    server_environment: dict[str, str], redis_server: RedisServer, tmp_path: Path
) -> Iterator[RunningServer]:
    """With the offline model, and the worker that looks for what is due."""
    own = {"DATA_DIR": str(tmp_path / "data"), "REDIS_URL": redis_server.url, "LLM_PRELOAD": "true"}
    server = ShortMinuteServer(folder=tmp_path, env=server_environment | own).start()
    try:
        with worker_beside(server, tmp_path):
            yield server
    finally:
        server.stop()


@pytest.fixture
def email(own_server: RunningServer) -> str:
    told = {"email": f"{uuid.uuid4().hex[:12]}@example.com", "password": PASSWORD}
    httpx.post(f"{own_server.url}/api/v1/auth/register", json=told, timeout=30).raise_for_status()
    return told["email"]


@pytest.fixture
def life(own_server: RunningServer, email: str) -> Iterator[Life]:
    key = AESGCM.generate_key(256)

    def log_in() -> Device:
        told = {"email": email, "password": PASSWORD}
        tokens = httpx.post(f"{own_server.url}/api/v1/auth/login", json=told, timeout=30).raise_for_status().json()
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        client = httpx.Client(base_url=f"{own_server.url}/api/v1/", headers=bearer, timeout=60, event_hooks=CHECKED)
        return Device(client, tokens["access_token"], key)

    told = Life(own_server, email, log_in(), log_in())
    yield told
    for device in (told.laptop, told.phone):
        device.http.close()


def hear(socket: ClientConnection, kind: str, *, within: float = HINT_SECONDS) -> dict[str, Any]:
    deadline = time.monotonic() + within
    while True:
        frame: dict[str, Any] = json.loads(socket.recv(timeout=max(0.1, deadline - time.monotonic())))
        if frame["type"] == kind:
            return frame


def rows_that_name(url: str, *words: str) -> list[str]:
    """Tables of the service that hold any of these in some row."""
    found = []
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            text = str(connection.execute(f'SELECT t::text FROM "{table}" t').fetchall())  # noqa: S608 - its own name
            found += [f"{table}: {word}" for word in words if word in text]
    return found


# --- the chapters ----------------------------------------------------------------------------------------------


def build(life: Life) -> dict[str, Any]:
    """The spec of a sentence. The Builder is for pro and up."""
    wish = {"message": WISH, "timezone": "Europe/Rome"}
    refused = life.laptop.http.post("batches/build", json=wish)
    assert (refused.status_code, refused.json()["code"]) == (403, "feature_not_available")
    assert refused.json()["required_tier"] == "pro"
    life.server.manage("set_tier", life.email, "pro")
    built = life.laptop.http.post("batches/build", json=wish)
    assert built.status_code == 200, built.text
    spec: dict[str, Any] = built.json()["spec"]
    Draft202012Validator(life.laptop.http.get("batches/schema").raise_for_status().json()).validate(spec)
    assert spec["trigger"]["kind"] == "schedule"
    assert spec["trigger"]["timezone"] == "Europe/Rome"
    assert len(built.json()["next_runs"]) == 3
    assert life.laptop.listed()["total"] == 0, "building stores nothing"
    return spec


def keep(life: Life, spec: dict[str, Any], *, trigger: str, due: str | None = None) -> str:
    body = {**life.laptop.seal(spec), "trigger": trigger, "next_due_at": due, "state": "active"}
    made = life.laptop.http.post("batches", json=body)
    assert made.status_code == 201, made.text
    assert made.json()["revision"] == 1
    return str(made.json()["id"])


def claim(life: Life, batch_id: str, due: str) -> dict[str, Any]:
    """The phone hears of it and takes it, and the laptop does not."""
    with connect(f"{life.server.ws_url}/api/v1/sync?token={life.phone.token}") as socket:
        assert hear(socket, "hello")["due"] == [batch_id]
    start = {"slot": due, "spec_revision": 1}
    lease = life.phone.http.post(f"batches/{batch_id}/runs", json=start)
    assert lease.status_code == 201, lease.text
    held: dict[str, Any] = lease.json()
    refused = life.laptop.http.post(f"batches/{batch_id}/runs", json=start)
    assert (refused.status_code, refused.json()["code"]) == (409, "lease_held")
    again = life.phone.http.post(f"batches/{batch_id}/runs", json=start)
    assert (again.status_code, again.json()["run_id"]) == (200, held["run_id"])
    assert life.laptop.batch(batch_id)["lease"] == {
        "run_id": held["run_id"],
        "attempt": 1,
        "expires_at": again.json()["lease_expires_at"],
    }
    return held


async def map_its_tasks(life: Life, run: Run, step: dict[str, Any]) -> None:
    """As the step of the spec says; what of them is overdue its device has selected."""
    assert (step["type"], step["tools"]) == ("map", ["update_task"])
    tasks = {
        f"task:{number}": {"id": str(uuid.uuid4()), "title": f"Errand {number}", "priority": "low"}
        for number in range(3)
    }
    async with chat_socket(life.server, life.phone.token) as chat:
        await map_over(chat, run, tasks, instruction=step["instruction"], tools=step["tools"])
    assert {frame["status"] for frame in run.results.values()} == {"done"}
    for key, frame in run.results.items():
        (action,) = frame["actions"]
        assert action["id"] == deterministic_id(run.run_id, key)
        assert (action["type"], action["record_id"]) == ("update_record", tasks[key]["id"])
        assert action["data"] == {"priority": "high"}


def finish(life: Life, batch_id: str, run: Run, *, due: str) -> None:
    """And hear, of the job of the minute, that it is due again."""
    with connect(f"{life.server.ws_url}/api/v1/sync?token={life.laptop.token}") as socket:
        assert hear(socket, "hello")["due"] == []
        report_it(life, batch_id, run, due=due, then=rfc3339(datetime.now(UTC) + timedelta(seconds=5)))
        assert hear(socket, "batch_due") == {"type": "batch_due", "id": batch_id}


def report_it(life: Life, batch_id: str, run: Run, *, due: str, then: str) -> None:
    renewed = life.phone.http.patch(f"batches/runs/{run.run_id}", json={"attempt": 1})
    assert renewed.status_code == 200, renewed.text
    items = {"total": 3, "done": 3, "failed": 0, "skipped": 0}
    report = {"attempt": 1, "outcome": "succeeded", "items": items, "next_due_at": then}
    finished = life.phone.http.post(f"batches/runs/{run.run_id}/finish", json=report)
    assert finished.status_code == 200, finished.text
    assert life.phone.http.post(f"batches/runs/{run.run_id}/finish", json=report).json() == finished.json()
    after = life.laptop.batch(batch_id)
    assert datetime.fromisoformat(after["next_due_at"]) == datetime.fromisoformat(then)
    assert (after["lease"], after["consecutive_failures"]) == (None, 0)
    assert after["last_run"]["run_id"] == run.run_id
    late = life.laptop.http.post(f"batches/{batch_id}/runs", json={"slot": due, "spec_revision": 1})
    assert (late.status_code, late.json()["outcome"]) == (200, "succeeded")
    listed = life.laptop.http.get(f"batches/{batch_id}/runs").json()
    assert [one["run_id"] for one in listed["items"]] == [run.run_id]


def leave_pro_and_come_back(life: Life, spec: dict[str, Any], batch_id: str) -> None:
    """Of three the oldest two stay."""
    second, third = (keep(life, spec, trigger="manual") for _ in range(2))
    by_hand = {"slot": str(uuid.uuid4()), "spec_revision": 1}
    life.server.manage("set_tier", life.email, "free")
    states = {one["id"]: (one["state"], one["reason"]) for one in life.phone.listed()["items"]}
    assert states == {batch_id: ("active", None), second: ("active", None), third: ("suspended", "tier")}
    assert life.phone.http.post(f"batches/{third}/runs", json=by_hand).status_code == 402
    one_more = life.phone.http.post("batches", json={**life.phone.seal(spec), "trigger": "manual", "state": "active"})
    assert (one_more.status_code, one_more.json()["code"]) == (402, "quota_exceeded")
    told = {"resource": "batch_active", "limit": 2, "used": 2, "required_tier": "pro"}
    assert told.items() <= one_more.json().items()
    life.server.manage("set_tier", life.email, "pro")
    assert {one["state"] for one in life.phone.listed()["items"]} == {"active"}
    assert life.phone.http.post(f"batches/{third}/runs", json=by_hand).status_code == 201


def leave_for_good(life: Life, batch_id: str, run: Run) -> None:
    """Nothing of what a batch does was readable here; and now nothing at all is left."""
    assert rows_that_name(life.database, "overdue", "Errand", "priority of my") == []
    assert rows_that_name(life.database, batch_id) != []
    gone = life.laptop.http.request("DELETE", "auth/me", json={"password": PASSWORD})
    assert gone.status_code == 202
    deadline = time.monotonic() + 30
    while (left := rows_that_name(life.database, life.email, batch_id, run.run_id)) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert left == []


async def test_a_batchs_life(life: Life) -> None:
    spec = build(life)
    # As every device was asleep, it is due already.
    was_due = rfc3339(datetime.now(UTC) - timedelta(minutes=3))
    batch_id = keep(life, spec, trigger="schedule", due=was_due)
    assert life.phone.open(life.phone.batch(batch_id)) == spec
    assert {"active": 1, "active_limit": 10}.items() <= life.phone.listed().items()
    run = Run(claim(life, batch_id, was_due)["run_id"])
    await map_its_tasks(life, run, spec["steps"][0])
    finish(life, batch_id, run, due=was_due)
    leave_pro_and_come_back(life, spec, batch_id)
    leave_for_good(life, batch_id, run)

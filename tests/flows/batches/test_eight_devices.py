"""Eight devices and two servers fight for 200 due slots. Devices die, sleep through their leases, lose answers, and
have clocks that are ten minutes wrong; the servers are killed. In the end each slot was run once, to its end.
"""

import base64
import hashlib
import os
import random
import signal
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st

from tests.flows.batches.racing_devices import (
    ITEMS,
    Board,
    Device,
    Nature,
    Slot,
    due_slots,
    due_times,
    manual_slots,
    rfc3339,
)
from tests.flows.batches.short_lease_server import LEASE_SECONDS
from tests.support.server import RunningServer

pytestmark = [pytest.mark.slow, pytest.mark.postgres]

DEVICES = 8
SCHEDULES, DUE_EACH = 10, 15
BY_HAND = 50  # a batch shows its last 50 runs
FIGHT_SECONDS = 240  # a guard: on an idle machine a fight takes fifteen
FIGHTS = int(os.environ.get("FIGHTS", "2"))  # examples; more of them for a longer look
PASSWORD = "a long sentence is best"
SKEW_SECONDS = 600


class ShortLeaseServer(RunningServer):
    module = "tests.flows.batches.short_lease_server"


@dataclass(frozen=True, slots=True)
class Plan:
    """``kills``: which server is killed, and how many seconds after the one before."""

    devices: tuple[Nature, ...]
    kills: tuple[tuple[int, float], ...]
    seed: int


# The first example takes the first or the lowest of each: it must be a fight as well.
NATURES = st.builds(
    Nature,
    seed=st.integers(0, 2**32),
    skew_seconds=st.integers(0, SKEW_SECONDS).map(lambda seconds: SKEW_SECONDS - seconds),
    loses=st.floats(0.1, 0.3),
    sleeps=st.floats(0.1, 0.2),
    dies_after=st.none(),
)
DEATHS = st.dictionaries(st.integers(1, DEVICES - 1), st.integers(2, 30), min_size=2, max_size=3)


def make_plan(
    natures: list[Nature], deaths: dict[int, int], kills: list[tuple[int, float]], behind: set[int], seed: int
) -> Plan:
    """The first device never dies, and takes for due what is due: somebody has to be left."""
    devices = []
    for number, nature in enumerate(natures):
        skew = abs(nature.skew_seconds) * (-1 if number in behind else 1)
        devices.append(replace(nature, skew_seconds=skew, dies_after=deaths.get(number)))
    return Plan(tuple(devices), tuple(kills), seed)


PLANS = st.builds(
    make_plan,
    natures=st.lists(NATURES, min_size=DEVICES, max_size=DEVICES),
    deaths=DEATHS,
    kills=st.lists(st.tuples(st.integers(0, 1), st.floats(0.5, 3)), min_size=2, max_size=3),
    behind=st.sets(st.integers(1, DEVICES - 1), min_size=2, max_size=5),
    seed=st.integers(0, 2**32),
)


@pytest.fixture(scope="module")
def pair(
    server_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[ShortLeaseServer, ShortLeaseServer]]:
    def start(name: str) -> ShortLeaseServer:
        folder: Path = tmp_path_factory.mktemp(name)
        return ShortLeaseServer(folder=folder, env=server_environment)

    both = start("one"), start("two")
    with ThreadPoolExecutor() as starting:
        list(starting.map(ShortLeaseServer.start, both))
    yield both
    for server in both:
        server.stop()


def register(server: RunningServer) -> str:
    email = f"{uuid.uuid4().hex[:12]}@example.com"
    told = {"email": email, "password": PASSWORD}
    httpx.post(f"{server.url}/api/v1/auth/register", json=told, timeout=30).raise_for_status()
    server.manage("set_tier", email, "team")
    return email


def log_in(server: RunningServer, email: str) -> dict[str, str]:
    told = {"email": email, "password": PASSWORD}
    answer = httpx.post(f"{server.url}/api/v1/auth/login", json=told, timeout=30).raise_for_status()
    tokens: dict[str, str] = answer.json()
    return tokens


def make_batch(client: httpx.Client, *, trigger: str, next_due_at: str | None) -> str:
    sealed = os.urandom(200)
    body = {
        "spec": base64.b64encode(sealed).decode(),
        "checksum": hashlib.sha256(sealed).hexdigest(),
        "trigger": trigger,
        "next_due_at": next_due_at,
        "state": "active",
    }
    answer = client.post("batches", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["revision"] == 1
    return str(answer.json()["id"])


def make_slots(client: httpx.Client, rng: random.Random) -> list[Slot]:
    """Those of schedules that nobody was there to run, and of a batch that its user starts by hand."""
    slots: list[Slot] = []
    now = datetime.now(UTC).replace(microsecond=0)
    for _ in range(SCHEDULES):
        apart = timedelta(seconds=rng.randrange(60, 600))
        times = due_times(count=DUE_EACH, last=now, apart=apart)
        batch_id = make_batch(client, trigger="schedule", next_due_at=rfc3339(times[0]))
        slots += due_slots(batch_id, times, apart=apart)
    return slots + manual_slots(make_batch(client, trigger="manual", next_due_at=None), count=BY_HAND, rng=rng)


def kill_and_start_again(server: RunningServer) -> None:
    server.stop(signal.SIGKILL)
    server.start()


def ended_runs(client: httpx.Client, slots: list[Slot]) -> Iterator[dict[str, Any]]:
    for batch_id in sorted({slot.batch_id for slot in slots}):
        answer = client.get(f"batches/{batch_id}/runs", params={"limit": BY_HAND}).raise_for_status().json()
        assert answer["total"] == len(answer["items"]) == sum(slot.batch_id == batch_id for slot in slots), answer
        yield from answer["items"]


@settings(
    max_examples=FIGHTS,
    deadline=None,
    database=None,
    phases=(Phase.generate,),  # the machine's timing is a part of each: it cannot be shrunk
    suppress_health_check=list(HealthCheck),
)
@given(plan=PLANS)
def test_every_slot_ends_exactly_once(pair: tuple[ShortLeaseServer, ShortLeaseServer], plan: Plan) -> None:
    rng = random.Random(plan.seed)  # noqa: S311 - no secret
    email = register(pair[0])
    board = Board()
    with httpx.Client(
        base_url=f"{pair[0].url}/api/v1/",
        headers={"Authorization": f"Bearer {log_in(pair[0], email)['access_token']}"},
        timeout=30,
    ) as referee:
        slots = make_slots(referee, rng)
        ends_at = time.monotonic() + FIGHT_SECONDS
        devices = [
            Device(
                f"device {number}",
                pair,
                log_in(pair[number % 2], email),
                slots=slots,
                nature=nature,
                board=board,
                lease_seconds=LEASE_SECONDS,
                ends_at=ends_at,
            )
            for number, nature in enumerate(plan.devices)
        ]
        for device in devices:
            device.start()
        for number, pause in plan.kills:
            time.sleep(pause)
            kill_and_start_again(pair[number])
        for device in devices:
            device.join(max(0.0, ends_at + 25 - time.monotonic()))
            assert not device.is_alive()

        told = dict(sorted(board.told.items()))
        note(str(told))
        assert board.faults == [], told
        assert len(board.accepted) == len(slots), told
        assert {len(leases) for leases in board.accepted.values()} == {1}, "of one slot two ends were taken"
        runs = list(ended_runs(referee, slots))
    by_id = {run["run_id"]: run for run in runs}
    assert len(by_id) == len(slots)
    assert Counter(run["outcome"] for run in runs) == {"succeeded": len(slots)}
    for (lease,) in board.accepted.values():
        assert by_id[lease.run_id]["attempt"] == lease.attempt
        # What counts was done under that lease alone, by one device and whole.
        (worker,) = {line.partition(":")[0] for line in board.staged[lease]}
        assert board.staged[lease] == [f"{worker}:{number}" for number in range(ITEMS)]

"""Of 100,000 batches, most of them overdue for weeks and told of: the job's one query and a device's read an index."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from agents.batches.due import due_ids, tell_due
from agents.batches.models import Batch
from tests.agents.batches.registry import MINUTE, Device, ago
from tests.support.accounts import Account

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.django_db(transaction=True)]
ROWS = 100_000
FEW = 1_000

BATCHES = """
INSERT INTO batches (user_id, public_id, spec, checksum, revision, trigger, state, reason, next_due_at, tell_at,
                     consecutive_failures, activated_at, created_as, created_at, updated_at)
SELECT (%s::uuid[])[1 + n %% %s], gen_random_uuid(), 'x', repeat('0', 64), 1, 'schedule', 'active', '',
       now() - interval '20 days', now() + interval '1 hour' + n * interval '1 second',
       0, now(), '', now(), now()
FROM generate_series(1, %s) AS n
"""
RUNS = """
INSERT INTO batch_runs (id, batch_id, user_id, slot, due_at, spec_revision, attempt, started_at, finished_at, outcome,
                        error_code, total, done, failed, skipped)
SELECT gen_random_uuid(), id, user_id, 'old', now() - interval '30 days', 1, 1, now(), now(), 'succeeded',
       '', 0, 0, 0, 0
FROM batches
"""


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def explained(queries: CaptureQueriesContext) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with connection.cursor() as cursor:
        for query in queries:
            if query["sql"].startswith("SELECT") and '"batches"' in query["sql"]:
                cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {query['sql']}")
                (answer,) = cursor.fetchone()
                found.extend(nodes((json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]))
    return found


def read(node: dict[str, Any]) -> int:
    rows: int = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    return rows


@pytest.fixture
def device(make_user: Callable[..., Account], make_device: Callable[..., Device]) -> Device:
    owners = [make_user().user.id for _ in range(200)]
    with connection.cursor() as cursor:
        cursor.execute(BATCHES, [owners, len(owners), ROWS])
        cursor.execute(RUNS)
        cursor.execute("ANALYZE batches, batch_runs")
    return make_device(tier="team")


def test_what_is_due_is_found_by_its_index(device: Device) -> None:
    with CaptureQueriesContext(connection) as idle:
        assert tell_due() == 0
    asked = [query["sql"] for query in idle if query["sql"].startswith(("SELECT", "UPDATE"))]
    assert len(asked) == 1, asked

    slot = ago(MINUTE)
    batch = device.made(next_due_at=slot)
    device.claim(batch["id"], slot)
    device.made(next_due_at=slot)
    with CaptureQueriesContext(connection) as busy:
        start = time.perf_counter()
        assert tell_due() == 1
        seconds = time.perf_counter() - start
    Batch.objects.filter(user=device.account.user).update(tell_at="2026-01-01T00:00:00Z")
    found = explained(busy)
    assert "batches_to_tell" in {node.get("Index Name") for node in found}
    assert max(map(read, found)) < FEW
    assert seconds < 5


def test_a_device_reads_its_users_batches_alone(device: Device) -> None:
    slot = ago(MINUTE)
    batch = device.made(next_due_at=slot)
    asks: dict[str, Callable[[], Any]] = {
        "hello": lambda: due_ids(device.account.user.id),
        "list": device.listed,
        "get": lambda: device.get(batch["id"]),
        "claim": lambda: device.claim(batch["id"], slot),
        "runs": lambda: device.ask("GET", f"batches/{batch['id']}/runs"),
    }
    for name, ask in asks.items():
        with CaptureQueriesContext(connection) as queries:
            ask()
        found = explained(queries)
        assert found, name
        assert max(map(read, found)) < FEW, (name, found)

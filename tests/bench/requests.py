"""`GET /auth/me` and the record list beside FastAPI, SQLAlchemy async and asyncpg, on one PostgreSQL database."""

import json
import uuid
from collections.abc import Iterator
from functools import partial

import psycopg

from tests.bench.environment import Stage, postgres_url
from tests.bench.measurement import ROUNDS, WARM_UP, Client, accounts_for, in_turns
from tests.bench.report import Goal, Row
from tests.support.server import drop_database, new_database

BASELINE = "FastAPI, SQLAlchemy async, asyncpg"
REQUESTS = 250  # a round
GOAL = Goal(most_ratio=1.3)
PATHS = {
    "GET /auth/me": "/api/v1/auth/me",
    "GET /storage/records, 20 rows": "/api/v1/storage/records?limit=20",
    "GET /storage/records, 100 rows": "/api/v1/storage/records?limit=100",
}
RECORDS = """
INSERT INTO storage_records
(user_id, id, table_name, s3_key, checksum, size_bytes, revision, seq, created_at, updated_at)
SELECT user_id, gen_random_uuid(), 'notes', user_id || '/' || n, repeat('ab', 32), 1000, 1, n, now(), now()
FROM unnest(%s::uuid[]) AS user_id, generate_series(1, 100) AS n
"""


def rows(stage: Stage) -> Iterator[Row]:
    postgres_url()
    url = new_database(f"adiuva_bench_{uuid.uuid4().hex[:8]}", stage.folder)
    try:
        with Stage.set_up(stage.folder / "requests", postgres=url) as own:
            yield from _rows(own, url)
    finally:
        drop_database(url)


def _rows(stage: Stage, url: str) -> Iterator[Row]:
    members = stage.accounts(accounts_for(REQUESTS * ROUNDS + WARM_UP + 1))
    with psycopg.connect(url) as connection:
        connection.execute(RECORDS, [[member.user_id for member in members]])
    for what, path in PATHS.items():
        # New processes: each has its rate limits in memory.
        servers = stage.ours(), stage.baseline("fastapi_app")
        clients = [Client(server, [member.token for member in members]) for server in servers]
        same = [json.loads(client.ask("GET", path)) for client in clients]
        assert same[0] == same[1], same
        asks = [(client.pid, partial(client.ask, "GET", path)) for client in clients]
        ours, base = in_turns(*asks, requests=REQUESTS)
        for server in servers:
            server.stop()
        yield Row(what, "CPU ms", ours, base, BASELINE, GOAL)

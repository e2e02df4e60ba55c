"""The same requests on a thousand rows and on many: what stays flat, and what does not.

The baseline of each row is the same request on the small database. Wall time, PostgreSQL's part included: the quickest
of requests one after another. All tables grow to 100,000 rows (the catalog to a tenth of that), records to ten million.
The usual user always has a thousand records; the heavy one has a tenth of all. Of the bulk routes it is the database's
part: the feed leaves out bytes that are larger than was asked for, and every operation of the batch is refused by its
condition. The plans of what has to stay flat come last.
"""

import base64
import hashlib
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from functools import partial
from typing import LiteralString

import psycopg

from tests.bench.environment import Stage, postgres_url
from tests.bench.growth_data import (
    HEAVY,
    HEAVY_SESSION,
    RECORDS,
    USUAL,
    USUAL_RECORDS,
    USUAL_SESSION,
    grow,
    make_users,
)
from tests.bench.measurement import Client
from tests.bench.report import Goal, Row
from tests.support.server import PROJECT_DIR, drop_database, new_database

STEPS = (1_000, 10_000, 100_000)
MANY = 10_000_000  # records; nothing else grows beyond the last step
TIMES = 20
FLAT = Goal(most_ratio=1.5)

MAKE_TOKENS = f"""
import sys
import django; django.setup()
from uuid import UUID
from accounts.access_tokens import new_access_token
from tests.support.feed_cursors import cursor_at
usual, heavy = (UUID("{USUAL}"), UUID("{USUAL_SESSION}")), (UUID("{HEAVY}"), UUID("{HEAVY_SESSION}"))
for user, session in (usual, heavy):
    print(new_access_token(user_id=user, session_id=session, email="somebody@example.com")[0])
print(cursor_at(usual[0], {USUAL_RECORDS} - 20), cursor_at(heavy[0], int(sys.argv[1])))
"""

# What the usual user asks is to stay flat.
FLATLY = {
    "GET /auth/me": "/api/v1/auth/me",
    "GET /storage/quota": "/api/v1/storage/quota",
    "feed, first page of 20": "/api/v1/storage/changes?limit=20",
    "feed, last page of 20": "/api/v1/storage/changes?limit=20&since={usual_end}",
    "feed with bytes, first page of 200": "/api/v1/storage/changes?limit=200&include=blob&max_blob_bytes=1",
    "record list, first page of 20": "/api/v1/storage/records?limit=20",
    "record list, last page of 20": f"/api/v1/storage/records?limit=20&page={USUAL_RECORDS // 20}",
    "catalog, a rare word": "/api/v1/plugins?q=c4ca4238a0b923820dcc509a6f75849b",
}
A_BATCH = "batch of 200, each refused"
PLANS: dict[str, LiteralString] = {
    "feed": "SELECT * FROM storage_records WHERE user_id = %(user)s AND seq > 900 ORDER BY seq LIMIT 201",
    "list": "SELECT * FROM storage_records WHERE user_id = %(user)s AND deleted_at IS NULL"
    " ORDER BY created_at, id LIMIT 20",
    "total": "SELECT count(*) FROM storage_records WHERE user_id = %(user)s AND deleted_at IS NULL",
    "batch": "SELECT * FROM storage_records WHERE user_id = %(user)s AND id = ANY(%(ids)s)",
}
# A total and a deep page cost what there is to count and to pass over.
HEAVILY = {
    "feed of a tenth, last page": "/api/v1/storage/changes?limit=20&since={near_end}",
    "list of a tenth, first page": "/api/v1/storage/records?limit=20",
    "list of a tenth, last page": "/api/v1/storage/records?limit=20&page={last_page}",
    "GET /chat/usage": "/api/v1/chat/usage",
    "GET /plugins/earnings": "/api/v1/plugins/earnings",
    "catalog by rating": "/api/v1/plugins?sort=rating",
}


def rows(stage: Stage) -> Iterator[Row | str]:
    postgres_url()
    url = new_database(f"adiuva_bench_{uuid.uuid4().hex[:8]}", stage.folder)
    figures = []
    try:
        with Stage.set_up(stage.folder / "growth", postgres=url) as own, psycopg.connect(url) as connection:
            make_users(connection)
            begin = 1
            for end in (*STEPS, MANY):
                grow(connection, begin, end, only=RECORDS if end == MANY else None)
                figures.append(_measure(own, end, ids=_usual_ids(connection)))
                begin = end + 1
            plans = [*_explain(connection)]
    finally:
        drop_database(url)
    for what in (*FLATLY, A_BATCH, *HEAVILY):
        few, *between, many = (step[what] for step in figures)
        beside = f"on 1,000 rows; on 10⁴ and 10⁵: {between[0]:.1f} and {between[1]:.1f}"
        yield Row(f"{what}, 10⁷", "ms", many, few, beside, None if what in HEAVILY else FLAT)
    yield from plans


def _usual_ids(connection: psycopg.Connection) -> list[str]:
    found = connection.execute("SELECT id FROM storage_records WHERE user_id = %s ORDER BY seq LIMIT 200", [USUAL])
    ids = [str(one) for (one,) in found]
    connection.commit()
    return ids


def _explain(connection: psycopg.Connection) -> Iterator[str]:
    ids = _usual_ids(connection)
    for what, query in PLANS.items():
        yield f"plan of the {what}:"
        for (line,) in connection.execute("EXPLAIN (ANALYZE, BUFFERS) " + query, {"user": USUAL, "ids": ids}):
            yield f"    {line}"


def _refused_batch(ids: list[str]) -> bytes:
    blob = b"another content"
    common = {"op": "put", "table_name": "notes", "checksum": hashlib.sha256(blob).hexdigest(), "if_none_match": "*"}
    common["blob"] = base64.b64encode(blob).decode()
    return json.dumps({"operations": [common | {"id": one} for one in ids]}).encode()


def _measure(stage: Stage, count: int, *, ids: list[str]) -> dict[str, float]:
    # A new process, whose rate limits begin anew.
    server = stage.ours()
    made = subprocess.run(
        [sys.executable, "-c", MAKE_TOKENS, str(count - 200)],
        cwd=PROJECT_DIR,
        env=stage.environment,
        check=True,
        capture_output=True,
        text=True,
    )
    *tokens, usual_end, near_end = made.stdout.split()
    usual, heavy = (Client(server, [token]) for token in tokens)
    numbers = {"usual_end": usual_end, "near_end": near_end, "last_page": count // 10 // 20}
    figures = {what: _quickest_ms(partial(usual.ask, "GET", path.format(**numbers))) for what, path in FLATLY.items()}
    figures |= {what: _quickest_ms(partial(heavy.ask, "GET", path.format(**numbers))) for what, path in HEAVILY.items()}
    headers = {"Content-Type": "application/json"}
    batch = partial(usual.ask, "POST", "/api/v1/storage/records/batch", _refused_batch(ids), headers)
    figures[A_BATCH] = _quickest_ms(batch)
    server.stop()
    return figures


def _quickest_ms(ask: Callable[[], bytes]) -> float:
    return min(_ms(ask) for _ in range(TIMES))


def _ms(ask: Callable[[], bytes]) -> float:
    started = time.perf_counter()
    ask()
    return (time.perf_counter() - started) * 1000

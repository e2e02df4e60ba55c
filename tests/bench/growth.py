"""The same requests on a thousand rows and on many: what stays flat, and what does not.

The baseline of each row is the same request on the small database. Wall time, PostgreSQL's part included: the quickest
of requests one after another. All tables grow to 100,000 rows (the catalog to a tenth of that), records to a million.
The usual user always has a thousand records; the heavy one has a tenth of all.
"""

import subprocess
import sys
import time
import uuid
from collections.abc import Iterator

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
MANY = 1_000_000  # records; nothing else grows beyond the last step
TIMES = 25
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
    "record list, first page of 20": "/api/v1/storage/records?limit=20",
    "record list, last page of 20": f"/api/v1/storage/records?limit=20&page={USUAL_RECORDS // 20}",
    "catalog, a rare word": "/api/v1/plugins?q=c4ca4238a0b923820dcc509a6f75849b",
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


def rows(stage: Stage) -> Iterator[Row]:
    postgres_url()
    url = new_database(f"adiuva_bench_{uuid.uuid4().hex[:8]}", stage.folder)
    figures = []
    try:
        with Stage.set_up(stage.folder / "growth", postgres=url) as own, psycopg.connect(url) as connection:
            make_users(connection)
            begin = 1
            for end in (*STEPS, MANY):
                grow(connection, begin, end, only=RECORDS if end == MANY else None)
                figures.append(_measure(own, end))
                begin = end + 1
    finally:
        drop_database(url)
    for what in (*FLATLY, *HEAVILY):
        few, *between, many = (step[what] for step in figures)
        beside = f"on 1,000 rows; on 10⁴ and 10⁵: {between[0]:.1f} and {between[1]:.1f}"
        yield Row(f"{what}, 10⁶", "ms", many, few, beside, FLAT if what in FLATLY else None)


def _measure(stage: Stage, count: int) -> dict[str, float]:
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
    figures = {what: _quickest_ms(usual, path.format(**numbers)) for what, path in FLATLY.items()}
    figures |= {what: _quickest_ms(heavy, path.format(**numbers)) for what, path in HEAVILY.items()}
    server.stop()
    return figures


def _quickest_ms(client: Client, path: str) -> float:
    return min(_ms(client, path) for _ in range(TIMES))


def _ms(client: Client, path: str) -> float:
    started = time.perf_counter()
    client.ask("GET", path)
    return (time.perf_counter() - started) * 1000

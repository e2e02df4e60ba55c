"""What each hot request asks PostgreSQL is answered by the index made for it, however many rows there are.

The requests are made over HTTP on tables of 100,000 rows, a tenth of which are the asking user's; each query they sent
is explained. A table that is read from one end to the other would show as `Seq Scan`.
"""

import json
import re
from collections.abc import Iterator
from hashlib import md5
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.access_tokens import new_access_token
from tests.bench.growth_data import HEAVY, HEAVY_SESSION, grow, make_users
from tests.support.client import ApiClient
from tests.support.feed_cursors import cursor_at

pytestmark = [pytest.mark.postgres, pytest.mark.slow, pytest.mark.django_db(transaction=True)]

ROWS = 100_000
FEW = 1_000
LAST_PAGE = ROWS // 10 // 20
NEAR_THE_END = "storage/changes?since={near_the_end}"
PASSES_OVER_PAGES = f"storage/records?limit=20&page={LAST_PAGE}"
SOME_RECORD = UUID(md5(b"x10", usedforsecurity=False).hexdigest())
WHO_ASKS = {"sessions_(pkey|user_id)", "users_pkey", "subscriptions_user_id_key"}

# Path, and the indexes its queries must use: each name, or one that it matches from its beginning.
HOT = {
    "auth/me": set(),
    "storage/records?limit=20": {"storage_records_list"},
    PASSES_OVER_PAGES: {"storage_records_list"},
    "storage/records?limit=20&table=table_4": {"storage_records_by_table"},
    "storage/changes?since=0": {"storage_records_one_change_a_seq", "storage_usage_pkey"},
    NEAR_THE_END: {"storage_records_one_change_a_seq", "storage_usage_pkey"},
    "auth/events": {"security_events_of_user"},
    "auth/events?page=199": {"security_events_of_user"},
    "storage/quota": {"storage_usage_pkey"},
    f"storage/records/{SOME_RECORD}/versions": {"storage_record_versions_pkey", "storage_usage_pkey"},
    "storage/trash?limit=20": {"storage_record_versions_trash", "storage_usage_pkey"},
    "backup/history?limit=20": {"backup_metadata_newest"},
    "chat/usage": {"chat_usage_one_row_a_day"},
    "plugins?sort=rating": {"plugins_by_rank"},
    "plugins?sort=installs": {"plugins_by_installs"},
    "plugins?sort=newest": {"plugins_by_age"},
    "plugins?q=c4ca4238a0b923820dcc509a6f75849b": {"plugins_full_text"},
    "plugins/earnings": {"revenue_events_(of_developer|developer_id)", "ledger_entries_(booked_once|revenue_event_id)"},
}


def explain(sql: str) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}")
        (answer,) = cursor.fetchone()
    plan: dict[str, Any] = (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from nodes(child)


def read(node: dict[str, Any]) -> int:
    """How many rows a scan looked at; a table with few is best read whole."""
    rows: int = (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
    return rows


def most_fetched(queries: list[str]) -> int:
    """The most rows that one scan took from a table; what it read in an index alone is not among them."""
    found = [node for sql in queries for node in nodes(explain(sql))]
    return max(read(node) for node in found if node["Node Type"] in {"Seq Scan", "Index Scan", "Bitmap Heap Scan"})


def faults(queries: list[str], indexes: set[str]) -> dict[str, Any]:
    found = [node for sql in queries for node in nodes(explain(sql))]
    used = {node["Index Name"] for node in found if "Index Name" in node}
    whole = {node["Relation Name"] for node in found if node["Node Type"] == "Seq Scan" and read(node) > FEW}
    unused = {name for name in indexes if not any(re.match(name, index) for index in used)}
    return {"read whole": whole, "unused": unused, "used": used} if whole or unused else {}


def test_the_hot_requests_read_their_indexes(api: ApiClient) -> None:
    database = connection.settings_dict
    where = {"dbname": database["NAME"], "user": database["USER"], "host": database["HOST"], "port": database["PORT"]}
    with psycopg.connect(**where, password=database["PASSWORD"]) as own:
        make_users(own)
        grow(own, 1, ROWS)
    token, _ = new_access_token(user_id=HEAVY, session_id=HEAVY_SESSION, email="heavy@example.com")
    near_the_end = cursor_at(HEAVY, ROWS - 100)
    wrong = {}
    for path, indexes in HOT.items():
        with CaptureQueriesContext(connection) as queries:
            answer = api.request("GET", path.format(near_the_end=near_the_end), token=token)
        assert answer.status == 200, (path, answer)
        asked = [query["sql"] for query in queries if query["sql"].startswith("SELECT")]
        assert asked, path
        if found := faults(asked, indexes | WHO_ASKS):
            wrong[path] = found
        if path == PASSES_OVER_PAGES and (most := most_fetched(asked)) > FEW:
            wrong[path] = {"rows fetched": most}

    with CaptureQueriesContext(connection) as queries:
        refused = api.post("auth/refresh", json={"refresh_token": "never-issued-" + "x" * 40})
    assert refused.status == 401
    asked = [query["sql"] for query in queries if '"refresh_tokens"' in query["sql"]]
    assert asked
    if found := faults(asked, {"refresh_tokens_token_hash"}):
        wrong["auth/refresh"] = found

    assert not wrong, json.dumps(wrong, default=sorted, indent=1)


def test_a_table_read_whole_is_found() -> None:
    """The check itself: without an index for it, the same question is a fault."""
    with connection.cursor() as cursor:
        cursor.execute("CREATE TEMPORARY TABLE many AS SELECT n FROM generate_series(1, 5000) AS n")

    assert faults(["SELECT * FROM many WHERE n = 7"], {"many_n"}) == {
        "read whole": {"many"},
        "unused": {"many_n"},
        "used": set(),
    }

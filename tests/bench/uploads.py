"""`POST /storage/records` of 4 KiB beside FastAPI with the same durability, on one PostgreSQL database.

Each body is on the disk, file and folders synced, before one transaction makes it count under the user's lock.
"""

import hashlib
import json
import uuid
from collections.abc import Iterator
from functools import partial

from tests.bench.environment import Stage, postgres_url
from tests.bench.measurement import ROUNDS, WARM_UP, Client, accounts_for, in_turns
from tests.bench.report import Goal, Row
from tests.support.server import drop_database, new_database

BODY = bytes(range(256)) * 16
PATH = "/api/v1/storage/records?table_name=small"
HEADERS = {"Content-Type": "application/octet-stream", "X-Checksum": hashlib.sha256(BODY).hexdigest()}
CHECKED = ("table_name", "checksum", "size_bytes", "revision", "etag")
REQUESTS = 200  # a round
GOAL = Goal(most_ratio=1.0)


def rows(stage: Stage) -> Iterator[Row]:
    postgres_url()
    url = new_database(f"adiuva_bench_{uuid.uuid4().hex[:8]}", stage.folder)
    try:
        with Stage.set_up(stage.folder / "uploads", postgres=url) as own:
            yield _small(own)
    finally:
        drop_database(url)


def _small(stage: Stage) -> Row:
    each = accounts_for(REQUESTS * ROUNDS + WARM_UP + 1)
    tokens = [member.token for member in stage.accounts(2 * each)]
    ours, base = (
        Client(server, part)
        for server, part in (
            (stage.ours(), tokens[:each]),
            (stage.baseline("fastapi_upload"), tokens[each:]),
        )
    )
    told = [json.loads(client.ask("POST", PATH, BODY, HEADERS)) for client in (ours, base)]
    assert len({tuple(meta[name] for name in CHECKED) for meta in told}) == 1, told
    asks = [(client.pid, partial(client.ask, "POST", PATH, BODY, HEADERS)) for client in (ours, base)]
    own, others = in_turns(*asks, requests=REQUESTS)
    return Row("POST a record of 4 KiB, PostgreSQL", "CPU ms", own, others, "FastAPI, the same durability", GOAL)

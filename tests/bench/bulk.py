"""Records in batches beside records one by one, and a first synchronisation beside reading the same rows and bytes by
hand; on one PostgreSQL database, sealed bytes as files.
"""

import base64
import hashlib
import io
import json
import time
import uuid
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cbor2
import psycopg

from tests.bench.environment import Member, Stage, postgres_url
from tests.bench.measurement import ROUNDS, Client, accounts_for, cpu_ms
from tests.bench.report import Goal, Row
from tests.support.server import RunningServer, drop_database, new_database
from tests.support.transfer import cpu_seconds

SIZE = 2048
A_BATCH = 500
SINGLES = 200  # a round
RECORDS = 5_000
SEQUENCE = "application/cbor-seq"
BATCH = "/api/v1/storage/records/batch"
FEED = "/api/v1/storage/changes?include=blob&limit=1000&since="
ROWS = "SELECT id, table_name, checksum, size_bytes, revision, seq, s3_key FROM storage_records WHERE user_id = %s"


def rows(stage: Stage) -> Iterator[Row]:
    postgres_url()
    url = new_database(f"adiuva_bench_{uuid.uuid4().hex[:8]}", stage.folder)
    try:
        with Stage.set_up(stage.folder / "bulk", postgres=url) as own:
            server = own.ours()
            yield from _writing(own, server)
            yield from _first_synchronisation(own, server, url)
    finally:
        drop_database(url)


# --- writing ---


def _writing(stage: Stage, server: RunningServer) -> Iterator[Row]:
    each = accounts_for(SINGLES * ROUNDS)
    *members, bulky = stage.accounts(each + 1)
    singly = Client(server, [member.token for member in members])
    bulk = Client(server, [bulky.token])
    for content_type, name in ((SEQUENCE, "CBOR"), ("application/json", "JSON")):
        send = partial(_send_batch, bulk, content_type)
        send()
        in_batches = 0.0
        one = float("inf")
        for _ in range(ROUNDS):
            one = min(one, cpu_ms(server.pid, partial(_send_one, singly), requests=SINGLES // 2))
            in_batches = max(in_batches, A_BATCH * 1000 / cpu_ms(server.pid, send, requests=1))
        beside = "the same, one POST each"
        yield Row(f"records written by batches of 500, {name}", "a CPU s", in_batches, 1000 / one, beside, _TENFOLD)


_TENFOLD = Goal(least_ratio=10)


def _send_one(client: Client) -> None:
    blob = _new_blob()
    headers = {"Content-Type": "application/octet-stream", "X-Checksum": hashlib.sha256(blob).hexdigest()}
    client.ask("POST", f"/api/v1/storage/records?table_name=notes&id={uuid.uuid4()}", blob, headers)


def _send_batch(client: Client, content_type: str) -> None:
    """500 new records."""
    operations = [_put(_new_blob()) for _ in range(A_BATCH)]
    headers = {"Content-Type": content_type, "Accept": "application/json"}
    answer = json.loads(client.ask("POST", BATCH, _encode(operations, content_type), headers))
    assert {result["status"] for result in answer["results"]} == {201}, answer


def _put(blob: bytes) -> dict[str, Any]:
    checksum = hashlib.sha256(blob).hexdigest()
    return {"op": "put", "id": str(uuid.uuid4()), "table_name": "notes", "checksum": checksum, "blob": blob}


def _encode(operations: list[dict[str, Any]], content_type: str) -> bytes:
    if content_type == SEQUENCE:
        return b"".join(cbor2.dumps(item) for item in ({"atomic": False}, *operations))
    readable = [one | {"blob": base64.b64encode(one["blob"]).decode()} for one in operations]
    return json.dumps({"operations": readable}).encode()


def _new_blob() -> bytes:
    return uuid.uuid4().bytes * (SIZE // 16)


# --- reading ---


def _first_synchronisation(stage: Stage, server: RunningServer, url: str) -> Iterator[Row]:
    (member,) = stage.accounts(1)
    client = Client(server, [member.token])
    for _ in range(RECORDS // A_BATCH):
        _send_batch(client, SEQUENCE)
    _read_all(client)
    by_hand = min(_read_by_hand(url, member, stage.folder / "data" / "blobs") for _ in range(ROUNDS))
    requests, seconds, cpu = 0, float("inf"), float("inf")
    for _ in range(ROUNDS):
        started, used = time.perf_counter(), cpu_seconds(server.pid)
        requests = _read_all(client)
        seconds = min(seconds, time.perf_counter() - started)
        cpu = min(cpu, (cpu_seconds(server.pid) - used) / RECORDS * 1e6)
    what = "first sync of 5,000 × 2 KiB"
    yield Row(f"{what}, requests", "", requests, goal=Goal(most=30))
    yield Row(f"{what}, wall", "s", seconds, goal=Goal(most=10))
    beside = "plain SQL, the files and SHA-256 by hand"
    yield Row(f"{what}, a record", "CPU µs", cpu, by_hand, beside, Goal(most_ratio=3))


def _read_all(client: Client) -> int:
    """How many requests it takes to have every record with its bytes."""
    seen, requests, since, has_more = 0, 0, "0", True
    while has_more:
        page = client.ask("GET", FEED + since, headers={"Accept": SEQUENCE})
        requests += 1
        *changes, end = _items(page)
        seen += len(changes)
        assert all(len(change["blob"]) == SIZE for change in changes)
        since, has_more = end["next"], end["has_more"]
    assert seen == RECORDS, seen
    return requests


def _items(page: bytes) -> Iterator[dict[str, Any]]:
    stream = io.BytesIO(page)
    while stream.tell() < len(page):
        yield cbor2.load(stream)


def _read_by_hand(url: str, member: Member, blobs: Path) -> float:
    """CPU µs of this process for a record: its row, its file, its checksum. What any server would have to do."""
    with psycopg.connect(url) as connection:
        started = time.process_time()
        for *_, checksum, _size, _revision, _seq, key in connection.execute(ROWS + " ORDER BY seq", [member.user_id]):
            assert hashlib.sha256((blobs / key).read_bytes()).hexdigest() == checksum
        return (time.process_time() - started) / RECORDS * 1e6

"""Batches of one user at once, and beside single writes, on the real server."""

import uuid
from collections import Counter
from typing import Any

import httpx
import pytest

from adiuva.api.cbor import SEQUENCE, read_sequence, write
from tests.storage.records.bulk.clients import put
from tests.storage.records.conftest import Crowd
from tests.storage.records.devices import files
from tests.storage.records.live_users import post, run_at_once


def send(client: httpx.Client, *operations: Any) -> list[Any]:
    body = b"".join(map(write, operations))
    answer = client.post("records/batch", content=body, headers={"Content-Type": SEQUENCE, "Accept": SEQUENCE})
    assert answer.status_code == 200, answer.text
    return list(read_sequence(answer.content, most_values=100_000))


@pytest.mark.thorough
def test_batches_at_the_quotas_edge_never_exceed_it(crowd: Crowd) -> None:
    person = crowd.one("limited")

    def batch() -> list[int]:
        with person.client() as client:
            return [result["status"] for result in send(client, *(put(bytes(2_000 + number)) for number in range(20)))]

    def single() -> list[int]:
        with person.client() as client:
            return [post(client, bytes(2_000)).status_code for _ in range(10)]

    statuses = Counter(status for done in run_at_once(*[batch] * 4, single) for status in done)
    assert statuses.keys() == {201, 402}
    listed = person.get("records?limit=200")["items"]
    assert len(listed) == statuses[201]
    stored = sum(item["size_bytes"] for item in listed)
    assert 100_000 - 2_020 < stored <= 100_000
    assert person.used_bytes() == stored == sum(file.stat().st_size for file in files(person.blobs))
    changes = person.get("changes?limit=1000")["changes"]
    assert [change["seq"] for change in changes] == list(range(1, len(listed) + 1))


def test_of_batches_that_want_the_same_new_records_one_wins_each(crowd: Crowd) -> None:
    person = crowd.one()
    ids = [str(uuid.uuid4()) for _ in range(20)]

    def batch(mark: int, order: int) -> list[int]:
        operations = [put(bytes([mark, n]), record_id=one, if_none_match="*") for n, one in enumerate(ids)]
        with person.client() as client:
            return [result["status"] for result in send(client, *operations[::order])]

    first, second = run_at_once(lambda: batch(1, 1), lambda: batch(2, -1))
    assert sorted(first + second) == [201] * 20 + [412] * 20
    assert [sorted(both) for both in zip(first, second[::-1], strict=True)] == [[201, 412]] * 20
    assert len(files(person.blobs)) == 20
    assert person.used_bytes() == 40


def test_a_large_answer_is_whole_over_the_wire(crowd: Crowd) -> None:
    person = crowd.one()
    operations = [put(bytes([number]) * 700_000) for number in range(12)]
    with person.client() as client:
        assert {result["status"] for result in send(client, *operations)} == {201}
        answer = client.get("changes?include=blob&max_blob_bytes=1048576", headers={"Accept": SEQUENCE})
        *changes, rest = read_sequence(answer.content, most_values=100_000)
        assert [change["blob"] for change in changes] == [one["blob"] for one in operations[:11]]
        assert rest["has_more"] is True
        ids = [one["id"] for one in operations]
        fetched = client.post("records/fetch", json={"ids": ids}, headers={"Accept": SEQUENCE})
    *records, rest = read_sequence(fetched.content, most_values=100_000)
    assert [record["blob"] for record in records] == [one["blob"] for one in operations]
    assert rest == {"missing": [], "more": [], "too_large": []}

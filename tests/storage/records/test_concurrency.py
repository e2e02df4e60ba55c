"""Many clients of one user at once, on the real server: counters, conditions and the feed hold."""

import itertools
import time
import uuid
from collections import Counter
from threading import Event
from typing import Any

import httpx
import pytest

from storage.checksums import checksum_of
from tests.storage.records.conftest import Crowd
from tests.storage.records.devices import files
from tests.storage.records.live_users import post, put, run_at_once

LIMIT = 100_000
MOST_READS = 50  # three readers and a writer stay within 200 requests a minute


def test_fifty_uploads_at_the_quotas_edge_never_exceed_it(crowd: Crowd) -> None:
    person = crowd.one("limited")
    sizes = [3_000 + 40 * number for number in range(50)]

    def upload(size: int) -> httpx.Response:
        with person.client() as client:
            return post(client, bytes(size))

    answers = run_at_once(*(lambda size=size: upload(size) for size in sizes))
    assert Counter(answer.status_code for answer in answers).keys() == {201, 402}
    stored = sum(size for size, answer in zip(sizes, answers, strict=True) if answer.status_code == 201)
    for answer in answers:
        if answer.status_code == 402:
            assert answer.json()["limit_bytes"] == LIMIT
            assert answer.json()["used_bytes"] + answer.json()["requested_bytes"] > LIMIT
    assert LIMIT - max(sizes) < stored <= LIMIT
    assert person.used_bytes() == stored
    listed = person.get("records?limit=200")["items"]
    assert sum(item["size_bytes"] for item in listed) == stored
    assert sum(file.stat().st_size for file in files(person.blobs)) == stored


def test_growing_records_never_exceed_the_quota_together(crowd: Crowd) -> None:
    person = crowd.one("limited")
    with person.client() as client:
        ids = [post(client, bytes(5_000)).json()["id"] for _ in range(10)]

    def grow(record_id: str) -> int:
        with person.client() as client:
            return put(client, record_id, bytes(20_000)).status_code

    answers = Counter(run_at_once(*(lambda record_id=record_id: grow(record_id) for record_id in ids)))
    assert answers == {200: 3, 402: 7}
    assert person.used_bytes() == 3 * 20_000 + 7 * 5_000
    versions = person.get("quota")["storage"]["versions_bytes"]
    assert person.used_bytes() + versions <= LIMIT
    assert sum(file.stat().st_size for file in files(person.blobs)) == person.used_bytes() + versions


def test_of_twenty_replacements_with_one_if_match_one_wins(crowd: Crowd) -> None:
    person = crowd.one()
    with person.client() as client:
        first = post(client, b"first")
    record_id, etag = first.json()["id"], first.headers["ETag"]
    bodies = [f"body {number}".encode() for number in range(20)]

    def replace(data: bytes) -> httpx.Response:
        with person.client() as client:
            return put(client, record_id, data, If_Match=etag)

    answers = run_at_once(*(lambda data=data: replace(data) for data in bodies))
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 19}
    ((winner, body),) = [(a, b) for a, b in zip(answers, bodies, strict=True) if a.status_code == 200]
    assert winner.json()["revision"] == 2
    assert {a.json()["etag"] for a in answers if a.status_code == 412} == {winner.headers["ETag"]}
    with person.client() as client:
        read = client.get(f"records/{record_id}")
    assert (read.content, read.headers["ETag"]) == (body, winner.headers["ETag"])
    assert {file.read_bytes() for file in files(person.blobs)} == {b"first", body}
    assert person.used_bytes() == len(body)


def test_of_ten_uploads_with_one_id_one_wins(crowd: Crowd) -> None:
    person, chosen = crowd.one(), str(uuid.uuid4())

    def create(number: int) -> int:
        with person.client() as client:
            return post(client, bytes([number]) * 1000, record_id=chosen).status_code

    answers = Counter(run_at_once(*(lambda number=number: create(number) for number in range(10))))
    assert answers == {201: 1, 409: 9}
    assert len(files(person.blobs)) == 1
    assert person.used_bytes() == 1000


def test_of_ten_deletions_one_wins(crowd: Crowd) -> None:
    person = crowd.one()
    with person.client() as client:
        record_id = post(client, b"first").json()["id"]

    def delete() -> int:
        with person.client() as client:
            return client.delete(f"records/{record_id}").status_code

    assert Counter(run_at_once(*(delete for _ in range(10)))) == {204: 1, 404: 9}
    assert person.used_bytes() == 0
    assert [change["seq"] for change in person.get("changes")["changes"]] == [2]


@pytest.mark.thorough
@pytest.mark.parametrize("told_by", ["id", "key"])
def test_of_ten_uploads_of_the_same_one_is_stored(crowd: Crowd, told_by: str) -> None:
    person = crowd.one()
    record_id = RECORD if told_by == "id" else None

    def upload() -> httpx.Response:
        with person.client() as client:
            if told_by == "key":
                client.headers["Idempotency-Key"] = RECORD
            return post(client, b"sealed" * 10_000, record_id=record_id)

    answers = run_at_once(*(upload for _ in range(10)))
    assert Counter(answer.status_code for answer in answers) == ({201: 1, 200: 9} if told_by == "id" else {201: 10})
    assert len({answer.text for answer in answers}) == 1
    assert [change["seq"] for change in person.get("changes")["changes"]] == [1]
    assert person.used_bytes() == 60_000
    assert len(files(person.blobs)) == 1
    assert person.unfinished == []


@pytest.mark.thorough
def test_the_feed_is_ordered_and_without_a_gap_while_eight_write(crowd: Crowd) -> None:
    """Each writer makes, changes and deletes records of its own; a follower reads all the while."""
    person, done = crowd.one(), Event()

    def write(writer: int) -> dict[str, int]:
        """``{id: revision}`` of what the writer left."""
        left: dict[str, int] = {}
        with person.client() as client:
            for number in range(4):
                record_id = post(client, f"{writer} {number}".encode()).json()["id"]
                left[record_id] = put(client, record_id, f"{writer} {number} again".encode()).json()["revision"]
                if number % 2:
                    assert client.delete(f"records/{record_id}").status_code == 204
                    del left[record_id]
        return left

    def follow() -> dict[str, int]:
        known: dict[str, int] = {}
        since, newest, is_last_round = "0", 0, False
        with person.client() as client:
            while True:
                page = client.get("changes", params={"since": since, "limit": 3}).json()
                numbers = [change["seq"] for change in page["changes"]]
                assert all(one < other for one, other in itertools.pairwise([newest, *numbers]))
                newest = max([newest, *numbers])
                for change in page["changes"]:
                    apply(known, change)
                since = page["next"]
                if not page["has_more"]:
                    if is_last_round:
                        assert newest <= 8 * (4 * 2 + 2)
                        return known
                    is_last_round = done.is_set()
                    time.sleep(0.4)  # the rate limit is the user's, and the writers need it

    def write_all() -> dict[str, int]:
        try:
            parts = run_at_once(*(lambda writer=writer: write(writer) for writer in range(8)))
        finally:
            done.set()
        return {record_id: revision for part in parts for record_id, revision in part.items()}

    left, known = run_at_once(write_all, follow)
    assert known == left
    assert len(left) == 16


def apply(known: dict[str, int], change: Any) -> None:
    if change["op"] == "put":
        known[change["id"]] = change["revision"]
    else:
        known.pop(change["id"], None)


@pytest.mark.thorough
def test_who_reads_while_others_replace_gets_one_state_whole(crowd: Crowd) -> None:
    person, done = crowd.one(), Event()
    with person.client() as client:
        record_id = post(client, b"0" * 50_000).json()["id"]

    def replace() -> int:
        with person.client() as client:
            try:
                for number in range(1, 40):
                    assert put(client, record_id, bytes([number]) * 50_000).status_code == 200
                    time.sleep(0.02)
            finally:
                done.set()
        return 0

    def read() -> int:
        reads = 0
        with person.client() as client:
            while not done.is_set() and reads < MOST_READS:
                answer = client.get(f"records/{record_id}")
                assert answer.status_code == 200, answer.text
                assert answer.headers["X-Checksum"] == checksum_of(answer.content)
                assert answer.headers["ETag"].strip('"').split("-")[1] == checksum_of(answer.content)[:16]
                reads += 1
        return reads

    assert sum(run_at_once(replace, read, read, read)) > 3
    assert len(files(person.blobs)) == 1 + 10  # with its versions
    assert person.unfinished == []


@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_who_reads_what_is_deleted_meanwhile_gets_it_whole_or_404(crowd: Crowd, method: str) -> None:
    person, done = crowd.one(), Event()

    def change() -> set[int]:
        with person.client() as client:
            try:
                for number in range(12):
                    answer = post(client, bytes([number]) * 50_000, record_id=RECORD)
                    assert answer.status_code == 201
                    if method == "PUT":
                        put(client, RECORD, b"other")
                    assert client.delete(f"records/{RECORD}").status_code == 204
            finally:
                done.set()
        return set()

    def read() -> set[int]:
        seen: set[int] = set()
        with person.client() as client:
            for _ in range(MOST_READS):
                if done.is_set():
                    break
                answer = client.get(f"records/{RECORD}")
                seen.add(answer.status_code)
                if answer.status_code == 200:
                    assert answer.headers["X-Checksum"] == checksum_of(answer.content)
        return seen

    seen: set[int] = set().union(*run_at_once(change, read, read))
    assert seen <= {200, 404}
    assert seen


RECORD = str(uuid.uuid4())

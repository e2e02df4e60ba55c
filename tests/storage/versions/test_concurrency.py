"""Restores, replacements, deletions and settings at once, on the real server: nothing is lost or counted wrongly."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from storage.checksums import checksum_of
from tests.storage.records.conftest import Crowd
from tests.storage.records.devices import files
from tests.storage.records.live_users import LiveUser, post, put, run_at_once

REVISIONS = 5


def written(person: LiveUser) -> str:
    with person.client() as client:
        record_id: str = post(client, b"body 1").json()["id"]
        for number in range(2, REVISIONS + 1):
            assert put(client, record_id, b"body %d" % number).status_code == 200
    return record_id


def assert_consistent(person: LiveUser, record_id: str) -> list[dict[str, Any]]:
    """The versions there are: what is listed is there, is counted, and nothing else is."""
    with person.client() as client:
        record = client.get(f"records/{record_id}")
        listed = client.get(f"records/{record_id}/versions")
        versions = listed.json()["items"] if listed.status_code == 200 else []
        read = [client.get(f"records/{record_id}/versions/{one['revision']}").content for one in versions]
    assert [checksum_of(data) for data in read] == [one["checksum"] for one in versions]
    present = [record.content] if record.status_code == 200 else []
    quota = person.get("quota")["storage"]
    assert quota["used_bytes"] == sum(map(len, present))
    assert quota["versions_bytes"] == sum(map(len, read))
    assert sorted(file.read_bytes() for file in files(person.blobs)) == sorted([*present, *read])
    return versions


@pytest.mark.thorough
@pytest.mark.parametrize("beside", ["replacements", "a deletion"])
def test_restores_beside_others_lose_nothing(crowd: Crowd, beside: str) -> None:
    person = crowd.one()
    record_id = written(person)

    def restore(revision: int) -> int:
        with person.client() as client:
            return client.post(f"records/{record_id}/versions/{revision}/restore").status_code

    def replace() -> int:
        with person.client() as client:
            return put(client, record_id, b"in between").status_code

    def delete() -> int:
        with person.client() as client:
            return client.delete(f"records/{record_id}").status_code

    others: list[Callable[[], int]] = [replace, replace] if beside == "replacements" else [delete]
    restores = [lambda revision=revision: restore(revision) for revision in range(1, REVISIONS)]
    answers = run_at_once(*restores, *others)
    assert set(answers) <= {200, 204}
    assert answers[: len(restores)] == [200] * len(restores)
    written_in_all = REVISIONS + sum(1 for other in others if other is replace)
    versions = assert_consistent(person, record_id)
    revisions = [change["revision"] for change in person.get("changes")["changes"]]
    assert revisions == [REVISIONS + len(answers)]
    with person.client() as client:
        is_there = client.get(f"records/{record_id}").status_code == 200
    assert len(versions) + is_there == written_in_all


def test_of_ten_restores_of_one_version_all_are_answered_and_one_is_done(crowd: Crowd) -> None:
    person = crowd.one()
    record_id = written(person)

    def restore() -> httpx.Response:
        with person.client() as client:
            return client.post(f"records/{record_id}/versions/2/restore")

    answers = run_at_once(*(restore for _ in range(10)))
    assert [answer.status_code for answer in answers] == [200] * 10
    assert {answer.json()["revision"] for answer in answers} == {REVISIONS + 1}
    assert [one["revision"] for one in assert_consistent(person, record_id)] == [5, 4, 3, 1]


def test_nothing_is_kept_while_somebody_uploads(crowd: Crowd) -> None:
    person = crowd.one()
    record_id = written(person)

    def replace() -> int:
        with person.client() as client:
            return put(client, record_id, b"in between").status_code

    def keep_none() -> int:
        with person.client() as client:
            return client.put("settings", json={"versions": 0}).status_code

    assert set(run_at_once(*(replace for _ in range(8)), keep_none)) == {200}
    assert assert_consistent(person, record_id) == []

"""What must be true of an account when nobody uses it: the invariants of storage, looked at from outside."""

import base64
import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

from tests.storage.crash.contents import Content
from tests.storage.crash.device import Device
from tests.storage.crash.follower import Follower, Version, version_of
from tests.storage.crash.http_client import HttpClient
from tests.storage.crash.workload import AccountUnderTest


def assert_invariants(account: AccountUnderTest) -> None:
    """Fails unless list, bytes, feed, counters and what the devices were answered agree."""
    settle_vectors(account.devices)
    client = account.client
    listed = list_all(client, "storage/records")
    history = list_all(client, "backup/history")
    _assert_bytes(client, "storage/records", listed)
    _assert_bytes(client, "backup", history)
    _assert_nothing_is_lost(account.devices, listed, history)
    vectors = _count_vectors(account)
    quota = client.request("GET", "storage/quota").json()
    assert quota["storage"]["used_bytes"] == sum(one["size_bytes"] for one in listed) + vectors
    assert quota["storage"]["versions_bytes"] == sum(one["size_bytes"] for one in list_versions(client))
    assert quota["backup"]["used_bytes"] == sum(one["size_bytes"] for one in history)
    _assert_change_feed(account, {one["id"]: version_of(one) for one in listed})


def list_all(client: HttpClient, path: str) -> list[dict[str, Any]]:
    """All pages of a list."""
    items: list[dict[str, Any]] = []
    while True:
        answer = client.request("GET", path, params={"page": 1 + len(items) // 200, "limit": 200})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        items += page["items"]
        if len(items) == page["total"]:
            return items
        assert page["items"], "the list is shorter than it says"


def settle_vectors(devices: list[Device]) -> None:
    """Deletes those of which nobody knows whether they are there: whether they were, the answer may say either way."""
    for device in devices:
        for one, known in device.vectors.items():
            if not known.certain:
                device.delete_vectors(one)
                assert known.certain


def list_versions(client: HttpClient) -> list[dict[str, Any]]:
    """Of all records, the deleted ones too: each with the ``id`` of its record."""
    found = []
    for one in (*list_all(client, "storage/records"), *list_all(client, "storage/trash")):
        versions = list_all(client, f"storage/records/{one['id']}/versions")
        found += [version | {"id": one["id"]} for version in versions]
    return found


def blobs_on_disk(folder: Path, user_id: str) -> Counter[str]:
    """The files of an account by what they belong to: ``Counter({"<record id>": 2, "<backup id>": 1})``."""
    files = [path for path in (folder / user_id).rglob("*") if path.is_file()]
    return Counter(path.name.partition(".")[0] for path in files)


def blobs_expected(account: AccountUnderTest) -> Counter[str]:
    """One file for each record and backup that is listed, and for each version."""
    client = account.client
    listed = (*list_all(client, "storage/records"), *list_all(client, "backup/history"), *list_versions(client))
    return Counter(str(one["id"]) for one in listed)


def _assert_bytes(client: HttpClient, path: str, listed: list[dict[str, Any]]) -> None:
    for meta in listed:
        answer = client.request("GET", f"{path}/{meta['id']}")
        assert answer.status_code == 200, (meta, answer.text)
        assert len(answer.content) == meta["size_bytes"]
        assert hashlib.sha256(answer.content).hexdigest() == meta["checksum"] == answer.headers["X-Checksum"]


def _assert_nothing_is_lost(devices: list[Device], listed: list[dict[str, Any]], history: list[dict[str, Any]]) -> None:
    """Each id holds what its device was last answered, or what a request without an answer may have made of it.
    Whatever else there is must come from a new record or backup without an answer.
    """
    there = {one["id"]: one["checksum"] for one in (*listed, *history)}
    unclaimed = Counter(content.checksum for device in devices for content in device.unclaimed)
    for device in devices:
        for one, known in (*device.records.items(), *device.backups.items()):
            known.observe(there.pop(one, None))
    strangers = Counter(there.values())
    assert strangers <= unclaimed, f"nobody sent these: {strangers - unclaimed}"


def _count_vectors(account: AccountUnderTest) -> int:
    """The bytes of the account's vectors, each found with its blob by a search for it."""
    size = 0
    for device in account.devices:
        for one, known in device.vectors.items():
            (content,) = known.possible
            if content is None:
                continue
            size += content.size
            assert _finds_vector(account.client, one, content)
    return size


def _finds_vector(client: HttpClient, vector_id: str, content: Content) -> bool:
    blob = base64.b64encode(content.data).decode()
    answer = client.request("POST", "storage/vectors/search", json={"blob": blob, "top_k": 5})
    assert answer.status_code == 200, answer.text
    found = {one["id"]: one for one in answer.json()["results"]}
    return vector_id in found and (found[vector_id]["blob"], found[vector_id]["checksum"]) == (blob, content.checksum)


def _assert_change_feed(account: AccountUnderTest, listed: dict[str, Version]) -> None:
    fresh = Follower(account.client)
    fresh.read_on()
    assert fresh.records == listed, "the feed from 0 tells another story than the list"
    for device in account.devices:
        device.follower.read_on()
        assert device.follower.records == listed, "a device that followed all along has something else"

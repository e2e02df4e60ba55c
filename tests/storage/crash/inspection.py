"""What must be true of an account when nobody uses it: the invariants of storage, looked at from outside."""

import base64
import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

from tests.storage.crash.contents import Content
from tests.storage.crash.device import Device
from tests.storage.crash.follower import Follower, Version, version_of
from tests.storage.crash.town import Household
from tests.storage.crash.wire import Wire


def inspect(household: Household) -> None:
    """Fails unless list, bytes, feed, counters and what the devices were told agree."""
    settle_vectors(household.devices)
    wire = household.wire
    listed = everything(wire, "storage/records")
    history = everything(wire, "backup/history")
    _every_byte_is_there(wire, "storage/records", listed)
    _every_byte_is_there(wire, "backup", history)
    _nothing_promised_is_missing(household.devices, listed, history)
    vectors = _vectors(household)
    quota = wire.request("GET", "storage/quota").json()
    assert quota["storage"]["used_bytes"] == sum(one["size_bytes"] for one in listed) + vectors
    assert quota["backup"]["used_bytes"] == sum(one["size_bytes"] for one in history)
    _feed_agrees(household, {one["id"]: version_of(one) for one in listed})


def everything(wire: Wire, path: str) -> list[dict[str, Any]]:
    """All pages of a list."""
    items: list[dict[str, Any]] = []
    while True:
        answer = wire.request("GET", path, params={"page": 1 + len(items) // 200, "limit": 200})
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


def blobs_on_disk(folder: Path, user_id: str) -> Counter[str]:
    """The files of an account by what they belong to: ``Counter({"notes/<record id>": 1, "_backup/<id>": 1})``."""
    files = (path.relative_to(folder / user_id) for path in (folder / user_id).rglob("*") if path.is_file())
    return Counter(f"{path.parent}/{path.name.partition('.')[0]}" for path in files)


def blobs_wanted(household: Household) -> Counter[str]:
    """One file for each record and backup that is listed."""
    records = everything(household.wire, "storage/records")
    history = everything(household.wire, "backup/history")
    wanted = [f"{one['table_name']}/{one['id']}" for one in records] + [f"_backup/{one['id']}" for one in history]
    return Counter(wanted)


def _every_byte_is_there(wire: Wire, path: str, listed: list[dict[str, Any]]) -> None:
    for meta in listed:
        answer = wire.request("GET", f"{path}/{meta['id']}")
        assert answer.status_code == 200, (meta, answer.text)
        assert len(answer.content) == meta["size_bytes"]
        assert hashlib.sha256(answer.content).hexdigest() == meta["checksum"] == answer.headers["X-Checksum"]


def _nothing_promised_is_missing(
    devices: list[Device], listed: list[dict[str, Any]], history: list[dict[str, Any]]
) -> None:
    """Each id holds what its device was last told, or what a request without an answer may have made of it. Whatever
    else there is must come from a new record or backup without an answer.
    """
    there = {one["id"]: one["checksum"] for one in (*listed, *history)}
    unclaimed = Counter(content.checksum for device in devices for content in device.unclaimed)
    for device in devices:
        for one, known in (*device.records.items(), *device.backups.items()):
            known.was_found(there.pop(one, None))
    strangers = Counter(there.values())
    assert strangers <= unclaimed, f"nobody sent these: {strangers - unclaimed}"


def _vectors(household: Household) -> int:
    """The bytes of the account's vectors, each found with its blob by a search for it."""
    size = 0
    for device in household.devices:
        for one, known in device.vectors.items():
            (content,) = known.possible
            if content is None:
                continue
            size += content.size
            assert _is_found(household.wire, one, content)
    return size


def _is_found(wire: Wire, vector_id: str, content: Content) -> bool:
    blob = base64.b64encode(content.data).decode()
    answer = wire.request("POST", "storage/vectors/search", json={"blob": blob, "top_k": 5})
    assert answer.status_code == 200, answer.text
    found = {one["id"]: one for one in answer.json()["results"]}
    return vector_id in found and (found[vector_id]["blob"], found[vector_id]["checksum"]) == (blob, content.checksum)


def _feed_agrees(household: Household, listed: dict[str, Version]) -> None:
    fresh = Follower(household.wire)
    fresh.read_on()
    assert fresh.records == listed, "the feed from 0 tells another story than the list"
    for device in household.devices:
        device.follower.read_on()
        assert device.follower.records == listed, "a device that followed all along has something else"

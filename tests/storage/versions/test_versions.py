"""Earlier states of a record: listed, read, and brought back."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from billing.subscriptions import set_tier
from billing.tiers import Tier
from storage.checksums import checksum_of
from storage.maintenance import Tally
from storage.models import RecordVersion, StorageRecord
from storage.records.tombstones import prune_tombstones
from tests.storage.records.bulk.clients import Bulk, put
from tests.storage.records.devices import Device, files, limit_storage
from tests.support.client import Answer

pytestmark = pytest.mark.django_db(transaction=True)  # blobs go when a commit has ended


def versions(device: Device, record_id: str) -> list[Any]:
    answer = device.api.get(f"storage/records/{record_id}/versions", token=device.token)
    assert answer.status == 200, answer
    items: list[Any] = answer.json["items"]
    return items


def restore(device: Device, record_id: str, revision: int, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    path = f"storage/records/{record_id}/versions/{revision}/restore"
    return device.api.post(path, token=device.token, headers=named)


def trash(device: Device) -> list[Any]:
    items: list[Any] = device.api.get("storage/trash", token=device.token).json["items"]
    return items


def storage(device: Device) -> Any:
    return device.api.get("storage/quota", token=device.token).json["storage"]


def written(device: Device, *bodies: bytes) -> str:
    """The id of a record that was each of ``bodies``, one after the other."""
    record_id: str = device.stored(bodies[0])["id"]
    for body in bodies[1:]:
        assert device.send(body, to=record_id, table=None).status == 200
    return record_id


def test_what_a_record_was_is_listed_and_read(device: Device) -> None:
    record_id = written(device, b"one", b"two!", b"three")
    first, second = device.items()[0], versions(device, record_id)
    assert [item["revision"] for item in second] == [2, 1]
    assert second[1] == {
        "revision": 1,
        "checksum": checksum_of(b"one"),
        "size_bytes": 3,
        "created_at": first["created_at"],
    }
    path = f"storage/records/{record_id}/versions/1"
    read = device.api.get(path, token=device.token)
    assert (read.status, read.content) == (200, b"one")
    assert read.headers["X-Checksum"] == checksum_of(b"one")
    part = device.api.get(path, token=device.token, headers={"Range": "bytes=1-"})
    assert (part.status, part.content, part.headers["Content-Range"]) == (206, b"ne", "bytes 1-2/3")
    same = device.api.get(path, token=device.token, headers={"If-None-Match": read.headers["ETag"]})
    assert same.status == 304
    head = device.api.request("HEAD", path, token=device.token)
    assert (head.status, head.content, head.headers["Content-Length"]) == (200, b"", "3")
    assert storage(device) == {"used_bytes": 5, "versions_bytes": 7, "limit_bytes": None}
    page = device.api.get(f"storage/records/{record_id}/versions?limit=1&page=2", token=device.token).json
    assert (page["total"], page["page"], page["limit"]) == (2, 2, 1)
    assert [item["revision"] for item in page["items"]] == [1]


@pytest.mark.parametrize("revision", ["2", "3", "0", "-1", "x", "99999999999999999999"])
def test_what_is_no_version_is_404(device: Device, revision: str) -> None:
    record_id = written(device, b"one", b"two")  # 2 is the present state
    path = f"storage/records/{record_id}/versions/{revision}"
    assert device.api.get(path, token=device.token).status == 404
    assert device.api.post(f"{path}/restore", token=device.token).status == 404


def test_versions_are_their_owners_alone(device: Device, new_device: Callable[[], Device]) -> None:
    record_id, stranger = written(device, b"one", b"two"), new_device()
    for path in (f"storage/records/{record_id}/versions", f"storage/records/{record_id}/versions/1"):
        assert stranger.api.get(path, token=stranger.token).status == 404
    assert restore(stranger, record_id, 1).status == 404
    assert trash(stranger) == []
    assert stranger.api.get(f"storage/records/{uuid.uuid4()}/versions", token=stranger.token).status == 404


def test_a_restored_version_moves_and_what_was_there_becomes_one(device: Device, blob_folder: Path) -> None:
    record_id = written(device, b"one", b"two!")
    answer = restore(device, record_id, 1)
    assert answer.status == 200, answer
    assert (answer.json["revision"], answer.json["checksum"]) == (3, checksum_of(b"one"))
    assert answer.headers["ETag"] == answer.json["etag"]
    assert device.read(record_id).content == b"one"
    assert [item["revision"] for item in versions(device, record_id)] == [2]
    assert storage(device) == {"used_bytes": 3, "versions_bytes": 4, "limit_bytes": None}
    assert [(change["op"], change["revision"]) for change in device.feed()["changes"]] == [("put", 3)]
    assert len(files(blob_folder)) == 2

    again = restore(device, record_id, 1, If_Match='"1-0000000000000000"')
    assert (again.status, again.json) == (200, answer.json)  # the answer was lost
    assert device.feed()["changes"][0]["seq"] == 3
    assert device.send(b"four", to=record_id, table=None).status == 200
    assert restore(device, record_id, 1).status == 404


def test_a_restore_honours_if_match(device: Device) -> None:
    record_id = written(device, b"one", b"two")
    current = device.items()[0]["etag"]
    refused = restore(device, record_id, 1, If_Match='"1-0000000000000000"')
    assert (refused.status, refused.json["code"], refused.json["etag"]) == (412, "precondition_failed", current)
    assert device.read(record_id).content == b"two"
    assert restore(device, record_id, 1, If_Match=current).status == 200


def test_a_deleted_record_is_in_the_trash_and_comes_back(device: Device) -> None:
    kept, record_id = written(device, b"kept"), written(device, b"one", b"two!")
    assert device.delete(kept).status == device.delete(record_id).status == 204
    newest, oldest = trash(device)
    assert {name: newest[name] for name in ("id", "table_name", "revision", "size_bytes")} == {
        "id": record_id,
        "table_name": "notes",
        "revision": 2,
        "size_bytes": 4,
    }
    assert (oldest["id"], oldest["revision"]) == (kept, 1)
    assert newest["deleted_at"] > oldest["deleted_at"]
    assert [item["revision"] for item in versions(device, record_id)] == [2, 1]
    (deletion,) = [change for change in device.feed()["changes"] if change["id"] == record_id]
    assert restore(device, record_id, 2, If_Match='"2-0000000000000000"').json["etag"] == deletion["etag"]

    answer = restore(device, record_id, newest["revision"], If_Match=deletion["etag"])
    assert (answer.status, answer.json["revision"]) == (200, 4)
    assert device.read(record_id).content == b"two!"
    assert [item["id"] for item in trash(device)] == [kept]
    assert storage(device) == {"used_bytes": 4, "versions_bytes": 7, "limit_bytes": None}


def test_a_record_made_anew_or_restored_otherwise_leaves_the_trash(device: Device) -> None:
    first, second = (written(device, b"one", b"two") for _ in range(2))
    for record_id in (first, second):
        device.delete(record_id)
    assert device.stored(b"anew", record_id=first)["revision"] == 4
    assert restore(device, second, 1).json["revision"] == 4
    assert trash(device) == []
    assert [item["revision"] for item in versions(device, first)] == [2, 1]
    assert [item["revision"] for item in versions(device, second)] == [2]
    device.delete(first)
    assert [(item["id"], item["revision"]) for item in trash(device)] == [(first, 4)]


@pytest.mark.parametrize("way", ["restored", "made anew", "in a batch"])
def test_a_record_whose_tombstone_is_forgotten_comes_back_above_all_it_was(device: Device, way: str) -> None:
    record_id = written(device, b"one", b"two")
    device.delete(record_id)
    tally = Tally(say=lambda _: None, step=lambda _: None)
    prune_tombstones(older_than=datetime.now(UTC) + timedelta(seconds=1), dry_run=False, tally=tally)
    assert not StorageRecord.objects.filter(id=record_id).exists()
    assert [item["id"] for item in trash(device)] == [record_id]
    if way == "restored":
        assert restore(device, record_id, 2, If_Match="*").status == 412  # there is no state
        assert restore(device, record_id, 2).json["revision"] == 4  # the deletion was 3
        assert device.read(record_id).content == b"two"
    elif way == "made anew":
        assert device.stored(b"anew", record_id=record_id)["revision"] == 4
    else:
        (result,) = Bulk(device).batch(put(b"anew", record_id=record_id))
        assert (result["status"], result["revision"]) == (201, 4)
    assert trash(device) == []
    assert device.send(b"later", to=record_id, table=None).status == 200
    assert device.delete(record_id).status == 204


def test_a_version_of_another_table_is_409(device: Device) -> None:
    record_id = written(device, b"one")
    device.delete(record_id)
    device.stored(b"task", record_id=record_id, table="tasks")
    answer = restore(device, record_id, 1)
    assert (answer.status, answer.json["code"]) == (409, "conflict")
    device.delete(record_id)
    assert restore(device, record_id, 1).json["table_name"] == "notes"


def test_no_more_than_ten_are_kept_of_a_record(device: Device, blob_folder: Path) -> None:
    record_id = written(device, *(b"%d" % number for number in range(14)))
    assert [item["revision"] for item in versions(device, record_id)] == list(range(13, 3, -1))
    assert storage(device)["versions_bytes"] == sum(len(b"%d" % number) for number in range(3, 13))
    assert len(files(blob_folder)) == 11


def test_versions_give_way_the_oldest_first_before_an_upload_is_refused(device: Device, blob_folder: Path) -> None:
    limit_storage(device, 100)
    first = written(device, b"a" * 30, b"b" * 30)
    second = written(device, b"c" * 20, b"d" * 20)
    assert storage(device) == {"used_bytes": 50, "versions_bytes": 50, "limit_bytes": 100}
    device.stored(b"e" * 10)
    assert versions(device, first) == []
    assert len(versions(device, second)) == 1
    assert storage(device) == {"used_bytes": 60, "versions_bytes": 20, "limit_bytes": 100}
    device.stored(b"f" * 40)
    assert storage(device) == {"used_bytes": 100, "versions_bytes": 0, "limit_bytes": 100}
    refused = device.send(b"g")
    assert (refused.status, refused.json["used_bytes"]) == (402, 100)
    assert sum(file.stat().st_size for file in files(blob_folder)) == 100


def test_a_restore_takes_the_room_it_needs_or_is_402(device: Device) -> None:
    limit_storage(device, 100)
    record_id = written(device, b"a" * 60)
    device.delete(record_id)
    other = written(device, b"b" * 30)
    assert restore(device, record_id, 1).status == 200
    assert storage(device) == {"used_bytes": 90, "versions_bytes": 0, "limit_bytes": 100}
    device.delete(record_id)
    limit_storage(device, 80)
    refused = restore(device, record_id, 3)
    assert (refused.status, refused.json["requested_bytes"], refused.json["used_bytes"]) == (402, 60, 30)
    assert [item["id"] for item in trash(device)] == [record_id]
    assert device.read(other).status == 200


def test_on_the_free_tier_versions_are_read_and_not_restored(device: Device) -> None:
    record_id = written(device, b"one", b"two")
    set_tier(user=device.account.user, tier=Tier.FREE)
    assert device.api.get(f"storage/records/{record_id}/versions/1", token=device.token).content == b"one"
    assert restore(device, record_id, 1).status == 402
    assert device.delete(record_id).status == 204
    assert len(trash(device)) == 1


def test_a_version_whose_bytes_are_gone_is_not_restored(device: Device, blob_folder: Path) -> None:
    record_id = written(device, b"one", b"two")
    (blob_folder / RecordVersion.objects.get().s3_key).unlink()
    assert device.api.get(f"storage/records/{record_id}/versions/1", token=device.token).status == 502
    assert restore(device, record_id, 1).status == 502
    assert device.read(record_id).content == b"two"

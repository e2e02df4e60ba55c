"""POST /storage/records/batch: each operation is answered as it would be by itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from storage.checksums import checksum_of
from storage.models import RecordVersion, StorageRecord, StorageUsage
from tests.storage.records.bulk.clients import Bulk, delete, put
from tests.storage.records.devices import Device, files, limit_storage

pytestmark = pytest.mark.django_db


def test_a_batch_stores_replaces_and_deletes_in_its_order(bulk: Bulk, blob_folder: Path) -> None:
    device = bulk.device
    kept, gone = device.stored(b"old"), device.stored(b"gone")
    new = put(b"new", table="tasks")
    results = bulk.batch(delete(gone["id"]), new, put(b"changed", record_id=kept["id"]))
    assert [(one["id"], one["status"], one["revision"], one["seq"]) for one in results] == [
        (gone["id"], 204, 2, 3),
        (new["id"], 201, 1, 4),
        (kept["id"], 200, 2, 5),
    ]
    assert device.read(new["id"]).content == b"new"
    changed = device.read(kept["id"])
    assert (changed.content, changed.headers["ETag"]) == (b"changed", results[2]["etag"])
    assert results[2]["etag"] == f'"2-{checksum_of(b"changed")[:16]}"'
    assert device.read(gone["id"]).status == 404
    assert [(one["id"], one["op"]) for one in device.feed()["changes"]] == [
        (gone["id"], "delete"),
        (new["id"], "put"),
        (kept["id"], "put"),
    ]
    assert device.used_bytes() == len(b"new") + len(b"changed")


def test_a_batch_that_comes_again_changes_nothing(bulk: Bulk) -> None:
    device = bulk.device
    old, gone = device.stored(b"old"), device.stored(b"gone")
    operations = [
        put(b"new", if_none_match="*"),
        put(b"changed", record_id=old["id"], if_match=old["etag"]),
        delete(gone["id"], if_match=gone["etag"]),
        delete(str(uuid4())),
    ]
    first = bulk.batch(*operations)
    before = device.feed()
    second = bulk.batch(*operations)
    assert [one["status"] for one in first] == [201, 200, 204, 204]
    assert second == [{**first[0], "status": 200}, *first[1:]]
    assert device.feed() == before
    assert device.used_bytes() == len(b"new") + len(b"changed")


def test_each_refusal_is_the_one_of_the_operation_by_itself(bulk: Bulk, settings: Any, blob_folder: Path) -> None:
    settings.MAX_RECORD_BYTES = 100
    device = bulk.device
    one, two = device.stored(b"one"), device.stored(b"two", table="tasks")
    before = device.feed()
    results = bulk.batch(
        put(b"other", record_id=one["id"], if_match='"9-9"'),
        put(b"other", record_id=two["id"]),
        put(b"new", if_match="*"),
        {**put(b"new"), "checksum": checksum_of(b"other")},
        put(b"x" * 101),
    )
    assert [(result["status"], result["code"]) for result in results] == [
        (412, "precondition_failed"),
        (409, "conflict"),
        (412, "precondition_failed"),
        (400, "checksum_mismatch"),
        (413, "payload_too_large"),
    ]
    assert (results[0]["etag"], results[0]["revision"]) == (one["etag"], 1)
    assert bulk.statuses(put(b"other", record_id=one["id"], if_none_match="*")) == [412]
    assert bulk.statuses(delete(one["id"], if_match='"9-9"')) == [412]
    assert device.feed() == before
    assert len(files(blob_folder)) == 2


def test_what_does_not_fit_is_402_and_what_comes_after_it_may(bulk: Bulk, blob_folder: Path) -> None:
    limit_storage(bulk.device, 100)
    old = bulk.device.stored(b"x" * 60)
    assert bulk.statuses(put(b"a" * 41), put(b"b" * 40), delete(old["id"]), put(b"c" * 60), put(b"d")) == [
        402,
        201,
        204,
        201,
        402,
    ]
    assert bulk.device.used_bytes() == 100
    usage = StorageUsage.objects.get(user=bulk.device.account.user)
    # What was deleted gave way: there was no room for it beside what came.
    assert (usage.storage_bytes, usage.versions_bytes) == (100, 0)


def test_without_any_quota_a_batch_with_a_put_is_402_and_deletions_go(bulk: Bulk) -> None:
    device = bulk.device
    old = device.stored(b"old")
    limit_storage(device, 0)
    answer = bulk.send([delete(old["id"]), put(b"new")])
    assert (answer.status, answer.code) == (402, "quota_exceeded")
    assert device.read(old["id"]).status == 200
    assert bulk.statuses(delete(old["id"])) == [204]


def test_without_any_quota_a_batch_that_comes_again_is_answered_as_before(bulk: Bulk) -> None:
    operations = [put(b"one", if_none_match="*"), put(b"two")]
    before = bulk.batch(*operations)
    limit_storage(bulk.device, 0)
    again = bulk.batch(*operations)
    assert again == [one | {"status": 200} for one in before]
    refused = bulk.send([*operations, put(b"three")])
    assert (refused.status, refused.code) == (402, "quota_exceeded")


def test_over_its_limit_a_record_may_shrink_but_not_grow(bulk: Bulk) -> None:
    old = bulk.device.stored(b"x" * 60)
    limit_storage(bulk.device, 10)
    assert bulk.statuses(put(b"y" * 61, record_id=old["id"])) == [402]
    assert bulk.statuses(put(b"y" * 59, record_id=old["id"])) == [200]


def test_one_refusal_refuses_all_of_an_atomic_batch(bulk: Bulk, blob_folder: Path) -> None:
    device = bulk.device
    old = device.stored(b"old")
    before = device.feed(), files(blob_folder)
    operations = [put(b"new"), put(b"other", record_id=old["id"], if_match='"9-9"'), delete(str(uuid4()))]
    answer = bulk.send(operations, atomic=True)
    assert (answer.status, answer.code) == (409, "conflict")
    said = [(one["id"], one["status"], one["code"]) for one in answer.json["results"]]
    assert said == [
        (operations[0]["id"], 409, "conflict"),
        (old["id"], 412, "precondition_failed"),
        (operations[2]["id"], 409, "conflict"),
    ]
    assert (device.feed(), files(blob_folder)) == before
    assert bulk.statuses(put(b"new"), delete(old["id"]), atomic=True) == [201, 204]


MALFORMED: dict[str, tuple[list[Any], str]] = {
    "no object": ([1], "operations.0"),
    "no op": ([{"id": str(uuid4())}], "operations.0.op"),
    "no id": ([{"op": "delete"}], "operations.0.id"),
    "an id that is none": ([delete("7")], "operations.0.id"),
    "no table": ([put(b"1"), {**put(b"2"), "table_name": "Notes"}], "operations.1.table_name"),
    "no checksum": ([{**put(b"1"), "checksum": "ab"}], "operations.0.checksum"),
    "no blob": ([{**put(b"1"), "blob": None}], "operations.0.blob"),
    "no base64": ([{**put(b"1"), "blob": "?"}], "operations.0.blob"),
    "a tag that is none": ([delete(str(uuid4()), if_match=1)], "operations.0.if_match"),
    "a condition nobody knows": ([put(b"1", if_none_match='"1-1"')], "operations.0.if_none_match"),
    "both conditions": ([put(b"1", if_none_match="*", if_match="*")], "operations.0.if_none_match"),
    "a deletion of what is not there": ([delete(str(uuid4()), if_none_match="*")], "operations.0.if_none_match"),
    "too many": ([delete(str(uuid4())) for _ in range(501)], "operations"),
}


@pytest.mark.parametrize(("operations", "field"), MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_operation_is_400_for_the_whole(
    bulk: Bulk, blob_folder: Path, operations: list[Any], field: str
) -> None:
    answer = bulk.send([put(b"fine"), *operations] if field != "operations" else operations)
    assert (answer.status, answer.code) == (400, "validation_error")
    place = field.split(".")
    named = field if len(place) == 1 else ".".join([place[0], str(int(place[1]) + 1), *place[2:]])
    assert list(answer.json["errors"]) == [named]
    assert bulk.device.items() == []
    assert files(blob_folder) == []


def test_an_id_named_twice_is_400(bulk: Bulk, blob_folder: Path) -> None:
    first = put(b"1")
    answer = bulk.send([first, delete(first["id"].upper())])
    assert list(answer.json["errors"]) == ["operations.1.id"]
    assert files(blob_folder) == []


def test_more_than_16_mib_are_413(bulk: Bulk, blob_folder: Path) -> None:
    answer = bulk.send([put(bytes(9 << 20)), put(bytes((7 << 20) + 1))])
    assert (answer.status, answer.code, answer.json["max_bytes"]) == (413, "payload_too_large", 16 << 20)
    assert files(blob_folder) == []


def test_an_empty_batch_has_no_results(bulk: Bulk) -> None:
    assert bulk.batch() == []


def test_bytes_that_the_store_has_lost_come_back(bulk: Bulk, blob_folder: Path) -> None:
    operations = [put(b"1"), put(b"2")]
    first = bulk.batch(*operations)
    files(blob_folder)[0].unlink()
    again = bulk.batch(*operations)
    assert again == [{**one, "status": 200} for one in first]
    assert sorted(file.read_bytes() for file in files(blob_folder)) == [b"1", b"2"]
    assert {bulk.device.read(one["id"]).content for one in operations} == {b"1", b"2"}
    assert bulk.device.used_bytes() == 2


def test_a_deleted_id_comes_back_in_any_table_and_counts_on(bulk: Bulk) -> None:
    old = bulk.device.stored(b"old")
    bulk.batch(delete(old["id"]))
    (result,) = bulk.batch(put(b"again", table="tasks", record_id=old["id"]))
    assert (result["status"], result["revision"]) == (201, 3)
    assert bulk.device.read(old["id"]).content == b"again"


def test_earlier_states_are_kept_as_those_of_single_uploads(bulk: Bulk) -> None:
    one, two = bulk.device.stored(b"one"), bulk.device.stored(b"two")
    bulk.batch(put(b"new", record_id=one["id"]), delete(two["id"]))
    kept = RecordVersion.objects.for_user(bulk.device.account.user.id).order_by("s3_key")
    assert {(str(state.record_id), state.checksum, state.in_trash) for state in kept} == {
        (one["id"], checksum_of(b"one"), False),
        (two["id"], checksum_of(b"two"), True),
    }
    bulk.batch(put(b"back", record_id=two["id"]))
    assert not kept.filter(in_trash=True).exists()


def test_another_users_record_is_nobodys(bulk: Bulk, new_device: Callable[[], Device]) -> None:
    theirs = new_device().stored(b"theirs")
    assert bulk.statuses(delete(theirs["id"])) == [204]
    assert bulk.statuses(put(b"mine", record_id=theirs["id"])) == [201]
    assert StorageRecord.objects.filter(id=theirs["id"], deleted_at=None).count() == 2

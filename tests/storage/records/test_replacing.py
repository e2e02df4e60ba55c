"""PUT and DELETE: whole or not at all, and under the condition that was named."""

import uuid
from pathlib import Path
from typing import Any

import pytest

from adiuva.api.errors import ChecksumMismatch
from storage.checksums import checksum_of
from storage.models import StorageRecord
from storage.records.service import replace_record
from storage.staging import Allowance, SealedBody
from tests.storage.records.devices import FORMS, MALFORMED_ID, STREAM, Device, files

pytestmark = pytest.mark.django_db(transaction=True)
STALE = '"1-0000000000000000"'


@pytest.mark.parametrize("as_", FORMS)
def test_a_replacement_takes_the_place_of_what_was_there(device: Device, blob_folder: Path, as_: str) -> None:
    before = device.stored(b"first")
    answer = device.send(b"second!", to=before["id"], as_=as_)
    assert answer.status == 200
    after = answer.json
    assert after == before | {
        "checksum": checksum_of(b"second!"),
        "size_bytes": 7,
        "revision": 2,
        "etag": answer.headers["ETag"],
        "updated_at": after["updated_at"],
    }
    assert after["updated_at"] > before["updated_at"]
    assert answer.headers["ETag"] == f'"2-{after["checksum"][:16]}"'
    assert device.read(before["id"]).content == b"second!"
    assert {file.read_bytes() for file in files(blob_folder)} == {b"first", b"second!"}  # which is a version now
    assert device.used_bytes() == 7


@pytest.mark.parametrize("as_", FORMS)
def test_the_table_may_be_left_out_or_named(device: Device, as_: str) -> None:
    record_id = device.stored(b"first", table="notes")["id"]
    assert device.send(b"2", to=record_id, table=None, as_=as_).json["table_name"] == "notes"
    assert device.send(b"3", to=record_id, table="notes", record_id=record_id, as_=as_).json["revision"] == 3


@pytest.mark.parametrize("as_", FORMS)
def test_a_record_cannot_be_moved(device: Device, as_: str) -> None:
    record_id = device.stored(b"first", table="notes")["id"]
    for answer, field in (
        (device.send(b"second", to=record_id, table="tasks", as_=as_), "table_name"),
        (device.send(b"second", to=record_id, table="Notes", as_=as_), "table_name"),
        (device.send(b"second", to=record_id, record_id=str(uuid.uuid4()), as_=as_), "id"),
    ):
        assert (answer.status, answer.code, list(answer.json["errors"])) == (400, "validation_error", [field])
    assert device.read(record_id).content == b"first"


@pytest.mark.parametrize("as_", FORMS)
def test_a_wrong_checksum_leaves_what_was_there(device: Device, blob_folder: Path, as_: str) -> None:
    before = device.stored(b"first")
    answer = device.send(b"second", to=before["id"], checksum=checksum_of(b"x"), as_=as_)
    assert (answer.status, answer.code) == (400, "checksum_mismatch")
    assert device.items() == [before]
    assert [file.read_bytes() for file in files(blob_folder)] == [b"first"]


@pytest.mark.parametrize("as_", FORMS)
def test_a_part_is_not_taken_for_the_whole(device: Device, as_: str) -> None:
    record_id = device.stored(b"first")["id"]
    answer = device.send(b"fi", to=record_id, as_=as_, headers={"Content-Range": "bytes 0-1/5"})
    assert (answer.status, list(answer.json["errors"])) == (400, ["content_range"])
    assert device.read(record_id).content == b"first"


@pytest.mark.parametrize("as_", FORMS)
def test_put_makes_no_record(device: Device, as_: str) -> None:
    answer = device.send(b"x", to=str(uuid.uuid4()), as_=as_)
    assert (answer.status, answer.code) == (404, "not_found")
    assert device.items() == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@pytest.mark.parametrize("record_id", ["not-a-uuid", "%ff", "%00", MALFORMED_ID, "x" * 3000])
def test_an_id_that_is_none_is_404(device: Device, method: str, record_id: str) -> None:
    assert device.api.request(method, f"storage/records/{record_id}", token=device.token).status == 404
    assert device.api.request(method, f"storage/records/{record_id}").status == 401


# --- If-Match ---


@pytest.mark.parametrize("as_", FORMS)
def test_the_current_etag_lets_a_replacement_pass_and_a_stale_one_does_not(device: Device, as_: str) -> None:
    first = device.send(b"first")
    record_id, etag = first.json["id"], first.headers["ETag"]
    second = device.send(b"second", to=record_id, headers={"If-Match": etag}, as_=as_)
    assert second.status == 200
    stale = device.send(b"third", to=record_id, headers={"If-Match": etag}, as_=as_)
    assert (stale.status, stale.code) == (412, "precondition_failed")
    assert stale.json["etag"] == stale.headers["ETag"] == second.headers["ETag"]
    assert device.read(record_id).content == b"second"
    assert device.items()[0]["revision"] == 2


@pytest.mark.parametrize("value", [STALE, f"W/{STALE}", '""', "no quotes", "", '"a" "b"', "1-0000000000000000"])
def test_an_if_match_that_does_not_name_this_state_is_412(device: Device, value: str) -> None:
    record_id = device.stored(b"first")["id"]
    for answer in (
        device.send(b"second", to=record_id, headers={"If-Match": value}),
        device.delete(record_id, headers={"If-Match": value}),
    ):
        assert (answer.status, answer.code) == (412, "precondition_failed")
    assert device.read(record_id).content == b"first"


def test_a_weak_tag_never_matches(device: Device) -> None:
    first = device.send(b"first")
    answer = device.send(b"second", to=first.json["id"], headers={"If-Match": "W/" + first.headers["ETag"]})
    assert answer.status == 412


def test_one_of_several_tags_is_enough_and_a_star_means_any(device: Device) -> None:
    first = device.send(b"first")
    record_id = first.json["id"]
    several = f"{STALE}, {first.headers['ETag']}"
    assert device.send(b"second", to=record_id, headers={"If-Match": several}).status == 200
    assert device.send(b"third", to=record_id, headers={"If-Match": "*"}).status == 200
    assert device.delete(record_id, headers={"If-Match": "*"}).status == 204


def test_a_missing_record_is_404_whatever_if_match_says(device: Device) -> None:
    for value in ("*", STALE):
        assert device.send(b"x", to=str(uuid.uuid4()), headers={"If-Match": value}).status == 404
        assert device.delete(str(uuid.uuid4()), headers={"If-Match": value}).status == 404


def test_a_stale_if_match_is_told_before_what_is_wrong_with_the_body(device: Device) -> None:
    record_id = device.stored(b"first")["id"]
    path, headers = f"storage/records/{record_id}", {"If-Match": STALE}
    for content_type in ("application/json", "text/plain", STREAM):
        answer = device.api.put(path, body=b"{", content_type=content_type, token=device.token, headers=headers)
        assert answer.code == "precondition_failed"


def test_a_tag_of_before_a_deletion_does_not_match_what_came_after(device: Device) -> None:
    first = device.send(b"same")
    record_id = first.json["id"]
    device.delete(record_id)
    again = device.send(b"same", record_id=record_id)
    assert again.headers["ETag"] != first.headers["ETag"]
    assert device.delete(record_id, headers={"If-Match": first.headers["ETag"]}).status == 412


# --- while a replacement arrives ---


def replace_while(device: Device, record_id: str, meanwhile: Any) -> Any:
    """A replacement of ``record_id`` during whose body ``meanwhile`` happens."""
    record = StorageRecord.objects.get(user=device.account.user, id=record_id)

    def parts() -> Any:
        yield b"la"
        meanwhile()
        yield b"te"

    return replace_record(
        user=device.account.user,
        record=record,
        body=SealedBody(parts=parts(), checksum=checksum_of(b"late"), declared_size=4),
        allowance=Allowance(max_bytes=100, limit=None, used=0, replaced=record.size_bytes),
        expect=lambda _: None,
    )


def test_a_record_that_is_deleted_while_its_replacement_arrives_stays_deleted(
    device: Device, blob_folder: Path
) -> None:
    record_id = device.stored(b"first")["id"]
    with pytest.raises(Exception, match="no such record"):
        replace_while(device, record_id, lambda: device.delete(record_id))
    assert device.read(record_id).status == 404
    assert [file.read_bytes() for file in files(blob_folder)] == [b"first"]  # what is in the trash
    assert device.used_bytes() == 0


def test_a_record_that_moves_while_its_replacement_arrives_is_left_alone(device: Device, blob_folder: Path) -> None:
    record_id = device.stored(b"first", table="notes")["id"]

    def move() -> None:
        device.delete(record_id)
        device.stored(b"elsewhere", table="tasks", record_id=record_id)

    with pytest.raises(Exception, match="another table"):
        replace_while(device, record_id, move)
    assert device.read(record_id).content == b"elsewhere"
    assert {file.read_bytes() for file in files(blob_folder)} == {b"first", b"elsewhere"}


def test_what_is_replaced_twice_is_charged_once(device: Device, blob_folder: Path) -> None:
    record_id = device.stored(b"first")["id"]
    late = replace_while(device, record_id, lambda: device.send(b"a longer one", to=record_id))
    assert late.revision == 3
    assert device.used_bytes() == 4
    assert {file.read_bytes() for file in files(blob_folder)} == {b"first", b"a longer one", b"late"}


def test_a_replacement_that_fails_at_its_end_changes_nothing(device: Device, blob_folder: Path) -> None:
    record_id = device.stored(b"first")["id"]
    record = StorageRecord.objects.get(user=device.account.user, id=record_id)
    with pytest.raises(ChecksumMismatch):
        replace_record(
            user=device.account.user,
            record=record,
            body=SealedBody(parts=[b"x"], checksum=checksum_of(b"y"), declared_size=None),
            allowance=Allowance(max_bytes=100, limit=None, used=0, replaced=5),
            expect=lambda _: None,
        )
    assert [file.read_bytes() for file in files(blob_folder)] == [b"first"]


# --- DELETE ---


def test_a_deleted_record_is_gone_and_with_its_bytes_where_no_versions_are_kept(
    device: Device, blob_folder: Path
) -> None:
    device.api.put("storage/settings", json={"versions": 0}, token=device.token)
    kept, gone = device.stored(b"kept"), device.stored(b"gone")
    answer = device.delete(gone["id"])
    assert (answer.status, answer.content) == (204, b"")
    assert device.read(gone["id"]).code == "not_found"
    assert device.items() == [kept]
    assert [file.read_bytes() for file in files(blob_folder)] == [b"kept"]
    assert device.used_bytes() == len(b"kept")


def test_deleting_again_is_404_and_changes_nothing(device: Device) -> None:
    record_id = device.stored(b"first")["id"]
    device.delete(record_id)
    feed = device.feed()
    answer = device.delete(record_id)
    assert (answer.status, answer.code) == (404, "not_found")
    assert device.send(b"x", to=record_id).code == "not_found"
    assert device.feed() == feed


def test_a_tombstone_keeps_no_place_and_no_size(device: Device) -> None:
    record_id = device.stored(b"first")["id"]
    device.delete(record_id)
    row = StorageRecord.objects.get(user=device.account.user, id=record_id)
    assert (row.s3_key, row.size_bytes, row.revision, row.seq) == (None, 0, 2, 2)
    assert row.deleted_at == row.updated_at


def test_delete_honours_if_match(device: Device) -> None:
    first = device.send(b"first")
    record_id = first.json["id"]
    second = device.send(b"second", to=record_id)
    refused = device.delete(record_id, headers={"If-Match": first.headers["ETag"]})
    assert (refused.status, refused.json["etag"]) == (412, second.headers["ETag"])
    assert device.delete(record_id, headers={"If-Match": second.headers["ETag"]}).status == 204

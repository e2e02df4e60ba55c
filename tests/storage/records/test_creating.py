"""POST: three forms, one record."""

import base64
import io
import itertools
import re
import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db.models import F

from storage.checksums import checksum_of
from storage.models import StorageRecord, UploadKey
from tests.storage.records.devices import FORMS, MALFORMED_ID, STREAM, Device, files, form, limit_storage

pytestmark = pytest.mark.django_db
SEALED = bytes(range(256)) * 5 + b"\r\n--\x00"
ID = str(uuid.UUID(int=7, version=4))
KEY = {"Idempotency-Key": "7d1b0f3e-4f8e-4f43-9a53-0a7f6b1f2c3d"}
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")


def in_turns(values: list[str]) -> list[tuple[str, str]]:
    """Each with one of the forms: they share what looks at it."""
    return list(zip(values, itertools.cycle(FORMS), strict=False))


@pytest.mark.parametrize("as_", FORMS)
def test_a_record_is_stored_as_it_was_sent(device: Device, blob_folder: Path, as_: str) -> None:
    answer = device.send(SEALED, table="notes", as_=as_)
    assert answer.status == 201
    meta = answer.json
    assert meta == {
        "id": str(uuid.UUID(meta["id"])),
        "table_name": "notes",
        "checksum": checksum_of(SEALED),
        "size_bytes": len(SEALED),
        "revision": 1,
        "etag": answer.headers["ETag"],
        "created_at": meta["updated_at"],
        "updated_at": meta["updated_at"],
    }
    assert TIME.fullmatch(meta["updated_at"])
    assert answer.headers["ETag"] == f'"1-{checksum_of(SEALED)[:16]}"'
    assert answer.headers["Location"] == f"/api/v1/storage/records/{meta['id']}"
    (blob,) = files(blob_folder)
    assert blob.read_bytes() == SEALED
    assert re.fullmatch(
        rf"{device.account.user.id}/notes/{meta['id']}\.[0-9a-f]{{32}}", str(blob.relative_to(blob_folder))
    )
    assert device.read(meta["id"]).content == SEALED


@pytest.mark.parametrize("as_", FORMS)
def test_the_location_leads_to_the_record(device: Device, as_: str) -> None:
    answer = device.send(SEALED, as_=as_)
    assert device.api.get(answer.headers["Location"], token=device.token).content == SEALED


@pytest.mark.parametrize("as_", FORMS)
def test_a_record_may_be_empty(device: Device, as_: str) -> None:
    meta = device.stored(b"", as_=as_)
    assert (meta["size_bytes"], meta["checksum"]) == (0, checksum_of(b""))
    assert device.read(meta["id"]).content == b""


@pytest.mark.parametrize("as_", FORMS)
def test_a_wrong_checksum_stores_nothing(device: Device, blob_folder: Path, as_: str) -> None:
    answer = device.send(SEALED, checksum=checksum_of(b"other"), as_=as_)
    assert (answer.status, answer.code) == (400, "checksum_mismatch")
    assert files(blob_folder) == []
    assert device.items() == []
    assert device.used_bytes() == 0
    assert device.feed()["changes"] == []


@pytest.mark.parametrize(
    ("checksum", "as_"),
    in_turns(["", "0" * 63, "0" * 65, "A" * 64, "g" * 64, "0x" + "0" * 62, "sha256:" + "0" * 64, "0" * 63 + " "]),
)
def test_a_malformed_checksum_is_named(device: Device, checksum: str, as_: str) -> None:
    answer = device.send(SEALED, checksum=checksum, as_=as_)
    assert (answer.status, answer.code) == (400, "validation_error")
    assert answer.json["errors"].keys() == {"checksum"}


@pytest.mark.parametrize("as_", FORMS)
@pytest.mark.parametrize(
    "table",
    ["", "Notes", "1notes", "_backup", "a" * 65, "no-tes", "n.t", "../x", "é", " notes", "notes%0a", "notes%00"],
)
def test_a_malformed_table_is_named(device: Device, as_: str, table: str) -> None:
    answer = device.send(SEALED, table=table, as_=as_)
    assert (answer.status, answer.code) == (400, "validation_error")
    assert answer.json["errors"].keys() == {"table_name"}


@pytest.mark.parametrize("table", ["a", "a" * 64, "task_comments", "z9_"])
def test_a_table_is_made_by_naming_it(device: Device, table: str) -> None:
    assert device.stored(SEALED, table=table)["table_name"] == table


def test_what_is_missing_is_named_in_each_form(device: Device) -> None:
    def missing(body: bytes, content_type: str) -> set[str]:
        headers = {"Content-Type": content_type}
        answer = device.api.post("storage/records", body=body, token=device.token, headers=headers)
        assert answer.code == "validation_error"
        return set(answer.json["errors"])

    assert missing(b"sealed", STREAM) == {"table_name", "checksum"}
    assert missing(b"", STREAM) == {"table_name", "checksum"}
    assert missing(b"{}", "application/json") == {"table_name", "checksum", "blob"}
    assert missing(b"", "application/json") == {"table_name", "checksum", "blob"}
    assert missing(*form(other="x")) == {"table_name", "checksum", "blob"}


def test_unknown_fields_are_ignored(device: Device) -> None:
    blob, checksum = base64.b64encode(SEALED).decode(), checksum_of(SEALED)
    known = {"table_name": "notes", "checksum": checksum}
    unknown = {"user": str(uuid.uuid4()), "revision": "9", "s3_key": "x/y", "size_bytes": "1", "seq": "7"}
    answer = device.api.post("storage/records", json=known | unknown | {"blob": blob}, token=device.token)
    assert (answer.status, answer.json["revision"], answer.json["size_bytes"]) == (201, 1, len(SEALED))
    body, content_type = form(**known, **unknown, attachment=b"another file", blob=SEALED)
    answer = device.api.post("storage/records", body=body, content_type=content_type, token=device.token)
    assert (answer.status, answer.json["revision"], answer.json["size_bytes"]) == (201, 1, len(SEALED))


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/x-www-form-urlencoded", "multipart/mixed; boundary=x", "*/*", "application/*"],
)
def test_another_form_is_415(device: Device, content_type: str) -> None:
    answer = device.api.post("storage/records", body=b"x", content_type=content_type, token=device.token)
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


@pytest.mark.parametrize("content_type", ["Application/Octet-Stream", "application/octet-stream; charset=binary"])
def test_a_type_is_that_type_however_it_is_spelled(device: Device, content_type: str) -> None:
    answer = device.api.post(
        "storage/records?table_name=notes",
        body=SEALED,
        content_type=content_type,
        token=device.token,
        headers={"X-Checksum": checksum_of(SEALED)},
    )
    assert answer.status == 201


# --- ids ---


@pytest.mark.parametrize("as_", FORMS)
def test_a_client_may_choose_the_id(device: Device, as_: str) -> None:
    chosen = str(uuid.uuid4())
    assert device.stored(SEALED, record_id=chosen, as_=as_)["id"] == chosen
    assert device.read(chosen).content == SEALED


@pytest.mark.parametrize(("chosen", "as_"), in_turns(["", "1", "not-a-uuid", MALFORMED_ID, "x" * 36, "null"]))
def test_an_id_that_is_none_is_named(device: Device, chosen: str, as_: str) -> None:
    answer = device.send(SEALED, record_id=chosen, as_=as_)
    assert (answer.status, answer.code) == (400, "validation_error")
    assert answer.json["errors"].keys() == {"id"}


@pytest.mark.parametrize("chosen", [1, True, [], {}, 2**127])
def test_a_json_id_is_a_string(device: Device, chosen: Any) -> None:
    fields = {"table_name": "notes", "checksum": checksum_of(b"x"), "blob": "eA==", "id": chosen}
    answer = device.api.post("storage/records", json=fields, token=device.token)
    assert (answer.status, list(answer.json["errors"])) == (400, ["id"])


@pytest.mark.parametrize("as_", FORMS)
def test_a_taken_id_is_409_and_what_is_there_stays(device: Device, blob_folder: Path, as_: str) -> None:
    chosen = device.stored(b"first")["id"]
    answer = device.send(b"second", record_id=chosen, table="other", as_=as_)
    assert (answer.status, answer.code) == (409, "conflict")
    assert device.read(chosen).content == b"first"
    assert [file.read_bytes() for file in files(blob_folder)] == [b"first"]
    assert device.used_bytes() == len(b"first")


# --- the same once more ---


@pytest.mark.parametrize("as_", FORMS)
def test_what_is_sent_again_is_answered_again_and_stored_once(device: Device, blob_folder: Path, as_: str) -> None:
    """The answer of the first time was lost: the client asks again, and is not told that somebody was faster."""
    first = device.stored(SEALED, record_id=ID, as_=as_)
    again = device.send(SEALED, record_id=ID, as_=as_)
    assert (again.status, again.json) == (200, first)
    assert (again.headers["ETag"], again.headers["Location"]) == (first["etag"], f"/api/v1/storage/records/{ID}")
    assert len(files(blob_folder)) == 1
    assert device.used_bytes() == len(SEALED)
    assert [change["seq"] for change in device.feed()["changes"]] == [1]


@pytest.mark.parametrize("as_", FORMS)
def test_what_is_sent_again_needs_no_room(device: Device, as_: str) -> None:
    first = device.stored(SEALED, record_id=ID)
    limit_storage(device, len(SEALED))
    assert device.send(SEALED, record_id=ID, as_=as_).json == first
    assert device.send(SEALED, as_=as_).code == "quota_exceeded"


@pytest.mark.parametrize("as_", FORMS)
def test_what_is_sent_again_must_be_what_it_says(device: Device, as_: str) -> None:
    device.stored(SEALED, record_id=ID)
    answer = device.send(b"x" * len(SEALED), record_id=ID, checksum=checksum_of(SEALED), as_=as_)
    assert (answer.status, answer.code) == (400, "checksum_mismatch")


@pytest.mark.parametrize(
    ("sent", "status"), [({"record_id": ID}, 200), ({"headers": KEY}, 201)], ids=["by its id", "by its key"]
)
def test_what_is_sent_again_takes_the_place_of_bytes_that_are_gone(
    device: Device, blob_folder: Path, sent: dict[str, Any], status: int
) -> None:
    """After a restore from a backup of which not all was whole, say: the client has them still."""
    first = device.stored(SEALED, **sent)
    limit_storage(device, len(SEALED))  # it is counted already
    [lost] = files(blob_folder)
    lost.unlink()
    assert device.read(first["id"]).status == 502
    refused = device.send(b"x" * len(SEALED), checksum=checksum_of(SEALED), **sent)
    assert (refused.code, files(blob_folder)) == ("checksum_mismatch", [])

    again = device.send(SEALED, **sent)

    assert (again.status, again.json) == (status, first)
    assert device.read(first["id"]).content == SEALED
    [stored] = files(blob_folder)
    assert stored.name != lost.name  # under a key of its own: nobody ever writes where somebody reads
    assert device.used_bytes() == len(SEALED)
    assert [change["seq"] for change in device.feed()["changes"]] == [1]
    assert device.send(SEALED, **sent).json == first
    assert files(blob_folder) == [stored]


def test_bytes_that_are_gone_with_their_record_are_not_stored_again(device: Device, blob_folder: Path) -> None:
    first = device.stored(SEALED, headers=KEY)
    device.delete(first["id"])
    for blob in files(blob_folder):
        blob.unlink()
    assert device.send(SEALED, headers=KEY).json == first
    assert (files(blob_folder), device.items()) == ([], [])


def test_the_same_bytes_in_another_table_are_another_content(device: Device) -> None:
    device.stored(SEALED, record_id=ID, table="notes")
    assert device.send(SEALED, record_id=ID, table="tasks").code == "conflict"


def test_a_key_makes_one_record_of_many_tries(device: Device, blob_folder: Path) -> None:
    first = device.send(SEALED, headers=KEY)
    for as_ in FORMS:
        again = device.send(SEALED, headers=KEY, as_=as_)
        assert (again.status, again.json, again.headers["ETag"]) == (201, first.json, first.headers["ETag"])
        assert again.headers["Location"] == first.headers["Location"]
    assert len(files(blob_folder)) == 1
    assert [item["id"] for item in device.items()] == [first.json["id"]]


def test_a_key_answers_as_it_did_whatever_became_of_the_record(device: Device) -> None:
    first = device.send(SEALED, headers=KEY)
    device.send(b"changed", to=first.json["id"])
    assert device.send(SEALED, headers=KEY).json == first.json
    device.delete(first.json["id"])
    again = device.send(SEALED, headers=KEY)
    assert (again.status, again.json) == (201, first.json)
    assert device.items() == []


@pytest.mark.parametrize("other", [{"data": b"other"}, {"data": SEALED, "table": "tasks"}])
def test_a_key_with_another_body_is_422(device: Device, other: dict[str, Any]) -> None:
    device.send(SEALED, headers=KEY)
    answer = device.send(**other, headers=KEY)
    assert (answer.status, answer.code) == (422, "idempotency_mismatch")
    assert len(device.items()) == 1


def test_a_refusal_does_not_use_a_key_up(device: Device) -> None:
    assert device.send(SEALED, checksum=checksum_of(b"x"), headers=KEY).status == 400
    assert device.send(b"x", headers=KEY).status == 201


def test_a_key_is_one_accounts_and_one_days(device: Device, new_device: Callable[[], Device]) -> None:
    ids = [one.send(SEALED, headers=KEY).json["id"] for one in (device, new_device())]
    UploadKey.objects.update(created_at=F("created_at") - timedelta(hours=24))
    ids.append(device.send(b"the day after", headers=KEY).json["id"])
    assert len(set(ids)) == 3
    call_command("reap_storage", stdout=io.StringIO())
    assert [str(kept.record_id) for kept in UploadKey.objects.all()] == ids[2:]


def test_where_an_id_is_chosen_it_is_the_key(device: Device) -> None:
    device.stored(SEALED, record_id=ID, headers=KEY)
    assert device.send(b"other", headers=KEY).status == 201


def test_what_cannot_be_a_key_is_named(device: Device) -> None:
    answer = device.send(SEALED, headers={"Idempotency-Key": "a b"})
    assert (answer.status, list(answer.json["errors"])) == (400, ["Idempotency-Key"])


def test_an_id_freed_by_delete_may_be_used_again_and_its_revision_goes_on(device: Device) -> None:
    first = device.stored(b"first", table="notes")
    assert device.delete(first["id"]).status == 204
    again = device.stored(b"again", table="tasks", record_id=first["id"])
    assert (again["id"], again["table_name"], again["revision"]) == (first["id"], "tasks", 3)
    assert again["created_at"] > first["created_at"]
    assert device.read(first["id"]).content == b"again"
    assert [(change["op"], change["seq"], change["revision"]) for change in device.feed()["changes"]] == [("put", 3, 3)]


# --- JSON ---


@pytest.mark.parametrize("blob", ["", "eA==", "/+8="])
def test_base64_is_decoded(device: Device, blob: str) -> None:
    data = base64.b64decode(blob)
    fields = {"table_name": "notes", "checksum": checksum_of(data), "blob": blob}
    answer = device.api.post("storage/records", json=fields, token=device.token)
    assert device.read(answer.json["id"]).content == data


@pytest.mark.parametrize("blob", ["eA", "eA=", "e", "eA==eA==", "e A==", "eA==\n", "_-8=", "é", "=", 1, None, [], True])
def test_what_is_not_base64_is_named(device: Device, blob: Any) -> None:
    fields = {"table_name": "notes", "checksum": checksum_of(b"x"), "blob": blob}
    answer = device.api.post("storage/records", json=fields, token=device.token)
    assert (answer.status, answer.code) == (400, "validation_error")
    assert answer.json["errors"].keys() == {"blob"}


def test_json_of_more_than_8_mib_is_413(device: Device) -> None:
    data = b"x" * (8 * 1024 * 1024 * 3 // 4)
    answer = device.send(data, as_="json")
    assert (answer.status, answer.code) == (413, "payload_too_large")
    assert answer.json["max_bytes"] == 8 * 1024 * 1024
    assert device.send(data[:-300], as_="json").status == 201


@pytest.mark.parametrize("body", [b"{", b"[]", b"null", b'"x"', b"\xff", b'{"blob": NaN}', b"[" * 70])
def test_what_is_not_a_json_object_is_400(device: Device, body: bytes) -> None:
    answer = device.api.post("storage/records", body=body, token=device.token)
    assert (answer.status, list(answer.json["errors"])) == (400, ["non_field_errors"])


# --- sizes ---


@pytest.mark.parametrize("as_", FORMS)
def test_a_record_over_max_record_bytes_is_413(device: Device, blob_folder: Path, settings: Any, as_: str) -> None:
    settings.MAX_RECORD_BYTES = 1000
    assert device.send(b"x" * 1000, as_=as_).status == 201
    answer = device.send(b"x" * 1001, as_=as_)
    assert (answer.status, answer.code) == (413, "payload_too_large")
    assert answer.json["max_bytes"] == 1000
    assert len(files(blob_folder)) == 1


def test_the_database_knows_the_key_and_the_checksum(device: Device, blob_folder: Path) -> None:
    meta = device.stored(SEALED)
    row = StorageRecord.objects.get(user=device.account.user, id=meta["id"])
    assert (blob_folder / str(row.s3_key)).read_bytes() == SEALED
    assert (row.checksum, row.size_bytes, row.seq) == (checksum_of(SEALED), len(SEALED), 1)

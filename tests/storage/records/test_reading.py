"""GET: the bytes, the list, the quota. (Ranges and conditions in depth: tests/backups and tests/adiuva.)"""

import logging
import uuid
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from adiuva.api import pagination
from storage.checksums import checksum_of
from storage.models import StorageRecord
from tests.storage.records.devices import Device, files

pytestmark = pytest.mark.django_db
SEALED = bytes(range(256)) * 40


def test_a_download_says_what_it_is(device: Device) -> None:
    meta = device.stored(SEALED)
    answer = device.read(meta["id"])
    assert (answer.status, answer.content) == (200, SEALED)
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Length"] == str(len(SEALED))
    assert answer.headers["X-Checksum"] == meta["checksum"] == checksum_of(SEALED)
    assert answer.headers["ETag"] == f'"1-{meta["checksum"][:16]}"'
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["Cache-Control"] == "private, no-cache"
    modified = parsedate_to_datetime(answer.headers["Last-Modified"])
    assert 0 <= (datetime.fromisoformat(meta["updated_at"]) - modified).total_seconds() < 1
    assert modified.tzinfo == UTC


def test_head_says_the_same_without_the_bytes(device: Device) -> None:
    record_id = device.stored(SEALED)["id"]
    path = f"storage/records/{record_id}"
    whole, head = device.read(record_id), device.api.request("HEAD", path, token=device.token)
    assert (head.status, head.content) == (200, b"")
    for name in ("Content-Type", "Content-Length", "X-Checksum", "ETag", "Last-Modified", "Accept-Ranges"):
        assert head.headers[name] == whole.headers[name]


def test_a_part_may_be_asked_for(device: Device) -> None:
    record_id = device.stored(SEALED)["id"]
    part = device.read(record_id, Range="bytes=10-19")
    assert (part.status, part.content) == (206, SEALED[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(SEALED)}"
    assert part.headers["X-Checksum"] == checksum_of(SEALED)
    beyond = device.read(record_id, Range=f"bytes={len(SEALED)}-")
    assert (beyond.status, beyond.code) == (416, "range_not_satisfiable")
    assert beyond.headers["Content-Range"] == f"bytes */{len(SEALED)}"


def test_no_date_of_a_second_with_several_writes_stands_for_another_state(device: Device) -> None:
    record_id = device.stored(b"one")["id"]
    told = [device.read(record_id).headers["Last-Modified"]]
    for content in (b"two", b"three"):
        device.send(content, to=record_id)
        for date in told:
            assert device.read(record_id, If_Modified_Since=date).content == content
            assert device.read(record_id, Range="bytes=1-", If_Range=date).content == content
            unmodified = {"If-Unmodified-Since": date}
            assert device.send(b"late", to=record_id, headers=unmodified).code == "precondition_failed"
            assert device.delete(record_id, headers=unmodified).code == "precondition_failed"
        told.append(device.read(record_id).headers["Last-Modified"])
    assert device.delete(record_id).status == 204
    device.stored(b"four", record_id=record_id)  # its tombstone knows the dates there were
    for date in told:
        assert device.read(record_id, If_Modified_Since=date).content == b"four"


def test_a_record_from_before_there_were_dates_has_the_second_after_its_last_write(device: Device) -> None:
    record_id = device.stored(b"old")["id"]
    written = datetime(2020, 1, 1, 12, 0, 5, 400_000, tzinfo=UTC)
    StorageRecord.objects.filter(id=record_id).update(updated_at=written, dated_at=None)
    assert device.read(record_id, If_Modified_Since="Wed, 01 Jan 2020 12:00:05 GMT").status == 200
    date = device.read(record_id).headers["Last-Modified"]
    assert date == "Wed, 01 Jan 2020 12:00:06 GMT"
    assert device.read(record_id, If_Modified_Since=date).status == 304
    assert device.read(record_id, Range="bytes=1-", If_Range=date).content == b"ld"
    assert device.send(b"new", to=record_id, headers={"If-Unmodified-Since": date}).status == 200


def test_who_has_it_is_told_so(device: Device) -> None:
    first = device.send(SEALED)
    record_id, etag = first.json["id"], first.headers["ETag"]
    unchanged = device.read(record_id, If_None_Match=etag)
    assert (unchanged.status, unchanged.content, unchanged.headers["ETag"]) == (304, b"", etag)
    device.send(b"other", to=record_id)
    assert device.read(record_id, If_None_Match=etag).content == b"other"


@pytest.mark.parametrize("accept", ["application/octet-stream", "*/*", "application/json", "text/html", ""])
def test_bytes_come_whatever_is_accepted_and_problems_as_json(device: Device, accept: str) -> None:
    record_id = device.stored(SEALED)["id"]
    assert device.read(record_id, Accept=accept).content == SEALED
    assert device.read(str(uuid.uuid4()), Accept=accept).code == "not_found"


def test_a_blob_that_is_lost_is_502_and_logged(
    device: Device, blob_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    record_id = device.stored(SEALED)["id"]
    (blob,) = files(blob_folder)
    blob.unlink()
    with caplog.at_level(logging.ERROR):
        answer = device.read(record_id)
    assert (answer.status, answer.code) == (502, "upstream_error")
    (damage,) = [entry for entry in caplog.records if entry.name == "storage.records.views"]
    assert damage.__dict__["key"].split("/")[-1].startswith(record_id)
    assert device.delete(record_id).status == 204


# --- the list ---


def test_the_list_holds_what_a_record_is_and_no_bytes(device: Device) -> None:
    meta = device.stored(SEALED)
    answer = device.api.get("storage/records", token=device.token)
    assert answer.json == {"items": [meta], "total": 1, "page": 1, "limit": 50}


@pytest.fixture(params=[pagination.DEEP, 0], ids=["in one step", "keys first"])
def _way_to_a_page(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "DEEP", request.param)


@pytest.mark.usefixtures("_way_to_a_page")
def test_the_list_is_stable_oldest_first_and_paged(device: Device) -> None:
    ids = [device.stored(bytes([number]))["id"] for number in range(5)]
    device.send(b"changed", to=ids[1])
    pages = [device.items(f"?limit=2&page={page}") for page in (1, 2, 3, 4)]
    assert [[item["id"] for item in page] for page in pages] == [ids[:2], ids[2:4], ids[4:], []]
    assert device.api.get("storage/records?limit=2&page=9", token=device.token).json["total"] == 5


@pytest.mark.usefixtures("_way_to_a_page")
def test_the_list_of_a_table_has_no_other(device: Device) -> None:
    note, task = device.stored(b"n", table="notes"), device.stored(b"t", table="tasks")
    assert device.items("?table=notes") == [note]
    assert device.items("?table=tasks") == [task]
    assert device.items("?table=never_seen") == []
    device.delete(note["id"])
    assert device.api.get("storage/records?table=notes", token=device.token).json["total"] == 0


@pytest.mark.parametrize("query", ["table=Notes", "table=", "table=a%00", "table=notes%0a", "table=_backup"])
def test_a_malformed_table_is_400(device: Device, query: str) -> None:
    answer = device.api.get(f"storage/records?{query}", token=device.token)
    assert (answer.status, list(answer.json["errors"])) == (400, ["table"])


@pytest.mark.parametrize(("query", "limit"), [("", 50), ("?limit=200", 200), ("?limit=201", 200), ("?limit=1", 1)])
def test_a_page_has_a_limit(device: Device, query: str, limit: int) -> None:
    assert device.api.get(f"storage/records{query}", token=device.token).json["limit"] == limit


@pytest.mark.parametrize("query", ["limit=0", "limit=x", "page=0", "page=-1", "limit="])
def test_a_page_that_cannot_be_is_400(device: Device, query: str) -> None:
    answer = device.api.get(f"storage/records?{query}", token=device.token)
    assert (answer.status, list(answer.json["errors"])) == (400, [query.partition("=")[0]])

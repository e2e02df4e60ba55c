"""POST /storage/records/fetch and the change feed with bytes."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest

from storage.records.bulk.answers import JsonWriter, write_answer
from storage.records.bulk.reading import Fetch
from storage.records.bulk.requests import MOST_BYTES
from tests.storage.records.bulk.clients import Bulk, delete, put
from tests.storage.records.devices import Device, files

pytestmark = pytest.mark.django_db
SEALED = bytes(range(256)) * 9
MIB = 1 << 20


def test_records_come_with_their_bytes_in_the_order_they_were_asked_for(bulk: Bulk) -> None:
    device = bulk.device
    metas = [device.stored(data) for data in (b"", b"1", b"22", b"333", SEALED, bytes(600_000))]
    ids = [meta["id"] for meta in metas[::-1]]
    unknown, gone = str(uuid4()), device.stored(b"gone")["id"]
    device.delete(gone)
    said = bulk.fetch([ids[0], unknown, *ids[1:], gone, ids[0]])
    blobs = [bytes(600_000), SEALED, b"333", b"22", b"1", b""]
    assert said["records"] == [meta | {"blob": blob} for meta, blob in zip(metas[::-1], blobs, strict=True)]
    assert {name: said[name] for name in said if name != "records"} == {
        "missing": [unknown, gone],
        "more": [],
        "too_large": [],
    }


def test_up_to_16_mib_come_and_the_rest_is_named(bulk: Bulk) -> None:
    large, first, second = (bulk.device.stored(bytes(size))["id"] for size in (16 * MIB + 1, 9 * MIB, 7 * MIB + 1))
    small = bulk.device.stored(b"small")["id"]
    said = bulk.fetch([large, first, second, small])
    assert [(one["id"], len(one["blob"])) for one in said["records"]] == [(first, 9 * MIB)]
    assert (said["more"], said["too_large"], said["missing"]) == ([second, small], [large], [])
    assert [one["id"] for one in bulk.fetch(said["more"])["records"]] == [second, small]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"ids": [1]}, "ids.0"),
        ({"ids": ["7"]}, "ids.0"),
        ({"ids": "7"}, "ids"),
        ({"ids": [str(uuid4())] * 501}, "ids"),
        ({"id": []}, "ids"),
    ],
)
def test_ids_that_are_none_are_400(bulk: Bulk, body: dict[str, Any], field: str) -> None:
    answer = bulk.post("fetch", body)
    assert (answer.status, answer.code, list(answer.json["errors"])) == (400, "validation_error", [field])


def test_a_record_whose_bytes_are_lost_comes_without_them(bulk: Bulk, blob_folder: Path) -> None:
    small, large = (bulk.device.stored(data) for data in (b"small", bytes(600_000)))
    for file in files(blob_folder):
        file.unlink()
    said = bulk.fetch([small["id"], large["id"]])
    assert said["records"] == [small | {"blob": None}, large | {"blob": None}]
    assert [change["blob"] for change in bulk.feed("include=blob&max_blob_bytes=1000000")["changes"]] == [None, None]
    assert bulk.device.read(small["id"]).status == 502


@pytest.mark.django_db(transaction=True)  # the bytes that are replaced go
def test_a_record_that_grows_while_the_answer_goes_out_is_not_beyond_its_16_mib(device: Device) -> None:
    device.api.put("storage/settings", json={"versions": 0}, token=device.token)
    small, grown, huge = (device.stored(data)["id"] for data in (b"small", b"grown", b"huge"))
    fetch = Fetch(device.account.user.id, [UUID(one) for one in (small, grown, huge)])
    items = fetch.items()
    fetch._left = 10  # as if others had come before these
    for record_id, size in ((small, 6), (grown, 15), (huge, MOST_BYTES + 1)):
        assert device.send(bytes(size), to=record_id, table=None).status == 200
    pieces = write_answer(items, writer=JsonWriter("records"), missing=fetch.read_again, rest=fetch.rest)
    answer = json.loads(b"".join(pieces))
    assert [(one["id"], one["size_bytes"]) for one in answer["records"]] == [(small, 6)]
    assert (answer["missing"], answer["more"], answer["too_large"]) == ([], [grown], [huge])


def test_the_feed_brings_the_bytes_of_small_records(bulk: Bulk) -> None:
    device = bulk.device
    _, large, gone = (device.stored(data) for data in (SEALED, bytes(65537), b"gone"))
    device.delete(gone["id"])
    plain = device.feed()
    said = bulk.feed()
    blobs = [SEALED, None, None]
    assert said == {
        **plain,
        "changes": [change | {"blob": blob} for change, blob in zip(plain["changes"], blobs, strict=True)],
    }
    assert bulk.feed("limit=200") == plain
    largest = bulk.feed("include=blob&max_blob_bytes=65537")["changes"][1]
    assert (largest["id"], largest["blob"]) == (large["id"], bytes(65537))
    assert [change["blob"] for change in bulk.feed("include=blob&max_blob_bytes=0")["changes"]] == [None] * 3


def test_a_page_ends_after_8_mib_and_the_next_goes_on(bulk: Bulk) -> None:
    stored = [bulk.device.stored(bytes(MIB))["id"] for _ in range(9)] + [bulk.device.stored(b"last")["id"]]
    first = bulk.feed(f"include=blob&max_blob_bytes={MIB}")
    assert [change["id"] for change in first["changes"]] == stored[:8]
    assert first["has_more"]
    second = bulk.feed(f"include=blob&max_blob_bytes={MIB}&since={first['next']}")
    assert [change["id"] for change in second["changes"]] == stored[8:]
    assert not second["has_more"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("include=bytes", "include"),
        ("include=blob&max_blob_bytes=1048577", "max_blob_bytes"),
        ("include=blob&max_blob_bytes=x", "max_blob_bytes"),
    ],
)
def test_other_bytes_are_400(bulk: Bulk, query: str, field: str) -> None:
    answer = bulk.device.api.get(f"storage/changes?{query}", token=bulk.device.token, headers={"Accept": bulk.form})
    assert (answer.status, answer.code, list(answer.json["errors"])) == (400, "validation_error", [field])


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("application/cbor-seq, application/json;q=0.5", "application/cbor-seq"),
        ("application/cbor-seq;q=0.5, application/json", "application/json"),
        ("application/cbor-seq;q=0.1, */*", "application/json"),
        ("application/cbor-seq, */*", "application/cbor-seq"),
        ("application/json;q=nan, application/cbor-seq", "application/json"),
        ("", "application/json"),
        ("*/*", "application/json"),
    ],
)
def test_the_form_is_the_one_that_accept_likes_best(device: Device, accept: str, form: str) -> None:
    answer = device.api.get("storage/changes?include=blob", token=device.token, headers={"Accept": accept})
    assert (answer.status, answer.headers["Content-Type"]) == (200, form)


@pytest.mark.thorough
def test_5000_records_of_2_kib_come_in_at_most_30_pages(bulk: Bulk) -> None:
    first = bulk.batch(*(put(SEALED[:2048] + bytes([number])) for number in range(250)))
    assert {one["status"] for one in first} == {201}
    pages, since = [bulk.feed("include=blob")], ""
    while pages[-1]["has_more"]:
        since = pages[-1]["next"]
        pages.append(bulk.feed(f"include=blob&since={since}"))
    assert sum(len(page["changes"]) for page in pages) == 250
    assert len(pages) * 5000 / 250 <= 2 * 30  # the last page is not full
    assert bulk.statuses(*(delete(one["id"]) for one in first)) == [204] * 250

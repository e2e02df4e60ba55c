"""An upload from its first part to its last, into files and into a bucket."""

import hashlib
import random
import uuid
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from storage.models import StorageUsage, Upload
from storage.uploads.receiving import digests
from tests.storage.uploads.tus import UPLOADS, TusDevice, backup_fields, part_checksum, record_fields

pytestmark = pytest.mark.django_db(transaction=True)

SMALL = random.Random(7).randbytes(1000)  # noqa: S311 - no secret
MIB = 1024 * 1024


@pytest.mark.usefixtures("either_store")
def test_parts_become_a_record(tus: TusDevice) -> None:
    fields = record_fields(SMALL)
    created = tus.create(fields, len(SMALL))
    assert created.status == 201
    path = created.headers["Location"]
    assert created.headers["Upload-Offset"] == "0"
    assert parsedate_to_datetime(created.headers["Upload-Expires"]) > datetime.now(UTC)
    asked = tus.head(path)
    assert (asked.status, asked.headers["Upload-Offset"], asked.headers["Upload-Length"]) == (200, "0", "1000")
    assert asked.headers["Cache-Control"] == "no-store"
    assert asked.headers["Upload-Metadata"].startswith("target cmVjb3Jk,")

    part = tus.send(path, 0, SMALL[:400])
    assert (part.status, part.headers["Upload-Offset"], "ETag" in part.headers) == (204, "400", False)
    assert part.headers["Upload-Expires"]
    assert tus.offset(path) == 400
    assert tus.records() == []
    last = tus.send(path, 400, SMALL[400:])
    assert (last.status, last.headers["Upload-Offset"]) == (204, "1000")

    assert last.headers["Content-Location"] == f"/api/v1/storage/records/{fields['id']}"
    record = tus.read(last.headers["Content-Location"])
    assert record.content == SMALL
    assert record.headers["ETag"] == last.headers["ETag"]
    done = tus.head(path)
    assert [done.headers[name] for name in ("Upload-Offset", "ETag")] == ["1000", last.headers["ETag"]]
    assert tus.used() == 1000
    assert StorageUsage.objects.get().storage_reserved_bytes == 0


@pytest.mark.usefixtures("either_store")
def test_parts_become_a_backup(tus: TusDevice) -> None:
    path = tus.begin(backup_fields(SMALL, chunk_count="3"), len(SMALL))
    assert tus.send(path, 0, SMALL[:1]).status == 204
    last = tus.send(path, 1, SMALL[1:])
    snapshot = tus.read(last.headers["Content-Location"])
    assert (snapshot.content, snapshot.headers["X-Backup-Chunk-Count"]) == (SMALL, "3")
    assert tus.read("backup").headers["ETag"] == last.headers["ETag"]
    assert tus.used("backup") == 1000


def test_a_bucket_gets_parts_of_its_own_size_whatever_the_client_sends(tus: TusDevice, in_bucket: Any) -> None:
    content = random.Random(8).randbytes(18 * MIB + 5)  # noqa: S311 - no secret
    path = tus.begin(record_fields(content), len(content))
    ends = [3 * MIB, 9 * MIB, 9 * MIB + 1, 16 * MIB, len(content)]
    offset = 0
    for end in ends:
        answer = tus.send(path, offset, content[offset:end])
        assert (answer.status, answer.headers["Upload-Offset"]) == (204, str(end))
        digests.forget()  # as if each came to another process
        offset = end
    key = Upload.objects.get().s3_key
    stored = in_bucket.get_object(Bucket="resumed", Key=key)["Body"].read()
    assert hashlib.sha256(stored).hexdigest() == hashlib.sha256(content).hexdigest()
    assert [one["Key"] for one in in_bucket.list_objects_v2(Bucket="resumed", Prefix=key)["Contents"]] == [key]
    assert "Uploads" not in in_bucket.list_multipart_uploads(Bucket="resumed", Prefix=key)


@pytest.mark.usefixtures("either_store")
def test_an_empty_upload_is_finished_when_it_is_created(tus: TusDevice) -> None:
    created = tus.create(record_fields(b""), 0)
    assert created.status == 201
    assert tus.read(created.headers["Content-Location"]).content == b""
    assert tus.head(created.headers["Location"]).headers["Upload-Offset"] == "0"


@pytest.mark.parametrize("algorithm", ["sha1", "sha256"])
def test_nothing_of_a_part_with_a_wrong_checksum_is_kept(tus: TusDevice, algorithm: str) -> None:
    path = tus.begin(record_fields(SMALL), len(SMALL))
    right = part_checksum(SMALL[:500], algorithm)
    wrong = tus.send(path, 0, b"x" + SMALL[1:500], **right)
    assert (wrong.status, wrong.code) == (460, "checksum_mismatch")
    assert tus.offset(path) == 0
    assert tus.send(path, 0, SMALL[:500], **right).status == 204
    assert tus.send(path, 500, SMALL[500:]).status == 204
    assert len(tus.records()) == 1


@pytest.mark.usefixtures("either_store")
def test_an_upload_whose_whole_has_another_checksum_is_gone(tus: TusDevice) -> None:
    path = tus.begin(record_fields(SMALL), len(SMALL))
    assert tus.send(path, 0, b"y" + SMALL[1:600]).status == 204
    last = tus.send(path, 600, SMALL[600:])
    assert (last.status, last.code) == (400, "checksum_mismatch")
    assert tus.head(path).status == 404
    assert tus.records() == []
    assert StorageUsage.objects.get().storage_reserved_bytes == 0


def test_another_offset_is_refused_and_changes_nothing(tus: TusDevice) -> None:
    path = tus.begin(record_fields(SMALL), len(SMALL))
    tus.send(path, 0, SMALL[:100])
    for offset in (0, 99, 101, 1000):
        answer = tus.send(path, offset, SMALL[offset : offset + 10] or b"z")
        assert (answer.status, answer.code) == (409, "conflict")
    assert tus.offset(path) == 100
    beyond = tus.send(path, 100, SMALL[100:] + b"z")
    assert (beyond.status, beyond.code) == (413, "payload_too_large")


def test_the_last_part_again_is_answered_again(tus: TusDevice) -> None:
    path = tus.begin(record_fields(SMALL), len(SMALL))
    tus.send(path, 0, SMALL[:100])
    first, again = (tus.send(path, 100, SMALL[100:]) for _ in range(2))
    for name in ("Upload-Offset", "ETag", "Content-Location"):
        assert first.headers[name] == again.headers[name]
    assert again.status == 204
    assert tus.send(path, 0, SMALL[:100]).status == 409
    assert len(tus.records()) == 1


def test_the_same_content_need_not_be_sent_again(tus: TusDevice) -> None:
    """Of a client that has lost its last answer, and the upload's address with it."""
    for fields in (record_fields(SMALL), backup_fields(SMALL)):
        path = tus.begin(fields, len(SMALL))
        last = tus.send(path, 0, SMALL)
        again = tus.create(fields, len(SMALL))
        assert again.status == 201
        assert again.headers["Upload-Offset"] == "1000"
        assert again.headers["Content-Location"] == last.headers["Content-Location"]
        # A client that does not look sends it, or its first part, and finds out.
        assert tus.send(again.headers["Location"], 0, SMALL).headers["Upload-Offset"] == "1000"
    assert tus.used() == tus.used("backup") == 1000


def test_a_taken_id_is_refused_at_once(tus: TusDevice) -> None:
    fields = record_fields(SMALL)
    tus.send(tus.begin(fields, len(SMALL)), 0, SMALL)
    other = tus.create(record_fields(b"other", id=fields["id"]), 5)
    assert (other.status, other.code) == (409, "conflict")
    moved = tus.create(fields | {"table_name": "tasks"}, len(SMALL))
    assert moved.status == 409


def test_an_id_that_is_taken_meanwhile_ends_the_upload(tus: TusDevice) -> None:
    fields = record_fields(SMALL)
    path = tus.begin(fields, len(SMALL))
    plain = tus.api.post(
        f"storage/records?table_name=notes&id={fields['id']}",
        token=tus.account.access_token,
        body=b"other",
        content_type="application/octet-stream",
        headers={"X-Checksum": hashlib.sha256(b"other").hexdigest()},
    )
    assert plain.status == 201
    last = tus.send(path, 0, SMALL)
    assert (last.status, last.code) == (409, "conflict")
    assert tus.head(path).status == 404
    assert StorageUsage.objects.get().storage_reserved_bytes == 0


@pytest.mark.usefixtures("either_store")
def test_an_upload_can_be_given_up(tus: TusDevice, blob_folder: Any) -> None:
    path = tus.begin(record_fields(SMALL), len(SMALL))
    tus.send(path, 0, SMALL[:10])
    assert tus.request("DELETE", path).status == 204
    for method in ("HEAD", "DELETE"):
        assert tus.request(method, path).status == 404
    assert tus.send(path, 10, SMALL[10:]).status == 404
    assert [file for file in blob_folder.rglob("*") if file.is_file()] == []
    assert StorageUsage.objects.get().storage_reserved_bytes == 0


def test_options_tell_anybody_what_there_is(tus: TusDevice) -> None:
    for path in (UPLOADS, f"{UPLOADS}/{uuid.uuid4()}"):
        answer = tus.api.request("OPTIONS", path)
        assert answer.status == 204
        assert answer.headers["Tus-Version"] == answer.headers["Tus-Resumable"] == "1.0.0"
        assert set(answer.headers["Tus-Extension"].split(",")) == {"creation", "termination", "expiration", "checksum"}
        assert answer.headers["Tus-Checksum-Algorithm"].split(",") == ["sha1", "sha256"]
        assert int(answer.headers["Tus-Max-Size"]) > 100 * MIB


def test_a_page_may_ask_and_read(tus: TusDevice) -> None:
    asked = {
        "Origin": "http://localhost:5173",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "authorization,tus-resumable,upload-offset,upload-checksum,content-type",
    }
    preflight = tus.api.request("OPTIONS", UPLOADS, headers=asked)
    assert preflight.status == 200
    assert "PATCH" in preflight.headers["Access-Control-Allow-Methods"]
    allowed = preflight.headers["Access-Control-Allow-Headers"]
    for name in ("tus-resumable", "upload-offset", "upload-length", "upload-metadata", "upload-checksum"):
        assert name in allowed
    created = tus.create(record_fields(SMALL), 1000, Origin="http://localhost:5173")
    for name in ("Location", "Upload-Offset", "Upload-Expires", "Tus-Resumable", "Content-Location"):
        assert name in created.headers["Access-Control-Expose-Headers"]

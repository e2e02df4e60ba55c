"""Whether a bucket can be used: what readiness and doctor try, how often, and what they say of each trouble."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from adiuva.api.errors import Problem, UpstreamError
from adiuva.observability.probes import DoctorOptions, Finding
from storage.blobs.factory import get_blob_store
from storage.blobs.s3 import probe
from storage.blobs.s3.store import S3BlobStore
from storage.ops import examine_blobs
from tests.fakes.moto_server import MotoServer
from tests.fakes.s3_server import Fault, LoopbackS3
from tests.storage.blobs.bodies import in_parts, sealed_bytes
from tests.storage.blobs.conftest import BUCKET, PART_BYTES, Objects
from tests.storage.blobs.faults import store_at
from tests.support.thorough import one_in

FAR = datetime(2100, 1, 1, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    ours = Clock()
    monkeypatch.setattr(probe, "time", ours)
    return ours


@pytest.fixture
def bucket(s3: LoopbackS3) -> S3BlobStore:
    """Nothing of it has been seen yet."""
    return store_at(s3.url)


@pytest.mark.thorough
def test_all_of_it_is_tried_now_and_then_and_nothing_is_left(s3: LoopbackS3, bucket: S3BlobStore, clock: Clock) -> None:
    everything = {"put_object": 1, "get_object": 1, "list_objects": 1, "delete_object": 1}
    bucket.check()
    assert (s3.asked, s3.objects) == (everything, {})
    for _ in range(3):
        clock.now += probe.FRESH_SECONDS / 4
        bucket.check()
    assert s3.asked == everything | {"head_bucket": 3}
    clock.now += probe.FRESH_SECONDS / 4
    bucket.check()
    assert s3.asked["put_object"] == 2
    bucket.check(thorough=True)
    assert s3.asked["put_object"] == 3


@pytest.mark.thorough
@pytest.mark.parametrize("operation", ["put_object", "get_object", "list_objects", "delete_object"])
def test_what_failed_is_tried_again_with_the_next_question(s3: LoopbackS3, bucket: S3BlobStore, operation: Any) -> None:
    s3.fault(operation, Fault("status", status=403, code="AccessDenied"))
    for _ in range(3):
        with pytest.raises(UpstreamError):
            bucket.check()
    s3.behave()
    bucket.check()


@pytest.mark.thorough
def test_processes_have_objects_of_their_own(s3: LoopbackS3) -> None:
    s3.fault("delete_object", Fault("status", status=500))
    for _ in range(3):
        with pytest.raises(UpstreamError):
            store_at(s3.url).check()
    assert len(s3.objects) == 3


def test_what_a_crash_has_left_is_nobodys_blob_and_goes_with_unfinished_uploads(
    s3: LoopbackS3, bucket: S3BlobStore
) -> None:
    s3.objects = {f"{probe.PREFIX}left": b"x", "a1/tasks/x": b"y"}
    assert [blob.key for blob in bucket.list_keys()] == ["a1/tasks/x"]
    assert bucket.abort_stale_uploads(older_than=datetime(2019, 1, 1, tzinfo=UTC)) == 0
    assert bucket.abort_stale_uploads(older_than=FAR, dry_run=True) == 1
    assert len(s3.objects) == 2
    assert bucket.abort_stale_uploads(older_than=FAR) == 1
    assert s3.objects == {"a1/tasks/x": b"y"}


@pytest.mark.thorough
@pytest.mark.parametrize(("sse", "sent"), [("AES256", "AES256"), ("aws:kms", "aws:kms"), ("none", None)])
@pytest.mark.parametrize("size", [10, PART_BYTES + 1])
def test_uploads_ask_for_the_encryption_that_is_set(
    objects: Objects, moto_server: MotoServer, settings: Any, sse: str, sent: str | None, size: int
) -> None:
    settings.S3_SSE, settings.S3_BUCKET, settings.S3_ENDPOINT_URL = sse, BUCKET, moto_server.url
    settings.AWS_ACCESS_KEY_ID = settings.AWS_SECRET_ACCESS_KEY = "test"
    S3BlobStore.from_settings().upload("a1/x", in_parts(sealed_bytes(size)))
    begun = [one for one in moto_server.asked if one.method == "POST" and one.query == "uploads"]
    put = [one for one in moto_server.asked if one.method == "PUT" and "partNumber" not in one.query]
    assert {one.headers.get("x-amz-server-side-encryption") for one in begun + put} == {sent}


# --- doctor ----------------------------------------------------------------------------------------------------


@pytest.fixture
def on_s3(settings: Any, s3: LoopbackS3) -> Iterator[Any]:
    settings.S3_BUCKET, settings.S3_ENDPOINT_URL, settings.S3_REGION = "sealed", s3.url, "eu-central-1"
    settings.AWS_ACCESS_KEY_ID, settings.AWS_SECRET_ACCESS_KEY = "canary-id", "canary-secret"
    get_blob_store.cache_clear()
    yield settings
    get_blob_store.cache_clear()


def examine() -> Finding:
    try:
        return examine_blobs(DoctorOptions())
    except Problem as problem:
        pytest.fail(f"it says no more than {problem.detail}")


def test_doctor_says_what_was_done(on_s3: Any) -> None:
    found = examine()
    assert (found.level, found.text) == (
        "ok",
        "bucket sealed at 127.0.0.1: written, read, listed and deleted, S3_SSE=AES256",
    )


TROUBLES = [
    ("put_object", Fault("status", status=404, code="NoSuchBucket"), "There is no bucket sealed at .*: create it"),
    ("put_object", Fault("status", status=403, code="InvalidAccessKeyId"), "does not know this AWS_ACCESS_KEY_ID"),
    ("put_object", Fault("status", status=403, code="SignatureDoesNotMatch"), "AWS_SECRET_ACCESS_KEY does not belong"),
    ("put_object", Fault("status", status=403, code="RequestTimeTooSkewed"), "clock is wrong"),
    ("put_object", Fault("status", status=400, code="AuthorizationHeaderMalformed"), r"S3_REGION \(eu-central-1\)"),
    ("put_object", Fault("status", status=400, code="IllegalLocationConstraintException"), "another region"),
    ("put_object", Fault("status", status=301, code="PermanentRedirect"), "another region"),
    ("put_object", Fault("status", status=403, code="AccessDenied"), "may not do s3:PutObject in the bucket sealed"),
    ("get_object", Fault("status", status=403, code="AccessDenied"), "may not do s3:GetObject"),
    ("list_objects", Fault("status", status=403, code="AccessDenied"), "may not do s3:ListBucket"),
    ("delete_object", Fault("status", status=403, code="AccessDenied"), "may not do s3:DeleteObject"),
    ("get_object", Fault("garbage"), "is no S3 server: correct S3_ENDPOINT_URL"),
    ("put_object", Fault("status", status=418, code="Strange"), r"refuses PutObject.*\[Strange\]"),
]


@pytest.mark.parametrize(
    ("operation", "fault", "said"), one_in(len(TROUBLES), TROUBLES), ids=[f"{op}-{f.code}" for op, f, _ in TROUBLES]
)
def test_doctor_tells_troubles_apart(on_s3: Any, s3: LoopbackS3, operation: Any, fault: Fault, said: str) -> None:
    s3.fault(operation, fault)
    found = examine()
    assert found.level == "fail"
    assert_says(found, said)


def assert_says(found: Finding, said: str) -> None:
    assert re.search(said, found.text), found.text
    assert "canary" not in found.text


@pytest.mark.thorough
@pytest.mark.parametrize(
    ("status", "code"),
    [
        (501, "NotImplemented"),
        (400, "InvalidArgument"),
        (400, "InvalidEncryptionAlgorithmError"),
        (404, "ServerSideEncryptionConfigurationNotFoundError"),
        (403, "AccessDenied"),
        (500, "InternalError"),
    ],
)
def test_encryption_that_the_server_refuses_is_told_whatever_its_code(
    on_s3: Any, s3: LoopbackS3, status: int, code: str
) -> None:
    s3.encryption_refusal = (status, code)
    found = examine()
    assert found.level == "fail"
    assert_says(found, rf"refuses uploads with S3_SSE=AES256 \[{code}\] and takes them without: set S3_SSE=none")
    assert s3.objects == {}
    on_s3.S3_SSE = "none"
    get_blob_store.cache_clear()
    assert examine().level == "ok"


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"S3_ENDPOINT_URL": "http://127.0.0.1:1"}, "Nothing answers as S3 at http://127.0.0.1:1 .*S3_ENDPOINT_URL"),
        ({"S3_ENDPOINT_URL": "http://no-such-host.invalid"}, "Nothing answers as S3 at http://no-such-host.invalid"),
        ({"S3_BUCKET": "no bucket/name"}, "S3_BUCKET is no bucket's name"),
        ({"S3_REGION": "Frankfurt am Main"}, "S3_REGION is no region's name"),
    ],
)
def test_what_never_reaches_a_server_is_told_apart_too(on_s3: Any, values: dict[str, str], said: str) -> None:
    for name, value in values.items():
        setattr(on_s3, name, value)
    get_blob_store.cache_clear()
    assert_says(examine(), said)


@pytest.mark.thorough
def test_an_endpoint_that_speaks_no_tls_is_told(on_s3: Any, moto_server: MotoServer) -> None:
    on_s3.S3_ENDPOINT_URL = moto_server.url.replace("http://", "https://")
    get_blob_store.cache_clear()
    assert_says(examine(), "certificate of https://.* is not accepted, or it speaks no TLS")


def test_a_bucket_that_is_not_there_by_a_real_ones_code(on_s3: Any, moto_server: MotoServer) -> None:
    on_s3.S3_ENDPOINT_URL, on_s3.S3_BUCKET = moto_server.url, "nowhere"
    get_blob_store.cache_clear()
    assert_says(examine(), r"There is no bucket nowhere .*\[NoSuchBucket\]")


def test_a_folder_that_cannot_be_used_is_named(settings: Any, tmp_path: Any) -> None:
    settings.BLOB_DIR = tmp_path / "file"
    settings.BLOB_DIR.write_bytes(b"")
    get_blob_store.cache_clear()
    found = examine()
    get_blob_store.cache_clear()
    assert (found.level, found.text) == ("fail", f"{settings.BLOB_DIR} cannot be used: Not a directory")

"""Uploads to an object store that refuses, stalls, resets or answers with errors."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from adiuva.api.errors import Problem, UpstreamError, UpstreamTimeout, UpstreamUnavailable
from storage.blobs.s3.store import S3BlobStore
from tests.fakes.s3_server import Fault, LoopbackS3
from tests.storage.blobs.bodies import MIB, in_parts
from tests.storage.blobs.faults import FAULTS, KEY, LARGE, SMALL, name_of, run_in_time, store_at

pytestmark = pytest.mark.slow  # a store that says nothing is waited for, many times over


def test_the_loopback_server_is_a_store_while_nothing_fails(s3: LoopbackS3, s3_store: S3BlobStore) -> None:
    s3_store.upload(KEY, in_parts(SMALL))
    s3_store.upload("a1/x", in_parts(LARGE))
    assert s3.objects == {KEY: SMALL, "a1/x": LARGE}
    assert s3.uploads == {}
    assert {info.key for info in s3_store.list_keys("a1/")} == {"a1/x"}
    s3_store.check()


@pytest.mark.parametrize(("fault", "problem"), FAULTS, ids=name_of)
def test_a_small_upload_that_fails_is_a_problem_and_leaves_nothing(
    s3: LoopbackS3, s3_store: S3BlobStore, fault: Fault, problem: type[Problem]
) -> None:
    s3.fault("put_object", fault)
    assert type(run_in_time(lambda: s3_store.upload(KEY, in_parts(SMALL)))) is problem
    assert s3.objects == {}
    s3.behave()
    assert s3_store.upload(KEY, in_parts(SMALL)) == len(SMALL)


# One of each kind: the others differ in what a small upload has shown already.
TELLING = [
    (fault, problem)
    for fault, problem in FAULTS
    if fault.status in {500, 503} and (fault.after_bytes or fault.kind not in {"stall", "reset"})
]


@pytest.mark.parametrize("operation", ["create_upload", "upload_part", "complete_upload"])
@pytest.mark.parametrize(("fault", "problem"), TELLING, ids=name_of)
def test_a_large_upload_that_fails_is_a_problem_and_leaves_nothing(
    s3: LoopbackS3, s3_store: S3BlobStore, operation: str, fault: Fault, problem: type[Problem]
) -> None:
    s3.fault(operation, fault)
    assert type(run_in_time(lambda: s3_store.upload(KEY, in_parts(LARGE)))) is problem
    assert s3.objects == {}
    # What was begun without our knowing is found by its age.
    unknown = operation == "create_upload" and fault.kind not in {"hang", "status"}
    assert len(s3.uploads) <= int(unknown)
    s3.behave()
    assert s3_store.upload(KEY, in_parts(LARGE)) == len(LARGE)


def test_unfinished_uploads_are_found_by_their_age(s3: LoopbackS3, s3_store: S3BlobStore) -> None:
    s3.fault("create_upload", Fault("reset_after"))
    assert isinstance(run_in_time(lambda: s3_store.upload(KEY, in_parts(LARGE))), UpstreamError)
    begun = datetime(2020, 1, 1, tzinfo=UTC)
    for older_than, dry_run, found, left in [
        (begun, False, 0, 1),
        (begun + timedelta(seconds=1), True, 1, 1),
        (begun + timedelta(seconds=1), False, 1, 0),
    ]:
        assert s3_store.abort_stale_uploads(older_than=older_than, dry_run=dry_run) == found
        assert len(s3.uploads) == left


def test_an_upload_that_ends_while_it_is_aborted_is_no_error(s3: LoopbackS3, s3_store: S3BlobStore) -> None:
    s3.uploads["1~a1/x"] = {}
    s3.fault("abort_upload", Fault("status", status=404, code="NoSuchUpload"))
    assert s3_store.abort_stale_uploads(older_than=datetime.now(UTC)) == 1


def test_a_body_that_the_server_does_not_take_is_a_timeout(s3: LoopbackS3) -> None:
    s3.fault("put_object", Fault("stall"))
    store = store_at(s3.url, timeout_seconds=0.5, part_bytes=32 * MIB)  # more than the kernel's buffers hold
    assert type(run_in_time(lambda: store.upload(KEY, [bytes(24 * MIB)]))) is UpstreamTimeout
    assert s3.objects == {}


def test_a_later_part_may_fail_as_well(s3: LoopbackS3, s3_store: S3BlobStore) -> None:
    def parts() -> Iterator[bytes]:
        yield from in_parts(LARGE)
        s3.fault("upload_part", Fault("status", status=503, code="SlowDown"))
        yield from in_parts(LARGE)

    assert isinstance(run_in_time(lambda: s3_store.upload(KEY, parts())), UpstreamUnavailable)
    assert (s3.objects, s3.uploads) == ({}, {})


def test_a_failed_part_ends_the_reading_of_the_body(s3: LoopbackS3, s3_store: S3BlobStore) -> None:
    s3.fault("upload_part", Fault("status", status=403, code="AccessDenied"))
    taken = 0

    def endless() -> Iterator[bytes]:
        nonlocal taken
        while True:
            taken += MIB
            yield bytes(MIB)

    assert isinstance(run_in_time(lambda: s3_store.upload(KEY, endless())), UpstreamError)
    assert taken <= 8 * MIB
    assert (s3.objects, s3.uploads) == ({}, {})


@pytest.mark.parametrize("operation", ["create_upload", "upload_part", "complete_upload"])
def test_an_answer_that_is_not_s3s_is_an_error(s3: LoopbackS3, s3_store: S3BlobStore, operation: str) -> None:
    s3.fault(operation, Fault("garbage"))
    assert type(run_in_time(lambda: s3_store.upload(KEY, in_parts(LARGE)))) is UpstreamError
    assert s3.objects == {}


def test_an_error_under_status_200_is_an_error(s3: LoopbackS3, s3_store: S3BlobStore) -> None:
    s3.fault("complete_upload", Fault("error_in_200"))
    assert isinstance(run_in_time(lambda: s3_store.upload(KEY, in_parts(LARGE))), UpstreamError)
    assert (s3.objects, s3.uploads) == ({}, {})


@pytest.mark.parametrize(
    "fault", [Fault("hang"), Fault("reset"), Fault("status", status=503, code="SlowDown")], ids=name_of
)
@pytest.mark.parametrize("broken", ["put_object", "upload_part", "complete_upload"])
def test_a_failure_that_cannot_be_cleaned_up_after_is_still_the_first_problem_in_time(
    s3: LoopbackS3, s3_store: S3BlobStore, broken: str, fault: Fault
) -> None:
    for operation in (broken, "abort_upload", "delete_object"):
        s3.fault(operation, fault)
    body = SMALL if broken == "put_object" else LARGE
    expected = {"hang": UpstreamTimeout, "reset": UpstreamError, "status": UpstreamUnavailable}[fault.kind]
    assert type(run_in_time(lambda: s3_store.upload(KEY, in_parts(body)))) is expected
    assert s3.objects == {}


SURVIVED = [
    (operation, fault)
    for operation in ("put_object", "create_upload", "upload_part", "complete_upload")
    for fault in (Fault("status", status=503, code="SlowDown"), Fault("reset"))
    # Without a body to break off in, a reset comes when the work is done: see the last tests here.
    if fault.kind == "status" or operation in {"put_object", "upload_part"}
]


@pytest.mark.parametrize(("operation", "fault"), SURVIVED, ids=name_of)
def test_one_failure_is_survived(s3: LoopbackS3, s3_persistent: S3BlobStore, operation: str, fault: Fault) -> None:
    s3.fault(operation, fault, times=1)
    body = SMALL if operation == "put_object" else LARGE
    assert s3_persistent.upload(KEY, in_parts(body)) == len(body)
    assert s3.objects == {KEY: body}
    assert s3.uploads == {}


def test_two_failures_are_enough(s3: LoopbackS3, s3_persistent: S3BlobStore) -> None:
    s3.fault("put_object", Fault("status", status=503, code="SlowDown"))
    assert type(run_in_time(lambda: s3_persistent.upload(KEY, in_parts(SMALL)))) is UpstreamUnavailable
    assert s3.asked["put_object"] == 2


def test_a_second_try_that_finds_the_upload_completed_gives_up_and_leaves_nothing(
    s3: LoopbackS3, s3_persistent: S3BlobStore
) -> None:
    """Whether the first try did it stays open: a blob that nobody refers to must not stay."""
    s3.fault("complete_upload", Fault("reset_after"), times=1)
    assert type(run_in_time(lambda: s3_persistent.upload(KEY, in_parts(LARGE)))) is UpstreamUnavailable
    assert (s3.objects, s3.uploads) == ({}, {})

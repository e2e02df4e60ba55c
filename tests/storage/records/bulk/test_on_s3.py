"""The bulk routes with blobs in an object store, which may fail."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from storage.blobs.factory import get_blob_store
from tests.fakes.s3_server import Fault, LoopbackS3
from tests.storage.records.bulk.clients import FORMS, Bulk, delete, put
from tests.storage.records.devices import Device

pytestmark = pytest.mark.django_db


@pytest.fixture
def s3(settings: Any) -> Iterator[LoopbackS3]:
    with LoopbackS3() as server:
        settings.S3_BUCKET, settings.S3_ENDPOINT_URL, settings.S3_REGION = "sealed", server.url, "us-east-1"
        settings.AWS_ACCESS_KEY_ID = settings.AWS_SECRET_ACCESS_KEY = "test"
        get_blob_store.cache_clear()
        yield server
        get_blob_store.cache_clear()


@pytest.fixture
def on_s3(s3: LoopbackS3, new_device: Callable[[], Device]) -> Bulk:
    return Bulk(new_device(), FORMS[1])


def test_batches_and_their_bytes_go_through_an_object_store(on_s3: Bulk, s3: LoopbackS3) -> None:
    operations = [put(bytes([number]) * 3000) for number in range(40)]
    assert on_s3.statuses(*operations) == [201] * 40
    assert len(s3.objects) == 40
    assert on_s3.statuses(*operations) == [200] * 40
    assert len(s3.objects) == 40
    ids = [one["id"] for one in operations]
    assert [one["blob"] for one in on_s3.fetch(ids)["records"]] == [one["blob"] for one in operations]
    assert [one["blob"] for one in on_s3.feed()["changes"]] == [one["blob"] for one in operations]
    s3.objects.pop(next(iter(s3.objects)))
    assert on_s3.statuses(*operations) == [200] * 40
    assert len(s3.objects) == 40
    assert on_s3.statuses(*map(delete, ids)) == [204] * 40


def test_a_store_that_fails_in_a_batch_has_stored_nothing(on_s3: Bulk, s3: LoopbackS3) -> None:
    s3.fault("put_object", Fault("status"))
    answer = on_s3.send([put(bytes([number])) for number in range(30)])
    assert answer.status in {502, 503}
    assert answer.code in {"upstream_error", "upstream_unavailable"}
    assert s3.objects == {}
    assert on_s3.device.items() == []
    assert on_s3.device.used_bytes() == 0


@pytest.mark.thorough
def test_a_store_that_fails_before_the_first_byte_is_a_problem_and_no_broken_answer(
    on_s3: Bulk, s3: LoopbackS3
) -> None:
    operations = [put(b"1"), put(b"2")]
    on_s3.batch(*operations)
    s3.fault("get_object", Fault("status"))
    answer = on_s3.post("fetch", {"ids": [one["id"] for one in operations]})
    assert (answer.status, answer.code) in {(502, "upstream_error"), (503, "upstream_unavailable")}

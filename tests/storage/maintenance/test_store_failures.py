"""Upkeep on an object store that fails: what cannot be done is output, and the rest is done."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from accounts import erasure
from accounts.models import User
from adiuva.jobs import get_queue
from storage import jobs
from storage.blobs.factory import get_blob_store
from storage.maintenance.integrity_check import StoreUnavailableError
from storage.models import StorageRecord, StorageUsage
from tests.fakes.s3_server import Fault, LoopbackS3
from tests.storage.maintenance.stored_items import delete_record, make_record, record_key, run, upload
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]

ATTEMPTS = 2  # the store asks twice before it gives up


@pytest.fixture
def s3(settings: Any) -> Iterator[LoopbackS3]:
    with LoopbackS3() as server:
        settings.S3_BUCKET, settings.S3_ENDPOINT_URL, settings.S3_REGION = "sealed", server.url, "us-east-1"
        settings.AWS_ACCESS_KEY_ID = settings.AWS_SECRET_ACCESS_KEY = "test"
        settings.S3_TIMEOUT_SECONDS = 20  # a slow machine must not look like a store that says nothing
        get_blob_store.cache_clear()
        yield server
        get_blob_store.cache_clear()


@pytest.fixture
def user(s3: LoopbackS3, make_user: MakeUser) -> User:
    return make_user(tier="team").user


@pytest.mark.thorough
def test_a_blob_that_cannot_be_removed_is_reported_and_the_rest_goes_on(s3: LoopbackS3, user: User) -> None:
    kept = make_record(user).s3_key
    orphans = {upload(record_key(user.id)) for _ in range(5)}
    s3.fault("delete_object", Fault("status"), times=ATTEMPTS)
    code, output = run("reap_storage")
    assert code == 1
    (stuck,) = s3.objects.keys() - {kept}
    assert stuck in orphans
    assert f"could not be removed: {stuck}" in output
    assert "4 blobs" in output
    assert run("reap_storage")[0] == 0
    assert s3.objects.keys() == {kept}


@pytest.mark.thorough
@pytest.mark.parametrize("operation", ["list_objects", "list_uploads"])
def test_counters_and_tombstones_are_put_in_order_while_the_store_is_away(
    s3: LoopbackS3, user: User, settings: Any, operation: str
) -> None:
    settings.S3_TIMEOUT_SECONDS = 1
    delete_record(make_record(user), days_ago=100)
    StorageUsage.objects.update(storage_bytes=7)
    s3.fault(operation, Fault("hang"))
    code, output = run("reap_storage")
    assert code == 1
    assert "the blob store failed" in output
    assert not StorageRecord.objects.exists()
    assert StorageUsage.objects.get().storage_bytes == 0


def test_unfinished_multipart_uploads_go(s3: LoopbackS3, user: User) -> None:
    s3.uploads["1~left/by/a-crash"] = {1: b"half"}
    assert "1 unfinished uploads dropped" in run("reap_storage")[1]
    assert s3.uploads == {}


def test_an_erasure_waits_for_the_store(s3: LoopbackS3, user: User) -> None:
    for _ in range(3):
        make_record(user)
    erasure.close_account(user=user)
    s3.fault("delete_object", Fault("status"))
    code, output = run("reap_storage")
    assert code == 1
    assert f"the account {user.id} could not be erased" in output
    assert len(s3.objects) == 3
    s3.behave()
    assert run("reap_storage")[0] == 0
    assert s3.objects == {}
    assert not User.objects.filter(id=user.id).exists()


@pytest.mark.thorough
def test_who_leaves_does_not_wait_for_all_of_their_blobs_to_go(
    s3: LoopbackS3, api: ApiClient, make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = make_user(tier="team")
    for _ in range(12):
        make_record(account.user)
    monkeypatch.setattr(erasure, "REQUEST_SECONDS", 0.25)
    s3.fault("delete_object", Fault("slow", seconds=0.1))
    left = api.delete("auth/me", token=account.access_token, json={"password": account.password})
    assert (left.status, left.content) == (202, b"")
    assert 0 < len(s3.objects) < 12, "the request does its share"
    assert not StorageRecord.objects.exists()

    login = {"email": account.email, "password": account.password}
    assert api.get("auth/me", token=account.access_token).status == 401
    assert api.post("auth/login", json=login).status == 401
    assert api.post("auth/register", json=login).status == 409, "the address is kept until everything is gone"

    s3.behave()
    assert "1 accounts erased" in run("reap_storage")[1]
    assert s3.objects == {}
    assert not User.objects.filter(id=account.user.id).exists()
    assert api.post("auth/register", json=login).status == 201


@pytest.mark.django_db(transaction=True)
def test_what_the_request_of_who_leaves_had_no_time_for_is_a_job(
    s3: LoopbackS3, api: ApiClient, make_user: MakeUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    get_queue().clear()
    account = make_user(tier="team")
    for _ in range(3):
        make_record(account.user)
    monkeypatch.setattr(erasure, "REQUEST_SECONDS", 0)
    left = api.delete("auth/me", token=account.access_token, json={"password": account.password})
    assert left.status == 202
    get_queue().drain()
    assert s3.objects == {}
    assert not User.objects.filter(id=account.user.id).exists()
    assert get_queue().state().failed == 0


@pytest.mark.thorough
def test_a_job_that_could_not_put_storage_in_order_is_tried_again(
    s3: LoopbackS3, user: User, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    settings.S3_TIMEOUT_SECONDS = 1
    StorageUsage.objects.update_or_create(user=user, defaults={"storage_bytes": 7})
    s3.fault("list_objects", Fault("hang"))
    with pytest.raises(jobs.Unfinished):
        jobs.reap_storage()
    assert "storage could not be put in order" in caplog.text
    assert StorageUsage.objects.get(user=user).storage_bytes == 0, "the rest is done"
    assert jobs.reap_storage.retry.pause(failures=1) == 600


@pytest.mark.thorough
def test_a_store_that_gives_nothing_is_a_failed_try_of_the_job(
    s3: LoopbackS3, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storage.maintenance.integrity_check.GIVE_UP_AFTER", 1)
    make_record(user)
    s3.fault("get_object", Fault("status"))
    with pytest.raises(StoreUnavailableError):
        jobs.verify_blobs()
    s3.behave()
    jobs.verify_blobs()
    assert StorageRecord.objects.get().verified_at is not None


def test_a_share_that_is_over_at_once_still_gets_something_done(s3: LoopbackS3, user: User) -> None:
    for _ in range(3):
        make_record(user)
    erasure.close_account(user=user)
    assert [erasure.erase(user_id=user.id, seconds=0) for _ in range(3)] == [False, False, True]
    assert s3.objects == {}


@pytest.mark.thorough
@pytest.mark.parametrize("fault", [Fault("status"), Fault("cut", after_bytes=3)])
def test_a_blob_that_cannot_be_read_now_is_not_damage(s3: LoopbackS3, user: User, fault: Fault) -> None:
    first, second = sorted((make_record(user), make_record(user)), key=lambda record: str(record.s3_key))
    s3.fault("get_object", fault, times=ATTEMPTS if fault.kind == "status" else 1)
    code, output = run("verify_blobs")
    assert code == 1
    assert f"could not be read: record {first.id}" in output
    assert "1 blobs (6 B) are whole, 0 damaged, 1 could not be read" in output
    assert StorageRecord.objects.get(verified_at__isnull=False).id == second.id


@pytest.mark.thorough
def test_a_scrub_stops_when_the_store_is_away(s3: LoopbackS3, user: User) -> None:
    for _ in range(8):
        make_record(user)
    s3.fault("get_object", Fault("status"))
    code, output = run("verify_blobs")
    assert code == 1
    assert "the blob store does not answer: stopped" in output
    assert "0 damaged, 5 could not be read" in output

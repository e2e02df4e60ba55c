import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from accounts import erasure, jobs
from accounts.models import User
from adiuva.api.errors import InvalidToken, UpstreamUnavailable
from backups.models import Backup
from storage.models import RecordVersion, StorageRecord, StorageUsage, StoredVector
from storage.quota import Kind, lock_usage
from tests.accounts.concurrency import run_concurrently
from tests.storage.maintenance.stored_items import (
    delete_record,
    keys,
    make_backup,
    make_record,
    make_vector,
    make_version,
    record_key,
    upload,
)
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


def store_everything(user: User) -> None:
    delete_record(make_record(user))
    for _ in range(3):
        make_record(user)
    make_backup(user)
    make_vector(user)
    make_version(user)
    upload(record_key(user.id))  # left by a crash


def count_rows(user: User) -> int:
    """Rows of any kind."""
    models = (StorageRecord, RecordVersion, StoredVector, Backup, StorageUsage)
    return sum(model._default_manager.filter(user_id=user.id).count() for model in models)


def test_nothing_is_left_of_a_deleted_account_and_the_others_keep_all(
    api: ApiClient, make_user: MakeUser, tmp_path: Path
) -> None:
    account, stays = make_user(tier="team"), make_user(tier="team")
    for one in (account, stays):
        store_everything(one.user)
    assert count_rows(account.user) == 9
    answer = api.delete("auth/me", token=account.access_token, json={"password": account.password})
    assert answer.status == 202
    assert count_rows(account.user) == 0
    assert not User.objects.filter(id=account.user.id).exists()
    assert count_rows(stays.user) == 9
    assert {key.partition("/")[0] for key in keys()} == {str(stays.user.id)}
    assert not (tmp_path / "blobs" / str(account.user.id)).exists()


def test_a_blob_store_that_fails_leaves_the_erasure_to_be_tried_again(
    api: ApiClient, make_user: MakeUser, tmp_path: Path
) -> None:
    account = make_user(tier="team")
    store_everything(account.user)
    folder = tmp_path / "blobs" / str(account.user.id)
    away = folder.rename(tmp_path / "away")
    folder.symlink_to(folder)  # a loop: looking into it is an error
    assert api.delete("auth/me", token=account.access_token, json={"password": account.password}).status == 202
    assert User.objects.filter(id=account.user.id, is_active=False).exists()
    assert erasure.resume() == 0
    folder.unlink()
    away.rename(folder)
    assert erasure.resume() == 1
    assert not User.objects.filter(id=account.user.id).exists()
    assert keys() == set()


def test_a_vector_store_that_is_away_withholds_nothing_else(make_user: MakeUser, monkeypatch: Any) -> None:
    user = make_user(tier="team").user
    store_everything(user)

    def be_away(user_id: uuid.UUID) -> None:
        raise UpstreamUnavailable("The vector store is not available right now.")

    erasure.close_account(user=user)
    with monkeypatch.context() as patch:
        patch.setattr("storage.vectors.search.erase_vectors_of", be_away)
        patch.setattr("storage.vectors.search.may_hold_vectors_of", lambda _: True)
        assert not erasure.erase(user_id=user.id)
    assert keys() == set()
    assert not StorageRecord.objects.for_user(user.id).exists()
    assert not Backup.objects.for_user(user.id).exists()
    assert User.objects.filter(id=user.id).exists()
    assert erasure.resume() == 1
    assert count_rows(user) == 0


def test_who_has_no_vectors_needs_no_vector_store(make_user: MakeUser, monkeypatch: Any, settings: Any) -> None:
    user = make_user(tier="team").user
    make_record(user)
    settings.VECTOR_DIR.mkdir(parents=True, exist_ok=True)  # the readiness probe makes it
    monkeypatch.setattr("storage.vectors.factory._open_store", lambda: pytest.fail("it is opened"))
    erasure.close_account(user=user)
    assert erasure.erase(user_id=user.id)


def test_counters_that_drifted_do_not_hold_an_erasure_up(make_user: MakeUser) -> None:
    user = make_user(tier="team").user
    store_everything(user)
    StorageUsage.objects.filter(user=user).update(storage_bytes=0, backup_bytes=0)
    erasure.close_account(user=user)
    assert erasure.erase(user_id=user.id)


def test_erasing_twice_is_no_error(make_user: MakeUser) -> None:
    user = make_user(tier="team").user
    store_everything(user)
    erasure.close_account(user=user)
    assert [erasure.erase(user_id=user.id) for _ in range(2)] == [True, True]


def test_who_never_stored_anything_is_erased(make_user: MakeUser) -> None:
    user = make_user().user
    erasure.close_account(user=user)
    assert erasure.erase(user_id=user.id)


def test_a_closed_account_commits_nothing(make_user: MakeUser) -> None:
    user = make_user(tier="team").user
    erasure.close_account(user=user)
    with pytest.raises(InvalidToken), lock_usage(user.id):
        pytest.fail("the account is closed")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("has_counters", [True, False])
def test_a_commit_that_was_let_in_before_is_waited_for_and_erased(make_user: MakeUser, has_counters: bool) -> None:
    """Its first commit ever, too: then there is no row to lock yet that another connection could see."""
    user = make_user(tier="team").user
    if has_counters:
        make_record(user)
    locked = threading.Event()

    def commit() -> None:
        record_id = uuid.uuid4()
        key = upload(record_key(user.id, record_id=record_id))
        with lock_usage(user.id) as usage:
            locked.set()
            time.sleep(0.5)  # the erasure begins meanwhile
            usage.charge(Kind.STORAGE, added=6)
            now = user.created_at
            StorageRecord.objects.create(
                user=user,
                id=record_id,
                table_name="notes",
                s3_key=key,
                checksum="0" * 64,
                size_bytes=6,
                revision=1,
                seq=usage.next_seq(),
                created_at=now,
                updated_at=now,
            )

    def erase() -> None:
        assert locked.wait(30)
        erasure.close_account(user=user)
        assert erasure.erase(user_id=user.id)

    run_concurrently(commit, erase)
    assert count_rows(user) == 0
    assert keys() == set()
    assert not User.objects.filter(id=user.id).exists()
    connection.close()


def test_a_worker_leaves_an_erasure_to_the_server_that_puts_the_vectors_in_order(
    make_user: MakeUser, settings: Any, tmp_path: Path
) -> None:
    settings.VECTOR_DIR = tmp_path / "vectors"
    (settings.VECTOR_DIR / "collection").mkdir(parents=True)  # of an earlier version, so the server may be moving it
    user = make_user(tier="pro").user
    erasure.close_account(user=user)

    jobs.resume_erasures()
    assert User.objects.filter(id=user.id).exists() is (connection.vendor == "postgresql")

    settings.VECTOR_DIR = tmp_path / "untouched"
    jobs.resume_erasures()
    assert not User.objects.filter(id=user.id).exists()

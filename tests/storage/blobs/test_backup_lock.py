"""While a backup of the service holds the folder, blobs are only added."""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from accounts import erasure
from accounts.models import User
from storage.blobs.factory import get_blob_store
from storage.blobs.files import LOCK_FILE, FileBlobStore
from storage.blobs.port import BlobsAreLocked
from tests.storage.maintenance.stored_items import make_record, upload
from tests.support.accounts import Account
from tests.support.client import ApiClient


@contextmanager
def hold_backup_lock(root: Path) -> Iterator[None]:
    """As scripts/backup.sh does it."""
    root.mkdir(exist_ok=True)
    lock = os.open(root / LOCK_FILE, os.O_WRONLY | os.O_CREAT, 0o600)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        os.close(lock)


@pytest.fixture
def root(settings: Any, tmp_path: Path) -> Iterator[Path]:
    settings.BLOB_DIR = tmp_path / "blobs"
    settings.S3_BUCKET = ""
    get_blob_store.cache_clear()
    yield tmp_path / "blobs"
    get_blob_store.cache_clear()


@pytest.fixture
def pro(transactional_db: None, make_user: Callable[..., Account]) -> Account:
    return make_user(tier="pro")


def test_a_held_folder_keeps_its_blobs_and_takes_new_ones(root: Path) -> None:
    store = FileBlobStore(root)
    store.upload("a/b/1", [b"x"])
    with hold_backup_lock(root):
        with pytest.raises(BlobsAreLocked):
            store.delete("a/b/1")
        store.upload("a/b/2", [b"y"])
    assert {blob.key for blob in store.list_keys()} == {"a/b/1", "a/b/2"}
    store.delete("a/b/1")
    assert {blob.key for blob in store.list_keys()} == {"a/b/2"}


def test_a_backup_waits_for_the_removal_that_is_under_way(root: Path) -> None:
    """Shared among removals, exclusive for the backup."""
    with hold_backup_lock(root):
        pass
    first, second = (os.open(root / LOCK_FILE, os.O_RDONLY) for _ in range(2))
    fcntl.flock(first, fcntl.LOCK_SH | fcntl.LOCK_NB)
    FileBlobStore(root).delete("a/b/1")  # another removal goes on beside it
    with pytest.raises(BlockingIOError):
        fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(first)
    os.close(second)


def test_a_deletion_succeeds_and_leaves_its_blob(root: Path, api: ApiClient, pro: Account) -> None:
    record = make_record(pro.user)
    assert record.s3_key is not None
    with hold_backup_lock(root):
        assert api.delete(f"storage/records/{record.id}", token=pro.access_token).status == 204
    assert get_blob_store().exists(record.s3_key)


def test_an_erasure_waits_until_the_backup_is_made(root: Path, pro: Account) -> None:
    key = upload(f"{pro.user.id}/notes/left.over")
    with hold_backup_lock(root):
        User.objects.filter(id=pro.user.id).update(is_active=False, erasure_requested_at="2026-01-01T00:00:00Z")
        assert erasure.resume() == 0
        assert get_blob_store().exists(key)
    assert erasure.resume() == 1
    assert not get_blob_store().exists(key)

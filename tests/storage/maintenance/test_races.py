"""The reaper beside those who write."""

import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from accounts.models import User
from storage.checksums import checksum_of
from storage.models import StorageRecord, StorageUsage
from storage.quota import Kind, lock_usage
from tests.accounts.concurrency import run_concurrently
from tests.storage.maintenance.stored_items import (
    age_files,
    delete_record,
    keys,
    make_record,
    record_key,
    run,
    upload,
)
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db(transaction=True)
MakeUser = Callable[..., Account]


def commit(user: User, key: str, *, seconds: float = 0, locked: threading.Event | None = None) -> None:
    """A record for a blob that is there already; the commit takes so long."""
    with lock_usage(user.id) as usage:
        if locked is not None:
            locked.set()
        time.sleep(seconds)
        usage.charge(Kind.STORAGE, added=6)
        StorageRecord.objects.create(
            user=user,
            id=uuid.UUID(Path(key).stem),
            table_name="notes",
            s3_key=key,
            checksum=checksum_of(b"sealed"),
            size_bytes=6,
            revision=1,
            seq=usage.next_seq(),
            created_at=datetime.now(UTC),
            updated_at=datetime.now(UTC),
        )


@pytest.mark.thorough
@pytest.mark.parametrize("has_counters", [True, False])
def test_a_commit_under_way_keeps_its_blob_however_old_it_looks(make_user: MakeUser, has_counters: bool) -> None:
    """The reaper finds no reference, waits for the lock, and looks again."""
    user = make_user(tier="team").user
    if has_counters:
        delete_record(make_record(user))
    key = upload(record_key(user.id))
    locked = threading.Event()

    def reap() -> int:
        assert locked.wait(30)
        return run("reap_storage", "--min-age", "0")[0]

    run_concurrently(lambda: commit(user, key, seconds=1, locked=locked), reap)
    assert keys() == {key}


def test_writers_and_reapers_leave_counters_and_blobs_that_agree(make_user: MakeUser, tmp_path: Path) -> None:
    user = make_user(tier="team").user
    for _ in range(20):
        upload(record_key(user.id))
    age_files(tmp_path, 7200)

    def write() -> None:
        for number in range(8):
            record = make_record(user)
            if number % 2:
                delete_record(record, days_ago=100)

    def reap() -> None:
        for _ in range(3):
            assert run("reap_storage")[0] == 0

    run_concurrently(write, reap, write, reap, write)
    assert run("reap_storage")[0] == 0
    live = StorageRecord.objects.live()
    assert keys() == set(live.values_list("s3_key", flat=True))
    assert live.count() == StorageRecord.objects.count() == 12
    usage = StorageUsage.objects.get(user=user)
    assert (usage.storage_bytes, usage.last_seq) == (72, 36)
    assert "counters of 0 users corrected" in run("reap_storage")[1]

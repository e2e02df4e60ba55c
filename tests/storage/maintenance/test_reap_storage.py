import re
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core.management import call_command

from accounts import erasure
from accounts.models import User
from storage import jobs
from storage.blobs.port import BlobStore
from storage.models import StorageRecord, StorageUsage
from tests.storage.maintenance.stored_items import (
    age_files,
    delete_record,
    keys,
    make_backup,
    make_record,
    make_vector,
    make_version,
    record_key,
    run,
    upload,
    write_blob_file,
)
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]

HOUR = 3600.0


@pytest.fixture
def user(make_user: MakeUser) -> User:
    return make_user(tier="team").user


def usage_of(user: User) -> StorageUsage:
    return StorageUsage.objects.get(user=user)


def test_what_nothing_refers_to_goes_and_the_rest_stays(user: User, tmp_path: Path) -> None:
    kept = {str(make_record(user).s3_key), make_backup(user).s3_key}
    upload(record_key(user.id))
    upload(f"{user.id}/_backup/{uuid.uuid4()}")
    age_files(tmp_path, HOUR + 60)
    code, output = run("reap_storage")
    assert (code, keys()) == (0, kept)
    assert "2 blobs (12 B) removed" in output


def test_the_job_does_what_the_command_does(user: User, tmp_path: Path) -> None:
    kept = {str(make_record(user).s3_key), make_backup(user).s3_key}
    upload(record_key(user.id))
    delete_record(make_record(user), days_ago=100)
    StorageUsage.objects.filter(user=user).update(storage_bytes=1)
    age_files(tmp_path, HOUR + 60)
    younger = upload(record_key(user.id))
    jobs.reap_storage()
    assert keys() == {*kept, younger}
    assert StorageRecord.objects.filter(deleted_at__isnull=False).count() == 0
    assert usage_of(user).storage_bytes == len(b"sealed")
    assert (
        "0 blobs (0 B) removed, 0 unfinished uploads dropped, 0 tombstones forgotten, counters of 0"
        in run("reap_storage")[1]
    )


def test_what_is_younger_than_the_least_age_stays(user: User, tmp_path: Path) -> None:
    orphan = upload(record_key(user.id))
    age_files(tmp_path, HOUR - 60)
    assert run("reap_storage")[0] == 0
    assert keys() == {orphan}
    assert run("reap_storage", "--min-age", "3500")[0] == 0
    assert keys() == set()


def test_a_least_age_of_0_takes_what_was_written_a_moment_ago(user: User) -> None:
    upload(record_key(user.id))
    assert run("reap_storage", "--min-age", "0")[0] == 0
    assert keys() == set()


def test_blobs_of_nobody_and_of_who_never_stored_anything_go(make_user: MakeUser) -> None:
    upload(record_key(uuid.uuid4()))
    upload(record_key(make_user(tier="pro").user.id))
    assert run("reap_storage", "--min-age", "0")[0] == 0
    assert keys() == set()


def test_an_older_blob_of_a_replaced_record_goes_and_its_new_one_stays(user: User) -> None:
    record = make_record(user)
    older = upload(record_key(user.id, record_id=record.id))
    assert run("reap_storage", "--min-age", "0")[0] == 0
    assert older not in keys()
    assert record.s3_key in keys()


STRANGE = [
    "readme.txt",
    "_packages/slack-notifier/1.0.0.zip",
    "{user}/notes/not-a-uuid.{nonce}",
    "{user}/Notes/{item}.{nonce}",
    "{user}/notes/{item}",
    "{user}/notes/{item}.{nonce}.bak",
    "{user}/_backup/{item}.{nonce}",
    "{user}/_other/{item}",
    "{user}/{item}",
    "{shouting}/notes/{item}.{nonce}",
    "{nonce}/notes/{item}.{nonce}",
]


@pytest.mark.parametrize("form", STRANGE)
def test_a_key_it_does_not_know_is_reported_and_left_alone(user: User, form: str) -> None:
    strange = form.format(user=user.id, item=uuid.uuid4(), nonce=uuid.uuid4().hex, shouting=str(uuid.uuid4()).upper())
    upload(strange)
    code, output = run("reap_storage", "--min-age", "0")
    assert (code, keys()) == (0, {strange})
    assert f"not one of our keys, left alone: '{strange}'" in output
    assert "1 unknown keys" in output


def test_more_orphans_than_a_batch_holds_all_go(user: User, make_user: MakeUser, tmp_path: Path) -> None:
    kept = {str(make_record(user).s3_key) for _ in range(3)}
    others = make_user(tier="pro").user
    for number in range(1201):
        write_blob_file(tmp_path / "blobs", record_key(user.id if number % 3 else others.id))
    code, output = run("reap_storage", "--min-age", "0")
    assert (code, keys()) == (0, kept)
    assert "1201 blobs" in output


def test_unfinished_uploads_go_when_they_are_old_enough(blobs: BlobStore, user: User, tmp_path: Path) -> None:
    upload(record_key(user.id))
    unfinished = tmp_path / "blobs" / ".unfinished"
    (unfinished / "left-by-a-crash").write_bytes(b"half")
    assert run("reap_storage")[0] == 0
    assert len(list(unfinished.iterdir())) == 1
    age_files(unfinished, HOUR + 60)
    assert "1 unfinished uploads would be dropped" in run("reap_storage", "--dry-run")[1]
    assert "1 unfinished uploads dropped" in run("reap_storage")[1]
    assert list(unfinished.iterdir()) == []


def test_a_dry_run_says_what_it_would_do_and_does_nothing(user: User, make_user: MakeUser) -> None:
    upload(record_key(user.id))
    delete_record(make_record(user), days_ago=100)
    make_record(user)
    StorageUsage.objects.filter(user=user).update(storage_bytes=1)
    erasure.close_account(user=make_user().user)
    before = keys(), list(StorageRecord.objects.values()), list(StorageUsage.objects.values()), User.objects.count()
    code, output = run("reap_storage", "--min-age", "0", "--dry-run")
    assert code == 0
    assert re.search(
        "1 accounts would be erased, 1 blobs .* would be removed, .*1 tombstones would be forgotten, "
        "counters of 1 users would be corrected",
        output,
    )
    after = keys(), list(StorageRecord.objects.values()), list(StorageUsage.objects.values()), User.objects.count()
    assert before == after


def test_tombstones_that_are_old_enough_go_and_the_feed_says_so(user: User) -> None:
    stays = make_record(user)
    for days_ago in (100, 91):
        delete_record(make_record(user), days_ago=days_ago)
    recent = make_record(user)
    delete_record(recent, days_ago=89)
    newest = usage_of(user).last_seq
    code, output = run("reap_storage")
    assert code == 0
    assert "2 tombstones forgotten" in output
    assert set(StorageRecord.objects.values_list("id", flat=True)) == {stays.id, recent.id}
    assert (usage_of(user).pruned_seq, usage_of(user).last_seq) == (5, newest)
    assert run("reap_storage", "--tombstone-age", "0")[0] == 0
    assert list(StorageRecord.objects.values_list("id", flat=True)) == [stays.id]
    assert usage_of(user).pruned_seq == newest


def test_pruning_never_takes_what_was_pruned_back(user: User) -> None:
    delete_record(make_record(user), days_ago=100)
    make_record(user)
    StorageUsage.objects.filter(user=user).update(pruned_seq=3)
    assert run("reap_storage")[0] == 0
    assert usage_of(user).pruned_seq == 3


def test_a_sequence_goes_on_after_its_newest_change_was_pruned(user: User) -> None:
    delete_record(make_record(user), days_ago=100)
    assert run("reap_storage")[0] == 0
    assert make_record(user).seq == 3


def test_counters_that_are_right_are_not_touched(user: User) -> None:
    make_record(user)
    make_vector(user)
    make_backup(user)
    before = StorageUsage.objects.values().get()
    assert "counters of 0 users corrected" in run("reap_storage")[1]
    assert StorageUsage.objects.values().get() == before


def test_counters_that_drifted_are_set_to_what_is_stored(
    user: User, make_user: MakeUser, caplog: pytest.LogCaptureFixture
) -> None:
    make_record(user, b"12345")
    make_vector(user, b"1234567")
    make_backup(user, b"123")
    make_version(user, b"1234")
    make_record(make_user(tier="pro").user)
    StorageUsage.objects.filter(user=user).update(storage_bytes=999, versions_bytes=9, backup_bytes=0, last_seq=0)
    code, output = run("reap_storage")
    assert code == 0
    usage = usage_of(user)
    assert (usage.storage_bytes, usage.versions_bytes, usage.backup_bytes, usage.last_seq) == (12, 4, 3, 3)
    assert f"storage_bytes of {user.id}: 999 -> 12" in output
    assert "counters of 1 users corrected" in output
    assert caplog.text.count("a counter was off") == 4


def test_counters_that_were_lost_come_back(user: User) -> None:
    make_record(user, b"12345")
    StorageUsage.objects.all().delete()
    assert run("reap_storage")[0] == 0
    assert (usage_of(user).storage_bytes, usage_of(user).last_seq) == (5, 1)


def test_a_sequence_never_goes_back(user: User) -> None:
    make_record(user)
    StorageUsage.objects.filter(user=user).update(last_seq=40)
    assert "counters of 0 users corrected" in run("reap_storage")[1]
    assert usage_of(user).last_seq == 40


def test_limits_of_its_own_survive_a_recount(user: User) -> None:
    make_record(user)
    StorageUsage.objects.filter(user=user).update(storage_bytes=1, storage_limit_bytes=77)
    assert run("reap_storage")[0] == 0
    assert usage_of(user).storage_limit_bytes == 77


def test_an_erasure_that_was_cut_short_is_finished(user: User) -> None:
    make_record(user)
    make_backup(user)
    erasure.close_account(user=user)
    code, output = run("reap_storage")
    assert (code, keys()) == (0, set())
    assert "1 accounts erased" in output
    assert not User.objects.filter(id=user.id).exists()


@pytest.mark.parametrize("age", ["-1", "an hour", "1.5", "99999999999"])
def test_an_age_is_a_whole_number_of_seconds(age: str) -> None:
    assert run("reap_storage", f"--min-age={age}")[0] == 1


def test_help_names_the_units(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("reap_storage", "--help")
    shown = capsys.readouterr().out
    assert "--min-age SECONDS" in shown
    assert "--tombstone-age SECONDS" in shown

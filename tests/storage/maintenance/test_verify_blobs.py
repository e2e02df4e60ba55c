import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.core.management import call_command

from accounts.models import User
from backups.models import Backup
from storage import jobs
from storage.blobs.factory import get_blob_store
from storage.checksums import checksum_of
from storage.maintenance.integrity_check import IntegrityTally, check_integrity
from storage.models import RecordVersion, StorageRecord
from tests.storage.maintenance.stored_items import (
    delete_record,
    make_backup,
    make_record,
    make_version,
    record_key,
    run,
    upload,
    write_blob_file,
)
from tests.support.accounts import Account

pytestmark = pytest.mark.django_db
MakeUser = Callable[..., Account]


@pytest.fixture
def user(make_user: MakeUser) -> User:
    return make_user(tier="team", email="ada@example.com").user


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs"


Item = StorageRecord | RecordVersion | Backup


def mark_verified_days_ago(item: Item, days: float) -> None:
    type(item)._default_manager.filter(s3_key=item.s3_key).update(verified_at=datetime.now(UTC) - timedelta(days=days))


def read_verified_at(item: Item) -> datetime | None:
    value: datetime | None = type(item)._default_manager.get(s3_key=item.s3_key).verified_at
    return value


def test_whole_blobs_are_marked_as_verified(user: User) -> None:
    started = datetime.now(UTC)
    items: list[StorageRecord | Backup] = [
        make_record(user, b"12345"),
        make_record(user, b""),
        make_backup(user, b"123"),
    ]
    delete_record(make_record(user))
    code, output = run("verify_blobs")
    assert code == 0
    assert "3 blobs (8 B) are whole, 0 damaged" in output
    for item in items:
        seen = read_verified_at(item)
        assert seen is not None
        assert seen >= started


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda path: path.unlink(), "missing"),
        (lambda path: path.write_bytes(b"seale"), "size"),
        (lambda path: path.write_bytes(b"sealed."), "size"),
        (lambda path: path.write_bytes(b""), "size"),
        (lambda path: path.write_bytes(b"sealeD"), "checksum"),
    ],
)
@pytest.mark.parametrize("make", [make_record, make_version, make_backup])
def test_damage_is_reported_with_what_is_wrong(
    user: User,
    folder: Path,
    caplog: pytest.LogCaptureFixture,
    make: Callable[..., Item],
    spoil: Callable[[Path], object],
    what: str,
) -> None:
    damaged, whole = make(user, b"sealed"), make_record(user, b"whole")
    spoil(folder / str(damaged.s3_key))
    code, output = run("verify_blobs")
    assert code == 1
    name = {StorageRecord: "record", RecordVersion: "version", Backup: "backup"}[type(damaged)]
    assert f"damaged ({what}): {name} {damaged.id}, key {damaged.s3_key}" in output
    assert "1 blobs (5 B) are whole, 1 damaged" in output
    assert "a blob is damaged" in caplog.text
    assert read_verified_at(damaged) is None
    assert read_verified_at(whole) is not None


def test_neither_output_nor_log_says_whose_it_is_or_what_it_holds(
    user: User, folder: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    record = make_record(user, b"a secret that was sealed badly")
    (folder / str(record.s3_key)).write_bytes(b"another secret, as long as it.")
    _, output = run("verify_blobs")
    everything = output + caplog.text + "".join(capfd.readouterr())
    assert str(record.id) in everything
    assert "secret" not in everything
    assert user.email not in everything


def test_known_damage_is_reported_until_it_is_gone(user: User, folder: Path) -> None:
    record = make_record(user)
    mark_verified_days_ago(record, 3)
    (folder / str(record.s3_key)).unlink()
    for _ in range(2):
        assert run("verify_blobs", "--not-since", "86400")[0] == 1
    StorageRecord.objects.for_user(user.id).delete()
    assert run("verify_blobs")[0] == 0


def test_the_longest_unread_are_read_first_within_the_budget(user: User) -> None:
    order: list[StorageRecord | Backup] = [
        *(make_record(user), make_backup(user, b"123456")),
        *(make_record(user), make_backup(user, b"123456")),
    ]
    for item, days in zip(order[1:], (9, 5, 1), strict=True):
        mark_verified_days_ago(item, days)
    before = {item.s3_key: read_verified_at(item) for item in order}
    for read in range(1, 4):
        code, output = run("verify_blobs", "--max-bytes", "6", "--not-since", "3600")
        assert code == 0
        assert "1 blobs (6 B)" in output
        changed = [read_verified_at(item) != before[item.s3_key] for item in order]
        assert changed == [True] * read + [False] * (4 - read)


def test_what_was_verified_lately_is_not_read_again(user: User, folder: Path) -> None:
    lately, long_ago = make_record(user), make_record(user)
    mark_verified_days_ago(lately, 1)
    mark_verified_days_ago(long_ago, 3)
    (folder / str(lately.s3_key)).unlink()
    code, output = run("verify_blobs", "--not-since", str(2 * 86400))
    assert code == 0
    assert "1 blobs (6 B)" in output


def test_no_time_reads_nothing(user: User) -> None:
    make_record(user)
    code, output = run("verify_blobs", "--max-seconds", "0")
    assert code == 0
    assert "0 blobs" in output


def test_damage_does_not_keep_others_from_being_read(user: User, folder: Path) -> None:
    """Also where damaged blobs alone exceed the budget."""
    damaged = [make_record(user) for _ in range(3)]
    for record in damaged:
        (folder / str(record.s3_key)).write_bytes(b"sealeD")
    whole = [make_backup(user, b"123456") for _ in range(3)]
    for _ in whole:
        assert run("verify_blobs", "--max-bytes", "6", "--not-since", "3600")[0] == 1
    assert all(read_verified_at(backup) for backup in whole)


@pytest.mark.thorough
def test_more_than_a_page_of_blobs_is_read_once_each(user: User, folder: Path) -> None:
    one = make_record(user, b"x")
    StorageRecord.objects.bulk_create(
        StorageRecord(
            user=user,
            id=uuid.uuid4(),
            table_name="notes",
            s3_key=write_blob_file(folder, record_key(user.id), b"x"),
            checksum=one.checksum,
            size_bytes=1,
            revision=1,
            seq=seq,
            created_at=one.created_at,
            updated_at=one.updated_at,
        )
        for seq in range(2, 1002)
    )
    for _ in range(2):  # never verified, then all verified at some time
        assert "1001 blobs (1001 B) are whole" in run("verify_blobs")[1]
        assert StorageRecord.objects.filter(verified_at__isnull=True).count() == 0


def replace(record: StorageRecord) -> None:
    record.s3_key, record.checksum = upload(record_key(record.user_id), b"newer"), checksum_of(b"newer")
    record.save()


@pytest.mark.parametrize("change", [replace, delete_record])
def test_a_blob_that_is_replaced_or_deleted_in_the_meantime_is_no_damage(
    user: User, change: Callable[[StorageRecord], None]
) -> None:
    read_first, changed = make_record(user), make_record(user)
    mark_verified_days_ago(read_first, 2)
    mark_verified_days_ago(changed, 1)
    old_key, output = str(changed.s3_key), list[str]()

    def after_the_first(_step: int) -> None:
        """The row of the second is known to the check already: both came with one query."""
        if tally.blobs == 1 and changed.s3_key == old_key:
            change(changed)
            get_blob_store().delete(old_key)

    tally = IntegrityTally(say=output.append, step=after_the_first)
    check_integrity(before=datetime.now(UTC), tally=tally)
    assert changed.s3_key != old_key
    assert (tally.blobs, tally.damaged, tally.failures, output) == (1, 0, 0, [])


def test_the_job_reads_what_the_command_does_and_damage_is_an_error_of_the_log_and_no_failed_try(
    user: User, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damaged, whole = make_record(user), make_backup(user)
    (folder / str(damaged.s3_key)).unlink()
    for night in (1, 2):
        jobs.verify_blobs()
        assert [record.message for record in caplog.records if record.levelname == "ERROR"] == [
            "a blob is damaged"
        ] * night
    assert read_verified_at(damaged) is None
    assert read_verified_at(whole) is not None


@pytest.mark.parametrize("options", [["--max-bytes", "many"], ["--max-seconds", "-1"], ["--not-since", "x"]])
def test_a_budget_is_an_amount(options: list[str]) -> None:
    assert run("verify_blobs", *options)[0] == 1


def test_help_names_the_units(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        call_command("verify_blobs", "--help")
    shown = capsys.readouterr().out
    for option in ("--max-bytes BYTES", "--max-seconds SECONDS", "--not-since SECONDS"):
        assert option in shown

"""What uploads reserve, what ends them, and what they leave."""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError

from adiuva.api.errors import PayloadTooLarge
from billing.subscriptions import set_tier
from billing.tiers import Tier
from storage.blobs.factory import get_blob_store, get_draft_store
from storage.jobs import expire_uploads
from storage.models import StorageUsage, Upload
from storage.quota import Kind, set_limits
from storage.uploads import receiving
from storage.uploads.service import MOST_UNFINISHED, draft_of
from tests.accounts.concurrency import run_concurrently
from tests.storage.uploads.tus import UPLOADS, TusDevice, backup_fields, record_fields

pytestmark = pytest.mark.django_db(transaction=True)

SEALED = b"sealed" * 100  # 600 bytes
FAR = timedelta(days=2)


def age(**ages: timedelta) -> None:
    """Sets dates of the only upload that many into the past."""
    Upload.objects.update(**{name: datetime.now(UTC) - by for name, by in ages.items()})


def reserved() -> tuple[int, int]:
    usage = StorageUsage.objects.get()
    return usage.storage_reserved_bytes, usage.backup_reserved_bytes


def drafts(folder: Path) -> list[Path]:
    return list((folder / ".unfinished").iterdir())


def test_parallel_creations_reserve_no_more_than_there_is(tus: TusDevice) -> None:
    set_limits(user=tus.account.user, limits={Kind.STORAGE: 2000, Kind.BACKUP: None})
    answers = run_concurrently(*[lambda: tus.create(record_fields(SEALED), len(SEALED)).status] * 6)
    assert sorted(answers) == [201, 201, 201, 402, 402, 402]
    assert reserved() == (1800, 0)
    plain = tus.api.post(
        "storage/records?table_name=notes",
        token=tus.account.access_token,
        body=SEALED,
        content_type="application/octet-stream",
        headers={"X-Checksum": hashlib.sha256(SEALED).hexdigest()},
    )
    assert (plain.status, plain.code) == (402, "quota_exceeded")


def test_the_free_tier_reserves_nothing(new_tus: Callable[..., TusDevice]) -> None:
    free = new_tus("free")
    for fields in (record_fields(SEALED), backup_fields(SEALED)):
        answer = free.create(fields, len(SEALED))
        assert (answer.status, answer.code) == (402, "quota_exceeded")
    assert Upload.objects.count() == 0


def test_caps_hold(tus: TusDevice, settings: Any) -> None:
    settings.MAX_RECORD_BYTES, settings.MAX_BACKUP_BYTES = 500, 599
    for fields in (record_fields(SEALED), backup_fields(SEALED)):
        answer = tus.create(fields, len(SEALED))
        assert (answer.status, answer.code) == (413, "payload_too_large")
    assert int(tus.api.request("OPTIONS", UPLOADS).headers["Tus-Max-Size"]) == 599


def test_nothing_is_read_beyond_the_end_of_a_finished_upload(tus: TusDevice) -> None:
    path = tus.begin(record_fields(SEALED), len(SEALED))
    assert tus.send(path, 0, SEALED).status == 204
    arrived: list[int] = []

    def endless() -> Iterator[bytes]:
        for number in range(100):
            arrived.append(number)
            yield SEALED

    upload = Upload.objects.get()
    for offset in (0, len(SEALED) - 1):
        part = receiving.Part(
            offset=offset, arriving=endless(), declared_size=None, checksum=None, watch=lambda _look: None
        )
        with pytest.raises(PayloadTooLarge):
            receiving.receive_part(user=tus.account.user, upload=upload, part=part)
    assert len(arrived) == 3
    assert tus.send(path, 0, SEALED + b"x").status == 413
    assert tus.send(path, 0, SEALED).status == 204


def test_unfinished_uploads_are_few(tus: TusDevice) -> None:
    for _ in range(MOST_UNFINISHED):
        assert tus.create(record_fields(SEALED), 1).status == 201
    assert tus.create(record_fields(SEALED), 1).status == 409
    Upload.objects.filter(id=Upload.objects.all()[0].id).update(expires_at=datetime.now(UTC))
    assert tus.create(record_fields(SEALED), 1).status == 201
    assert reserved() == (MOST_UNFINISHED, 0)


def test_what_is_malformed_is_refused(tus: TusDevice) -> None:
    fields = record_fields(SEALED)
    for wrong, field in (
        ({"target": "vector"}, "target"),
        ({"table_name": "No"}, "table_name"),
        ({"checksum": "ab"}, "checksum"),
        ({"id": "1"}, "id"),
    ):
        answer = tus.create(fields | wrong, 1)
        assert (answer.status, [*answer.json["errors"]]) == (400, [field])
    assert [*tus.create(backup_fields(SEALED, timestamp="today"), 1).json["errors"]] == ["timestamp"]
    for headers, field in (
        ({"Upload-Length": "-1"}, "upload_length"),
        ({"Upload-Defer-Length": "1"}, "upload_length"),
        ({"Upload-Metadata": "target cmVjb3Jk,target cmVjb3Jk"}, "upload_metadata"),
        ({"Upload-Metadata": "target ???"}, "upload_metadata"),
    ):
        answer = tus.create(fields, 1, **headers)
        assert (answer.status, [*answer.json["errors"]]) == (400, [field])
    path = tus.begin(fields, len(SEALED))
    assert [*tus.send(path, 0, SEALED, Upload_Checksum="md5 AAAA").json["errors"]] == ["upload_checksum"]
    assert tus.request("PATCH", path, body=SEALED, content_type="text/plain").status == 415
    assert tus.offset(path) == 0


def test_another_version_is_refused_with_ours(tus: TusDevice) -> None:
    path = tus.begin(record_fields(SEALED), len(SEALED))
    for method, where in (("POST", UPLOADS), ("HEAD", path), ("PATCH", path), ("DELETE", path)):
        answer = tus.request(method, where, headers={"Tus-Resumable": "0.2.2"})
        assert (answer.status, answer.headers["Tus-Version"]) == (412, "1.0.0")


def test_others_see_nothing_of_it(tus: TusDevice, new_tus: Callable[..., TusDevice]) -> None:
    path, other = tus.begin(record_fields(SEALED), len(SEALED)), new_tus()
    for method in ("HEAD", "PATCH", "DELETE"):
        assert other.request(method, path).status == 404
        assert tus.api.request(method, path).status == 401
    assert tus.offset(path) == 0


@pytest.mark.thorough
def test_parts_do_not_count_towards_the_rate_limit(new_tus: Callable[..., TusDevice]) -> None:
    pro = new_tus("pro")
    path = pro.begin(record_fields(SEALED), len(SEALED))
    for offset in range(70):
        assert pro.send(path, offset, SEALED[offset : offset + 1]).status == 204
        assert pro.offset(path) == offset + 1
    created = pro.create(record_fields(SEALED), 1)
    assert created.headers["RateLimit-Remaining"] == "58"


def test_an_unfinished_upload_waits_for_a_day(tus: TusDevice, blob_folder: Path) -> None:
    path = tus.begin(backup_fields(SEALED), len(SEALED))
    tus.send(path, 0, SEALED[:5])
    assert reserved() == (0, 600)
    left = Upload.objects.get().expires_at - datetime.now(UTC)
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)
    expire_uploads()
    assert tus.offset(path) == 5
    age(expires_at=timedelta(seconds=1))
    assert tus.head(path).status == 404
    expire_uploads()
    assert Upload.objects.count() == 0
    assert (reserved(), drafts(blob_folder)) == ((0, 0), [])


def test_a_finished_upload_is_forgotten_after_a_day_and_its_record_stays(tus: TusDevice) -> None:
    path = tus.begin(record_fields(SEALED), len(SEALED))
    tus.send(path, 0, SEALED)
    age(expires_at=timedelta(seconds=1))
    assert tus.head(path).status == 404
    expire_uploads()
    assert tus.used() == 600
    (record,) = tus.records()
    assert tus.read(f"storage/records/{record['id']}").content == SEALED


@pytest.mark.usefixtures("either_store")
def test_the_reaper_spares_what_is_unfinished_and_counts_what_is_reserved(tus: TusDevice) -> None:
    path = tus.begin(record_fields(SEALED), len(SEALED))
    tus.send(path, 0, SEALED[:100])
    StorageUsage.objects.update(storage_reserved_bytes=7)
    call_command("reap_storage", min_age=0)
    assert reserved() == (600, 0)
    assert tus.send(path, 100, SEALED[100:]).status == 204
    call_command("reap_storage", min_age=0)
    assert tus.read(tus.head(path).headers["Content-Location"]).content == SEALED


@pytest.mark.usefixtures("either_store")
def test_a_crash_before_the_commit_is_made_up_for_by_the_last_byte(
    tus: TusDevice, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tus.begin(record_fields(SEALED), len(SEALED))

    def die(_user_id: Any) -> Any:
        raise OperationalError

    with monkeypatch.context() as broken:
        broken.setattr(receiving, "lock_usage", die)
        assert tus.send(path, 0, SEALED).status == 503
    receiving.digests.forget()
    assert tus.records() == []
    assert tus.offset(path) == 599, "a client would take it for done"
    call_command("reap_storage", min_age=0)
    last = tus.send(path, 599, SEALED[599:])
    assert (last.status, last.headers["Upload-Offset"]) == (204, "600")
    assert tus.read(last.headers["Content-Location"]).content == SEALED


@pytest.mark.usefixtures("either_store")
def test_an_upload_whose_bytes_a_restore_has_lost_is_gone(tus: TusDevice) -> None:
    path = tus.begin(record_fields(SEALED), len(SEALED))
    tus.send(path, 0, SEALED[:100])
    upload = Upload.objects.get()
    get_draft_store().abort(draft_of(upload))
    assert tus.head(path).status == 404
    assert (Upload.objects.count(), reserved()) == (0, (0, 0))


def test_after_a_downgrade_the_whole_waits_for_room(tus: TusDevice) -> None:
    path = tus.begin(record_fields(SEALED), len(SEALED))
    tus.send(path, 0, SEALED[:100])
    set_tier(user=tus.account.user, tier=Tier("free"))
    last = tus.send(path, 100, SEALED[100:])
    assert (last.status, last.code) == (402, "quota_exceeded")
    set_tier(user=tus.account.user, tier=Tier("pro"))
    assert tus.offset(path) == 599
    assert tus.send(path, 599, SEALED[599:]).status == 204
    assert (tus.used(), reserved()) == (600, (0, 0))


def test_after_a_downgrade_what_is_there_already_is_still_said(tus: TusDevice) -> None:
    for fields in (record_fields(SEALED), backup_fields(SEALED)):
        last = tus.send(tus.begin(fields, len(SEALED)), 0, SEALED)
        set_tier(user=tus.account.user, tier=Tier("free"))
        again = tus.create(fields, len(SEALED))
        assert (again.status, again.headers["ETag"]) == (201, last.headers["ETag"])
        new = tus.create(fields | {"checksum": "0" * 64, "id": str(uuid.uuid4())}, len(SEALED))
        assert (new.status, new.code) == (402, "quota_exceeded")
        set_tier(user=tus.account.user, tier=Tier("pro"))


def test_one_request_at_a_time_goes_on(tus: TusDevice) -> None:
    path = tus.begin(record_fields(SEALED), len(SEALED))
    held_until = datetime.now(UTC) + receiving.HELD
    Upload.objects.update(writer=uuid.uuid4(), held_until=held_until)
    assert tus.send(path, 0, SEALED).status == 409
    assert tus.offset(path) == 0
    age(held_until=timedelta(0))  # whoever held it has died
    assert tus.send(path, 0, SEALED).status == 204

    path = tus.begin(record_fields(SEALED), len(SEALED))
    assert sorted(run_concurrently(*[lambda: tus.send(path, 0, SEALED[:300]).status] * 4)) == [204, 409, 409, 409]
    assert tus.offset(path) == 300


def test_nothing_is_left_of_an_erased_account(tus: TusDevice, blob_folder: Path) -> None:
    path = tus.begin(record_fields(SEALED), len(SEALED))
    tus.send(path, 0, SEALED[:100])
    me = tus.account
    assert tus.api.delete("auth/me", token=me.access_token, json={"password": me.password}).status == 202
    assert (Upload.objects.count(), drafts(blob_folder)) == (0, [])
    assert tus.head(path).status == 401


def test_bytes_that_are_lost_come_again_without_room(tus: TusDevice) -> None:
    for kind, fields in (("storage", record_fields(SEALED)), ("backup", backup_fields(SEALED))):
        tus.send(tus.begin(fields, len(SEALED)), 0, SEALED)
        set_limits(user=tus.account.user, limits={Kind(kind): 600})
        for blob in list(get_blob_store().list_keys()):
            get_blob_store().delete(blob.key)
        path = tus.begin(fields, len(SEALED))
        last = tus.send(path, 0, SEALED)
        assert tus.read(last.headers["Content-Location"]).content == SEALED
        assert tus.used(kind) == 600

"""`GET /auth/export`: what is in the archive, who may have it, and how it goes on after a broken connection."""

import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.core.cache import cache

from accounts.export import checksums
from accounts.models import (
    AccountExport,
    Factor,
    KeyEnvelope,
    MailToken,
    RecoveryCode,
    SecurityEvent,
    Session,
)
from storage.blobs.factory import get_blob_store
from storage.checksums import checksum_of
from storage.models import StorageRecord
from tests.accounts.export.archives import document, export, opened
from tests.storage.maintenance.stored_items import delete_record, make_backup, make_record, make_vector, make_version
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db(transaction=True)  # an export gives its connection back
MakeUser = Callable[..., Account]
LONG = os.urandom(700_000)  # read while it is sent, in several parts


def filled(make_user: MakeUser) -> Account:
    account = make_user(tier="team")
    for number in range(5):
        make_record(account.user, b"record %d" % number)
    make_record(account.user, LONG)
    delete_record(make_record(account.user, b"deleted"))
    make_version(account.user, b"earlier")
    make_vector(account.user, b"vector")
    make_backup(account.user, LONG[::-1])
    now = datetime.now(UTC)
    KeyEnvelope.objects.create(
        user=account.user, kind="recovery", ref="main", blob=b"sealed key", checksum="0" * 64, key_id="k",
        created_at=now, updated_at=now,
    )  # fmt: skip
    return account


def exported_events(account: Account) -> int:
    return SecurityEvent.objects.for_user(account.user.id).filter(type="exported").count()


def test_all_that_an_account_holds_is_in_it_as_it_is_kept(make_user: MakeUser) -> None:
    account, other = filled(make_user), filled(make_user)
    answer = export(account)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/zip"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="adiuva-export-')
    assert int(answer.headers["Content-Length"]) == len(answer.content)
    archive = opened(answer.content)
    for index, count in {"records": 6, "earlier": 1, "vectors": 1, "backups": 1}.items():
        items = document(archive, f"{index}.json")["items"]
        assert len(items) == count
        for item in items:
            content = archive.read(item["file"])
            assert (checksum_of(content), len(content)) == (item["checksum"], item["size_bytes"])
    assert document(archive, "account.json")["email"] == account.email
    assert document(archive, "envelopes.json")["items"][0]["blob"] == "c2VhbGVkIGtleQ=="
    assert [one["id"] for one in document(archive, "sessions.json")["items"]] == [str(account.session_id)]
    assert document(archive, "events.json")["items"][0]["type"] == "login"
    assert document(archive, "billing.json")["subscription"]["tier"] == "team"
    assert set(document(archive, "installs.json")) >= {"installed", "purchases", "submissions"}
    assert document(archive, "usage.json") == {"days": [], "budgets": []}
    assert "sealed" in archive.read("README.txt").decode()
    assert other.email.encode() not in answer.content
    assert exported_events(account) == 1


@pytest.mark.skipif(not shutil.which("unzip"), reason="needs unzip")
def test_other_programs_open_it(make_user: MakeUser, tmp_path: Path) -> None:
    path = tmp_path / "export.zip"
    path.write_bytes(export(filled(make_user)).content)
    tested = subprocess.run(["unzip", "-t", path], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_an_empty_account_has_an_archive_too(make_user: MakeUser) -> None:
    archive = opened(export(make_user()).content)
    assert document(archive, "records.json") == {"items": []}


def test_a_session_that_is_not_fresh_is_asked_who_it_is(make_user: MakeUser) -> None:
    account = make_user()
    Session.objects.update(fresh_at=datetime.now(UTC) - timedelta(minutes=11))
    answer = export(account)
    assert (answer.status, answer.code) == (403, "reauthentication_required")
    assert exported_events(account) == 0


@pytest.mark.parametrize("known", [True, False], ids=["known", "forgotten"])
def test_a_broken_download_goes_on_anywhere(make_user: MakeUser, known: bool) -> None:
    account = filled(make_user)
    whole = export(account)
    size = len(whole.content)
    for begin in [0, 1, 40, size // 4, size // 2, size - size // 4, size - 900, size - 23, size - 1]:
        checksums._keeper.submit(int).result()
        if not known:
            cache.clear()
        ApiClient().get("auth/me", token=account.access_token)  # what changes by itself
        rest = export(account, Range=f"bytes={begin}-", If_Range=whole.headers["ETag"])
        assert rest.status == 206
        assert rest.headers["Content-Range"] == f"bytes {begin}-{size - 1}/{size}"
        assert rest.headers["ETag"] == whole.headers["ETag"]
        assert whole.content[begin:] == rest.content
    assert exported_events(account) == 1
    middle = export(account, Range="bytes=100-299999", If_Range=whole.headers["ETag"])
    assert middle.content == whole.content[100:300_000]
    assert export(account, Range=f"bytes={size}-", If_Range=whole.headers["ETag"]).status == 416
    assert export(account).status == 200  # nothing was left behind


def test_what_an_earlier_connection_sent_is_not_read_again(make_user: MakeUser, blob_folder: Path) -> None:
    account = filled(make_user)
    whole = export(account)
    checksums._keeper.submit(int).result()
    for blob in (blob_folder / str(account.user.id)).rglob("*"):
        if blob.is_file():
            blob.write_bytes(bytes(blob.stat().st_size))
    directory = whole.content.index(b"PK\1\2")
    rest = export(account, Range=f"bytes={directory}-", If_Range=whole.headers["ETag"])
    assert (rest.status, rest.content) == (206, whole.content[directory:])


@pytest.mark.parametrize("change", ["a new record", "a deleted record", "another export", "a day"])
def test_what_is_no_more_as_it_was_is_exported_anew(make_user: MakeUser, change: str) -> None:
    account = filled(make_user)
    before = export(account)
    if change == "a new record":
        make_record(account.user)
    elif change == "a deleted record":
        delete_record(StorageRecord.objects.for_user(account.user.id).live()[0])
    elif change == "another export":
        AccountExport.objects.update(etag='"another"')
    else:
        AccountExport.objects.update(started_at=datetime.now(UTC) - timedelta(days=1, minutes=1))
    answer = export(account, Range="bytes=100-", If_Range=before.headers["ETag"])
    assert answer.status == 200
    assert answer.headers["ETag"] != before.headers["ETag"]
    opened(answer.content)
    assert exported_events(account) == 2


def test_a_range_of_an_export_that_was_not_begun_is_the_whole(make_user: MakeUser) -> None:
    account = filled(make_user)
    etag = export(account).headers["ETag"]
    other = make_user()
    assert [
        export(account, Range="bytes=10-").status,
        export(other, Range="bytes=10-", If_Range=etag).status,
        export(other, Range="bytes=10-", If_Range="").status,
    ] == [200, 200, 200]


def test_one_export_at_a_time(make_user: MakeUser) -> None:
    account = filled(make_user)
    etag = export(account).headers["ETag"]
    AccountExport.objects.update(lease=uuid4(), lease_until=datetime.now(UTC) + timedelta(minutes=1))
    refused = export(account)
    assert (refused.status, refused.code) == (409, "conflict")
    assert export(make_user()).status == 200
    # Whose connection broke need not wait until the server has noticed.
    assert export(account, Range="bytes=5-", If_Range=etag).status == 206
    AccountExport.objects.update(lease=uuid4(), lease_until=datetime.now(UTC) - timedelta(seconds=1))
    assert export(account).status == 200  # of a process that died
    assert AccountExport.objects.get(user=account.user).lease is None


def test_head_begins_nothing(make_user: MakeUser) -> None:
    account = make_user()
    answer = ApiClient().request("HEAD", "auth/export", token=account.access_token)
    assert (answer.status, answer.content, answer.headers["Accept-Ranges"]) == (200, b"", "bytes")
    assert "Content-Length" not in answer.headers  # RFC 9110 § 8.6: only where it is that of the GET
    assert exported_events(account) == 0


def test_it_lets_nobody_in(make_user: MakeUser) -> None:
    account = filled(make_user)
    now = datetime.now(UTC)
    begun = {"user": account.user, "created_at": now}
    Factor.objects.create(**begun, type="totp", name="my phone", sealed_secret="canary-secret", confirmed_at=now)
    Factor.objects.create(
        **begun,
        type="passkey",
        name="my key",
        credential_id="canary-credential",
        public_key=b"canary-secret",
        confirmed_at=now,
    )
    RecoveryCode.objects.create(**begun, code_hash="canary-code")
    MailToken.objects.create(
        **begun, purpose="reset", token_hash="canary-link", email=account.email, expires_at=now + timedelta(days=1)
    )
    content = export(account).content
    account.user.refresh_from_db()
    for secret in (account.user.password, account.access_token, account.refresh_token, account.password):
        assert secret.encode() not in content
    assert hashlib.sha256(account.refresh_token.encode()).hexdigest().encode() not in content
    for canary in ("canary-secret", "canary-code", "canary-link", "canary-credential"):
        assert canary.encode() not in content
    assert [one["name"] for one in document(opened(content), "account.json")["factors"]] == ["my phone", "my key"]


def test_what_is_gone_when_its_turn_comes_stands_under_missing(make_user: MakeUser) -> None:
    account = filled(make_user)
    records = list(StorageRecord.objects.for_user(account.user.id).live().order_by("size_bytes"))
    for record in (records[0], records[-1]):
        get_blob_store().delete(str(record.s3_key))
    answer = export(account)
    archive = opened(answer.content)
    assert len(answer.content) == int(answer.headers["Content-Length"])
    for record in (records[0], records[-1]):
        assert f"records/notes/{record.id}" not in archive.namelist()
        assert archive.read(f"MISSING/notes/{record.id}") == bytes(record.size_bytes)
    half = len(answer.content) // 2
    rest = export(account, Range=f"bytes={half}-", If_Range=answer.headers["ETag"])
    assert rest.content == answer.content[half:]


@pytest.mark.parametrize("size", [10, len(LONG)])
def test_a_damaged_blob_ends_the_answer_before_its_end(make_user: MakeUser, blob_folder: Path, size: int) -> None:
    account = make_user(tier="team")
    record = make_record(account.user, LONG[:size])
    (blob_folder / str(record.s3_key)).write_bytes(bytes(size))
    with pytest.raises(Exception, match=str(record.id)):
        export(account)
    (blob_folder / str(record.s3_key)).write_bytes(LONG[:size])
    assert export(account).status == 200

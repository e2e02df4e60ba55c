"""``GET|PUT /backup/policy``, and what it does to uploads and deletions."""

import io
import json
import zipfile
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import IntegrityError

from backups.models import Backup, BackupPolicy
from tests.accounts.concurrency import run_concurrently
from tests.backups.snapshots import (
    age,
    allow,
    assert_nothing_is_kept_of,
    blobs_of,
    label,
    put,
    store,
    used_bytes,
)
from tests.storage.maintenance.stored_items import age_files, make_backup
from tests.storage.uploads.tus import TusDevice, backup_fields
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db(transaction=True)  # an upload gives its connection back
MakeUser = Callable[..., Account]
NO_RULES = {"keep_last": None, "keep_daily": None, "keep_weekly": None, "immutable_days": 0}
DAY = timedelta(days=1)


@pytest.fixture
def account(make_user: MakeUser) -> Account:
    return make_user(tier="team")


def put_policy(api: ApiClient, account: Account, **policy: Any) -> Answer:
    return api.put("backup/policy", json=policy, token=account.access_token)


def set_policy(api: ApiClient, account: Account, **policy: Any) -> None:
    answer = put_policy(api, account, **policy)
    assert (answer.status, answer.json) == (200, NO_RULES | policy)


def policy_of(api: ApiClient, account: Account) -> Any:
    return api.get("backup/policy", token=account.access_token).json


def kept(api: ApiClient, account: Account) -> list[str]:
    """The ids in the history, the newest first; the counters and the blobs say the same."""
    items = api.get("backup/history", token=account.access_token).json["items"]
    blobs = blobs_of(account.user.id)
    assert {key.rpartition("/")[2] for key in blobs} == {item["id"] for item in items}
    assert used_bytes(account.user.id) == sum(item["size_bytes"] for item in items) == sum(map(len, blobs.values()))
    return [item["id"] for item in items]


def delete(api: ApiClient, account: Account, id_: str) -> Answer:
    return api.delete(f"backup/{id_}", token=account.access_token)


# --- the policy itself ---


def test_without_a_policy_everything_stays_and_may_be_deleted(api: ApiClient, account: Account) -> None:
    assert policy_of(api, account) == NO_RULES
    metas = [store(api, account)["id"] for _ in range(3)]
    assert kept(api, account) == metas[::-1]
    assert delete(api, account, metas[0]).status == 204


def test_a_policy_is_put_as_a_whole(api: ApiClient, account: Account, make_user: MakeUser) -> None:
    other = make_user()
    first = {"keep_last": 1000, "keep_daily": 366, "keep_weekly": 520, "immutable_days": 30}
    set_policy(api, account, **first)
    assert policy_of(api, account) == first
    set_policy(api, account, keep_daily=0, keep_weekly=4)
    assert policy_of(api, account) == NO_RULES | {"keep_daily": 0, "keep_weekly": 4}
    assert policy_of(api, other) == NO_RULES


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"keep_last": -1}, "keep_last"),
        ({"keep_last": 1001}, "keep_last"),
        ({"keep_daily": 367}, "keep_daily"),
        ({"keep_weekly": 521}, "keep_weekly"),
        ({"immutable_days": 31}, "immutable_days"),
        ({"immutable_days": None}, "immutable_days"),
        ({"keep_last": "3"}, "keep_last"),
        ({"keep_last": True}, "keep_last"),
        ({"keep_daily": 1.5}, "keep_daily"),
        ({"keep_last": 0}, "non_field_errors"),
        ({"keep_last": 0, "keep_daily": 0, "keep_weekly": 0}, "non_field_errors"),
    ],
)
def test_a_policy_that_cannot_be_or_would_keep_nothing_is_400(
    api: ApiClient, account: Account, wrong: dict[str, Any], field: str
) -> None:
    set_policy(api, account, keep_last=7)
    answer = put_policy(api, account, **wrong)
    assert (answer.status, answer.code, list(answer.json["errors"])) == (400, "validation_error", [field])
    assert policy_of(api, account) == NO_RULES | {"keep_last": 7}


@pytest.mark.parametrize("wrong", [{"keep_last": 0}, {"keep_daily": 367, "keep_last": 1}, {"immutable_days": 31}])
def test_the_database_keeps_no_such_policy_either(account: Account, wrong: dict[str, int]) -> None:
    with pytest.raises(IntegrityError):
        BackupPolicy.objects.create(user_id=account.user.id, **wrong)


# --- what an upload drops ---


def test_after_an_upload_what_no_rule_keeps_is_gone_with_its_bytes(api: ApiClient, account: Account) -> None:
    first, second, third = (store(api, account)["id"] for _ in range(3))
    set_policy(api, account, keep_last=2)
    assert kept(api, account) == [third, second, first]  # a policy drops nothing by itself
    fourth = store(api, account)["id"]
    assert kept(api, account) == [fourth, third]
    assert api.get(f"backup/{second}", token=account.access_token).code == "not_found"


def test_days_and_weeks_go_by_arrival_and_not_by_what_the_client_says(api: ApiClient, account: Account) -> None:
    metas = [store(api, account) for _ in range(5)]
    sunday = datetime(2026, 11, 22, 12, tzinfo=UTC)
    for meta, days in zip(metas, (13, 8, 7, 1, 1), strict=True):
        age(meta, created_at=sunday - days * DAY + timedelta(minutes=metas.index(meta)))
    monday_before, saturday_before, sunday_before, _earlier, saturday = (meta["id"] for meta in metas)
    set_policy(api, account, keep_daily=3, keep_weekly=2)
    new = store(api, account)["id"]
    # Three days: today, that Saturday, the Sunday before it. Two weeks: today's, that Saturday's.
    assert kept(api, account) == [new, saturday, sunday_before]
    assert {monday_before, saturday_before}.isdisjoint(kept(api, account))


def test_what_an_upload_drops_does_not_stand_in_the_way_of_its_quota(api: ApiClient, account: Account) -> None:
    allow(account, 100)
    set_policy(api, account, keep_last=1)
    first = store(api, account, b"x" * 60)["id"]
    refused = put(api, account, b"y" * 101)
    assert (refused.status, refused.code) == (402, "quota_exceeded")
    assert {name: refused.json[name] for name in ("limit_bytes", "used_bytes", "requested_bytes")} == {
        "limit_bytes": 100,
        "used_bytes": 60,
        "requested_bytes": 101,
    }
    assert kept(api, account) == [first]
    second = store(api, account, b"y" * 100)["id"]
    assert kept(api, account) == [second]

    allow(account, 50)  # a downgrade: what is over its limit may shrink, but not grow
    assert put(api, account, b"z" * 101).status == 402
    smaller = store(api, account, b"z" * 99)["id"]
    assert kept(api, account) == [smaller]
    allow(account, 0)
    assert put(api, account, b"z").status == 402


def test_an_upload_that_is_refused_drops_nothing(api: ApiClient, account: Account) -> None:
    metas = [store(api, account)["id"] for _ in range(3)][::-1]
    set_policy(api, account, keep_last=1)
    assert put(api, account, b"sent", headers=label(b"meant")).code == "checksum_mismatch"
    stale = label(b"new") | {"If-Match": '"other"'}
    assert put(api, account, b"new", headers=stale).code == "precondition_failed"
    assert kept(api, account) == metas


def test_an_upload_whose_answer_was_lost_drops_nothing_twice(api: ApiClient, account: Account) -> None:
    first = store(api, account, b"first")["id"]
    second = store(api, account, b"second")["id"]
    set_policy(api, account, keep_last=1)
    assert put(api, account, b"second").status == 200  # it is there already: no upload
    assert kept(api, account) == [second, first]
    answers = [put(api, account, b"third") for _ in range(2)]
    assert [answer.status for answer in answers] == [201, 200]
    assert kept(api, account) == [answers[1].json["id"]]


def test_bytes_that_cannot_be_removed_are_left_to_the_reaper(
    api: ApiClient, account: Account, blob_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Those of more snapshots than one upload should wait for, too."""
    for _ in range(103):
        make_backup(account.user)
    set_policy(api, account, keep_last=1)
    new = store(api, account, b"new")
    assert used_bytes(account.user.id) == 3
    assert len(blobs_of(account.user.id)) == 4
    age_files(blob_folder, 7200)
    call_command("reap_storage", stdout=io.StringIO())
    assert kept(api, account) == [new["id"]]


# --- immutability ---


def immutable_until(id_: str) -> datetime:
    until = Backup.objects.get(id=id_).immutable_until
    assert until is not None
    return until


def test_an_immutable_backup_is_deleted_by_nobody_before_its_time(
    api: ApiClient, account: Account, make_user: MakeUser
) -> None:
    set_policy(api, account, immutable_days=7)
    meta = store(api, account)
    until = immutable_until(meta["id"])
    assert until == datetime.fromisoformat(meta["created_at"]) + 7 * DAY

    set_policy(api, account, keep_last=1)  # a laxer one, of who has stolen a session
    answer = delete(api, account, meta["id"])
    assert (answer.status, answer.code) == (409, "conflict")
    assert f"{until:%Y-%m-%dT%H:%M:%S}" in answer.json["detail"]
    newer = [store(api, account)["id"] for _ in range(3)]
    assert kept(api, account) == [newer[-1], meta["id"]]
    assert delete(api, make_user(tier="team"), meta["id"]).status == 404

    Backup.objects.filter(id=meta["id"]).update(immutable_until=datetime.now(UTC))
    assert delete(api, account, meta["id"]).status == 204
    assert kept(api, account) == [newer[-1]]


def test_retention_takes_an_immutable_one_once_its_time_has_come(api: ApiClient, account: Account) -> None:
    set_policy(api, account, keep_last=1, immutable_days=1)
    first, second = store(api, account)["id"], store(api, account)["id"]
    Backup.objects.filter(id=first).update(immutable_until=datetime.now(UTC))
    third = store(api, account)["id"]
    assert kept(api, account) == [third, second]


def test_what_is_immutable_counts_against_the_quota_of_an_upload(api: ApiClient, account: Account) -> None:
    allow(account, 100)
    set_policy(api, account, keep_last=1, immutable_days=1)
    first = store(api, account, b"x" * 60)["id"]
    assert put(api, account, b"y" * 41).status == 402
    second = store(api, account, b"y" * 40)["id"]
    assert kept(api, account) == [second, first]


def test_a_stricter_policy_binds_none_that_is_there_already(api: ApiClient, account: Account) -> None:
    before = store(api, account, b"same")["id"]
    set_policy(api, account, immutable_days=30)
    assert put(api, account, b"same").json["id"] == before
    assert delete(api, account, before).status == 204


def test_only_the_end_of_the_account_goes_further(api: ApiClient, account: Account) -> None:
    set_policy(api, account, immutable_days=30)
    store(api, account)
    ended = api.delete("auth/me", json={"password": account.password}, token=account.access_token)
    assert ended.status == 202
    assert_nothing_is_kept_of(account)
    assert not BackupPolicy.objects.filter(user_id=account.user.id).exists()


def test_an_export_says_how_long_snapshots_stay(api: ApiClient, account: Account) -> None:
    set_policy(api, account, keep_last=5, immutable_days=2)
    meta = store(api, account)
    archive = zipfile.ZipFile(io.BytesIO(api.get("auth/export", token=account.access_token).content))
    assert json.loads(archive.read("backup_policy.json")) == NO_RULES | {"keep_last": 5, "immutable_days": 2}
    (item,) = json.loads(archive.read("backups.json"))["items"]
    assert item["immutable_until"][:23] == f"{immutable_until(meta['id']):%Y-%m-%dT%H:%M:%S.%f}"[:23]


# --- by resumable uploads ---


def test_the_policy_is_the_same_for_a_resumable_upload(api: ApiClient, account: Account) -> None:
    """What it drops gives way to it when its room is reserved, too, and goes when it is finished."""
    tus = TusDevice(api, account)
    allow(account, 100)
    first = store(api, account, b"x" * 60)["id"]
    assert tus.create(backup_fields(b"y" * 90), 90).code == "quota_exceeded"
    set_policy(api, account, keep_last=1, immutable_days=3)
    assert tus.create(backup_fields(b"y" * 101), 101).code == "quota_exceeded"
    path = tus.begin(backup_fields(b"y" * 90), 90)
    assert tus.send(path, 0, b"y" * 50).status == 204
    assert kept(api, account) == [first]

    finished = tus.send(path, 50, b"y" * 40)
    (id_,) = kept(api, account)
    assert finished.headers["Content-Location"].endswith(id_)
    assert immutable_until(id_) > datetime.now(UTC) + 2 * DAY
    assert delete(api, account, id_).status == 409
    assert tus.create(backup_fields(b"z" * 11), 11).code == "quota_exceeded"  # what is immutable does not give way
    again = tus.create(backup_fields(b"y" * 90), 90)  # it is there already: nothing is sent, and nothing dropped
    assert (again.status, again.headers["Upload-Offset"]) == (201, "90")
    assert kept(api, account) == [id_]


def test_what_gives_way_is_room_for_one_resumable_upload_and_not_for_each(api: ApiClient, account: Account) -> None:
    tus = TusDevice(api, account)
    allow(account, 100)
    set_policy(api, account, keep_last=1)
    store(api, account, b"x" * 80)
    path = tus.begin(backup_fields(b"y" * 90), 90)
    assert tus.create(backup_fields(b"z" * 90), 90).code == "quota_exceeded"
    assert tus.create(backup_fields(b"z" * 10), 10).status == 201
    assert tus.send(path, 0, b"y" * 90).status == 204


# --- at once ---


def test_uploads_at_once_keep_what_the_policy_names_and_the_quota_never_stands_in_their_way(
    api: ApiClient, account: Account
) -> None:
    allow(account, 100)
    set_policy(api, account, keep_last=1)
    answers = run_concurrently(*(partial(put, ApiClient(), account, b"%02d" % n + b"x" * 58) for n in range(16)))
    assert Counter(answer.status for answer in answers) == {201: 16}
    latest = max(answers, key=lambda answer: str(answer.json["created_at"]))
    assert kept(api, account) == [latest.json["id"]]


def test_uploads_deletions_and_policies_at_once_count_right(api: ApiClient, account: Account) -> None:
    gone = [store(api, account, b"x" * n)["id"] for n in range(6)]
    answers = run_concurrently(
        *(partial(delete, ApiClient(), account, id_) for id_ in gone),
        *(partial(put, ApiClient(), account, b"y" * n) for n in range(6)),
        *(partial(put_policy, ApiClient(), account, keep_last=n % 3 + 1) for n in range(6)),
    )
    assert {answer.status for answer in answers} <= {200, 201, 204, 404}
    set_policy(api, account, keep_last=2)
    store(api, account)
    assert len(kept(api, account)) == 2

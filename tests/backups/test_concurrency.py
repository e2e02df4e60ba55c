"""On real threads, each with its own connection: counters and quota hold at their edge."""

from collections import Counter
from collections.abc import Callable
from functools import partial

import pytest

from backups.models import Backup
from tests.accounts.concurrency import run_concurrently
from tests.backups.snapshots import allow, blobs_of, label, list_unfinished, put, store, used_bytes
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db(transaction=True)
MakeUser = Callable[..., Account]


@pytest.fixture
def account(make_user: MakeUser) -> Account:
    return make_user(tier="team")


def delete(account: Account, id_: str) -> Answer:
    return ApiClient().delete(f"backup/{id_}", token=account.access_token)


def assert_counted_as_kept(account: Account) -> None:
    """Row by row, blob by blob and byte by byte."""
    blobs = blobs_of(account.user.id)
    rows = Backup.objects.for_user(account.user.id)
    assert {row.s3_key for row in rows} == set(blobs)
    assert used_bytes(account.user.id) == sum(row.size_bytes for row in rows) == sum(map(len, blobs.values()))
    assert list_unfinished() == []


@pytest.mark.thorough
def test_fifty_uploads_at_the_edge_of_the_quota_never_exceed_it(account: Account) -> None:
    allow(account, 1000)
    answers = run_concurrently(*(partial(put, ApiClient(), account, b"%02d" % n + b"x" * 98) for n in range(50)))
    assert Counter(answer.status for answer in answers) == {201: 10, 402: 40}
    assert {answer.code for answer in answers if answer.status == 402} == {"quota_exceeded"}
    assert used_bytes(account.user.id) == 1000
    assert_counted_as_kept(account)


def test_of_one_upload_many_times_at_once_one_is_stored(account: Account) -> None:
    allow(account, 1000)
    answers = run_concurrently(*(partial(put, ApiClient(), account, b"x" * 600) for _ in range(12)))
    assert Counter(answer.status for answer in answers) == {201: 1, 200: 11}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert used_bytes(account.user.id) == 600
    assert_counted_as_kept(account)


def test_of_uploads_that_follow_one_snapshot_one_wins(api: ApiClient, account: Account) -> None:
    expected = {"If-Match": f'"{store(api, account)["checksum"]}"'}
    bodies = [b"%d" % n for n in range(12)]
    answers = run_concurrently(
        *(partial(put, ApiClient(), account, body, headers=label(body) | expected) for body in bodies)
    )
    assert Counter(answer.status for answer in answers) == {201: 1, 412: 11}
    (winner,) = [answer.headers["ETag"] for answer in answers if answer.status == 201]
    assert {answer.json["etag"] for answer in answers if answer.status == 412} <= {winner, expected["If-Match"]}
    assert_counted_as_kept(account)


def test_of_parallel_deletions_of_one_snapshot_one_finds_it(api: ApiClient, account: Account) -> None:
    kept, gone = store(api, account, b"kept"), store(api, account, b"gone")
    answers = run_concurrently(*(partial(delete, account, gone["id"]) for _ in range(10)))
    assert Counter(answer.status for answer in answers) == {204: 1, 404: 9}
    assert [str(row.id) for row in Backup.objects.for_user(account.user.id)] == [kept["id"]]
    assert_counted_as_kept(account)


def test_uploads_and_deletions_together_count_right(api: ApiClient, account: Account) -> None:
    gone = [store(api, account, b"x" * n) for n in range(8)]
    run_concurrently(
        *(partial(delete, account, one["id"]) for one in gone),
        *(partial(put, ApiClient(), account, b"y" * n) for n in range(8)),
    )
    assert Backup.objects.for_user(account.user.id).count() == 8
    assert_counted_as_kept(account)


def test_uploads_at_once_have_an_order_that_all_see(api: ApiClient, account: Account) -> None:
    answers = run_concurrently(*(partial(put, ApiClient(), account, b"%d" % n) for n in range(10)))
    moments = {answer.json["created_at"] for answer in answers}
    assert len(moments) == 10
    items = api.get("backup/history", token=account.access_token).json["items"]
    assert [item["created_at"] for item in items] == sorted(moments, reverse=True)
    latest = api.get("backup", token=account.access_token)
    assert latest.headers["X-Checksum"] == items[0]["checksum"]

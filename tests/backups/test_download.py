"""``GET /backup`` and ``GET /backup/{id}``: the right snapshot, told apart from what the client has."""

import secrets
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils.http import http_date

from tests.backups.snapshots import TIMESTAMP, age, checksum_of, label, put, seconds_of, store
from tests.support.accounts import Account
from tests.support.client import Answer, ApiClient

pytestmark = pytest.mark.django_db(transaction=True)  # an upload gives its connection back
MakeUser = Callable[..., Account]
BODY = secrets.token_bytes(1000)
YEAR_2020 = datetime(2020, 1, 1, 12, 0, 0, 999_999, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def account(make_user: MakeUser) -> Account:
    return make_user(tier="team")


def get(api: ApiClient, account: Account, path: str = "backup", *, method: str = "GET", **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.request(method, path, headers=named, token=account.access_token)


def test_a_snapshot_comes_back_with_what_was_said_of_it(api: ApiClient, account: Account) -> None:
    meta = put(api, account, BODY, headers=label(BODY, Version=" v2 ", Chunk_Count="17")).json
    for path in ("backup", f"backup/{meta['id']}"):
        answer = get(api, account, path)
        assert (answer.status, answer.content) == (200, BODY)
        expected = {
            "X-Backup-Version": "v2",
            "X-Backup-Timestamp": TIMESTAMP,
            "X-Backup-Checksum": checksum_of(BODY),
            "X-Backup-Chunk-Count": "17",
            "X-Checksum": checksum_of(BODY),
            "ETag": f'"{checksum_of(BODY)}"',
            "Content-Type": "application/octet-stream",
            "Content-Length": "1000",
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, no-cache",
            "X-Content-Type-Options": "nosniff",
            "RateLimit-Limit": "200",
        }
        assert expected.items() <= dict(answer.headers.items()).items()
        assert seconds_of(answer.headers["Last-Modified"]) == datetime.fromisoformat(meta["created_at"]).replace(
            microsecond=0
        )


def test_a_chunk_count_that_was_not_said_is_not_told(api: ApiClient, account: Account) -> None:
    store(api, account)
    assert "X-Backup-Chunk-Count" not in get(api, account).headers


def test_head_tells_the_same_without_the_bytes(api: ApiClient, account: Account) -> None:
    meta = store(api, account, BODY)
    for path in ("backup", f"backup/{meta['id']}"):
        got, head = get(api, account, path), get(api, account, path, method="HEAD", Range="bytes=0-1")
        assert (head.status, head.content) == (200, b"")
        differ = {"X-Request-ID", "RateLimit-Remaining", "RateLimit-Reset"}
        assert {name: value for name, value in head.headers.items() if name not in differ} == {
            name: value for name, value in got.headers.items() if name not in differ
        }


@pytest.mark.parametrize("accepted", ["application/octet-stream", "application/json", "*/*", "", "text/html"])
def test_bytes_have_one_form_whatever_is_accepted(api: ApiClient, account: Account, accepted: str) -> None:
    store(api, account, BODY)
    answer = get(api, account, Accept=accepted)
    assert (answer.status, answer.headers["Content-Type"]) == (200, "application/octet-stream")
    assert get(api, account, f"backup/{uuid.uuid4()}", Accept=accepted).code == "not_found"


# --- which one ---


def test_where_there_is_none_there_is_nothing(api: ApiClient, account: Account) -> None:
    for method in ("GET", "HEAD"):
        assert get(api, account, method=method).status == 404
    assert get(api, account).code == "not_found"


def test_the_latest_is_the_one_that_was_stored_last(api: ApiClient, account: Account) -> None:
    """Whatever its timestamp says: a client's clock may be wrong."""
    for body, timestamp in ((b"one", "2026-01-01T00:00:00Z"), (b"two", "2020-01-01T00:00:00Z")):
        assert put(api, account, body, headers=label(body, Timestamp=timestamp)).status == 201
    assert get(api, account).content == b"two"


def test_a_clock_that_is_set_back_does_not_hide_the_newest(api: ApiClient, account: Account) -> None:
    first = store(api, account, b"one")
    age(first, created_at=datetime.now(UTC) + timedelta(hours=1))
    second = store(api, account, b"two")
    assert get(api, account).content == b"two"
    history = get(api, account, "backup/history").json["items"]
    assert [item["id"] for item in history] == [second["id"], first["id"]]


def test_of_two_at_one_time_the_larger_id_is_the_latest_everywhere(api: ApiClient, account: Account) -> None:
    bodies = {store(api, account, body)["id"]: body for body in (b"one", b"two", b"three")}
    for id_ in bodies:
        age({"id": id_}, created_at=YEAR_2020)
    newest_first = sorted(bodies, reverse=True)
    assert get(api, account).content == bodies[newest_first[0]]
    assert [item["id"] for item in get(api, account, "backup/history").json["items"]] == newest_first


def test_each_is_there_by_its_id(api: ApiClient, account: Account) -> None:
    bodies = {store(api, account, body)["id"]: body for body in (b"one", b"two")}
    assert {id_: get(api, account, f"backup/{id_}").content for id_ in bodies} == bodies


@pytest.mark.parametrize("id_", [str(uuid.UUID(int=0)), str(uuid.uuid4()), "latest", "1", "%00", "..", "a" * 300])
def test_an_id_that_is_none_is_not_found(api: ApiClient, account: Account, id_: str) -> None:
    store(api, account)
    for method in ("GET", "DELETE"):
        assert get(api, account, f"backup/{id_}", method=method).code == "not_found"


def test_another_ones_snapshot_is_not_found(api: ApiClient, account: Account, make_user: MakeUser) -> None:
    meta = store(api, account, BODY)
    stranger = make_user(tier="team")
    for method in ("GET", "DELETE"):
        assert get(api, stranger, f"backup/{meta['id']}", method=method).code == "not_found"
    assert get(api, stranger, f"backup/{meta['id']}", If_None_Match="*").code == "not_found"
    assert get(api, stranger).code == "not_found"
    assert get(api, stranger, "backup/history").json["items"] == []
    assert get(api, account).content == BODY


@pytest.mark.parametrize("path", ["backup", "backup/history", f"backup/{uuid.UUID(int=0)}", "backup/nonsense"])
def test_nobody_gets_nothing(api: ApiClient, path: str) -> None:
    assert api.get(path).code == "not_authenticated"


# --- what the client has ---


def test_who_sends_our_validators_back_gets_304(api: ApiClient, account: Account) -> None:
    meta = store(api, account, BODY)
    for path in ("backup", f"backup/{meta['id']}"):
        fresh = get(api, account, path).headers
        for condition in ({"If_None_Match": fresh["ETag"]}, {"If_Modified_Since": fresh["Last-Modified"]}):
            for method in ("GET", "HEAD"):
                answer = get(api, account, path, method=method, **condition)
                assert (answer.status, answer.content) == (304, b"")
                assert (answer.headers["ETag"], answer.headers["Last-Modified"]) == (
                    fresh["ETag"],
                    fresh["Last-Modified"],
                )
                assert not {"Content-Length", "Content-Type"} & set(answer.headers)


@pytest.mark.parametrize(("offset", "status"), [(-365 * 86400, 200), (-1, 200), (0, 304), (1, 304), (365 * 86400, 304)])
def test_if_modified_since_counts_whole_seconds(api: ApiClient, account: Account, offset: int, status: int) -> None:
    meta = store(api, account)
    age(meta, created_at=YEAR_2020)
    date = http_date((YEAR_2020 + offset * SECOND).timestamp())
    assert get(api, account, If_Modified_Since=date).status == status
    assert get(api, account, f"backup/{meta['id']}", If_Modified_Since=date).status == status


def test_a_newer_snapshot_is_no_304(api: ApiClient, account: Account) -> None:
    old = store(api, account, b"one")
    age(old, created_at=YEAR_2020)
    before = get(api, account).headers
    store(api, account, b"two")
    for condition in ({"If_None_Match": before["ETag"]}, {"If_Modified_Since": before["Last-Modified"]}):
        assert get(api, account, **condition).content == b"two"
        assert get(api, account, f"backup/{old['id']}", **condition).status == 304


def test_the_same_bytes_at_a_later_time_are_304_by_tag_and_new_by_date(api: ApiClient, account: Account) -> None:
    age(store(api, account, b"same"), created_at=YEAR_2020)
    before = get(api, account).headers
    assert put(api, account, b"same", headers=label(b"same", Timestamp="2026-11-22T18:20:06Z")).status == 201
    assert get(api, account, If_None_Match=before["ETag"]).status == 304
    assert get(api, account, If_Modified_Since=before["Last-Modified"]).status == 200


def test_no_date_of_a_second_with_several_changes_stands_for_another_snapshot(api: ApiClient, account: Account) -> None:
    told: list[tuple[str, bytes]] = []

    def look(expected: bytes) -> None:
        told.append((get(api, account).headers["Last-Modified"], expected))
        for date, seen in told:
            if seen == expected:
                continue
            assert get(api, account, If_Modified_Since=date).content == expected
            assert get(api, account, Range="bytes=1-", If_Range=date).content == expected
            late = put(api, account, b"late", headers=label(b"late") | {"If-Unmodified-Since": date})
            assert late.code == "precondition_failed"

    def remove(meta: Any) -> None:
        assert get(api, account, f"backup/{meta['id']}", method="DELETE").status == 204

    one = store(api, account, b"one")
    look(b"one")
    two = store(api, account, b"two")
    look(b"two")
    remove(one)
    three = store(api, account, b"three")
    look(b"three")
    remove(three)
    look(b"two")
    remove(two)
    store(api, account, b"four")  # the deletion of the last one has left a date behind
    look(b"four")


def test_who_has_a_snapshot_that_was_deleted_is_shown_the_older_one(api: ApiClient, account: Account) -> None:
    """It is older than the date the client sends, and new to it all the same."""
    age(store(api, account, b"one"), created_at=YEAR_2020)
    newest = store(api, account, b"two")
    age(newest, created_at=YEAR_2020 + 10 * SECOND)
    seen = get(api, account).headers
    assert get(api, account, f"backup/{newest['id']}", method="DELETE").status == 204
    answer = get(api, account, If_Modified_Since=seen["Last-Modified"])
    assert (answer.status, answer.content) == (200, b"one")
    assert get(api, account, If_None_Match=seen["ETag"]).content == b"one"
    assert get(api, account, If_Modified_Since=answer.headers["Last-Modified"]).status == 304


def test_a_snapshot_shown_again_keeps_its_own_date_under_its_own_path(api: ApiClient, account: Account) -> None:
    oldest = store(api, account, b"one")
    age(oldest, created_at=YEAR_2020)
    newest = store(api, account, b"two")
    get(api, account, f"backup/{newest['id']}", method="DELETE")
    date = http_date(YEAR_2020.timestamp())
    assert get(api, account, f"backup/{oldest['id']}", If_Modified_Since=date).status == 304
    assert get(api, account, If_Modified_Since=date).status == 200
    assert store(api, account, b"three")["created_at"] > oldest["created_at"]
    assert get(api, account).content == b"three"


def test_the_deletion_of_an_older_one_changes_nothing_for_the_latest(api: ApiClient, account: Account) -> None:
    old, new = store(api, account, b"one"), store(api, account, b"two")
    age(old, created_at=YEAR_2020)
    age(new, created_at=YEAR_2020 + SECOND)
    seen = get(api, account).headers
    assert get(api, account, f"backup/{old['id']}", method="DELETE").status == 204
    assert get(api, account, If_Modified_Since=seen["Last-Modified"]).status == 304
    assert get(api, account).headers["Last-Modified"] == seen["Last-Modified"]


# --- a part of it ---


@pytest.mark.parametrize(
    ("asked", "cut"),
    [
        ("bytes=0-99", slice(0, 100)),
        ("bytes=900-", slice(900, None)),
        ("bytes=-1", slice(-1, None)),
        ("bytes=0-9999", slice(None)),
    ],
)
def test_a_range_is_206(api: ApiClient, account: Account, asked: str, cut: slice) -> None:
    meta = store(api, account, BODY)
    start, end, _ = cut.indices(1000)
    for path in ("backup", f"backup/{meta['id']}"):
        answer = get(api, account, path, Range=asked)
        assert (answer.status, answer.content) == (206, BODY[cut])
        assert answer.headers["Content-Range"] == f"bytes {start}-{end - 1}/1000"
        assert answer.headers["Content-Length"] == str(end - start)
        assert answer.headers["X-Checksum"] == checksum_of(BODY)


def test_a_range_behind_the_end_is_416(api: ApiClient, account: Account) -> None:
    store(api, account, BODY)
    answer = get(api, account, Range="bytes=1000-")
    assert (answer.status, answer.code) == (416, "range_not_satisfiable")
    assert answer.headers["Content-Range"] == "bytes */1000"


def test_a_download_goes_on_only_with_the_same_snapshot(api: ApiClient, account: Account) -> None:
    age(store(api, account, BODY), created_at=YEAR_2020)
    seen = get(api, account, Range="bytes=0-499").headers
    for validator in (seen["ETag"], seen["Last-Modified"]):
        assert get(api, account, Range="bytes=500-", If_Range=validator).content == BODY[500:]
    store(api, account, b"another")
    for validator in (seen["ETag"], seen["Last-Modified"]):
        answer = get(api, account, Range="bytes=500-", If_Range=validator)
        assert (answer.status, answer.content) == (200, b"another")
    assert get(api, account, Range="bytes=500-", If_Match=seen["ETag"]).code == "precondition_failed"


# --- what the store has lost ---


def test_a_snapshot_without_its_bytes_is_502_and_not_an_empty_one(
    api: ApiClient, account: Account, blob_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    meta = store(api, account, BODY)
    (blob_folder / str(account.user.id) / "_backup" / meta["id"]).unlink()
    for path in ("backup", f"backup/{meta['id']}"):
        answer = get(api, account, path)
        assert (answer.status, answer.code) == (502, "upstream_error")
    assert "the blob of a backup is gone" in caplog.text

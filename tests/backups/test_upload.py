"""``PUT /backup``: what is kept, and what is refused."""

import secrets
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from backups.models import Backup
from tests.backups.snapshots import (
    TIMESTAMP,
    allow,
    assert_nothing_is_kept_of,
    blobs_of,
    checksum_of,
    label,
    list_unfinished,
    put,
    store,
    used_bytes,
)
from tests.support.accounts import Account
from tests.support.client import ApiClient

pytestmark = pytest.mark.django_db(transaction=True)  # an upload gives its connection back
MakeUser = Callable[..., Account]


def test_an_upload_answers_with_what_is_known_of_it(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user(tier="pro")
    body = secrets.token_bytes(1000)
    answer = put(api, account, body, headers=label(body, Version="v2/zstd", Chunk_Count="17"))
    assert answer.status == 201
    meta = answer.json
    assert meta == {
        "id": str(UUID(meta["id"])),
        "version": "v2/zstd",
        "timestamp": TIMESTAMP,
        "checksum": checksum_of(body),
        "size_bytes": 1000,
        "chunk_count": 17,
        "created_at": meta["created_at"],
    }
    assert meta["created_at"].endswith("Z")
    assert answer.headers["Location"] == f"/api/v1/backup/{meta['id']}"
    assert answer.headers["ETag"] == f'"{checksum_of(body)}"'
    assert answer.headers["Cache-Control"] == "no-store"


def test_what_lies_in_the_blob_folder_is_byte_for_byte_what_was_sent(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user(tier="pro")
    body = bytes(range(256)) * 700 + b"\r\n\x00tail"
    meta = store(api, account, body)
    assert blobs_of(account.user.id) == {f"{account.user.id}/_backup/{meta['id']}": body}
    assert list_unfinished() == []


def test_the_database_knows_nothing_of_what_a_snapshot_says(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user(tier="pro")
    canary = secrets.token_hex(16).encode()
    meta = store(api, account, b"before " + canary + b" after")
    row = Backup.objects.filter(id=meta["id"]).values().get()
    assert canary.decode() not in repr(row)


@pytest.mark.parametrize("timestamp", ["0001-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"])
def test_the_first_and_the_last_of_times_come_back(api: ApiClient, make_user: MakeUser, timestamp: str) -> None:
    account = make_user(tier="pro")
    assert put(api, account, b"x", headers=label(b"x", Timestamp=timestamp)).json["timestamp"] == timestamp
    assert api.get("backup", token=account.access_token).headers["X-Backup-Timestamp"] == timestamp
    assert api.get("backup/history", token=account.access_token).json["items"][0]["timestamp"] == timestamp


def test_nothing_at_all_may_be_a_snapshot(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user(tier="pro")
    meta = store(api, account, b"")
    assert (meta["size_bytes"], meta["chunk_count"]) == (0, None)
    answer = api.get(f"backup/{meta['id']}", token=account.access_token)
    assert (answer.status, answer.content, answer.headers["Content-Length"]) == (200, b"", "0")


LATER = "2026-11-22T18:20:06Z"


def test_the_same_bytes_at_another_time_are_another_snapshot(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user(tier="pro")
    first = store(api, account, b"twice")
    second = put(api, account, b"twice", headers=label(b"twice", Timestamp=LATER)).json
    assert first["id"] != second["id"]
    assert first["checksum"] == second["checksum"]
    assert len(blobs_of(account.user.id)) == 2
    assert used_bytes(account.user.id) == 10


# --- the answer was lost: the same again ---


def test_the_latest_snapshot_again_is_stored_once_and_says_what_was_lost(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user(tier="pro")
    first = put(api, account, b"once")
    again = put(api, account, b"once", headers=label(b"once", Timestamp="2026-11-22T19:20:05.061422+01:00"))
    assert (first.status, again.status, again.json) == (201, 200, first.json)
    for name in ("ETag", "Location"):
        assert again.headers[name] == first.headers[name]
    assert len(blobs_of(account.user.id)) == 1
    assert (used_bytes(account.user.id), list_unfinished()) == (4, [])


def test_the_latest_again_needs_no_room(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user(tier="pro")
    allow(account, 5)
    store(api, account, b"once")
    assert put(api, account, b"once").status == 200
    assert put(api, account, b"once", headers=label(b"once", Timestamp=LATER)).code == "quota_exceeded"
    allow(account, 0)  # a downgrade takes nothing away either
    assert put(api, account, b"once").status == 200


def test_the_latest_again_takes_the_place_of_bytes_that_are_gone(
    api: ApiClient, make_user: MakeUser, blob_folder: Path
) -> None:
    """After a restore from a backup of which not all was whole, say: the device has them still."""
    account = make_user(tier="pro")
    first = store(api, account, b"once")
    allow(account, 0)  # it is counted already
    [lost] = blobs_of(account.user.id)
    (blob_folder / lost).unlink()
    assert put(api, account, b"twig", headers=label(b"once")).code == "checksum_mismatch"
    assert blobs_of(account.user.id) == {}

    again = put(api, account, b"once", headers=label(b"once") | {"If-None-Match": "*"})

    assert (again.status, again.json) == (200, first)
    assert api.get(f"backup/{first['id']}", token=account.access_token).content == b"once"
    stored = blobs_of(account.user.id)
    assert list(stored.values()) == [b"once"]
    assert lost not in stored  # under a key of its own: nobody ever writes where somebody reads
    assert (used_bytes(account.user.id), list_unfinished()) == (4, [])
    assert put(api, account, b"once").json == first
    assert blobs_of(account.user.id) == stored


@pytest.mark.parametrize("condition", [{"If-None-Match": "*"}, {"If-Match": '"of the one before"'}])
def test_the_latest_again_is_no_matter_of_conditions(
    api: ApiClient, make_user: MakeUser, condition: dict[str, str]
) -> None:
    """They named what was there before it, and it is there now by this very upload."""
    account = make_user(tier="pro")
    store(api, account, b"once")
    assert put(api, account, b"once", headers=label(b"once") | condition).status == 200


def test_other_bytes_under_the_checksum_of_the_latest_are_refused_all_the_same(
    api: ApiClient, make_user: MakeUser, settings: pytest.FixtureRequest
) -> None:
    account = make_user(tier="pro")
    meta = store(api, account, b"once")
    assert put(api, account, b"twig", headers=label(b"once")).code == "checksum_mismatch"
    settings.MAX_BACKUP_BYTES = 3  # type: ignore[attr-defined]
    assert put(api, account, b"once").code == "payload_too_large"
    settings.MAX_BACKUP_BYTES = 4  # type: ignore[attr-defined]
    ranged = put(api, account, b"once", headers=label(b"once") | {"Content-Range": "bytes 0-3/4"})
    assert set(ranged.json["errors"]) == {"content_range"}
    assert [row.id for row in Backup.objects.for_user(account.user.id)] == [UUID(meta["id"])]


def test_what_is_no_longer_the_latest_is_a_snapshot_of_its_own(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user(tier="pro")
    store(api, account, b"one")
    store(api, account, b"two")
    assert put(api, account, b"one").status == 201
    assert used_bytes(account.user.id) == 9


@pytest.mark.parametrize("content_type", ["application/json", "application/x-www-form-urlencoded", "text/plain", ""])
def test_the_body_is_taken_as_it_is_whatever_it_is_called(
    api: ApiClient, make_user: MakeUser, content_type: str
) -> None:
    account = make_user(tier="pro")
    body = b"a=1&b={"
    answer = api.put("backup", body=body, headers=label(body), token=account.access_token, content_type=content_type)
    assert answer.status == 201
    assert list(blobs_of(account.user.id).values()) == [body]


# --- checksum and quota ---


def test_a_wrong_checksum_leaves_nothing(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user(tier="pro")
    answer = put(api, account, b"sent", headers=label(b"meant"))
    assert (answer.status, answer.code) == (400, "checksum_mismatch")
    assert_nothing_is_kept_of(account)
    assert list_unfinished() == []


def test_free_has_no_room_for_anything(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    for body in (b"", b"x"):
        answer = put(api, account, body)
        assert (answer.status, answer.code) == (402, "quota_exceeded")
        details = {name: answer.json[name] for name in ("limit_bytes", "used_bytes", "requested_bytes")}
        assert details == {"limit_bytes": 0, "used_bytes": 0, "requested_bytes": len(body)}
    assert_nothing_is_kept_of(account)


def test_a_quota_is_full_to_the_byte(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user(tier="pro")
    allow(account, 100)
    store(api, account, b"x" * 60)
    answer = put(api, account, b"x" * 41)
    assert (answer.status, answer.code) == (402, "quota_exceeded")
    details = {name: answer.json[name] for name in ("limit_bytes", "used_bytes", "requested_bytes")}
    assert details == {"limit_bytes": 100, "used_bytes": 60, "requested_bytes": 41}
    store(api, account, b"x" * 40)
    store(api, account, b"")
    assert put(api, account, b"x").status == 402
    assert used_bytes(account.user.id) == sum(map(len, blobs_of(account.user.id).values())) == 100


def test_snapshots_have_a_quota_of_their_own(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user(tier="pro")
    store(api, account, b"x" * 60)
    assert api.get("storage/quota", token=account.access_token).json == {
        "storage": {"used_bytes": 0, "versions_bytes": 0, "limit_bytes": 5 * 1024**3},
        "backup": {"used_bytes": 60, "limit_bytes": 5 * 1024**3},
    }


def test_team_may_keep_what_it_likes(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user(tier="team")
    store(api, account, b"x" * 60)
    quota = api.get("storage/quota", token=account.access_token).json
    assert quota["backup"] == {"used_bytes": 60, "limit_bytes": None}


def test_the_limit_of_one_snapshot_is_413(api: ApiClient, make_user: MakeUser, settings: pytest.FixtureRequest) -> None:
    settings.MAX_BACKUP_BYTES = 10  # type: ignore[attr-defined]
    account = make_user(tier="pro")
    store(api, account, b"x" * 10)
    answer = put(api, account, b"x" * 11)
    assert (answer.status, answer.code, answer.json["max_bytes"]) == (413, "payload_too_large", 10)
    assert used_bytes(account.user.id) == 10


# --- conditions ---


def test_a_device_that_is_behind_does_not_become_the_latest(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user(tier="pro")
    first, second = store(api, account, b"one"), store(api, account, b"two")
    answer = put(api, account, b"new", headers=label(b"new") | {"If-Match": f'"{first["checksum"]}"'})
    assert (answer.status, answer.code) == (412, "precondition_failed")
    assert answer.json["etag"] == answer.headers["ETag"] == f'"{second["checksum"]}"'
    assert list(blobs_of(account.user.id).values()).count(b"new") == 0
    assert put(api, account, b"new", headers=label(b"new") | {"If-Match": answer.json["etag"]}).status == 201


def test_the_first_one_may_ask_to_be_the_first(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user(tier="pro")
    answer = put(api, account, b"x", headers=label(b"x") | {"If-Match": "*"})
    assert (answer.status, answer.json["etag"]) == (412, None)
    assert put(api, account, b"x", headers=label(b"x") | {"If-None-Match": "*"}).status == 201
    assert put(api, account, b"y", headers=label(b"y") | {"If-None-Match": "*"}).code == "precondition_failed"
    assert used_bytes(account.user.id) == 1


# --- the order of refusal ---


def test_what_is_refused_first_is_told_first(
    api: ApiClient, make_user: MakeUser, settings: pytest.FixtureRequest
) -> None:
    """401, 402, 412, 400 by header, 413, 400 by checksum: each mended in turn."""
    settings.MAX_BACKUP_BYTES = 50  # type: ignore[attr-defined]
    account, free = make_user(tier="pro"), make_user()
    allow(account, 100)
    headers_wrong = label(b"", Version="", Checksum="a" * 64)
    everything_wrong = headers_wrong | {"If-Match": "*"}
    large = b"x" * 101
    assert api.put("backup", body=large, headers=everything_wrong).code == "not_authenticated"
    assert put(api, free, b"", headers=everything_wrong).code == "quota_exceeded"
    assert put(api, account, large, headers=everything_wrong).code == "quota_exceeded"
    assert put(api, account, large[:100], headers=everything_wrong).code == "precondition_failed"
    assert put(api, account, large[:100], headers=headers_wrong).code == "validation_error"
    assert put(api, account, large[:100], headers=label(b"other")).code == "payload_too_large"
    assert put(api, account, large[:50], headers=label(b"other")).code == "checksum_mismatch"
    assert put(api, account, large[:50]).status == 201


def test_the_rate_limit_goes_before_the_quota(api: ApiClient, make_user: MakeUser) -> None:
    account = make_user()
    statuses = [put(api, account, b"").status for _ in range(21)]
    assert statuses == [402] * 20 + [429]


def test_post_is_not_a_way_to_upload(api: ApiClient, make_user: MakeUser) -> None:
    answer = api.post("backup", body=b"x", headers=label(b"x"), token=make_user(tier="pro").access_token)
    assert (answer.status, answer.code) == (405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "PUT"}

"""The change feed, page by page."""

import io
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command

from storage.checksums import checksum_of
from storage.models import StorageUsage
from tests.storage.records.devices import Device
from tests.support.feed_cursors import cursor_at

pytestmark = pytest.mark.django_db


def prune() -> None:
    """Every tombstone there is."""
    call_command("reap_storage", "--tombstone-age", "0", stdout=io.StringIO())


def at(device: Device, position: int, **others: Any) -> str:
    return cursor_at(device.account.user.id, position, **others)


def test_it_begins_empty(device: Device) -> None:
    assert device.feed() == {"changes": [], "next": at(device, 0), "has_more": False}


def test_a_change_says_all_but_the_bytes(device: Device) -> None:
    kept, gone = device.stored(b"kept", table="notes"), device.stored(b"gone!", table="tasks")
    device.delete(gone["id"])
    put = {
        "seq": 1,
        "id": kept["id"],
        "table_name": "notes",
        "op": "put",
        "checksum": checksum_of(b"kept"),
        "size_bytes": 4,
        "revision": 1,
        "etag": device.read(kept["id"]).headers["ETag"],
    }
    delete = {
        "seq": 3,
        "id": gone["id"],
        "table_name": "tasks",
        "op": "delete",
        "checksum": checksum_of(b"gone!"),
        "size_bytes": 0,
        "revision": 2,
        "etag": f'"2-{checksum_of(b"gone!")[:16]}"',
    }
    assert device.feed() == {"changes": [put, delete], "next": at(device, 3), "has_more": False}


def test_it_has_the_last_change_of_each_record(device: Device) -> None:
    first, second = device.stored(b"1")["id"], device.stored(b"2")["id"]
    device.send(b"1 again", to=first)
    assert [(change["seq"], change["id"]) for change in device.feed()["changes"]] == [(2, second), (3, first)]


def test_a_page_ends_at_its_limit_and_the_next_goes_on(device: Device) -> None:
    ids = [device.stored(bytes([number]))["id"] for number in range(5)]
    seen, since, more = [], "0", True
    while more:
        page = device.feed(f"?since={since}&limit=2")
        assert len(page["changes"]) <= 2
        seen += [change["id"] for change in page["changes"]]
        since, more = page["next"], page["has_more"]
    assert (seen, since) == (ids, at(device, 5))
    assert device.feed(f"?since={since}") == {"changes": [], "next": since, "has_more": False}


def test_an_exactly_full_page_is_the_last(device: Device) -> None:
    for number in range(4):
        device.stored(bytes([number]))
    assert device.feed("?limit=4")["has_more"] is False
    assert device.feed("?limit=3")["has_more"] is True


def test_since_is_all_that_came_after(device: Device) -> None:
    for number in range(3):
        device.stored(bytes([number]))
    since = device.feed("?limit=2")["next"]
    assert [change["seq"] for change in device.feed(f"?since={since}")["changes"]] == [3]


def test_a_limit_has_a_limit(device: Device) -> None:
    device.stored(b"x")
    assert len(device.feed("?limit=100000")["changes"]) == 1


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=all", f"limit={10**30}"])
def test_a_limit_that_is_none_is_400(device: Device, query: str) -> None:
    answer = device.api.get(f"storage/changes?{query}", token=device.token)
    assert (answer.status, answer.code, list(answer.json["errors"])) == (400, "validation_error", ["limit"])


# --- cursors that go on nowhere ---


def assert_never_handed_out(device: Device, since: str) -> None:
    answer = device.api.get(f"storage/changes?since={since}", token=device.token)
    assert (answer.status, answer.code, list(answer.json["errors"])) == (400, "validation_error", ["since"])


def assert_resync_required(device: Device, since: str, reason: str) -> None:
    answer = device.api.get(f"storage/changes?since={since}", token=device.token)
    assert (answer.status, answer.code, answer.json["reason"]) == (410, "resync_required", reason), answer
    assert "since=0" in answer.json["detail"]


@pytest.mark.parametrize("since", ["x", "", "1.5", "00", "-0", "0x0", "1", "-1", str(2**53), "A" * 64, "A" * 4096, "é"])
def test_what_is_no_cursor_is_400(device: Device, since: str) -> None:
    device.stored(b"x")
    assert_never_handed_out(device, since)


def test_a_cursor_is_of_one_account(device: Device, new_device: Callable[[], Device]) -> None:
    device.stored(b"x")
    other = new_device()
    other.stored(b"y")
    assert_never_handed_out(device, other.feed()["next"])


def test_a_cursor_has_one_spelling(device: Device) -> None:
    since = device.feed()["next"]
    for other in (f"{since}=", f"{since[:10]}.{since[10:]}", since[:-1], f"{since}AAAA", f" {since}", since.swapcase()):
        assert_never_handed_out(device, other)


def test_who_is_behind_the_pruned_must_start_again(device: Device) -> None:
    empty = device.feed()["next"]
    kept = device.stored(b"kept")["id"]
    first = device.feed()["next"]
    gone = device.stored(b"gone")["id"]
    second = device.feed()["next"]
    device.delete(gone)
    last = device.feed()["next"]
    prune()
    for since in (empty, first, second):
        assert_resync_required(device, since, "pruned")
    assert device.feed(f"?since={last}") == {"changes": [], "next": last, "has_more": False}
    page = device.feed("?since=0")
    assert [change["id"] for change in page["changes"]] == [kept]
    assert (page["next"], page["has_more"]) == (last, False)


def test_when_everything_is_pruned_a_new_follower_is_up_to_date(device: Device) -> None:
    device.delete(device.stored(b"gone")["id"])
    prune()
    page = device.feed()
    assert page == {"changes": [], "next": at(device, 2), "has_more": False}
    device.stored(b"new")
    assert [change["seq"] for change in device.feed(f"?since={page['next']}")["changes"]] == [3]


def old_records_below_a_pruning(device: Device) -> list[str]:
    """Six live records, numbered 1 to 6, and a pruned deletion at 8."""
    ids = [device.stored(bytes([number]))["id"] for number in range(6)]
    device.delete(device.stored(b"gone")["id"])
    prune()
    return ids


def test_a_full_run_goes_through_what_is_older_than_the_pruned(device: Device) -> None:
    ids = old_records_below_a_pruning(device)
    seen, since, cursors = [], "0", []
    for _ in range(3):
        page = device.feed(f"?since={since}&limit=2")
        seen += [change["id"] for change in page["changes"]]
        since = page["next"]
        cursors.append(since)
    assert seen == ids
    assert cursors == [at(device, 2, run_after=8), at(device, 4, run_after=8), at(device, 8)]
    assert device.feed(f"?since={since}") == {"changes": [], "next": since, "has_more": False}


def test_a_full_run_into_which_a_pruning_falls_starts_again(device: Device) -> None:
    """It may have shown a record whose deletion nobody would tell of any more."""
    ids = old_records_below_a_pruning(device)
    page = device.feed("?limit=2")
    device.delete(ids[0])
    assert device.feed(f"?since={page['next']}&limit=2")["changes"]
    prune()
    assert_resync_required(device, page["next"], "pruned")
    assert [change["id"] for change in device.feed("?limit=100")["changes"]] == ids[1:]


def test_a_refused_change_leaves_no_gap(device: Device) -> None:
    first = device.stored(b"1")["id"]
    device.send(b"2", checksum=checksum_of(b"3"))
    device.send(b"2", record_id=first)
    device.send(b"1", record_id=first)
    device.send(b"2", to=first, headers={"If-Match": '"x"'})
    device.send(b"2", to=str(uuid.uuid4()))
    device.stored(b"2")
    assert [change["seq"] for change in device.feed()["changes"]] == [1, 2]


def test_each_user_has_numbers_of_their_own(device: Device, new_device: Callable[[], Device]) -> None:
    other = new_device()
    device.stored(b"1")
    other.stored(b"1")
    device.stored(b"2")
    assert [change["seq"] for change in device.feed()["changes"]] == [1, 2]
    assert [change["seq"] for change in other.feed()["changes"]] == [1]
    assert StorageUsage.objects.get(user=other.account.user).last_seq == 1

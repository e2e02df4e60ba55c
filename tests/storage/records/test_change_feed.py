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

pytestmark = pytest.mark.django_db


def prune() -> None:
    """Every tombstone there is."""
    call_command("reap_storage", "--tombstone-age", "0", stdout=io.StringIO())


def test_it_begins_empty(device: Device) -> None:
    assert device.feed() == {"changes": [], "next": 0, "has_more": False}


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
    }
    delete = {
        "seq": 3,
        "id": gone["id"],
        "table_name": "tasks",
        "op": "delete",
        "checksum": checksum_of(b"gone!"),
        "size_bytes": 0,
        "revision": 2,
    }
    assert device.feed() == {"changes": [put, delete], "next": 3, "has_more": False}


def test_it_has_the_last_change_of_each_record(device: Device) -> None:
    first, second = device.stored(b"1")["id"], device.stored(b"2")["id"]
    device.send(b"1 again", to=first)
    assert [(change["seq"], change["id"]) for change in device.feed()["changes"]] == [(2, second), (3, first)]


def test_a_page_ends_at_its_limit_and_the_next_goes_on(device: Device) -> None:
    ids = [device.stored(bytes([number]))["id"] for number in range(5)]
    seen, since, more = [], 0, True
    while more:
        page = device.feed(f"?since={since}&limit=2")
        assert len(page["changes"]) <= 2
        seen += [change["id"] for change in page["changes"]]
        since, more = page["next"], page["has_more"]
    assert (seen, since) == (ids, 5)
    assert device.feed(f"?since={since}") == {"changes": [], "next": 5, "has_more": False}


def test_an_exactly_full_page_is_the_last(device: Device) -> None:
    for number in range(4):
        device.stored(bytes([number]))
    assert device.feed("?limit=4")["has_more"] is False
    assert device.feed("?limit=3")["has_more"] is True


def test_since_is_all_that_came_after(device: Device) -> None:
    for number in range(3):
        device.stored(bytes([number]))
    assert [change["seq"] for change in device.feed("?since=2")["changes"]] == [3]


def test_a_limit_has_a_limit(device: Device) -> None:
    device.stored(b"x")
    assert len(device.feed("?limit=100000")["changes"]) == 1


@pytest.mark.parametrize(
    ("query", "field"),
    [
        *(
            ("since=x", "since"),
            ("since=", "since"),
            ("since=1.5", "since"),
            ("limit=0", "limit"),
            ("limit=-1", "limit"),
        ),
        *((f"since={10**30}", "since"), (f"since=-{10**30}", "since"), ("limit=all", "limit")),
    ],
)
def test_what_is_no_number_is_400(device: Device, query: str, field: str) -> None:
    answer = device.api.get(f"storage/changes?{query}", token=device.token)
    assert (answer.status, answer.code, list(answer.json["errors"])) == (400, "validation_error", [field])


def assert_resync_required(device: Device, query: str) -> Any:
    answer = device.api.get(f"storage/changes?{query}", token=device.token)
    assert (answer.status, answer.code) == (410, "resync_required"), answer
    return answer.json


def test_who_is_behind_the_pruned_must_start_again(device: Device) -> None:
    kept, gone = device.stored(b"kept")["id"], device.stored(b"gone")["id"]
    device.delete(gone)
    prune()
    for since in (1, 2):
        assert "since=0" in assert_resync_required(device, f"since={since}")["detail"]
    assert device.feed("?since=3") == {"changes": [], "next": 3, "has_more": False}
    page = device.feed("?since=0")
    assert [change["id"] for change in page["changes"]] == [kept]
    assert (page["next"], page["has_more"]) == (3, False)


def test_when_everything_is_pruned_a_new_follower_is_up_to_date(device: Device) -> None:
    device.delete(device.stored(b"gone")["id"])
    prune()
    page = device.feed()
    assert page == {"changes": [], "next": 2, "has_more": False}
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
    seen, since, cursors = [], 0, []
    for _ in range(3):
        page = device.feed(f"?since={since}&limit=2")
        seen += [change["id"] for change in page["changes"]]
        since = page["next"]
        cursors.append(since)
    assert seen == ids
    assert [cursor < 0 for cursor in cursors] == [True, True, False]
    assert since == 8
    assert device.feed("?since=8") == {"changes": [], "next": 8, "has_more": False}


def test_a_full_run_into_which_a_pruning_falls_starts_again(device: Device) -> None:
    """It may have shown a record whose deletion nobody would tell of any more."""
    ids = old_records_below_a_pruning(device)
    page = device.feed("?limit=2")
    device.delete(ids[0])
    assert device.feed(f"?since={page['next']}&limit=2")["changes"]
    prune()
    assert_resync_required(device, f"since={page['next']}")
    assert [change["id"] for change in device.feed("?limit=100")["changes"]] == ids[1:]


def test_who_knows_more_than_the_server_must_start_again(device: Device) -> None:
    """The database came back from a backup: what the follower has seen since then is not what it is told next."""
    assert_resync_required(device, "since=1")
    device.stored(b"x")
    assert_resync_required(device, "since=2")
    assert_resync_required(device, f"since={2**53 - 1}")
    assert_resync_required(device, "since=-2")
    assert device.feed("?since=1")["changes"] == []


@pytest.mark.parametrize("since", [-1, -(2**32), -(2**32) - 1, -(2**53 - 1)])
def test_a_cursor_that_was_never_given_breaks_nothing(device: Device, since: int) -> None:
    device.stored(b"x")
    answer = device.api.get(f"storage/changes?since={since}", token=device.token)
    assert answer.status in {200, 410}


def test_a_refused_change_leaves_no_gap(device: Device) -> None:
    first = device.stored(b"1")["id"]
    device.send(b"2", checksum=checksum_of(b"3"))
    device.send(b"2", record_id=first)
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

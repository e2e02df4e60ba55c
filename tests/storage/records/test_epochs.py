"""A new epoch: what devices are told when the service has gone back in time."""

import io
from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from storage.epochs import begin_epoch, settled_epoch
from storage.models import FeedEpoch, StorageRecord, StorageUsage
from storage.records import change_feed
from tests.storage.records.devices import Device
from tests.storage.records.test_change_feed import assert_never_handed_out, assert_resync_required, prune
from tests.support.feed_cursors import cursor_at

pytestmark = pytest.mark.django_db


def new_epoch() -> str:
    said = io.StringIO()
    call_command("new_epoch", stdout=said)
    return said.getvalue()


def test_every_account_reads_from_the_beginning_whatever_it_had(
    device: Device, new_device: Callable[[], Device]
) -> None:
    empty, behind = new_device(), new_device()
    device.stored(b"1")
    behind.delete(behind.stored(b"1")["id"])
    cursors = {one: one.feed()["next"] for one in (device, empty, behind)}
    run = device.feed("?limit=1")["next"]

    assert "every device reads" in new_epoch()

    for one, since in cursors.items():
        assert_resync_required(one, since, "restored")
    assert_resync_required(device, run, "restored")
    page = device.feed()
    assert [change["seq"] for change in page["changes"]] == [1]
    assert device.feed(f"?since={page['next']}")["changes"] == []


def test_where_both_apply_it_is_restored(device: Device) -> None:
    kept = device.stored(b"kept")["id"]
    since = device.feed()["next"]
    device.delete(kept)
    prune()
    assert_resync_required(device, since, "pruned")
    new_epoch()
    assert_resync_required(device, since, "restored")


def test_a_cursor_of_an_epoch_that_this_database_never_knew_is_restored(device: Device) -> None:
    """One backup is restored twice: what was handed out in between has an epoch of its own."""
    before = FeedEpoch.objects.values().get(epoch=settled_epoch().epoch)
    new_epoch()
    in_between = device.feed()["next"]
    FeedEpoch.objects.update(**before)
    new_epoch()
    assert_resync_required(device, in_between, "restored")


def test_a_restore_that_stopped_half_way_has_begun_one_all_the_same(device: Device) -> None:
    device.stored(b"1")
    since = device.feed()["next"]
    FeedEpoch.objects.update(epoch=None)
    assert_resync_required(device, since, "restored")
    assert device.stored(b"2")["revision"] > 1


def test_who_has_seen_more_than_there_is_is_told_even_without_a_new_epoch(device: Device) -> None:
    device.stored(b"x")
    assert_resync_required(device, cursor_at(device.account.user.id, 2), "restored")


def test_the_key_stays_when_the_secret_changes(device: Device, settings: Any) -> None:
    since = device.feed()["next"]
    settings.SECRET_KEY = "another"
    assert device.feed(f"?since={since}")["next"] == since
    new_epoch()
    assert_resync_required(device, since, "restored")


def test_a_database_from_before_there_were_epochs_knows_our_cursors(device: Device) -> None:
    """The backup of before an upgrade is restored after it: its row is made anew, with the key of before."""
    since = device.feed()["next"]
    FeedEpoch.objects.all().delete()
    assert_resync_required(device, since, "restored")


def test_with_another_key_a_cursor_is_nobodys(device: Device, settings: Any) -> None:
    since = device.feed()["next"]
    FeedEpoch.objects.all().delete()
    settings.SECRET_KEY = "another"
    assert_never_handed_out(device, since)


def test_revisions_rise_above_all_that_were_given_before(device: Device) -> None:
    """What a device does in the new epoch must not look older than what another one had of the old."""
    kept, gone = device.stored(b"kept")["id"], device.stored(b"gone")["id"]
    device.send(b"kept 2", to=kept)
    floor = begin_epoch().revision_floor

    device.delete(gone)
    changed = device.send(b"kept 3", to=kept).json["revision"]
    new = device.stored(b"new")["revision"]
    again = device.stored(b"gone", record_id=gone)["revision"]

    assert floor > 1_000_000
    assert (new, changed, again) == (floor + 1, floor + 1, floor + 2)
    assert device.send(b"kept 4", to=kept).json["revision"] == floor + 2
    assert begin_epoch().revision_floor > floor


def test_a_page_is_of_one_epoch(device: Device, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database goes back while a page is read: neither its rows nor its cursor may be of both."""
    device.stored(b"1")
    since = device.feed()["next"]
    device.stored(b"2")
    asked: list[object] = []
    read = change_feed._read_feed

    def goes_back_after_the_rows(user_id: Any) -> Any:
        asked.append(user_id)
        if len(asked) == 2:
            StorageRecord.objects.filter(seq=2).delete()
            StorageUsage.objects.update(last_seq=1)
            begin_epoch()
        return read(user_id)

    monkeypatch.setattr(change_feed, "_read_feed", goes_back_after_the_rows)
    page = device.feed()
    assert [change["seq"] for change in page["changes"]] == [1]
    assert device.feed(f"?since={page['next']}")["changes"] == []
    asked.clear()
    assert_resync_required(device, since, "restored")


def test_the_epoch_is_asked_for_with_the_counters(device: Device) -> None:
    device.stored(b"1")
    with CaptureQueriesContext(connection) as queries:
        device.feed()
    assert sum('"storage_feed_epoch"' in query["sql"] for query in queries) == 2
    assert sum('"storage_usage"' in query["sql"] for query in queries) == 2

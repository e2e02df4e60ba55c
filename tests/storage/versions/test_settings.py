"""How many earlier states are kept, and for how long: asked, changed, and held to."""

from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from storage.blobs.factory import get_blob_store
from storage.jobs import prune_versions
from storage.models import RecordVersion, StorageUsage
from storage.versions import giving_way, pruning
from tests.storage.records.bulk.clients import Bulk, delete, put
from tests.storage.records.devices import Device, files, limit_storage
from tests.storage.versions.test_versions import storage, trash, versions, written
from tests.support.client import Answer

pytestmark = pytest.mark.django_db(transaction=True)


def change(device: Device, **settings: Any) -> Answer:
    return device.api.put("storage/settings", json=settings, token=device.token)


def age_versions(days: float) -> None:
    then = datetime.now(UTC) - timedelta(days=days)
    RecordVersion.objects.update(replaced_at=then)


def test_settings_are_ten_for_thirty_days_until_they_are_changed(device: Device) -> None:
    assert device.api.get("storage/settings", token=device.token).json == {"versions": 10, "days": 30}
    assert not StorageUsage.objects.exists()
    assert change(device, versions=3, days=90).json == {"versions": 3, "days": 90}
    assert change(device, days=0).json == {"versions": 3, "days": 0}
    assert device.api.get("storage/settings", token=device.token).json == {"versions": 3, "days": 0}


@pytest.mark.parametrize("wrong", [{"versions": 11}, {"versions": -1}, {"days": 91}, {"days": "3"}, {"versions": None}])
def test_other_numbers_are_400(device: Device, wrong: dict[str, Any]) -> None:
    answer = change(device, **wrong)
    assert (answer.status, list(answer.json["errors"])) == (400, list(wrong))


def test_a_lower_number_acts_when_the_job_has_run(device: Device, blob_folder: Path) -> None:
    record_id = written(device, *(b"%d" % number for number in range(6)))
    change(device, versions=2)
    prune_versions()
    assert [item["revision"] for item in versions(device, record_id)] == [5, 4]
    assert storage(device)["versions_bytes"] == 2
    assert len(files(blob_folder)) == 3
    device.send(b"6", to=record_id, table=None)
    assert [item["revision"] for item in versions(device, record_id)] == [6, 5]


def test_what_is_older_than_its_days_goes(device: Device, blob_folder: Path) -> None:
    record_id = written(device, b"one", b"two")
    age_versions(29)
    prune_versions()
    assert len(versions(device, record_id)) == 1
    change(device, days=28)
    assert versions(device, record_id) == []  # before the job has run, too
    assert storage(device)["versions_bytes"] == 3
    prune_versions()
    assert storage(device)["versions_bytes"] == 0
    assert len(files(blob_folder)) == 1


@pytest.mark.parametrize("nothing", [{"versions": 0}, {"days": 0}])
def test_zero_keeps_none_at_once(
    device: Device, nothing: dict[str, int], blob_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (giving_way, pruning):
        monkeypatch.setattr(module, "PAGE", 2)
    first, second = (written(device, b"one", b"two", b"three", b"four") for _ in range(2))
    device.delete(second)
    assert change(device, **nothing).status == 200
    assert not RecordVersion.objects.exists()
    assert versions(device, first) == trash(device) == []
    assert storage(device)["versions_bytes"] == 0
    device.send(b"five", to=first, table=None)
    device.delete(first)
    assert not RecordVersion.objects.exists()
    assert files(blob_folder) == []


def test_what_a_request_had_no_time_for_is_not_seen_and_the_job_removes(
    device: Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "AT_ONCE_SECONDS", -1.0)
    record_id = written(device, b"one", b"two")
    change(device, versions=0)
    assert RecordVersion.objects.count() == 1
    assert versions(device, record_id) == []
    assert device.api.get(f"storage/records/{record_id}/versions/1", token=device.token).status == 404
    prune_versions()
    assert not RecordVersion.objects.exists()
    assert storage(device)["versions_bytes"] == 0


def test_what_a_batch_replaces_and_what_gives_way_goes_in_one_go(device: Device, monkeypatch: Any) -> None:
    """One request of the store after the other, an answer could take minutes."""
    counted: list[int] = []
    store = get_blob_store()
    delete_many = store.delete_many

    def count(keys: Collection[str]) -> None:
        counted.append(len(keys))
        delete_many(keys)

    bulk = Bulk(device)
    ids = [one["id"] for one in bulk.batch(*(put(b"a") for _ in range(5)))]
    bulk.batch(*(put(b"b", record_id=record_id) for record_id in ids))
    limit_storage(device, 20)
    monkeypatch.setattr(store, "delete_many", count)
    device.send(b"c" * 15)
    assert counted == [5]
    change(device, versions=0)
    bulk.batch(*(delete(record_id) for record_id in ids))
    assert counted == [5, 5]

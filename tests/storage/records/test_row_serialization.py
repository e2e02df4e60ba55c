"""Lists and the feed build their rows without serializers, which still say in the schema what the rows are."""

import pytest

from storage.models import StorageRecord
from storage.records.change_feed import START, list_changes
from storage.records.serializers import FeedSerializer, RecordMetaSerializer
from tests.storage.records.devices import Device

pytestmark = pytest.mark.django_db


@pytest.fixture
def own(device: Device) -> "list[StorageRecord]":
    ids = [device.send(data, table="notes").json["id"] for data in (b"one", b"two", b"three")]
    assert device.api.request("DELETE", f"storage/records/{ids[0]}", token=device.token).status == 204
    return list(StorageRecord.objects.for_user(device.account.user.id).order_by("created_at", "id"))


def test_a_listed_row_is_what_the_serializer_gives(own: "list[StorageRecord]") -> None:
    rows = RecordMetaSerializer.select_rows(StorageRecord.objects.for_user(own[0].user_id).order_by("created_at", "id"))

    assert RecordMetaSerializer.serialize_rows(rows) == [RecordMetaSerializer(record).data for record in own]


def test_a_page_of_the_feed_is_what_the_serializer_gives(own: "list[StorageRecord]") -> None:
    feed = list_changes(user_id=own[0].user_id, since=START, limit=10)

    assert len(feed.changes) == 3
    assert FeedSerializer.serialize(feed) == FeedSerializer(feed).data

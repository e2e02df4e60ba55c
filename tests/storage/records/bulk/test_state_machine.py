"""A batch says what its operations say one by one: any sequence of batches, beside single requests of another user."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as budget
from hypothesis import strategies as st

from storage.checksums import checksum_of
from storage.models import StorageRecord
from tests.storage.records.bulk.clients import FORMS, Bulk, delete, put
from tests.storage.records.devices import Device, limit_storage

pytestmark = [pytest.mark.thorough, pytest.mark.django_db]
IDS = [str(UUID(int=number, version=4)) for number in range(4)]
CONTENTS = [b"", b"a" * 30, b"b" * 30, b"c" * 45]

conditions = st.sampled_from(["none", "none", "current", "stale", "*"])
puts = st.tuples(st.just("put"), st.sampled_from(CONTENTS), st.sampled_from(["notes", "tasks"]), conditions)
new_ones = st.tuples(st.just("new"), st.sampled_from(CONTENTS), st.just("notes"), st.just("none"))
deletions = st.tuples(st.just("delete"), st.just(b""), st.just(""), conditions)
batches = st.dictionaries(st.sampled_from(IDS), puts | new_ones | deletions, min_size=1, max_size=4)


def if_match(condition: str, state: StorageRecord | None) -> str | None:
    return {"none": None, "current": state.etag if state else '"1-0"', "stale": '"9-9"', "*": "*"}[condition]


def one_by_one(device: Device, record_id: str, step: Any) -> int:
    """The status of the single request that is meant, as a batch tells it."""
    kind, data, table, condition = step
    state = StorageRecord.objects.for_user(device.account.user.id).filter(id=record_id, deleted_at=None).first()
    wanted = if_match(condition, state)
    headers = {"If-Match": wanted} if wanted else {}
    if kind == "delete":
        status = device.delete(record_id, headers=headers).status
        return 204 if status == 404 else status
    if state is None:
        # With a condition there is nothing that a PUT could be sent to.
        return 412 if wanted else device.send(data, table=table, record_id=record_id).status
    if state.table_name != table or state.checksum == checksum_of(data):
        return device.send(data, table=table, record_id=record_id).status  # 409, or 200 for what is there already
    headers = {"If-None-Match": "*"} if kind == "new" else headers
    return device.send(data, table=None, to=record_id, headers=headers).status


def in_a_batch(device: Device, record_id: str, step: Any) -> dict[str, Any]:
    kind, data, table, condition = step
    state = StorageRecord.objects.for_user(device.account.user.id).filter(id=record_id, deleted_at=None).first()
    wanted = if_match(condition, state)
    more = {"if_match": wanted} if wanted else {}
    if kind == "delete":
        return delete(record_id, **more)
    return put(data, table=table, record_id=record_id, **({"if_none_match": "*"} if kind == "new" else more))


def seen(device: Device) -> Any:
    user = device.account.user.id
    states = StorageRecord.objects.for_user(user).order_by("seq")
    rows = [
        (str(one.id), one.table_name, one.checksum, one.size_bytes, one.revision, one.seq, one.deleted_at is None)
        for one in states
    ]
    return rows, device.used_bytes()


@given(batches=st.lists(batches, min_size=1, max_size=5), form=st.sampled_from(FORMS))
@budget(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])  # it makes new devices
def test_a_batch_says_what_its_operations_say_one_by_one(
    new_device: Callable[[], Device], batches: list[dict[str, Any]], form: str
) -> None:
    single, bulk = new_device(), Bulk(new_device(), form)
    for device in (single, bulk.device):
        limit_storage(device, 100)
    for batch in batches:
        operations = [in_a_batch(bulk.device, record_id, step) for record_id, step in batch.items()]
        statuses = [one_by_one(single, record_id, step) for record_id, step in batch.items()]
        assert bulk.statuses(*operations) == statuses
        assert seen(bulk.device) == seen(single)

"""Whatever is put, deleted, restored and set: what is counted is there, no more is kept than was asked for, and what is
brought back are the bytes that it was.
"""

import uuid
from typing import Any
from uuid import UUID

import pytest
from django.db.models import Sum
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from accounts.models import User
from adiuva.api.errors import NotFound, QuotaExceeded
from storage.blobs.factory import get_blob_store
from storage.checksums import checksum_of
from storage.jobs import prune_versions
from storage.models import RecordVersion, StorageRecord, StorageUsage
from storage.quota import Kind
from storage.records.service import create_record, delete_record, find_record, replace_record
from storage.staging import Allowance, SealedBody, allowance_of
from storage.versions.pruning import change_settings
from storage.versions.service import restore_version
from tests.support.accounts import make_account

pytestmark = [pytest.mark.thorough, pytest.mark.django_db(transaction=True)]
IDS = st.integers(0, 2).map(lambda number: UUID(int=number))
LIMIT = 400


class Versions(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.user: User = make_account(tier="team").user
        StorageUsage.objects.create(user=self.user, storage_limit_bytes=LIMIT)
        self.was: dict[tuple[UUID, int], bytes] = {}
        self.kept = 10

    def teardown(self) -> None:
        change_settings(self.user.id, versions=0, days=0)
        for record in StorageRecord.objects.for_user(self.user.id).live():
            delete_record(user_id=self.user.id, record_id=record.id, expect=lambda _: None)
        assert self._keys() == set()

    @rule(record_id=IDS, size=st.integers(0, 120))
    def put(self, record_id: UUID, size: int) -> None:
        data = uuid.uuid4().bytes + bytes(size)
        body = SealedBody(parts=[data], checksum=checksum_of(data), declared_size=len(data))
        allowance = allowance_of(self.user, Kind.STORAGE, max_bytes=1000, declared=None, replaced=LIMIT)
        try:
            self._note(self._store(record_id, body, allowance), data)
        except QuotaExceeded:
            return

    def _store(self, record_id: UUID, body: SealedBody, allowance: Allowance) -> StorageRecord:
        user = self.user
        try:
            record = find_record(user_id=user.id, record_id=record_id)
        except NotFound:
            created = create_record(user=user, table_name="notes", record_id=record_id, body=body, allowance=allowance)
            return created.record
        return replace_record(user=user, record=record, body=body, allowance=allowance, expect=lambda _: None)

    @rule(record_id=IDS)
    def delete(self, record_id: UUID) -> None:
        try:
            delete_record(user_id=self.user.id, record_id=record_id, expect=lambda _: None)
        except NotFound:
            return

    @rule(which=st.integers(0, 30))
    def restore(self, which: int) -> None:
        versions = list(RecordVersion.objects.for_user(self.user.id).order_by("record_id", "revision"))
        if not versions:
            return
        version = versions[which % len(versions)]
        data = self.was[version.record_id, version.revision]
        names: Any = {"user_id": self.user.id, "record_id": version.record_id, "revision": version.revision}
        try:
            record, again = [restore_version(**names, expect=lambda _: None) for _ in range(2)]
        except QuotaExceeded:
            return
        assert again.revision == record.revision  # asked for again after a lost answer
        assert (record.checksum, record.size_bytes) == (checksum_of(data), len(data))
        self._note(record, data)

    @rule(versions=st.integers(0, 10))
    def keep(self, versions: int) -> None:
        change_settings(self.user.id, versions=versions, days=None)
        prune_versions()
        self.kept = versions

    def _note(self, record: StorageRecord, data: bytes) -> None:
        assert (record.id, record.revision) not in self.was, "a revision came twice"
        self.was[record.id, record.revision] = data

    @invariant()
    def what_is_counted_is_there(self) -> None:
        usage = StorageUsage.objects.get(user=self.user)
        records = StorageRecord.objects.for_user(self.user.id).live()
        versions = RecordVersion.objects.for_user(self.user.id)
        assert usage.storage_bytes == (records.aggregate(total=Sum("size_bytes"))["total"] or 0)
        assert usage.versions_bytes == (versions.aggregate(total=Sum("size_bytes"))["total"] or 0)
        assert usage.storage_bytes + usage.versions_bytes <= LIMIT
        named = {row.s3_key: row for row in (*records, *versions)}
        assert named.keys() == self._keys()
        for record in records:
            assert record.checksum == checksum_of(self.was[record.id, record.revision])
        for record_id in {version.record_id for version in versions}:
            assert versions.filter(record_id=record_id).count() <= self.kept
        live = set(records.values_list("id", flat=True))
        assert not live & set(versions.filter(in_trash=True).values_list("record_id", flat=True))

    def _keys(self) -> set[str]:
        return {blob.key for blob in get_blob_store().list_keys(f"{self.user.id}/")}


def test_counters_blobs_and_versions_agree_whatever_happens() -> None:
    run_state_machine_as_test(
        Versions,
        settings=settings(
            max_examples=25, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )

"""A follower ends with exactly the live records, whatever happens and whenever it looks."""

import uuid
from datetime import UTC, datetime
from uuid import UUID

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from accounts.models import User
from adiuva.api.errors import ResyncRequired
from storage.maintenance import Tally
from storage.models import StorageRecord
from storage.quota import lock_usage
from storage.records.change_feed import list_changes
from storage.records.tombstones import prune_tombstones

pytestmark = pytest.mark.django_db
IDS = st.integers(0, 5).map(lambda number: UUID(int=number))


class Follower:
    """A client that keeps ``{id: revision}``. In a run from 0 it drops what did not come, at the end of the run."""

    def __init__(self) -> None:
        self.known: dict[UUID, int] = {}
        self.since = 0
        self.up_to_date = False
        self._run: dict[UUID, int] | None = {}

    def read(self, user_id: UUID, limit: int) -> None:
        """One page; a 410 is a new start."""
        try:
            feed = list_changes(user_id=user_id, since=self.since, limit=limit)
        except ResyncRequired:
            self.since, self.up_to_date, self._run = 0, False, {}
            return
        numbers = [change.seq for change in feed.changes]
        assert numbers == sorted(set(numbers))
        target = self.known if self._run is None else self._run
        for change in feed.changes:
            if change.deleted_at is None:
                target[change.id] = change.revision
            else:
                target.pop(change.id, None)
        self.since, self.up_to_date = feed.next, not feed.has_more
        if self._run is not None and self.up_to_date:
            self.known, self._run = self._run, None


class Feed(RuleBasedStateMachine):
    """Puts, deletions and prunings in any order, and two followers that read a page now and then."""

    def __init__(self) -> None:
        super().__init__()
        self.user = User.objects.create_user(email=f"{uuid.uuid4().hex}@example.com", password=None)
        self.followers = [Follower(), Follower()]

    @initialize(count=st.integers(0, 6), pruned=st.booleans())
    def records_from_long_ago(self, count: int, pruned: bool) -> None:
        for number in range(count):
            self.put(UUID(int=number))
        if pruned:
            self.put(UUID(int=99))
            self.delete_and_prune(UUID(int=99))

    @rule(record_id=IDS)
    def put(self, record_id: UUID) -> None:
        self._note_change()
        with transaction.atomic(), lock_usage(self.user.id) as usage:
            now = datetime.now(UTC)
            old = StorageRecord.objects.for_user(self.user.id).filter(id=record_id).first()
            row = StorageRecord(
                user=self.user,
                id=record_id,
                table_name="notes",
                s3_key=f"{self.user.id}/notes/{record_id}.{uuid.uuid4().hex}",
                checksum="0" * 64,
                size_bytes=0,
                revision=old.revision + 1 if old else 1,
                seq=usage.next_seq(),
                created_at=now,
                updated_at=now,
            )
            row.save(force_insert=old is None, force_update=old is not None)

    @rule(record_id=IDS)
    def delete(self, record_id: UUID) -> None:
        row = StorageRecord.objects.for_user(self.user.id).live().filter(id=record_id).first()
        if row is None:
            return
        self._note_change()
        with transaction.atomic(), lock_usage(self.user.id) as usage:
            row.s3_key, row.deleted_at = None, datetime.now(UTC)
            row.seq, row.revision = usage.next_seq(), row.revision + 1
            row.save(force_update=True)

    @rule()
    def prune(self) -> None:
        tally = Tally(say=lambda _: None, step=lambda _: None)
        prune_tombstones(older_than=datetime.now(UTC), dry_run=False, tally=tally)

    @rule(record_id=IDS)
    def delete_and_prune(self, record_id: UUID) -> None:
        self.delete(record_id)
        self.prune()

    @rule(which=st.integers(0, 1), limit=st.integers(1, 4))
    def read(self, which: int, limit: int) -> None:
        self.followers[which].read(self.user.id, limit)

    @rule(which=st.integers(0, 1), limit=st.integers(1, 4))
    def read_to_the_end(self, which: int, limit: int) -> None:
        """Nothing else happens meanwhile: at most one new start, then it gets there."""
        follower = self.followers[which]
        follower.up_to_date = False
        for _ in range(20):
            if follower.up_to_date:
                return
            follower.read(self.user.id, limit)
        raise AssertionError("the follower never reaches the end")

    @precondition(lambda self: any(follower.up_to_date for follower in self.followers))
    @invariant()
    def who_is_up_to_date_has_exactly_the_live_records(self) -> None:
        live = dict(StorageRecord.objects.for_user(self.user.id).live().values_list("id", "revision"))
        for follower in self.followers:
            if follower.up_to_date:
                assert follower.known == live

    def _note_change(self) -> None:
        for follower in self.followers:
            follower.up_to_date = False


def test_a_follower_ends_with_exactly_the_live_records() -> None:
    run_state_machine_as_test(
        Feed,
        settings=settings(
            max_examples=40, stateful_step_count=15, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )

"""A follower ends with exactly the live records, and none that anybody had is lost, whatever happens and whenever it
looks: also when the service goes back to a backup.
"""

import uuid
from datetime import UTC, datetime
from typing import Any
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
from adiuva.api.errors import ResyncRequired, ValidationFailed
from storage.epochs import begin_epoch
from storage.maintenance import Tally
from storage.models import FeedEpoch, StorageRecord, StorageUsage
from storage.quota import lock_usage
from storage.records.change_feed import START, list_changes
from storage.records.tombstones import prune_tombstones

pytestmark = [pytest.mark.thorough, pytest.mark.django_db]
IDS = st.integers(0, 5).map(lambda number: UUID(int=number))
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


class Follower:
    """A client that keeps ``{id: revision}``. After a run from the beginning it drops what did not come; after a
    restore it drops only what the feed deletes, and ``lost`` is then what it has to send again.
    """

    def __init__(self) -> None:
        self.known: dict[UUID, int] = {}
        self.since = START
        self.up_to_date = False
        self.lost: set[UUID] = set()
        self._run: dict[UUID, int] | None = {}
        self._deleted: set[UUID] = set()
        self._keeps = False

    def read(self, user_id: UUID, limit: int) -> None:
        """One page; a 410 is a new start."""
        try:
            feed = list_changes(user_id=user_id, since=self.since, limit=limit)
        except ResyncRequired as gone:
            # What was lost in one way back must not be dropped because of a pruning that came before it was read.
            self._keeps = self._keeps or gone.extra["reason"] == "restored"
            self.since, self.up_to_date, self._run, self._deleted = START, False, {}, set()
            return
        numbers = [change.seq for change in feed.changes]
        assert numbers == sorted(set(numbers))
        target = self.known if self._run is None else self._run
        for change in feed.changes:
            if change.s3_key is not None:
                target[change.id] = change.revision
            else:
                target.pop(change.id, None)
                self._deleted.add(change.id)
        self.since, self.up_to_date = feed.next, not feed.has_more
        if self._run is not None and self.up_to_date:
            self._end_run(self._run)

    def _end_run(self, run: dict[UUID, int]) -> None:
        if self._keeps:
            older = {one for one, revision in self.known.items() if revision > run.get(one, 0)}
            self.lost = older - self._deleted
        self.known, self._run, self._deleted, self._keeps = run, None, set(), False


class Feed(RuleBasedStateMachine):
    """Puts, deletions, prunings and ways back in any order, and two followers that read a page now and then."""

    def __init__(self) -> None:
        super().__init__()
        FeedEpoch.objects.update(revision_floor=0)
        self.user = User.objects.create_user(email=f"{uuid.uuid4().hex}@example.com", password=None)
        self.followers = [Follower(), Follower()]
        self.backup: tuple[list[Any], list[Any], list[Any]] | None = None

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
                revision=usage.next_revision(old.revision if old else 0),
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
            row.seq, row.revision = usage.next_seq(), usage.next_revision(row.revision)
            row.save(force_update=True)

    @rule()
    def prune(self) -> None:
        tally = Tally(say=lambda _: None, step=lambda _: None)
        prune_tombstones(older_than=datetime.now(UTC), dry_run=False, tally=tally)

    @rule(record_id=IDS)
    def delete_and_prune(self, record_id: UUID) -> None:
        self.delete(record_id)
        self.prune()

    # --- the way back ---

    @rule()
    def back_up(self) -> None:
        self.backup = (
            list(StorageRecord.objects.for_user(self.user.id).values()),
            list(StorageUsage.objects.filter(user=self.user).values()),
            list(FeedEpoch.objects.values()),
        )

    @precondition(lambda self: self.backup is not None)
    @rule(half_way=st.booleans())
    def restore(self, half_way: bool) -> None:
        assert self.backup is not None
        records, usage, epoch = self.backup
        self._note_change()
        StorageRecord.objects.for_user(self.user.id).delete()
        StorageUsage.objects.filter(user=self.user).delete()
        FeedEpoch.objects.all().delete()
        StorageUsage.objects.bulk_create(StorageUsage(**row) for row in usage)
        StorageRecord.objects.bulk_create(StorageRecord(**row) for row in records)
        FeedEpoch.objects.bulk_create(FeedEpoch(**row) for row in epoch)
        if half_way:  # it was stopped before its end
            FeedEpoch.objects.update(epoch=None)
        else:
            begin_epoch()

    # --- those who follow ---

    @rule(which=st.integers(0, 1), limit=st.integers(1, 4))
    def read(self, which: int, limit: int) -> None:
        follower = self.followers[which]
        follower.read(self.user.id, limit)
        lost, follower.lost = follower.lost, set()
        for record_id in sorted(lost):
            self.put(record_id)

    @rule(which=st.integers(0, 1), limit=st.integers(1, 4))
    def read_to_the_end(self, which: int, limit: int) -> None:
        """Nothing else happens meanwhile: at most one new start and what it sends again, then it gets there."""
        follower = self.followers[which]
        had, live_before = dict(follower.known), self._live()
        resyncs_because_of_a_way_back = False
        follower.up_to_date = False
        for _ in range(40):
            if follower.up_to_date:
                break
            self.read(which, limit)
            resyncs_because_of_a_way_back |= follower._keeps
        assert follower.up_to_date, "the follower never reaches the end"
        if resyncs_because_of_a_way_back:
            deleted = StorageRecord.objects.for_user(self.user.id).filter(deleted_at__isnull=False)
            assert had.keys() | live_before.keys() <= self._live().keys() | set(deleted.values_list("id", flat=True))

    @rule(which=st.integers(0, 1), place=st.integers(0, 63), letter=st.sampled_from(ALPHABET))
    def forge(self, which: int, place: int, letter: str) -> None:
        since = self.followers[which].since
        if since == START or since[place] == letter:
            return
        with pytest.raises(ValidationFailed):
            list_changes(user_id=self.user.id, since=since[:place] + letter + since[place + 1 :], limit=1)

    @precondition(lambda self: any(follower.up_to_date for follower in self.followers))
    @invariant()
    def who_is_up_to_date_has_exactly_the_live_records(self) -> None:
        live = self._live()
        for follower in self.followers:
            if follower.up_to_date:
                assert follower.known == live

    def _live(self) -> dict[UUID, int]:
        return dict(StorageRecord.objects.for_user(self.user.id).live().values_list("id", "revision"))

    def _note_change(self) -> None:
        for follower in self.followers:
            follower.up_to_date = False


def test_a_follower_ends_with_exactly_the_live_records() -> None:
    run_state_machine_as_test(
        Feed,
        settings=settings(
            max_examples=60, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )

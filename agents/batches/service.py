"""Batches are made, changed, activated, paused and deleted."""

import hashlib
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from accounts.models import User
from adiuva.api.errors import Conflict, IdempotencyMismatch, NotFound
from agents.batches.activation import lock_account, reconcile, require_room, settle
from agents.batches.models import Batch, BatchRun, BatchState, PauseReason

MOST_BATCHES = 500  # of an account, active or not: 64 KiB each, which no quota counts
KEY_KEPT = timedelta(hours=24)

# Asked with the batch as it is under its lock; raises ``PreconditionFailed``.
Expectation = Callable[[Batch], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """``is_known``: it had been there before this request, which changed nothing."""

    batch: Batch
    is_known: bool = False


def list_batches(user_id: UUID) -> QuerySet[Batch]:
    """Oldest first."""
    return Batch.objects.for_user(user_id).order_by("created_at", "id")


def find_batch(*, user_id: UUID, public_id: UUID) -> Batch:
    """Raises ``NotFound`` for what is missing or somebody else's."""
    batch: Batch | None = Batch.objects.for_user(user_id).filter(public_id=public_id).first()
    if batch is None:
        raise NotFound("There is no such batch.")
    return batch


def lock_batch(*, user_id: UUID, public_id: UUID) -> Batch:
    """``find_batch``, and until the transaction ends nobody else changes it or starts and ends its runs."""
    batch: Batch | None = (
        Batch.objects.select_for_update(no_key=True).filter(user_id=user_id, public_id=public_id).first()
    )
    if batch is None:
        raise NotFound("There is no such batch.")
    return batch


def create_batch(*, user: User, content: Mapping[str, Any], idempotency_key: str | None) -> Created:
    """``content``: spec (bytes), checksum, trigger, state, next_due_at or None, id or None. Where no id is chosen the
    key tells a repetition.

    Raises:
        Conflict: the id is taken by other content; the account has as many batches as it may.
        IdempotencyMismatch: the key came with other content before.
        QuotaExceeded: it was to be active, and the tier has no room.
    """
    chosen: UUID | None = content["id"]
    created_as = _digest(content)
    reconcile(user)  # for good, also where this is refused
    with lock_account(user.id) as locked:
        key = idempotency_key if chosen is None else None
        known = _find_known(user.id, chosen=chosen, key=key, created_as=created_as)
        if known is not None:
            return Created(batch=known, is_known=True)
        if Batch.objects.for_user(user.id).count() >= MOST_BATCHES:
            raise Conflict(f"An account has at most {MOST_BATCHES} batches.")
        now = datetime.now(UTC)
        batch = Batch(
            user_id=user.id,
            public_id=chosen or uuid.uuid4(),
            spec=content["spec"],
            checksum=content["checksum"],
            trigger=content["trigger"],
            state=BatchState.PAUSED,
            reason=PauseReason.USER,
            next_due_at=content["next_due_at"],
            created_as=created_as,
            idempotency_key=key,
            created_at=now,
            updated_at=now,
        )
        if content["state"] == BatchState.ACTIVE:
            _activate(batch, user=locked)
        batch.save(force_insert=True)
    return Created(batch=batch)


def _find_known(user_id: UUID, *, chosen: UUID | None, key: str | None, created_as: str) -> Batch | None:
    batches = Batch.objects.for_user(user_id)
    if chosen is not None:
        known: Batch | None = batches.filter(public_id=chosen).first()
        if known is not None and known.created_as != created_as:
            raise Conflict("A batch with this id exists; replace it with PUT.")
        return known
    if key is None:
        return None
    known = batches.filter(idempotency_key=key).first()
    if known is None:
        return None
    if known.created_at <= datetime.now(UTC) - KEY_KEPT:
        batches.filter(id=known.id).update(idempotency_key=None)  # so old that it is new again
        return None
    if known.created_as != created_as:
        raise IdempotencyMismatch
    return known


def _digest(content: Mapping[str, Any]) -> str:
    """What of a request to create makes it the same request. Not the due time: a device may compute it anew."""
    return hashlib.sha256(":".join((content["checksum"], content["trigger"], content["state"])).encode()).hexdigest()


def update_batch(*, user: User, public_id: UUID, changes: Mapping[str, Any], expect: Expectation) -> Batch:
    """``changes``: some of spec (bytes) with checksum, trigger, next_due_at, state (active or paused); the rest stays
    as it is, but for a due time of another trigger. A spec is a new revision, also one of the same bytes. A
    ``next_due_at`` that has run already, or was passed over, leaves what is there.

    Raises:
        NotFound
        PreconditionFailed: from ``expect``.
        QuotaExceeded: it is to become active, and the tier has no room.
    """
    with _changing(user, public_id, expect) as (batch, locked):
        if "spec" in changes:
            batch.spec, batch.checksum = changes["spec"], changes["checksum"]
            batch.revision += 1
        before, batch.trigger = batch.trigger, changes.get("trigger", batch.trigger)
        if "next_due_at" in changes:
            reschedule(batch, changes["next_due_at"])
        elif batch.trigger != before:  # what was due by the other one
            reschedule(batch, None)
        state = changes.get("state")
        if state == BatchState.ACTIVE:
            _activate(batch, user=locked)
        elif state == BatchState.PAUSED:
            pause(batch, reason=PauseReason.USER)
    return batch


def activate_batch(*, user: User, public_id: UUID, expect: Expectation) -> Batch:
    """Raises as ``update_batch``."""
    return update_batch(user=user, public_id=public_id, changes={"state": BatchState.ACTIVE}, expect=expect)


def pause_batch(*, user: User, public_id: UUID, expect: Expectation) -> Batch:
    """Raises as ``update_batch``."""
    return update_batch(user=user, public_id=public_id, changes={"state": BatchState.PAUSED}, expect=expect)


def delete_batch(*, user: User, public_id: UUID, expect: Expectation) -> None:
    """And its runs: who is at one hears 404. Raises ``NotFound``, and what ``expect`` does."""
    with lock_account(user.id):
        batch = lock_batch(user_id=user.id, public_id=public_id)
        expect(batch)
        batch.delete()


@transaction.atomic
def erase_batches(user_id: UUID) -> None:
    """The hook of ``accounts.erasure``. The account is closed: none is made any more, and who was let in before waits
    for the lock of a batch and finds it gone.
    """
    ids = [batch.id for batch in Batch.objects.select_for_update().filter(user_id=user_id).only("id").order_by("id")]
    BatchRun.objects.filter(batch__in=ids).delete()
    Batch.objects.filter(id__in=ids).delete()


@contextmanager
def _changing(user: User, public_id: UUID, expect: Expectation) -> Iterator[tuple[Batch, User]]:
    reconcile(user)  # for good, also where this is refused
    with lock_account(user.id) as locked:
        settle(locked)
        batch = lock_batch(user_id=user.id, public_id=public_id)
        expect(batch)
        before = _columns(batch)
        yield batch, locked
        if _columns(batch) != before:
            batch.updated_at = datetime.now(UTC)
            batch.save()


def _columns(batch: Batch) -> dict[str, Any]:
    return {field.attname: getattr(batch, field.attname) for field in batch._meta.concrete_fields}


def _activate(batch: Batch, *, user: User) -> None:
    """Under the account's lock, with ``settle`` done. Raises ``QuotaExceeded``."""
    if batch.state == BatchState.ACTIVE:
        return
    require_room(user)
    if batch.state == BatchState.PAUSED:
        batch.activated_at = datetime.now(UTC)
        batch.consecutive_failures = 0
    batch.state, batch.reason, batch.suspended_at_limit = BatchState.ACTIVE, "", None
    batch.tell_at = batch.next_due_at


def pause(batch: Batch, *, reason: PauseReason) -> None:
    """Of one that is paused already the reason stays. Not saved yet."""
    if batch.state == BatchState.PAUSED:
        return
    batch.state, batch.reason = BatchState.PAUSED, reason
    batch.activated_at = batch.suspended_at_limit = batch.tell_at = None


def reschedule(batch: Batch, due_at: datetime | None) -> None:
    """``due_at`` becomes the next due time, unless it is over. Not saved yet."""
    if due_at is not None and batch.settled_through is not None and due_at <= batch.settled_through:
        return
    if due_at != batch.next_due_at:
        batch.next_due_at = due_at
        batch.tell_at = due_at if batch.state == BatchState.ACTIVE else None

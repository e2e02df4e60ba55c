"""Runs of slots: each is held by one device at a time, and ends once (docs/api.md § 14).

A device that was away, asleep or cut off may come back to a slot that another one has taken over. So a lease has a
number, ``attempt``, which each takeover raises, and whoever renews or finishes shows theirs: what an overtaken device
says changes nothing. Times are the database's; of several servers no clock needs to be right, of devices none at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from uuid import UUID

from django.db import transaction
from django.db.models import F

from accounts.models import User
from adiuva.api.errors import Conflict, LeaseHeld, LeaseLost, NotFound, PreconditionFailed
from adiuva.api.fields import rfc_3339
from adiuva.observability.metrics import BATCH_LEASES, BATCH_RUNS
from agents.batches import activation
from agents.batches.clock import database_now
from agents.batches.models import Batch, BatchRun, BatchRunQuerySet, BatchState, Outcome, PauseReason
from agents.batches.service import lock_batch, pause, reschedule

LEASE = timedelta(seconds=120)
# A device's clock may be fast. What it ends further ahead than this settles that slot, and none before it.
EARLY = timedelta(hours=1)
FAILURES = 5  # in a row pause a batch
KEPT_RUNS = 500  # of a batch and kind: what a device that was away may still ask for; an hourly one's three weeks


@dataclass(frozen=True, slots=True)
class Slot:
    """``key`` is the same however a device writes the time or the UUID; ``due_at`` is None for a manual run."""

    key: str
    due_at: datetime | None

    @classmethod
    def due(cls, moment: datetime) -> "Slot":
        return cls(rfc_3339(moment), moment.astimezone(UTC))

    @classmethod
    def manual(cls, chosen: UUID) -> "Slot":
        return cls(str(chosen), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """``is_new``: this request has begun the run or taken it over; else it is finished, or was this session's."""

    run: BatchRun
    is_new: bool


def claim(*, user: User, session_id: UUID, public_id: UUID, slot: Slot, spec_revision: int) -> Claim:
    """The lease of ``slot`` for this session, or the run that has ended.

    Raises:
        NotFound
        LeaseHeld: by another session; carries ``lease_expires_at``.
        Conflict: the due time is not to be run: its batch is paused, or it is older than what is remembered.
        PreconditionFailed: the batch has another revision.
        QuotaExceeded: the batch is suspended.
    """
    activation.reconcile(user)
    try:
        claimed, outcome = _claim(user, session_id, public_id, slot, spec_revision)
    except LeaseHeld:
        BATCH_LEASES.labels("held").inc()
        raise
    BATCH_LEASES.labels(outcome).inc()
    return claimed


def _claim(
    user: User, session_id: UUID, public_id: UUID, slot: Slot, spec_revision: int
) -> tuple[Claim, Literal["begun", "taken_over", "repeated"]]:
    with transaction.atomic():
        # Whoever claims the same slot waits here, and finds what this one has done.
        batch = lock_batch(user_id=user.id, public_id=public_id)
        now = database_now()
        run: BatchRun | None = BatchRun.objects.filter(batch=batch, slot=slot.key).first()
        if run is not None:
            if run.finished_at is not None:
                return Claim(run=run, is_new=False), "repeated"
            if run.lease_expires_at is not None and run.lease_expires_at > now:
                if run.session_id != session_id:
                    raise LeaseHeld(lease_expires_at=rfc_3339(run.lease_expires_at))
                return Claim(run=run, is_new=False), "repeated"
        _require_runnable(batch, user=user, slot=slot, spec_revision=spec_revision, is_begun=run is not None)
        if run is None:
            begun = _begin(batch, slot=slot, session_id=session_id, now=now)
            return Claim(run=begun, is_new=True), "begun"
        _take_over(run, batch=batch, session_id=session_id, now=now)
        return Claim(run=run, is_new=True), "taken_over"


def _require_runnable(batch: Batch, *, user: User, slot: Slot, spec_revision: int, is_begun: bool) -> None:
    if slot.due_at is not None:
        if batch.state == BatchState.PAUSED:
            raise Conflict("The batch is paused; only a manual run may begin.")
        if not is_begun and _is_forgotten(batch, slot.due_at):
            raise Conflict("This slot is older than the runs that are remembered; it may have run.")
    if spec_revision != batch.revision:
        raise PreconditionFailed(etag=batch.etag)
    if batch.state == BatchState.SUSPENDED:
        limit = batch.suspended_at_limit or 0
        raise activation.over_limit(limit=limit, used=activation.count_active(user.id))


def _begin(batch: Batch, *, slot: Slot, session_id: UUID, now: datetime) -> BatchRun:
    run: BatchRun = BatchRun.objects.create(
        batch=batch,
        user_id=batch.user_id,
        slot=slot.key,
        due_at=slot.due_at,
        spec_revision=batch.revision,
        session_id=session_id,
        lease_expires_at=now + LEASE,
        started_at=now,
    )
    _prune(batch, now=now)
    return run


def _take_over(run: BatchRun, *, batch: Batch, session_id: UUID, now: datetime) -> None:
    """The lease has ended. Its holder may renew it in this very moment, without the batch's lock: then it keeps it."""
    ended = BatchRun.objects.filter(id=run.id, attempt=run.attempt, finished_at__isnull=True, lease_expires_at__lte=now)
    expires_at = now + LEASE
    if not ended.update(
        attempt=F("attempt") + 1, session_id=session_id, lease_expires_at=expires_at, spec_revision=batch.revision
    ):
        run.refresh_from_db()
        raise LeaseHeld(lease_expires_at=rfc_3339(run.lease_expires_at or now))
    run.attempt += 1
    run.session_id, run.lease_expires_at, run.spec_revision = session_id, expires_at, batch.revision


def _is_forgotten(batch: Batch, due_at: datetime) -> bool:
    if batch.settled_through is None or due_at > batch.settled_through:
        return False
    oldest = _oldest_kept(BatchRun.objects.filter(batch=batch, due_at__isnull=False), "due_at")
    return oldest is not None and due_at < oldest


def _oldest_kept(runs: BatchRunQuerySet, by: str) -> datetime | None:
    """None while fewer are there than are kept."""
    oldest: datetime | None = (
        runs.order_by(f"-{by}", "id").values_list(by, flat=True)[KEPT_RUNS - 1 : KEPT_RUNS].first()
    )
    return oldest


def _prune(batch: Batch, *, now: datetime) -> None:
    """The oldest of those that have ended, or that nobody has held for long: of due times, those of the earliest."""
    runs = BatchRun.objects.filter(batch=batch)
    for kind, by in ((runs.filter(due_at__isnull=False), "due_at"), (runs.filter(due_at__isnull=True), "started_at")):
        oldest = _oldest_kept(kind, by)
        if oldest is not None:
            kind.filter(**{f"{by}__lt": oldest}).exclude(id__in=runs.leased(now).values("id")).delete()


def renew(*, user_id: UUID, run_id: UUID, attempt: int) -> BatchRun:
    """Another 120 s from now, also where the lease has ended and nobody has taken the run over.

    Raises:
        NotFound
        LeaseLost: another attempt has it.
        Conflict: it is finished.
    """
    held = BatchRun.objects.for_user(user_id).filter(id=run_id, attempt=attempt, finished_at__isnull=True)
    renewed = held.update(lease_expires_at=database_now() + LEASE)
    run = find_run(user_id=user_id, run_id=run_id)
    if not renewed:
        if run.attempt != attempt:
            raise LeaseLost
        raise Conflict("This run is finished.")
    return run


def finish(*, user_id: UUID, run_id: UUID, attempt: int, result: Mapping[str, Any]) -> BatchRun:
    """The run's end. ``result``: outcome, items (total, done, failed, skipped), error_code or "", next_due_at or None.
    Said again by the same attempt, it is the stored result, whatever is said.

    A due time settles its slot and those before it. ``next_due_at`` is taken forward only, and only from who ran the
    batch's present spec: another one has other times.

    Raises:
        NotFound
        LeaseLost: another attempt has it.
    """
    run = find_run(user_id=user_id, run_id=run_id)
    with transaction.atomic():
        batch = lock_batch(user_id=user_id, public_id=run.batch.public_id)
        now = database_now()
        items = result["items"]
        ended = BatchRun.objects.for_user(user_id).filter(id=run_id, attempt=attempt, finished_at__isnull=True)
        has_ended = ended.update(
            session_id=None,
            lease_expires_at=None,
            finished_at=now,
            outcome=result["outcome"],
            error_code=result["error_code"],
            **{name: items[name] for name in ("total", "done", "failed", "skipped")},
        )
        run = find_run(user_id=user_id, run_id=run_id)
        if run.attempt != attempt:
            raise LeaseLost
        if has_ended:
            _settle(batch, run=run, next_due_at=result["next_due_at"], now=now)
    if has_ended:
        BATCH_RUNS.labels(run.outcome).inc()
    return run


def _settle(batch: Batch, *, run: BatchRun, next_due_at: datetime | None, now: datetime) -> None:
    if run.due_at is not None:
        batch.settled_through = max(filter(None, (batch.settled_through, min(run.due_at, now + EARLY))))
    present = batch.next_due_at
    settled = batch.settled_through
    if present is not None and settled is not None and (present == run.due_at or present <= settled):
        reschedule(batch, None)
    is_later = next_due_at is not None and (batch.next_due_at is None or next_due_at > batch.next_due_at)
    if is_later and run.spec_revision == batch.revision:
        reschedule(batch, next_due_at)
    if run.outcome == Outcome.FAILED:
        batch.consecutive_failures += 1
        if batch.consecutive_failures >= FAILURES:
            pause(batch, reason=PauseReason.FAILING)
    elif run.outcome != Outcome.SKIPPED:
        batch.consecutive_failures = 0
    batch.updated_at = now
    batch.save(
        update_fields=[
            *("settled_through", "next_due_at", "tell_at", "consecutive_failures", "state", "reason"),
            *("activated_at", "suspended_at_limit", "updated_at"),
        ]
    )


def find_run(*, user_id: UUID, run_id: UUID) -> BatchRun:
    """Raises ``NotFound``."""
    run: BatchRun | None = BatchRun.objects.for_user(user_id).select_related("batch").filter(id=run_id).first()
    if run is None:
        raise NotFound("There is no such run.")
    return run

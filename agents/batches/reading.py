"""Batches with what their runs say of them: the last result, and who is at one now."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.db.models import OuterRef, Subquery

from agents.batches.clock import database_now
from agents.batches.models import Batch, BatchRun

SHOWN_RUNS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchView:
    """``last_run`` is the one that ended last, ``lease`` the newest that a device holds."""

    batch: Batch
    last_run: BatchRun | None
    lease: BatchRun | None


def view_of(batch: Batch) -> BatchView:
    return next(views_of([batch]))


def views_of(batches: Iterable[Batch]) -> Iterator[BatchView]:
    """Three queries, however many there are."""
    rows = list(batches)
    ids = [batch.id for batch in rows]
    ended = BatchRun.objects.finished().filter(batch=OuterRef("pk")).order_by("-finished_at", "id")
    newest = Batch.objects.filter(id__in=ids).values(last=Subquery(ended.values("id")[:1]))
    last = {run.batch_id: run for run in BatchRun.objects.filter(id__in=newest)}
    leases: dict[int, BatchRun] = {}
    for run in BatchRun.objects.leased(database_now()).filter(batch__in=ids).order_by("started_at", "id"):
        leases[run.batch_id] = run
    for batch in rows:
        yield BatchView(batch=batch, last_run=last.get(batch.id), lease=leases.get(batch.id))


def newest_runs(batch: Batch) -> list[BatchRun]:
    """Newest first."""
    return list(BatchRun.objects.filter(batch=batch).order_by("-started_at", "id")[:SHOWN_RUNS])

"""What an export of an account holds of batches: the sealed specs as they are, and what became of their runs."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from accounts.export.registry import Collection, SealedItem, register_collection
from agents.batches.models import Batch, BatchRun

PAGE = 100
_COLUMNS = (
    *("id", "public_id", "checksum", "revision", "trigger", "state", "reason", "next_due_at", "consecutive_failures"),
    *("created_at", "updated_at"),
)
_RUN_COLUMNS = (
    *("batch_id", "slot", "attempt", "spec_revision", "started_at", "finished_at", "outcome", "error_code"),
    *("total", "done", "failed", "skipped"),
)


def list_batches(user_id: UUID) -> Iterator[SealedItem]:
    """Pages, since no cursor outlives a connection."""
    last = 0
    while True:
        batches = Batch.objects.for_user(user_id).filter(id__gt=last).order_by("id")
        page = list(batches.values(*_COLUMNS, "spec")[:PAGE])
        runs = _runs_of([row["id"] for row in page])
        for row in page:
            last = row.pop("id")
            spec, public_id = bytes(row.pop("spec")), str(row.pop("public_id"))
            ref = f"{public_id} {row['checksum']}"
            about = {"id": public_id, **row, "runs": runs.get(last, [])}
            yield SealedItem(public_id, ref, len(spec), row["checksum"], about)
        if len(page) < PAGE:
            return


def _runs_of(batch_ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    runs: dict[int, list[dict[str, Any]]] = {}
    for row in BatchRun.objects.filter(batch__in=batch_ids).order_by("started_at", "id").values(*_RUN_COLUMNS):
        runs.setdefault(row.pop("batch_id"), []).append(row)
    return runs


def read_specs(user_id: UUID, refs: Sequence[str]) -> Mapping[str, bytes]:
    """By id and checksum: another spec is another ref."""
    ids = [ref.partition(" ")[0] for ref in refs]
    rows = Batch.objects.for_user(user_id).filter(public_id__in=ids).values_list("public_id", "checksum", "spec")
    found = {f"{public_id} {checksum}": bytes(spec) for public_id, checksum, spec in rows}
    return {ref: found[ref] for ref in refs if ref in found}


def register() -> None:
    register_collection(Collection("batches/", list_batches, read_rows=read_specs))

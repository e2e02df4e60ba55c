"""Batches as numbers, to look at only. What is sealed is not shown."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import OwnersTierFilter
from adiuva.admin import ReadOnlyAdmin
from agents.batches.models import Batch, BatchRun


@admin.register(Batch)
class BatchAdmin(ReadOnlyAdmin):
    list_display = ("user", "state", "reason", "trigger", "next_due_at", "failures", "updated_at", "public_id")
    list_filter = ("state", "reason", "trigger", OwnersTierFilter)
    list_select_related = ("user",)
    search_fields = ("public_id", "user__email")
    ordering = ("-updated_at", "id")
    exclude = ("checksum",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Batch]:
        batches: QuerySet[Batch] = super().get_queryset(request)
        return batches.defer("spec")

    @admin.display(description="failures in a row", ordering="consecutive_failures")
    def failures(self, batch: Batch) -> int:
        return batch.consecutive_failures


@admin.register(BatchRun)
class BatchRunAdmin(ReadOnlyAdmin):
    list_display = ("started_at", "user", "due_at", "attempt", "became", "error_code", "items", "finished_at")
    list_filter = ("outcome",)
    list_select_related = ("user",)
    search_fields = ("batch__public_id", "user__email")
    ordering = ("-started_at", "id")

    @admin.display(description="outcome", ordering="outcome")
    def became(self, run: BatchRun) -> str:
        return run.outcome or "not finished"

    @admin.display
    def items(self, run: BatchRun) -> str | None:
        if run.total is None:
            return None
        others = [f"{count} {what}" for count, what in ((run.failed, "failed"), (run.skipped, "skipped")) if count]
        return ", ".join([f"{run.done} of {run.total} done", *others])

"""Who stores how much: to look at only. Limits are set by ``manage.py set_quota``, under the user's lock."""

from typing import Any

from django.contrib import admin
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from accounts.admin import OwnersTierFilter
from adiuva.admin import ReadOnlyAdmin
from adiuva.byte_sizes import show_bytes
from billing.entitlements import RELATIONS
from storage.models import StorageUsage, StoredVector, with_stored_kinds
from storage.quota import Kind, limit_bytes


class StoredKindFilter(admin.SimpleListFilter):
    title = "what is stored"
    parameter_name = "holds"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("records", "Records"), ("vectors", "Vectors"), ("backups", "Backups")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[StorageUsage]) -> QuerySet[StorageUsage]:
        if self.value() not in {"records", "vectors", "backups"}:
            return queryset
        return with_stored_kinds(queryset).filter(**{f"has_{self.value()}": True})


@admin.register(StorageUsage)
class StorageUsageAdmin(ReadOnlyAdmin):
    list_display = ["user", "records", "vectors", "versions", "storage_limit", "backup", "backup_limit", "updated_at"]
    list_filter = [OwnersTierFilter, StoredKindFilter]
    list_select_related = [f"user__{relation}" for relation in RELATIONS]
    search_fields = ["user__email"]
    ordering = ["-storage_bytes"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[StorageUsage]:
        of_user = StoredVector.objects.filter(user=OuterRef("user")).order_by().values("user")
        vectors = Subquery(of_user.annotate(total=Sum("size_bytes")).values("total"))
        usage: QuerySet[StorageUsage] = super().get_queryset(request)
        return usage.annotate(vector_bytes=Coalesce(vectors, 0))

    @admin.display(description="Records", ordering="storage_bytes")
    def records(self, usage: StorageUsage) -> str:
        return show_bytes(usage.storage_bytes - usage.vector_bytes)  # type: ignore[attr-defined]

    @admin.display(description="Vectors", ordering="vector_bytes")
    def vectors(self, usage: StorageUsage) -> str:
        return show_bytes(usage.vector_bytes)  # type: ignore[attr-defined]

    @admin.display(description="Versions", ordering="versions_bytes")
    def versions(self, usage: StorageUsage) -> str:
        return show_bytes(usage.versions_bytes)

    @admin.display(description="of")
    def storage_limit(self, usage: StorageUsage) -> str:
        return _limit(usage, Kind.STORAGE)

    @admin.display(description="Backups", ordering="backup_bytes")
    def backup(self, usage: StorageUsage) -> str:
        return show_bytes(usage.backup_bytes)

    @admin.display(description="of")
    def backup_limit(self, usage: StorageUsage) -> str:
        return _limit(usage, Kind.BACKUP)


def _limit(usage: StorageUsage, kind: Kind) -> str:
    limit = limit_bytes(usage.user, kind, usage)
    return "unlimited" if limit is None else show_bytes(limit)

"""Snapshots as the server knows them: whose, when, how large. Their bytes are sealed and cannot be had from here."""

from django.contrib import admin

from accounts.admin import OwnersTierFilter
from adiuva.admin import ReadOnlyAdmin
from adiuva.byte_sizes import show_bytes
from backups.models import Backup, BackupPolicy


@admin.register(Backup)
class BackupAdmin(ReadOnlyAdmin):
    list_display = ["id", "user", "version", "timestamp", "size", "created_at", "immutable_until", "verified_at"]
    list_filter = [OwnersTierFilter]
    list_select_related = ["user"]
    date_hierarchy = "created_at"
    search_fields = ["=id", "user__email"]
    ordering = ["-created_at"]
    exclude = ["s3_key"]

    @admin.display(ordering="size_bytes")
    def size(self, backup: Backup) -> str:
        return show_bytes(backup.size_bytes)


@admin.register(BackupPolicy)
class BackupPolicyAdmin(ReadOnlyAdmin):
    list_display = ["user", "keep_last", "keep_daily", "keep_weekly", "immutable_days", "updated_at"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    ordering = ["-updated_at"]

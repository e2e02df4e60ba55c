"""Who has asked how much, by day: to look at only. What was said is kept nowhere."""

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts.tier_filter import OwnersTierFilter
from chat.models import DailyUsage


@admin.register(DailyUsage)
class DailyUsageAdmin(ModelAdmin):
    list_display = ["day", "user", "turns", "input_tokens", "output_tokens"]
    list_filter = [OwnersTierFilter]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    date_hierarchy = "day"
    ordering = ["-day", "-turns"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

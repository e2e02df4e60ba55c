"""Daily usage in the admin, read-only; the text of conversations is not stored anywhere."""

from django.contrib import admin

from accounts.admin import OwnersTierFilter
from adiuva.admin import ReadOnlyAdmin
from chat.models import DailyUsage


@admin.register(DailyUsage)
class DailyUsageAdmin(ReadOnlyAdmin):
    list_display = ["day", "user", "turns", "input_tokens", "output_tokens"]
    list_filter = [OwnersTierFilter]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    date_hierarchy = "day"
    ordering = ["-day", "-turns"]
    show_full_result_count = False

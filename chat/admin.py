"""Daily usage and budgets in the admin, read-only; the text of conversations is not stored anywhere."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts.admin import OwnersTierFilter
from adiuva.admin import ReadOnlyAdmin
from billing.entitlements import RELATIONS
from chat.budgets import limit_of
from chat.budgets.fullness import NEAR_PERCENT, Fullness, with_fullness
from chat.models import DailyUsage, MonthlyBudget


@admin.register(DailyUsage)
class DailyUsageAdmin(ReadOnlyAdmin):
    list_display = ["day", "user", "turns", "input_tokens", "output_tokens", "own_key_tokens"]
    list_filter = [OwnersTierFilter]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    date_hierarchy = "day"
    ordering = ["-day", "-turns"]
    show_full_result_count = False


class FullnessFilter(admin.SimpleListFilter):
    """By the limit of the live tier, as it is now."""

    title = "how much is used"
    parameter_name = "fullness"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [
            (Fullness.BELOW, f"Below {NEAR_PERCENT} %"),
            (Fullness.NEAR, "Near the limit"),
            (Fullness.USED_UP, "Used up"),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[MonthlyBudget]) -> QuerySet[MonthlyBudget]:
        if self.value() not in set(Fullness):
            return queryset
        return with_fullness(queryset).filter(fullness=self.value())


@admin.register(MonthlyBudget)
class MonthlyBudgetAdmin(ReadOnlyAdmin):
    list_display = ["month", "user", "spent_tokens", "reserved_tokens", "limit"]
    list_filter = [OwnersTierFilter, FullnessFilter]
    list_select_related = [f"user__{relation}" for relation in RELATIONS]
    search_fields = ["user__email"]
    date_hierarchy = "month"
    ordering = ["-month", "-spent"]
    show_full_result_count = False

    @admin.display(description="spent", ordering="spent")
    def spent_tokens(self, budget: MonthlyBudget) -> str:
        return f"{budget.spent:,}"

    @admin.display(description="reserved", ordering="reserved")
    def reserved_tokens(self, budget: MonthlyBudget) -> str:
        return f"{budget.reserved:,}"

    @admin.display
    def limit(self, budget: MonthlyBudget) -> str:
        limit = limit_of(budget.user)
        return "unlimited" if limit is None else f"{limit:,}"

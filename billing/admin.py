from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from billing.models import Subscription


@admin.register(Subscription)
class SubscriptionAdmin(ModelAdmin):
    """To look at only: Stripe and ``manage.py set_tier`` write, because ``users.tier`` has to follow."""

    list_display = ["user", "tier", "status", "current_period_end", "cancel_at_period_end", "updated_at"]
    list_filter = ["tier", "status", "cancel_at_period_end"]
    list_select_related = ["user"]
    search_fields = ["user__email", "stripe_subscription_id"]
    ordering = ["-updated_at"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Subscription | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Subscription | None = None) -> bool:
        return False

"""Subscriptions, alerts and the mirror of Stripe in the admin. Only an alert can be changed: by resolving it."""

from datetime import UTC, datetime
from typing import Any

from django.apps import apps
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from djstripe import models as mirror

from adiuva.admin import ReadOnlyAdmin
from adiuva.money import format_money
from billing.entitlements import tier_of_rows, tier_of_subscription
from billing.models import KnownPrice, OperatorAlert, Subscription, SubscriptionTier
from billing.revenue.models import SubscriptionPayment


class LiveTier(admin.SimpleListFilter):
    title = "live tier"
    parameter_name = "live_tier"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(str(value), str(label)) for value, label in SubscriptionTier.choices]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Subscription]) -> QuerySet[Subscription]:
        if self.value() not in SubscriptionTier.values:
            return queryset
        return queryset.alias(live_tier=tier_of_rows()).filter(live_tier=self.value())


@admin.register(Subscription)
class SubscriptionAdmin(ReadOnlyAdmin):
    """Stripe and ``manage.py set_tier`` write, because ``users.tier`` has to follow."""

    list_display = [
        *("user", "live_tier", "seats", "organization", "status"),
        *("current_period_end", "cancel_at_period_end", "updated_at"),
    ]
    list_filter = [LiveTier, "status", "cancel_at_period_end", "set_by_operator"]
    list_select_related = ["user", "organization"]
    search_fields = ["user__email", "organization__name", "stripe_subscription_id"]
    ordering = ["-updated_at"]

    @admin.display(description="live tier", ordering="tier")
    def live_tier(self, subscription: Subscription) -> str:
        """Other than ``tier`` once a grace has run out."""
        return tier_of_subscription(subscription)


@admin.register(SubscriptionPayment)
class SubscriptionPaymentAdmin(ReadOnlyAdmin):
    list_display = ["source", "kind", "amount", "invoice_id", "paid_at"]
    list_filter = ["kind", "currency"]
    search_fields = ["source", "invoice_id"]
    date_hierarchy = "paid_at"
    ordering = ["-paid_at"]

    @admin.display(description="amount", ordering="amount_cents")
    def amount(self, payment: SubscriptionPayment) -> str:
        return format_money(payment.amount_cents, payment.currency)


@admin.register(KnownPrice)
class KnownPriceAdmin(ReadOnlyAdmin):
    list_display = ["price_id", "lookup_key", "interval", "tier", "updated_at"]
    list_filter = ["tier", "interval"]
    search_fields = ["price_id", "lookup_key", "product_id"]
    ordering = ["price_id"]


@admin.register(OperatorAlert)
class OperatorAlertAdmin(ReadOnlyAdmin):
    list_display = ["kind", "reference", "message", "created_at", "resolved_at"]
    list_filter = [("resolved_at", admin.EmptyFieldListFilter), "kind"]
    search_fields = ["reference", "message"]
    ordering = ["-created_at"]
    actions = ["resolve"]

    def has_resolve_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("billing.change_operatoralert")

    @admin.action(description="Mark as resolved", permissions=["resolve"])
    def resolve(self, request: HttpRequest, queryset: QuerySet[OperatorAlert]) -> None:
        count = queryset.filter(resolved_at=None).update(resolved_at=datetime.now(UTC))
        self.message_user(request, f"{count} resolved.", messages.SUCCESS)


class MirrorAdmin(ReadOnlyAdmin):
    """dj-stripe's own admin edits, calls Stripe and shows API keys; this shows what the mirror holds."""

    search_fields = ["id"]
    ordering = ["-created"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return [field.name for field in self.model._meta.fields if field.name != "djstripe_owner_account"]


class EventAdmin(MirrorAdmin):
    list_display = ["id", "type", "created"]
    list_filter = ["type"]


class CustomerAdmin(MirrorAdmin):
    list_display = ["id", "subscriber", "email", "created"]
    list_select_related = ["subscriber"]
    search_fields = ["id", "email"]


class StripeSubscriptionAdmin(MirrorAdmin):
    list_display = ["id", "customer", "status", "created"]
    list_select_related = ["customer__subscriber"]
    search_fields = ["id", "customer__id"]


class ProductAdmin(MirrorAdmin):
    list_display = ["id", "name", "active"]


class PriceAdmin(MirrorAdmin):
    list_display = ["id", "product", "currency", "unit_amount", "active"]
    list_select_related = ["product"]


for model in apps.get_app_config("djstripe").get_models():
    if admin.site.is_registered(model):
        admin.site.unregister(model)

admin.site.register(mirror.Event, EventAdmin)
admin.site.register(mirror.Customer, CustomerAdmin)
admin.site.register(mirror.Subscription, StripeSubscriptionAdmin)
admin.site.register(mirror.Product, ProductAdmin)
admin.site.register(mirror.Price, PriceAdmin)

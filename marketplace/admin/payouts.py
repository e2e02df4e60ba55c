"""The books in the admin, to look at only: sales, ledger, transfers and developers' accounts."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from adiuva.admin import ReadOnlyAdmin
from adiuva.dashboard.figures import euros
from marketplace.models import DeveloperAccount, LedgerEntry, PaymentReturn, RevenueEvent, Transfer, TransferStatus
from marketplace.payouts.ledger import SALES


class TransferState(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("failing", "Failing"), ("waiting", "Not tried yet"), ("done", "Done")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Transfer]) -> QuerySet[Transfer]:
        pending = queryset.filter(status=TransferStatus.PENDING)
        match self.value():
            case "failing":
                return pending.exclude(last_failure="")
            case "waiting":
                return pending.filter(attempts=0)
            case "done":
                return queryset.filter(status=TransferStatus.DONE)
        return queryset


class BookingKind(admin.SimpleListFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("sale", "Sale"), ("return", "Refund or dispute")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[LedgerEntry]) -> QuerySet[LedgerEntry]:
        match self.value():
            case "sale":
                return queryset.filter(SALES)
            case "return":
                return queryset.exclude(SALES)
        return queryset


@admin.register(RevenueEvent)
class RevenueEventAdmin(ReadOnlyAdmin):
    list_display = ["plugin_id", "developer", "amount", "developer_share", "platform_share", "created_at"]
    date_hierarchy = "created_at"
    list_select_related = ["developer"]
    search_fields = ["plugin__slug", "developer__email", "stripe_transfer_id", "purchase__payment_intent_id"]
    ordering = ["-created_at"]

    @admin.display(description="amount", ordering="amount_cents")
    def amount(self, event: RevenueEvent) -> str:
        return euros(event.amount_cents)

    @admin.display(description="developer's share", ordering="developer_share_cents")
    def developer_share(self, event: RevenueEvent) -> str:
        return euros(event.developer_share_cents)

    @admin.display(description="platform's share", ordering="platform_share_cents")
    def platform_share(self, event: RevenueEvent) -> str:
        return euros(event.platform_share_cents)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    list_display = ["booked_at", "plugin", "source", "account", "amount"]
    list_filter = ["account", BookingKind]
    date_hierarchy = "booked_at"
    list_select_related = ["revenue_event"]
    search_fields = ["source", "revenue_event__plugin__slug"]
    ordering = ["-pk"]

    @admin.display(description="plugin", ordering="revenue_event__plugin")
    def plugin(self, entry: LedgerEntry) -> str:
        return entry.revenue_event.plugin_id

    @admin.display(description="amount", ordering="amount_cents")
    def amount(self, entry: LedgerEntry) -> str:
        return euros(entry.amount_cents)


@admin.register(Transfer)
class TransferAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "plugin", "developer", "amount", "status", "attempts", "last_failure", "done_at"]
    list_filter = [TransferState]
    date_hierarchy = "created_at"
    list_select_related = ["revenue_event__developer"]
    search_fields = ["stripe_id", "source", "revenue_event__plugin__slug", "revenue_event__developer__email"]
    ordering = ["-created_at"]

    @admin.display(description="plugin", ordering="revenue_event__plugin")
    def plugin(self, transfer: Transfer) -> str:
        return transfer.revenue_event.plugin_id

    @admin.display(description="developer", ordering="revenue_event__developer__email")
    def developer(self, transfer: Transfer) -> str:
        return str(transfer.revenue_event.developer or "")

    @admin.display(description="amount", ordering="amount_cents")
    def amount(self, transfer: Transfer) -> str:
        return euros(transfer.amount_cents)


@admin.register(PaymentReturn)
class PaymentReturnAdmin(ReadOnlyAdmin):
    list_display = ["stripe_id", "kind", "amount", "is_with_buyer", "payment_intent_id", "said_at"]
    list_filter = ["kind", "is_with_buyer"]
    search_fields = ["stripe_id", "payment_intent_id"]
    ordering = ["-said_at"]

    @admin.display(description="amount", ordering="amount_cents")
    def amount(self, fact: PaymentReturn) -> str:
        return euros(fact.amount_cents)


@admin.register(DeveloperAccount)
class DeveloperAccountAdmin(ReadOnlyAdmin):
    list_display = ["user", "stripe_account_id", "payouts_enabled", "said_at", "created_at"]
    list_filter = ["payouts_enabled"]
    list_select_related = ["user"]
    search_fields = ["user__email", "stripe_account_id"]
    ordering = ["-created_at"]

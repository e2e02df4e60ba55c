"""The books in the admin, to look at only: sales, ledger, transfers and developers' accounts."""

from typing import Any

from django.contrib import admin
from django.db.models import F, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest

from adiuva.admin import ReadOnlyAdmin
from adiuva.dashboard.figures import euros
from marketplace.models import (
    DeveloperAccount,
    LedgerAccount,
    LedgerEntry,
    PaymentReturn,
    RevenueEvent,
    Transfer,
    TransferStatus,
)
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


class GivenBack(admin.SimpleListFilter):
    """As in a developer's earnings: a sale stands unless all of it went back."""

    title = "given back"
    parameter_name = "given_back"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("nothing", "Nothing"), ("part", "In part"), ("all", "In full")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "nothing":
                return queryset.filter(returned_cents__lte=0)
            case "part":
                return queryset.filter(returned_cents__gt=0, returned_cents__lt=F("amount_cents"))
            case "all":
                return queryset.filter(returned_cents__gte=F("amount_cents"))
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
    list_display = ["plugin_id", "developer", "amount", "given_back", "developer_share", "platform_share", "created_at"]
    list_filter = [GivenBack]
    date_hierarchy = "created_at"
    list_select_related = ["developer"]
    search_fields = ["plugin__slug", "developer__email", "stripe_transfer_id", "purchase__payment_intent_id"]
    ordering = ["-created_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        returns = LedgerEntry.objects.filter(revenue_event=OuterRef("pk"), account=LedgerAccount.BUYER).exclude(SALES)
        cents = returns.order_by().values("revenue_event").annotate(cents=Sum("amount_cents")).values("cents")
        events: QuerySet[Any] = super().get_queryset(request).annotate(returned_cents=Coalesce(Subquery(cents), 0))
        return events

    @admin.display(description="amount", ordering="amount_cents")
    def amount(self, event: RevenueEvent) -> str:
        return euros(event.amount_cents)

    @admin.display(description="given back", ordering="returned_cents")
    def given_back(self, event: Any) -> str:
        """The shares beside it are those of the sale, before that."""
        return euros(event.returned_cents) if event.returned_cents else ""

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
    list_display = ["created_at", "plugin", "developer", "amount", "status", "attempts", "failure", "done_at"]
    list_filter = [TransferState]
    date_hierarchy = "created_at"
    list_select_related = ["revenue_event__developer"]
    search_fields = ["stripe_id", "source", "revenue_event__plugin__slug", "revenue_event__developer__email"]
    ordering = ["-created_at"]

    @admin.display(description="plugin", ordering="revenue_event__plugin")
    def plugin(self, transfer: Transfer) -> str:
        return transfer.revenue_event.plugin_id

    @admin.display(description="last failure", ordering="last_failure")
    def failure(self, transfer: Transfer) -> str:
        """With Stripe's reason, where it gave one."""
        return f"{transfer.last_failure}: {transfer.last_reason}" if transfer.last_reason else transfer.last_failure

    @admin.display(description="developer", ordering="revenue_event__developer__email")
    def developer(self, transfer: Transfer) -> str:
        return str(transfer.revenue_event.developer or "")

    @admin.display(description="amount", ordering="amount_cents")
    def amount(self, transfer: Transfer) -> str:
        return euros(transfer.amount_cents)


@admin.register(PaymentReturn)
class PaymentReturnAdmin(ReadOnlyAdmin):
    list_display = ["stripe_id", "kind", "amount", "is_with_buyer", "evidence_due", "payment_intent_id", "said_at"]
    list_filter = ["kind", "is_with_buyer", "is_open"]
    search_fields = ["stripe_id", "payment_intent_id"]
    ordering = ["-said_at"]

    @admin.display(description="amount", ordering="amount_cents")
    def amount(self, fact: PaymentReturn) -> str:
        return euros(fact.amount_cents)


@admin.register(DeveloperAccount)
class DeveloperAccountAdmin(ReadOnlyAdmin):
    list_display = ["user", "stripe_account_id", "onboarding", "disabled_reason", "due", "said_at", "created_at"]
    list_filter = ["payouts_enabled", "is_restricted", ("deauthorized_at", admin.EmptyFieldListFilter)]
    list_select_related = ["user"]
    search_fields = ["user__email", "stripe_account_id"]
    ordering = ["-created_at"]

    @admin.display(description="state")
    def onboarding(self, account: DeveloperAccount) -> str:
        return account.state.label if account.deauthorized_at is None else "Disconnected"

    @admin.display(description="due at Stripe")
    def due(self, account: DeveloperAccount) -> str:
        return ", ".join(account.requirements)

"""Who has bought and installed which plugin, to look at only: for answering people, by what they can name.

Addresses are shown to, and searched by, who may see users; to others a customer is a name that is always the same.
Searching by an id that Stripe has given needs no more than the list itself: who has one knows it from Stripe.
"""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar
from uuid import UUID

from django.contrib import admin
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display

from adiuva.admin import ReadOnlyAdmin
from adiuva.dashboard.figures import euros
from adiuva.spelling import address_key
from billing.stripe.charges import find_payments_of_charge
from marketplace.admin.base import REVIEW, TAKE_DOWN, tells_nobody
from marketplace.models import (
    LedgerAccount,
    LedgerEntry,
    PaymentReturn,
    PluginInstallation,
    PluginPurchase,
    PurchaseStatus,
    RevenueEvent,
)
from marketplace.models.catalog import reporter_name_of
from marketplace.payouts.ledger import SALES

SEE_USERS = "accounts.view_user"
# How Stripe's ids begin: of payments, of pages, of customers, and of what becomes of a payment.
_PAYMENT, _PAGE, _CUSTOMER = "pi_", "cs_", "cus_"
_CHARGES = ("ch_", "py_")
_RETURNS = (*_CHARGES, "re_", "pyr_", "dp_", "du_")
_HELP = "Plugin, Stripe’s id, or address"  # an address only for who may see users


def purchases_named(term: str) -> Q | None:
    """The purchases that an id of Stripe's, or of ours, is about; None where ``term`` is no such id."""
    if term.startswith(_PAYMENT):
        return Q(payment_intent_id=term)
    if term.startswith(_PAGE):
        return Q(checkout_session_id=term)
    if term.startswith(_CUSTOMER):
        return Q(user__stripe_customer_id=term)
    if term.startswith(_RETURNS):
        # A charge's row is named by the charge and by how much has been given back of it.
        named = PaymentReturn.objects.filter(Q(stripe_id=term) | Q(stripe_id__startswith=f"{term}:"))
        payments = list(named.values_list("payment_intent_id", flat=True))
        if not payments and term.startswith(_CHARGES):
            payments = find_payments_of_charge(term)
        return Q(payment_intent_id__in=payments)
    try:
        return Q(pk=UUID(term))
    except ValueError:
        return None


class CustomersAdmin(ReadOnlyAdmin):
    """``linked``: a column, the one that takes its place with a link, and the permissions one of which it takes."""

    linked: ClassVar[dict[str, tuple[str, tuple[str, ...]]]] = {
        "customer": ("customer_link", (SEE_USERS,)),
        "plugin_id": ("plugin_link", (REVIEW, TAKE_DOWN)),
        "sale": ("sale_link", ("marketplace.view_revenueevent",)),
    }
    search_fields = ("plugin__slug",)  # so that there is a box; ``get_search_results`` has its own rules
    list_per_page = 50
    show_full_result_count = False

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return tells_nobody(lookup) and super().lookup_allowed(lookup, value, request)

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return self._with_links(request, super().get_list_display(request))

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self._with_links(request, super().get_fields(request, obj))

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[Any]:
        return self.get_fields(request, obj)

    def _with_links(self, request: HttpRequest, names: Sequence[Any]) -> list[Any]:
        shown = []
        for name in names:
            linked, permissions = self.linked.get(name, ("", ()))
            shown.append(linked if any(request.user.has_perm(one) for one in permissions) else name)
        return shown

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """By what the term looks like, so that each search uses one index."""
        term = search_term.strip()
        if not term:
            return queryset, False
        named = self.find_named(term)
        if named is not None:
            return queryset.filter(named), False
        sees_users = request.user.has_perm(SEE_USERS)
        if "@" in term:
            return queryset.filter(
                user__address_key__startswith=address_key(term)
            ) if sees_users else queryset.none(), False
        found = Q(plugin__slug__startswith=term.lower()) | Q(plugin__name__icontains=term)
        return queryset.filter(found), False

    @abstractmethod
    def find_named(self, term: str) -> Q | None:
        """The rows that an id is about; None where ``term`` is none."""

    @display(description="customer")
    def customer(self, row: Any) -> str:
        return reporter_name_of(row.user_id) if row.user_id else "somebody who has left"

    @display(description="customer")
    def customer_link(self, row: Any) -> str:
        if row.user is None:
            return "somebody who has left"
        return _link("accounts_user_change", row.user.pk, row.user.email)

    @display(description="plugin", ordering="plugin")
    def plugin_link(self, row: Any) -> str:
        return _link("marketplace_plugin_change", row.plugin_id, row.plugin_id)


@admin.register(PluginPurchase)
class PluginPurchaseAdmin(CustomersAdmin):
    list_display = ["created_at", "plugin_id", "customer", "amount", "state", "given_back", "payment_intent_id", "sale"]
    fields = (
        *("id", "plugin_id", "customer", "amount", "status", "given_back", "created_at", "paid_at"),
        *("paid_with", "payment_intent_id", "checkout_session_id", "returns", "sale"),
    )
    list_filter = ["status"]
    date_hierarchy = "created_at"
    list_select_related = ["user", "revenue_event"]
    search_help_text = _HELP
    ordering = ["-created_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        returns = LedgerEntry.objects.filter(
            revenue_event__purchase=OuterRef("pk"), account=LedgerAccount.BUYER
        ).exclude(SALES)
        cents = returns.order_by().values("revenue_event").annotate(cents=Sum("amount_cents")).values("cents")
        purchases: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = purchases.annotate(returned_cents=Coalesce(Subquery(cents), 0))
        return counted

    def find_named(self, term: str) -> Q | None:
        return purchases_named(term)

    @display(description="amount", ordering="amount_cents")
    def amount(self, purchase: PluginPurchase) -> str:
        return euros(purchase.amount_cents)

    @display(
        description="state",
        ordering="status",
        label={"pending": "info", "paid": "success", "refunded": "warning", "failed": "danger"},
    )
    def state(self, purchase: PluginPurchase) -> tuple[str, str]:
        return purchase.status, PurchaseStatus(purchase.status).label

    @display(description="given back", ordering="returned_cents")
    def given_back(self, purchase: Any) -> str:
        return euros(purchase.returned_cents) if purchase.returned_cents else ""

    @display(description="paid with")
    def paid_with(self, purchase: PluginPurchase) -> str:
        if purchase.payment_method_id is None:
            return "not decided yet"
        return "a saved card" if purchase.payment_method_id else "a page of Stripe’s"

    @display(description="refunds and disputes")
    def returns(self, purchase: PluginPurchase) -> str:
        """As Stripe tells of them, one a line."""
        rows = PaymentReturn.objects.filter(payment_intent_id=purchase.payment_intent_id or "").order_by("said_at")
        return "\n".join(f"{row.stripe_id}: {row.kind}, {euros(row.amount_cents)}" for row in rows)

    @display(description="sale")
    def sale(self, purchase: PluginPurchase) -> str:
        """Whether it is booked; who may see sales is led to it."""
        return "booked" if _sale_of(purchase) else ""

    @display(description="sale")
    def sale_link(self, purchase: PluginPurchase) -> str:
        sale = _sale_of(purchase)
        return _link("marketplace_revenueevent_change", sale.pk, "booked") if sale else ""


@admin.register(PluginInstallation)
class PluginInstallationAdmin(CustomersAdmin):
    list_display = ["installed_at", "plugin_id", "customer", "version", "live_version", "uninstalled_at"]
    fields = ("id", "plugin_id", "customer", "version", "live_version", "permissions", "installed_at", "uninstalled_at")
    list_filter = [("uninstalled_at", admin.EmptyFieldListFilter)]
    date_hierarchy = "installed_at"
    list_select_related = ["user", "plugin"]
    search_help_text = _HELP
    ordering = ["-installed_at"]

    def find_named(self, term: str) -> Q | None:
        if term.startswith(_CUSTOMER):
            return Q(user__stripe_customer_id=term)
        named = purchases_named(term)
        if named is None:
            return None
        return Q(Exists(PluginPurchase.objects.filter(named, plugin=OuterRef("plugin"), user=OuterRef("user"))))

    @display(description="live version", ordering="plugin__version")
    def live_version(self, installation: PluginInstallation) -> str:
        return installation.plugin.version


def _sale_of(purchase: PluginPurchase) -> RevenueEvent | None:
    return getattr(purchase, "revenue_event", None)


def _link(route: str, pk: Any, text: str) -> str:
    return format_html('<a href="{}">{}</a>', reverse(f"admin:{route}", args=[pk]), text)

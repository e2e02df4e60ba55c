"""Organisations in the admin, to look at: no secret, no hash, and nobody joins, verifies or changes anything here.

Two things can be done, and by superusers too no others: taking a domain from an organisation that should not have it,
and letting those in again whom an enforced sign-on locks out.
"""

from datetime import UTC, datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest
from unfold.admin import TabularInline

from accounts.organizations.dashboard import SIGN_ON, sign_on
from accounts.organizations.domains.service import remove_domain
from accounts.organizations.models import (
    AuditEntry,
    AuditVia,
    Connection,
    Domain,
    Invitation,
    Membership,
    Organization,
    ScimToken,
)
from accounts.organizations.seats import payment
from accounts.organizations.sso.connections import end_enforcement
from adiuva.admin import ReadOnlyAdmin

MEMBERS_A_PAGE = 20


class SignOnFilter(admin.SimpleListFilter):
    """Of organisations; the lists of what they have set ``prefix``."""

    title = "sign-on"
    parameter_name = "sign_on"
    prefix = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(SIGN_ON.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in SIGN_ON:
            return queryset
        with_sign_on: QuerySet[Any] = queryset.alias(sign_on=sign_on(self.prefix))
        return with_sign_on.filter(sign_on=self.value())


class OwnersSignOnFilter(SignOnFilter):
    prefix = "organization__"


class MembersInline(TabularInline):
    model = Membership
    fields = readonly_fields = ("user", "role", "active", "joined_at", "is_provisioned")
    ordering = ("joined_at", "id")
    per_page = MEMBERS_A_PAGE  # type: ignore[assignment]  # unfold: None
    extra = 0

    def get_queryset(self, request: HttpRequest) -> QuerySet[Membership]:
        members: QuerySet[Membership] = super().get_queryset(request)
        return members.select_related("user")

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False


@admin.register(Organization)
class OrganizationAdmin(ReadOnlyAdmin):
    list_display = ("name", "members_count", "sign_on", "subscription_state", "created_at", "id")
    list_filter = (SignOnFilter,)
    list_select_related = ("connection", "subscription")
    search_fields = ("id", "name", "members__user__email", "domains__name")
    date_hierarchy = "created_at"
    ordering = ("-created_at", "id")
    fields = readonly_fields = ("id", "name", "created_at", "seats", "subscription_state", "sign_on")
    inlines = (MembersInline,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Organization]:
        organizations: QuerySet[Organization] = super().get_queryset(request)
        # Not by a join, which what is searched for would multiply.
        members = Membership.objects.active().filter(organization=OuterRef("pk")).order_by().values("organization")
        return organizations.annotate(members_count=Subquery(members.annotate(count=Count("pk")).values("count")))

    @admin.display(description="members", ordering="members_count")
    def members_count(self, organization: Any) -> int:
        return organization.members_count or 0

    @admin.display(description="sign-on")
    def sign_on(self, organization: Organization) -> str:
        connection: Connection | None = getattr(organization, "connection", None)
        kind = "none" if connection is None else "enforced" if connection.enforced else "offered"
        return SIGN_ON[kind]

    @admin.display(description="subscription")
    def subscription_state(self, organization: Organization) -> str:
        """Billing's, which has a row that names the organisation as long as it pays for it."""
        subscription: Any = getattr(organization, "subscription", None)
        return "nothing is paid" if subscription is None else subscription.get_status_display()

    @admin.display(description="seats")
    def seats(self, organization: Organization) -> str:
        """How many are paid for now, on the page of one organisation only: asking takes a query."""
        paid = payment().seats(organization.id)
        invited = organization.invitations.pending(datetime.now(UTC)).count()
        text = f"{paid}, of which {organization.members.active().count()} are taken"
        return f"{text}, and {invited} by invitations" if invited else text


@admin.register(Membership)
class MembershipAdmin(ReadOnlyAdmin):
    list_display = ("user", "organization", "role", "active", "is_provisioned", "joined_at")
    list_filter = (OwnersSignOnFilter, "role", "active", "is_provisioned")
    list_select_related = ("user", "organization")
    search_fields = ("user__email", "organization__name", "external_id")
    ordering = ("-joined_at", "id")


@admin.register(Domain)
class DomainAdmin(ReadOnlyAdmin):
    list_display = ("name", "organization", "is_verified", "created_at", "verified_at")
    list_filter = (("verified_at", admin.EmptyFieldListFilter),)
    list_select_related = ("organization",)
    search_fields = ("name", "organization__name")
    ordering = ("name", "id")
    fields = readonly_fields = ("name", "organization", "created_at", "verified_at")
    actions = ("remove_claim",)

    @admin.display(description="verified", boolean=True, ordering="verified_at")
    def is_verified(self, domain: Domain) -> bool:
        return domain.verified_at is not None

    def has_remove_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("organizations.delete_domain")

    @admin.action(description="Take from its organisation", permissions=["remove"])
    def remove_claim(self, request: HttpRequest, queryset: QuerySet[Domain]) -> None:
        """The organisation's audit says that an operator did it, the admin's log who."""
        domains = list(queryset)
        for domain in domains:
            self.log_change(request, domain, f"Taken from organisation {domain.organization_id}.")
            remove_domain(domain=domain, actor=None, via=AuditVia.OPERATOR)
        self.message_user(request, f"{len(domains)} removed.", messages.SUCCESS)


@admin.register(Connection)
class ConnectionAdmin(ReadOnlyAdmin):
    list_display = ("organization", "issuer", "enforced", "just_in_time", "session_hours", "updated_at")
    list_filter = ("enforced", "just_in_time")
    list_select_related = ("organization",)
    search_fields = ("id", "organization__name", "issuer", "client_id")  # the log names connections by their id
    ordering = ("-updated_at", "id")
    fields = readonly_fields = (
        *("organization", "issuer", "client_id", "just_in_time", "enforced", "session_hours"),
        *("metadata_at", "keys_at", "keys_asked_at", "created_at", "updated_at"),
    )
    actions = ("stop_enforcing",)

    def has_enforcement_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("organizations.change_connection")

    @admin.action(description="Stop enforcing sign-on", permissions=["enforcement"])
    def stop_enforcing(self, request: HttpRequest, queryset: QuerySet[Connection]) -> None:
        """Members may log in by password again. The audit says that an operator did it, the admin's log who."""
        connections = list(queryset.filter(enforced=True))
        for connection in connections:
            self.log_change(request, connection, "No longer enforced.")
            end_enforcement(organization_id=connection.organization_id)
        self.message_user(request, f"{len(connections)} no longer enforced.", messages.SUCCESS)


@admin.register(Invitation)
class InvitationAdmin(ReadOnlyAdmin):
    list_display = ("email", "organization", "role", "state", "created_at", "expires_at")
    list_filter = ("state", "role")
    list_select_related = ("organization",)
    search_fields = ("email", "organization__name")
    ordering = ("-created_at", "id")
    fields = readonly_fields = ("email", "organization", "role", "state", "invited_by", "created_at", "expires_at")


@admin.register(ScimToken)
class ScimTokenAdmin(ReadOnlyAdmin):
    list_display = ("id", "organization", "created_by", "created_at", "last_used_at")
    list_select_related = ("organization", "created_by")
    search_fields = ("id", "organization__name")
    ordering = ("-created_at", "id")
    fields = readonly_fields = ("id", "organization", "created_by", "created_at", "last_used_at")


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "organization", "type", "via", "actor", "target_user", "target")
    list_filter = ("type", "via")
    list_select_related = ("organization", "actor", "target_user")
    search_fields = ("organization__name", "actor__email", "target_user__email", "target")
    ordering = ("-at", "-id")

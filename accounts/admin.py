"""The live tier as a filter of the admin's lists."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django.db.models import Model, QuerySet
from django.forms import Form
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts import live_tier
from accounts.models import Session, User
from accounts.serializers import TIERS
from accounts.sessions import revoke_all_sessions
from adiuva.admin import ReadOnlyAdmin


class LiveTierFilter(admin.SimpleListFilter):
    """Of lists of users; the lists of what users have set ``prefix``."""

    title = "live tier"
    parameter_name = "live_tier"
    prefix = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(tier, tier.title()) for tier in TIERS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in TIERS:
            return queryset
        with_tier: QuerySet[Any] = queryset.alias(live_tier=live_tier.expression(self.prefix))
        return with_tier.filter(live_tier=self.value())


class OwnersTierFilter(LiveTierFilter):
    prefix = "user__"


admin.site.unregister(Group)


def _is_superuser(request: HttpRequest) -> bool:
    return isinstance(request.user, User) and request.user.is_active and request.user.is_superuser


@admin.register(Group)
class GroupAdmin(ModelAdmin):
    """Looked at by permission, changed by superusers: whoever edits a group they are in gives themselves its rights."""

    filter_horizontal = ("permissions",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return _is_superuser(request)

    def has_change_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return _is_superuser(request)

    def has_delete_permission(self, request: HttpRequest, obj: Group | None = None) -> bool:
        return _is_superuser(request)


@admin.register(User)
class UserAdmin(ModelAdmin):
    list_display = ("email", "live_tier", "is_active", "is_staff", "created_at")
    list_filter = (LiveTierFilter, "is_active", "is_staff")
    search_fields = ("email",)
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    fields = ("email", "tier", "is_active", "is_staff", "is_superuser", "groups", "created_at", "last_login")
    readonly_fields = ("email", "tier", "created_at", "last_login")
    filter_horizontal = ("groups",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        users: QuerySet[User] = super().get_queryset(request)
        return users.select_related(*live_tier.select_related())

    @admin.display(description="tier")
    def live_tier(self, user: User) -> str:
        return live_tier.read(user).title()

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        fields: tuple[str, ...] = self.readonly_fields
        if not _is_superuser(request):
            fields = (*fields, "is_staff", "is_superuser", "groups")
        if obj is not None and obj.erasure_requested_at is not None:
            fields = (*fields, "is_active")  # there is no way back
        return fields

    def save_model(self, request: HttpRequest, obj: Model, form: Form, change: Any) -> None:
        super().save_model(request, obj, form, change)
        if isinstance(obj, User) and not obj.is_active:
            # For good: enabling the account again must not bring a stolen session back.
            revoke_all_sessions(user_id=obj.id)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Staff accounts are superusers' to disable: nobody locks out those who could undo it."""
        allowed: bool = super().has_change_permission(request, obj)
        return allowed and (obj is None or not (obj.is_staff or obj.is_superuser) or _is_superuser(request))

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Deleting an account is erasure, which runs through ``accounts.erasure`` and never from here."""
        return False


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    list_display = ("user", "user_agent", "created_at", "last_used_at", "revoked_at")
    list_select_related = ("user",)
    search_fields = ("user__email",)
    readonly_fields = ("user", "user_agent", "created_at", "last_used_at", "expires_at", "revoked_at")

"""Accounts in the admin: to look at and to disable, not to edit."""

from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts.models import Session, User

admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(ModelAdmin):
    filter_horizontal = ("permissions",)


@admin.register(User)
class UserAdmin(ModelAdmin):
    list_display = ("email", "tier", "is_active", "is_staff", "created_at")
    list_filter = ("tier", "is_active", "is_staff")
    search_fields = ("email",)
    fields = ("email", "tier", "is_active", "is_staff", "is_superuser", "groups", "created_at", "last_login")
    readonly_fields = ("email", "tier", "created_at", "last_login")
    filter_horizontal = ("groups",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Deleting an account is erasure, which runs through ``accounts.erasure`` and never from here."""
        return False


@admin.register(Session)
class SessionAdmin(ModelAdmin):
    list_display = ("user", "user_agent", "created_at", "last_used_at", "revoked_at")
    list_select_related = ("user",)
    search_fields = ("user__email",)
    readonly_fields = ("user", "user_agent", "created_at", "last_used_at", "expires_at", "revoked_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Session | None = None) -> bool:
        return False

"""Sessions and what happened to accounts, to look at: no token, no secret, and nobody changes anything."""

from django.contrib import admin

from accounts.models import SecurityEvent, Session
from adiuva.admin import ReadOnlyAdmin


@admin.register(Session)
class SessionAdmin(ReadOnlyAdmin):
    list_display = ("user", "user_agent", "created_at", "last_used_at", "revoked_at")
    list_select_related = ("user",)
    search_fields = ("user__email",)
    readonly_fields = ("user", "user_agent", "created_at", "last_used_at", "expires_at", "revoked_at")


@admin.register(SecurityEvent)
class SecurityEventAdmin(ReadOnlyAdmin):
    list_display = ("at", "user", "type", "ip", "user_agent")
    list_filter = ("type",)
    list_select_related = ("user",)
    search_fields = ("user__email",)
    ordering = ("-at", "-id")
    readonly_fields = ("user", "at", "type", "session_id", "ip", "user_agent")
    fields = readonly_fields

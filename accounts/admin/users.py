"""Users and groups: what staff may see of an account and do for it. No page shows, sets or asks for a password."""

from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Model, QuerySet
from django.forms import Form
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST
from unfold.admin import ModelAdmin

from accounts import live_tier
from accounts.admin.tiers import LiveTierFilter
from accounts.factors.service import has_second_factor
from accounts.models import User
from accounts.recovery.reset import send_reset
from accounts.recovery.verification import send_verification
from accounts.sessions import revoke_all_sessions
from adiuva.mail.outbox import is_configured

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
    list_display = ("email", "live_tier", "email_is_verified", "is_active", "is_staff", "created_at")
    list_filter = (LiveTierFilter, "is_active", "is_staff", ("email_verified_at", admin.EmptyFieldListFilter))
    search_fields = ("email",)
    date_hierarchy = "created_at"
    ordering = ("-created_at",)
    fields = (
        *("email", "email_verified_at", "locale", "second_factor", "tier"),
        *("is_active", "is_staff", "is_superuser", "groups", "created_at", "last_login"),
    )
    readonly_fields = (*("email", "email_verified_at", "locale", "second_factor", "tier", "created_at", "last_login"),)
    filter_horizontal = ("groups",)
    change_form_outer_after_template = "accounts/admin/mails.html"  # type: ignore[assignment]  # unfold: None

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        users: QuerySet[User] = super().get_queryset(request)
        return users.select_related(*live_tier.select_related())

    @admin.display(description="tier")
    def live_tier(self, user: User) -> str:
        return live_tier.read(user).title()

    @admin.display(description="verified", boolean=True, ordering="email_verified_at")
    def email_is_verified(self, user: User) -> bool:
        return user.email_verified

    @admin.display(description="second factor", boolean=True)
    def second_factor(self, user: User) -> bool:
        """Whether there is one, and no word about it."""
        return has_second_factor(user_id=user.id)

    def get_urls(self) -> list[URLPattern]:
        mails = [
            path(f"<uuid:pk>/{route}/", self.admin_site.admin_view(view), name=f"accounts_user_{name}")
            for route, view, name in (
                ("send-password-reset", require_POST(self.send_password_reset), "send_password_reset"),
                ("send-verification", require_POST(self.send_verification), "send_verification"),
            )
        ]
        return [*mails, *super().get_urls()]

    def send_password_reset(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """A mail to the account's address, with a link that is made when it leaves. Nobody here sees a password, nor
        chooses one.
        """
        with transaction.atomic():
            user = self._addressee(request, pk)
            refusal = self._refusal(user)
            if not refusal:
                send_reset(user=user)
                self.log_change(request, user, "Sent a password reset mail.")
        return self._back(request, user, refusal or f"A password reset mail leaves for {user.email}.", bool(refusal))

    def send_verification(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        with transaction.atomic():
            user = self._addressee(request, pk)
            refusal = self._refusal(user) or ("The address is verified already." if user.email_verified else "")
            if not refusal:
                send_verification(user=user)
                self.log_change(request, user, "Sent a verification mail.")
        return self._back(request, user, refusal or f"A verification mail leaves for {user.email}.", bool(refusal))

    def _addressee(self, request: HttpRequest, pk: UUID) -> User:
        if not self.has_change_permission(request):
            raise PermissionDenied
        user = get_object_or_404(User, pk=pk)
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        return user

    def _refusal(self, user: User) -> str:
        """Why no mail is sent; empty if one is."""
        if not is_configured():
            return "This service sends no mail: EMAIL_URL is not set."
        return "" if user.is_active else "The account is closed or disabled."

    def _back(self, request: HttpRequest, user: User, text: str, is_refused: bool) -> HttpResponse:  # noqa: FBT001
        self.message_user(request, text, messages.ERROR if is_refused else messages.SUCCESS)
        return HttpResponseRedirect(reverse("admin:accounts_user_change", args=[user.pk]))

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        fields: tuple[str, ...] = self.readonly_fields
        if not _is_superuser(request):
            fields = (*fields, "is_staff", "is_superuser", "groups")
        if obj is not None and obj.erasure_requested_at is not None:
            fields = (*fields, "is_active")  # there is no way back
        return fields

    def save_model(self, request: HttpRequest, obj: Model, form: Form, change: Any) -> None:
        # What the form changed, and nothing else: a password that is reset at the same moment stays.
        obj.save(update_fields=[name for name in form.changed_data if name != "groups"])
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

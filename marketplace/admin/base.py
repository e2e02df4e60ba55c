"""What the marketplace's admin pages share: permissions, the forms and handling of decisions, the content policy."""

from collections.abc import Callable
from typing import Any, Final

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from accounts.models import User
from adiuva.admin import ReadOnlyAdmin
from adiuva.api.errors import Problem, ValidationFailed
from adiuva.server import middleware
from marketplace.models import PluginStatus, RejectionReason
from marketplace.review.decisions import MAX_NOTES, MAX_REASON


class DecisionForm(forms.Form):
    """A form whose last word is the function that it is for."""

    def clean(self) -> dict[str, Any]:
        """Forms send the ends of lines as CR LF."""
        return {
            name: value.replace("\r\n", "\n") if isinstance(value, str) else value
            for name, value in self.cleaned_data.items()
        }

    def refuse(self, refusal: ValidationFailed) -> None:
        for field, faults in refusal.extra["errors"].items():
            self.add_error(field if field in self.fields else None, faults)


def _text(*, label: str, rows: int, required: bool, longest: int, hint: str) -> forms.CharField:
    widget = UnfoldAdminTextareaWidget(attrs={"rows": rows, "placeholder": hint})
    return forms.CharField(label=label, widget=widget, required=required, max_length=longest)


class ApproveForm(DecisionForm):
    prefix = "approve"
    notes = _text(label="Comment", rows=2, required=False, longest=MAX_NOTES, hint="Optional. The author reads it.")


class RejectForm(DecisionForm):
    prefix = "reject"
    reason_code = forms.ChoiceField(
        label="Reason",
        choices=[("", "Choose a reason …"), *RejectionReason.choices],
        widget=UnfoldAdminSelectWidget(),
    )
    notes = _text(
        label="Comment",
        rows=4,
        required=False,
        longest=MAX_NOTES,
        hint="What the author should change. The author reads it.",
    )


class TakeDownForm(DecisionForm):
    prefix = "take_down"
    reason = _text(
        label="Reason", rows=3, required=True, longest=MAX_REASON, hint="Public: those who have it installed read it."
    )


class TakeDownVersionForm(DecisionForm):
    """``version`` is the key of the one that was live when the page was made: no other is taken down in its place."""

    prefix = "take_down_version"
    version = forms.CharField(widget=forms.HiddenInput())
    reason = _text(
        label="Reason", rows=3, required=True, longest=MAX_REASON, hint="Public: those who have it installed read it."
    )


class ReinstateForm(DecisionForm):
    prefix = "reinstate"
    notes = _text(
        label="Note", rows=3, required=True, longest=MAX_REASON, hint="Why it may come back. Only reviewers read it."
    )


REVIEW: Final = "marketplace.review_plugins"
TAKE_DOWN: Final = "marketplace.take_down_plugins"

TONES: Final = {
    PluginStatus.PENDING_REVIEW: "info",
    PluginStatus.APPROVED: "success",
    PluginStatus.REJECTED: "danger",
    PluginStatus.WITHDRAWN: "",
    PluginStatus.TAKEN_DOWN: "danger",
}
View = Callable[..., HttpResponse]
# A submission's page shows its files in a frame.
PAGE_POLICY: Final = f"{middleware.ADMIN}; frame-src 'self'"


def require_permission(request: HttpRequest, permission: str) -> User:
    """The staff member that asks; raises Django's ``PermissionDenied`` (403)."""
    user = request.user
    if not isinstance(user, User) or not user.has_perm(permission):
        raise PermissionDenied
    return user


def apply_decision(request: HttpRequest, form: DecisionForm, act: Callable[..., Any], *, done: str) -> bool:
    """Calls ``act`` with the form's fields. What it refuses becomes a message, and its last state is looked at again;
    False where it is the form that has to be corrected.
    """
    if not form.is_valid():
        return False
    try:
        act(**form.cleaned_data)
    except ValidationFailed as refusal:
        form.refuse(refusal)
        return False
    except Problem as refusal:
        messages.error(request, refusal.detail)
    else:
        messages.success(request, done)
    return True


_PEOPLE: Final = frozenset({"author", "closed_by", "submitted_by", "taken_down_by", "user"})


def tells_nobody(lookup: str) -> bool:
    """Whether a list may be asked for by ``lookup``. By comparing keys of people in an address their ids could be read
    bit by bit, and with them whom the names of authors, reviewers and reporters stand for.
    """
    *path, _ = lookup.split("__")  # equality alone takes a guess among 2**122
    return not any(part.removesuffix("_id") in _PEOPLE for part in path)


class DecidedElsewhereAdmin(ReadOnlyAdmin):
    """Rows to look at: they change by decisions, whose views ask for permissions of their own."""

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest) -> bool:
        return tells_nobody(lookup) and super().lookup_allowed(lookup, value, request)

    def guard_routes(self, routes: list[tuple[str, View, str]], *, prefix: str) -> list[URLPattern]:
        """Each as (route, view, name), behind the admin's login and its CSRF protection."""
        return [path(route, self.admin_site.admin_view(view), name=f"{prefix}_{name}") for route, view, name in routes]

    def page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        context = {**self.admin_site.each_context(request), "opts": self.opts, **context}
        response = TemplateResponse(request, template, context)
        response.headers[middleware.HEADER] = PAGE_POLICY
        return response

    def has_module_permission(self, request: HttpRequest) -> bool:
        return self.has_view_permission(request)

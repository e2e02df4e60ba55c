"""The queue of submissions, and one page for each: all that a reviewer decides by, and the decision."""

from typing import Any, Final
from uuid import UUID

from django.contrib import admin
from django.db.models import Case, F, Model, Q, QuerySet, TextField, Value, When
from django.db.models.functions import Cast
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.timesince import timesince
from unfold.decorators import display

from marketplace.admin.base import (
    REVIEW,
    TAKE_DOWN,
    TONES,
    ApproveForm,
    DecidedElsewhereAdmin,
    DecisionForm,
    RejectForm,
    View,
    apply_decision,
    require_permission,
)
from marketplace.catalog.service import find_live_version
from marketplace.models import PluginStatus, PluginVersion
from marketplace.review import decisions, page
from marketplace.review.package_contents import PackageUnreadableError, preview
from marketplace.review.page import visible
from marketplace.submissions.manifest import is_newer

PENDING: Final = PluginStatus.PENDING_REVIEW
# A frame of the review page, or a page of its own: text and one stylesheet, no origin, no script, no form.
PREVIEW_POLICY: Final = "default-src 'none'; style-src 'self'; frame-ancestors 'self'; base-uri 'none'; sandbox"


class KindFilter(admin.SimpleListFilter):
    title = "kind"
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("first", "First version"), ("update", "Update of a published plugin")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "first":
                return queryset.filter(plugin__published_at__isnull=True)
            case "update":
                return queryset.filter(plugin__published_at__isnull=False)
        return queryset


class ChecksFilter(admin.SimpleListFilter):
    title = "checks"
    parameter_name = "checks"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("failed", "Some failed"), ("passed", "All passed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in {"failed", "passed"}:
            return queryset
        # Both databases write JSON like this, and within a string its quotes would be escaped.
        failed = Q(checklist__contains='"passed": false')
        listed: QuerySet[Any] = queryset.alias(checklist=Cast("checks", TextField()))
        return listed.filter(failed if self.value() == "failed" else ~failed & ~Q(checks=[]))


@admin.register(PluginVersion)
class SubmissionAdmin(DecidedElsewhereAdmin):
    list_display = ["plugin_and_name", "version_and_kind", "handle", "waiting", "rights", "price", "checklist", "state"]
    list_display_links = ["plugin_and_name"]
    list_filter = ["status", ChecksFilter, KindFilter, "plugin__category", "submitted_at"]
    list_filter_submit = True
    list_select_related = ["plugin"]
    list_per_page = 50
    search_fields = ["plugin__slug", "plugin__name", "plugin__author_name", "version"]
    search_help_text = "Plugin, author’s handle or version"
    show_full_result_count = False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(REVIEW)

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """What waits, the longest first; then what was decided, the latest first."""
        waits_first = Case(When(status=PENDING, then=Value(0)), default=Value(1))
        return [waits_first, F("decided_at").desc(), "submitted_at"]

    @display(description="plugin", header=True, ordering="plugin__slug")
    def plugin_and_name(self, version: PluginVersion) -> list[str]:
        return [visible(str(page.manifest_of(version).get("name", ""))), version.plugin_id]

    @display(description="version", header=True)
    def version_and_kind(self, version: PluginVersion) -> list[str]:
        live = version.plugin.version if version.plugin.published_at else None
        if live == version.version:
            status = PluginStatus(version.plugin.status)
            return [version.version, "live" if status == PluginStatus.APPROVED else str(status.label).lower()]
        return [version.version, f"update of {live}" if live else "first version"]

    @display(description="rights")
    def rights(self, version: PluginVersion) -> str:
        """How many permissions: of a first version all, of an update those that come on top of the live ones."""
        wanted = page.permission_names(version)
        if version.status != PENDING:
            return ""
        if version.plugin.published_at is None:
            return str(len(wanted))
        added = len(wanted - set(version.plugin.permissions))
        return f"+{added}" if added else "the same"

    @display(description="author", ordering="plugin__author_name")
    def handle(self, version: PluginVersion) -> str:
        return visible(version.plugin.author_name)

    @display(description="waiting", ordering="submitted_at")
    def waiting(self, version: PluginVersion) -> str:
        return timesince(version.submitted_at, depth=1) if version.status == PENDING else ""

    @display(description="price", header=True)
    def price(self, version: PluginVersion) -> list[str]:
        """And that of the live version, where it waits to be another one."""
        cents, live = page.manifest_of(version).get("price_cents"), version.plugin.price_cents
        differs = version.status == PENDING and version.plugin.published_at is not None and cents != live
        return [page.format_price(cents), f"was {page.format_price(live)}" if differs else ""]

    @display(description="checks", label={"passed": "success", "failed": "warning", "none": ""})
    def checklist(self, version: PluginVersion) -> tuple[str, str]:
        checks = page.validator_results_of(version)
        failed = sum(not check.passed for check in checks)
        if failed:
            return "failed", f"{failed} failed"
        return ("passed", "all passed") if checks else ("none", "none were run")

    @display(description="status", ordering="status", label={str(one): tone for one, tone in TONES.items()})
    def state(self, version: PluginVersion) -> tuple[str, str]:
        return version.status, PluginStatus(version.status).label

    def get_urls(self) -> list[URLPattern]:
        routes: list[tuple[str, View, str]] = [
            ("<uuid:pk>/approve/", self.approve_view, "approve"),
            ("<uuid:pk>/reject/", self.reject_view, "reject"),
            ("<uuid:pk>/files/<int:index>/", self.file_view, "file"),
        ]
        return [*self.guard_routes(routes, prefix="marketplace_submission"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        require_permission(request, REVIEW)
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        return self._page(request, _version_or_404(object_id), ApproveForm(), RejectForm())

    def approve_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        return self._handle_decision(request, pk, ApproveForm)

    def reject_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        return self._handle_decision(request, pk, RejectForm)

    def file_view(self, request: HttpRequest, pk: UUID, index: int) -> HttpResponse:
        """One file of the package, as text."""
        require_permission(request, REVIEW)
        version = _version_or_404(pk)
        context: dict[str, Any] = {"version": version}
        try:
            shown = preview(version, index=index)
        except IndexError:
            raise Http404 from None
        except PackageUnreadableError as error:
            context["refusal"] = str(error)
        else:
            context |= {"preview": shown, "name": visible(shown.file.name), "lines": _lines(shown.text)}
        response = TemplateResponse(request, "marketplace/admin/file.html", context)
        response.headers["Content-Security-Policy"] = PREVIEW_POLICY
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
        response.headers["Content-Disposition"] = 'inline; filename="preview.html"'
        return response

    def _handle_decision(self, request: HttpRequest, pk: UUID, form_class: type[DecisionForm]) -> HttpResponse:
        reviewer = require_permission(request, REVIEW)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        version, form = _version_or_404(pk), form_class(request.POST)
        approves = form_class is ApproveForm
        act, outcome = (decisions.approve, "approved") if approves else (decisions.reject, "rejected")
        done = f"{version.plugin_id} {version.version} is {outcome}."

        def decision(**fields: Any) -> None:
            act(version=version, reviewer=reviewer, **fields)

        if apply_decision(request, form, decision, done=done):
            return HttpResponseRedirect(reverse("admin:marketplace_pluginversion_change", args=[pk]))
        forms = (form, RejectForm()) if approves else (ApproveForm(), form)
        return self._page(request, version, *forms)

    def _page(
        self, request: HttpRequest, version: PluginVersion, approve_form: DecisionForm, reject_form: DecisionForm
    ) -> HttpResponse:
        plugin, live = version.plugin, find_live_version(version.plugin)
        if live == version:
            live = None
        checks = page.validator_results_of(version)
        package, trouble = page.package_of(version)
        waiting = PluginVersion.objects.filter(status=PENDING).exclude(pk=version.pk)
        context = {
            "title": f"{visible(plugin.slug)} {visible(version.version)}",
            "version": version,
            "plugin": plugin,
            "live": live,
            "tone": TONES[PluginStatus(version.status)],
            "fields": page.fields_of(version, live),
            "permissions": page.permissions_of(version, live),
            "failed_checks": [check for check in checks if not check.passed],
            "passed_checks": [check for check in checks if check.passed],
            "manifest": page.manifest_text(version),
            "package": package,
            "files": page.files_of(package),
            "trouble": trouble,
            "first_file": page.entrypoint_index(version, package),
            "history": page.history_of(plugin, viewer=request.user),
            "approve_form": approve_form,
            "reject_form": reject_form,
            "pending": version.status == PENDING,
            "own": request.user.pk in {plugin.author_id, version.submitted_by_id},
            "outdated": live is not None and not is_newer(version.version, than=live.version),
            "may_see_users": request.user.has_perm("accounts.view_user"),
            "may_take_down": request.user.has_perm(TAKE_DOWN),
            "next": waiting.order_by("submitted_at").first(),
        }
        return self.page(request, "marketplace/admin/review.html", context)


def _lines(text: str) -> list[str]:
    """The line feed at the end of a file begins no line."""
    return visible(text).removesuffix("\n").split("\n")


def _version_or_404(pk: str | UUID) -> PluginVersion:
    try:
        key = UUID(str(pk))
    except ValueError:
        raise Http404 from None
    return get_object_or_404(PluginVersion.objects.select_related("plugin", "plugin__author"), pk=key)

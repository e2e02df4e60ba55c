"""The queue of submissions, and one page for each: all that a reviewer decides by, and the decision."""

from typing import Any, Final
from uuid import UUID

from django.contrib import admin
from django.db.models import Case, F, Model, QuerySet, Value, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.timesince import timesince
from unfold.decorators import display

from marketplace.admin import talk
from marketplace.admin.base import (
    REVIEW,
    TAKE_DOWN,
    TONES,
    ApproveForm,
    DecisionForm,
    RejectForm,
    View,
    apply_decision,
    require_permission,
)
from marketplace.admin.changes import ChangesPages, changes_summary
from marketplace.admin.desk import ALTHOUGH, DeskAdmin, ask_although_claimed, claim_cell, shown_claim, version_or_404
from marketplace.admin.queue import PENDING, ChecksFilter, ClaimFilter, KindFilter, Walk, place_of
from marketplace.catalog.service import find_live_version
from marketplace.models import PluginStatus, PluginVersion
from marketplace.review import claims, decisions, messages, page, superseded
from marketplace.review.diff.coloured_code import paint_lines
from marketplace.review.jobs import look_again
from marketplace.review.package_contents import PackageUnreadableError, preview
from marketplace.review.page import visible
from marketplace.review.reach.reader import show_reach
from marketplace.submissions.manifest import is_newer

# A frame of the review page, or a page of its own: text and one stylesheet, no origin, no script, no form.
PREVIEW_POLICY: Final = "default-src 'none'; style-src 'self'; frame-ancestors 'self'; base-uri 'none'; sandbox"


@admin.register(PluginVersion)
class SubmissionAdmin(DeskAdmin):
    list_display = ["plugin_and_name", "version_and_kind", "handle", "waiting", "rights", "price", "checklist", "state"]
    list_display_links = ["plugin_and_name"]
    list_filter = [
        *("status", ClaimFilter, talk.ConversationFilter, ChecksFilter, KindFilter),
        *("plugin__category", "submitted_at"),
    ]
    list_filter_submit = True
    list_select_related = ["plugin", "claim__reviewer"]
    list_per_page = 50
    list_fullwidth = True
    list_before_template: Any = "marketplace/admin/queue_next.html"  # unfold types its own as None
    search_fields = ["plugin__slug", "plugin__name", "plugin__author_name", "version"]
    search_help_text = "Plugin, author’s handle or version"
    show_full_result_count = False

    class Media:
        js = ("marketplace/review.js",)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(REVIEW)

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Who has claimed what depends on who asks: superusers read addresses."""

        @display(description="claim", header=True)
        def claim(version: PluginVersion) -> list[str]:
            return claim_cell(version, request.user)

        return [*super().get_list_display(request), claim]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return messages.with_conversation(super().get_queryset(request))

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

    @display(
        description="status", ordering="status", label=talk.TONES | {str(one): tone for one, tone in TONES.items()}
    )
    def state(self, version: PluginVersion) -> tuple[str, str]:
        """And of what waits, whether its author is waited for."""
        return talk.state_of(version) or (version.status, PluginStatus(version.status).label)

    def get_urls(self) -> list[URLPattern]:
        routes: list[tuple[str, View, str]] = [
            *self.desk_routes(),
            *talk.ROUTES,
            ("<uuid:pk>/approve/", self.approve_view, "approve"),
            ("<uuid:pk>/reject/", self.reject_view, "reject"),
            ("<uuid:pk>/files/<int:index>/", self.file_view, "file"),
            *ChangesPages(self).routes(),
            ("<uuid:pk>/look-again/", self.look_again_view, "look_again"),
        ]
        return [*self.guard_routes(routes, prefix="marketplace_submission"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        require_permission(request, REVIEW)
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        return self._page(request, version_or_404(object_id), ApproveForm(), RejectForm())

    def approve_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        return self._handle_decision(request, pk, ApproveForm)

    def reject_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        return self._handle_decision(request, pk, RejectForm)

    def file_view(self, request: HttpRequest, pk: UUID, index: int) -> HttpResponse:
        """One file of the package, as text."""
        reviewer = require_permission(request, REVIEW)
        version = version_or_404(pk)
        claims.renew(version=version, reviewer=reviewer)
        context: dict[str, Any] = {"version": version}
        try:
            shown = preview(version, index=index)
        except IndexError:
            raise Http404 from None
        except PackageUnreadableError as error:
            context["refusal"] = str(error)
        else:
            lines = paint_lines(shown.text, name=shown.file.name)
            context |= {"preview": shown, "name": visible(shown.file.name), "lines": lines}
        response = TemplateResponse(request, "marketplace/admin/file.html", context)
        response.headers["Content-Security-Policy"] = PREVIEW_POLICY
        response.headers["X-Frame-Options"] = "SAMEORIGIN"
        response.headers["Content-Disposition"] = 'inline; filename="preview.html"'
        return response

    def look_again_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """What its code reaches for is found anew, off the queue."""
        require_permission(request, REVIEW)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        look_again(version_or_404(pk).pk)
        return HttpResponseRedirect(f"{Walk.of(request).page_url(pk)}#reach")

    def _handle_decision(self, request: HttpRequest, pk: UUID, form_class: type[DecisionForm]) -> HttpResponse:
        reviewer = require_permission(request, REVIEW)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        version, form, walk = version_or_404(pk), form_class(request.POST), Walk.of(request)
        approves = form_class is ApproveForm
        act, outcome = (decisions.approve, "approved") if approves else (decisions.reject, "rejected")
        made = []

        def decision(**fields: Any) -> None:
            fields.pop(ALTHOUGH, None)  # the box was for the person who ticks it
            made.append(act(version=version, reviewer=reviewer, **fields))

        ask_although_claimed(form, version, reviewer)
        page_url = walk.page_url(version.pk)
        told = '{} {} is {}. <a href="{}" class="underline">Look at it again</a>'
        done = format_html(told, version.plugin_id, version.version, outcome, page_url)
        if apply_decision(request, form, decision, done=done):
            found = walk.take_next(request, self, reviewer=reviewer, current=version.pk) if made else None
            return HttpResponseRedirect(walk.page_url(found.pk) if found else page_url)
        forms = (form, RejectForm()) if approves else (ApproveForm(), form)
        return self._page(request, version, *forms)

    def _page(
        self, request: HttpRequest, version: PluginVersion, approve_form: DecisionForm, reject_form: DecisionForm
    ) -> HttpResponse:
        plugin, live, walk = version.plugin, find_live_version(version.plugin), Walk.of(request)
        if live == version:
            live = None
        checks = page.validator_results_of(version)
        package, trouble = page.package_of(version)
        pending = version.status == PENDING
        name = visible(str(page.manifest_of(version).get("name") or plugin.slug))
        for form in (approve_form, reject_form):
            ask_although_claimed(form, version, request.user)
        context = {
            **talk.context_of(version, require_permission(request, REVIEW)),
            "title": f"{name} – {visible(plugin.slug)} {visible(version.version)}",
            "name": name,
            "walk": walk,
            "claim": shown_claim(version, request.user),
            "queue": place_of(version) if pending else None,
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
            "changes": changes_summary(version, live),
            "reach": show_reach(version.reach, live=live and live.reach, files=page.files_of(package)),
            "first_file": page.entrypoint_index(version, package),
            "history": page.history_of(plugin, viewer=request.user),
            "approve_form": approve_form,
            "reject_form": reject_form,
            "pending": pending,
            "own": claims.is_own(version, request.user),
            "overtaken": self._overtaken(version) if pending else [],
            "outdated": live is not None and not is_newer(version.version, than=live.version),
            "may_see_users": request.user.has_perm("accounts.view_user"),
            "may_take_down": request.user.has_perm(TAKE_DOWN),
        }
        return self.page(request, "marketplace/admin/review.html", context)

    def _overtaken(self, version: PluginVersion) -> list[PluginVersion]:
        """Of all versions of its plugin that wait."""
        waiting = version.plugin.versions.filter(status=PENDING).select_related("plugin").order_by("submitted_at")
        return list(superseded.overtaken(waiting))

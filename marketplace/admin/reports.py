"""What users report about plugins: the queue, and one page for each report with all that it is closed by."""

from functools import partial
from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import admin
from django.db.models import Case, Count, F, Min, Model, OuterRef, QuerySet, Subquery, Value, When
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.timesince import timesince
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextareaWidget

from accounts.models import User
from marketplace.admin.base import (
    REVIEW,
    TAKE_DOWN,
    TONES,
    DecidedElsewhereAdmin,
    DecisionForm,
    View,
    apply_decision,
    require_permission,
)
from marketplace.models import Plugin, PluginReport, PluginStatus, ReportOutcome, ReportReason
from marketplace.models.catalog import reporter_name_of
from marketplace.review.page import colleague_name, visible
from marketplace.review.reports import MAX_NOTES, close_report

MOST_TOGETHER: Final = 20  # other reports of one plugin on a report's page
OPEN: Final = {"closed_at__isnull": True}
REASON_TONES: Final[dict[str, str]] = {
    **dict.fromkeys(ReportReason.values, "info"),
    ReportReason.MALWARE.value: "danger",
    ReportReason.PRIVACY.value: "warning",
}


class CloseForm(DecisionForm):
    prefix = "close"
    outcome = forms.ChoiceField(
        label="Outcome", choices=[("", "Choose …"), *ReportOutcome.choices], widget=UnfoldAdminSelectWidget()
    )
    notes = forms.CharField(
        label="Notes",
        required=False,
        widget=UnfoldAdminTextareaWidget(
            attrs={"rows": 3, "maxlength": MAX_NOTES, "placeholder": "What was found. Only reviewers read it."}
        ),
    )


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("open", "Open"), *((str(value), str(label)) for value, label in ReportOutcome.choices)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "open":
            return queryset.filter(**OPEN)
        return queryset.filter(outcome=self.value()) if self.value() in ReportOutcome.values else queryset


class PluginFilter(admin.SimpleListFilter):
    """Those that most people report now; any other by its id in the address."""

    title = "plugin"
    parameter_name = "plugin"
    most = 20

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        reported: Any = PluginReport.objects.filter(**OPEN).order_by().values_list("plugin_id")
        rows = dict(reported.annotate(count=Count("pk")).order_by("-count", "plugin_id")[: self.most])
        given = request.GET.get(self.parameter_name)
        if given and given not in rows:
            rows[given] = 0
        return [(slug, f"{visible(slug)} ({count} open)" if count else visible(slug)) for slug, count in rows.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        slug = self.value()
        return queryset.filter(plugin__in=Plugin.objects.with_id(slug)) if slug else queryset


class AuthorFilter(admin.SimpleListFilter):
    """Those about any plugin of one author, who is named by one of them: an author's id is no reviewer's to see."""

    title = "author"
    parameter_name = "author"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        given = request.GET.get(self.parameter_name)
        return [(given, f"author of {visible(given)}")] if given else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        authors = Plugin.objects.with_id(str(self.value())).exclude(author=None).values("author")
        return queryset.filter(plugin__author__in=authors)


@admin.register(PluginReport)
class ReportAdmin(DecidedElsewhereAdmin):
    list_display = [
        "plugin_and_name",
        "why",
        "reported_version",
        "together",
        "waiting",
        "reporter",
        "plugin_state",
        "state",
    ]
    list_display_links = ["plugin_and_name"]
    list_filter = [StateFilter, "reason", PluginFilter, AuthorFilter]
    list_filter_submit = True
    list_select_related = ["plugin"]
    list_per_page = 50
    search_fields = ["plugin__slug", "plugin__name", "text"]
    search_help_text = "Plugin, or words of the report"
    show_full_result_count = False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(REVIEW)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        opened = PluginReport.objects.filter(plugin=OuterRef("plugin"), **OPEN).order_by().values("plugin")
        # What users write is never for the plugin's author, who may be a reviewer, too.
        reports: QuerySet[Any] = super().get_queryset(request).exclude(plugin__author=request.user)
        counted: QuerySet[Any] = reports.annotate(
            open_together=Subquery(opened.annotate(count=Count("pk")).values("count")),
            oldest_open=Subquery(opened.annotate(oldest=Min("reported_at")).values("oldest")),
        )
        return counted

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        """What is open, by plugin, the one first that waits longest; then what is closed, the latest first."""
        open_first = Case(When(**OPEN, then=Value(0)), default=Value(1))
        oldest_open = Case(When(**OPEN, then=F("oldest_open")))
        by_plugin = Case(When(**OPEN, then=F("plugin")), default=Value(""))
        return [open_first, oldest_open, by_plugin, F("closed_at").desc(nulls_last=True), "reported_at", "pk"]

    @display(description="plugin", header=True, ordering="plugin__slug")
    def plugin_and_name(self, report: PluginReport) -> list[str]:
        return [visible(report.plugin.name), report.plugin_id]

    @display(description="reason", ordering="reason", label=REASON_TONES)
    def why(self, report: PluginReport) -> tuple[str, str]:
        return report.reason, ReportReason(report.reason).label

    @display(description="version", ordering="version")
    def reported_version(self, report: PluginReport) -> str:
        return visible(report.version)

    @display(description="open for it")
    def together(self, report: Any) -> int:
        return report.open_together or 0

    @display(description="waiting", ordering="reported_at")
    def waiting(self, report: PluginReport) -> str:
        return timesince(report.reported_at, depth=1) if report.closed_at is None else ""

    @display(description="by")
    def reporter(self, report: PluginReport) -> str:
        return reporter_name_of(report.user_id) if report.user_id else "somebody who has left"

    @display(description="plugin is", label={str(one): tone for one, tone in TONES.items()})
    def plugin_state(self, report: PluginReport) -> tuple[str, str]:
        return report.plugin.status, PluginStatus(report.plugin.status).label

    @display(description="state", label={"open": "info", "acted_on": "success", "dismissed": ""})
    def state(self, report: PluginReport) -> tuple[str, str]:
        return report.outcome or "open", _state_of(report)

    def get_urls(self) -> list[URLPattern]:
        routes: list[tuple[str, View, str]] = [("<uuid:pk>/close/", self.close_view, "close")]
        return [*self.guard_routes(routes, prefix="marketplace_pluginreport"), *super().get_urls()]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        require_permission(request, REVIEW)
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        return self._page(request, _report_or_404(object_id, viewer=request.user), CloseForm())

    def close_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        reviewer = require_permission(request, REVIEW)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        report, form = _report_or_404(pk, viewer=reviewer), CloseForm(request.POST)
        if apply_decision(request, form, partial(close_report, report=report, reviewer=reviewer), done="It is closed."):
            return HttpResponseRedirect(reverse("admin:marketplace_pluginreport_change", args=[pk]))
        return self._page(request, report, form)

    def _page(self, request: HttpRequest, report: PluginReport, form: CloseForm) -> HttpResponse:
        viewer = require_permission(request, REVIEW)
        plugin = report.plugin
        together = PluginReport.objects.filter(plugin=plugin).exclude(pk=report.pk).select_related("plugin")
        others = together.order_by(F("closed_at").desc(nulls_first=True), "reported_at")
        following = PluginReport.objects.filter(**OPEN).exclude(pk=report.pk).exclude(plugin__author=viewer)
        context = {
            "title": f"{plugin.slug}: {ReportReason(report.reason).label}",
            "report": report,
            "reason": ReportReason(report.reason).label,
            "reason_tone": REASON_TONES[report.reason],
            "state": _state_of(report),
            "text": visible(report.text),
            "reported_version": visible(report.version),
            "reporter": _reporter_of(report, viewer),
            "notes": visible(report.notes),
            "closed_by": colleague_name(report.closed_by, viewer),
            "plugin": plugin,
            "name": visible(plugin.name),
            "tone": TONES[PluginStatus(plugin.status)],
            "versions": [(one, TONES[PluginStatus(one.status)]) for one in plugin.versions.order_by("-submitted_at")],
            "others": [
                (one, ReportReason(one.reason).label, _state_of(one), visible(one.text))
                for one in others[:MOST_TOGETHER]
            ],
            "others_count": together.count(),
            "next": following.order_by("reported_at", "pk").first(),
            "form": form,
            "may_close": report.closed_at is None and viewer.pk not in {plugin.author_id, report.user_id},
            "may_take_down": viewer.has_perm(TAKE_DOWN),
        }
        return self.page(request, "marketplace/admin/report.html", context)


def _state_of(report: PluginReport) -> str:
    return ReportOutcome(report.outcome).label if report.outcome else "Open"


def _reporter_of(report: PluginReport, viewer: User) -> str:
    """Superusers read the address; others a name that is always the same, so that they see who reports often."""
    if report.user is None:
        return "somebody who has left"
    return str(report.user.email) if viewer.is_superuser else reporter_name_of(report.user.pk)


def _report_or_404(pk: str | UUID, *, viewer: Any) -> PluginReport:
    try:
        key = UUID(str(pk))
    except ValueError:
        raise Http404 from None
    reports = PluginReport.objects.select_related("plugin", "user", "closed_by")
    report: PluginReport | None = reports.exclude(plugin__author=viewer).filter(pk=key).first()
    if report is None:
        raise Http404
    return report

"""All plugins, and one page for each: its versions and history, taking it or its live version down, and bringing it
back.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final
from uuid import UUID

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils.formats import date_format
from unfold.decorators import display

from accounts.models import User
from adiuva.api.errors import NotFound
from marketplace.admin.base import (
    REVIEW,
    TAKE_DOWN,
    TONES,
    DecidedElsewhereAdmin,
    DecisionForm,
    ReinstateForm,
    TakeDownForm,
    TakeDownVersionForm,
    View,
    apply_decision,
    require_permission,
)
from marketplace.catalog.service import find_live_version
from marketplace.models import Plugin, PluginStatus, PluginVersion
from marketplace.review import decisions, page
from marketplace.review.page import describe_permission, visible
from marketplace.review.withdrawals import find_version_before

MOST_WITHDRAWN: Final = 10  # of the latest


@admin.register(Plugin)
class PluginAdmin(DecidedElsewhereAdmin):
    # A name of a field here would be shown as the field: "author" with the address.
    list_display = ["plugin_and_name", "handle", "version", "price", "installs", "rating", "state", "published"]
    list_display_links = ["plugin_and_name"]
    list_filter = ["status", "category", "published_at"]
    list_filter_submit = True
    list_per_page = 50
    search_fields = ["slug", "name", "author_name"]
    search_help_text = "Plugin or author’s handle"
    ordering = ["-published_at", "slug"]
    show_full_result_count = False

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return request.user.has_perm(REVIEW) or request.user.has_perm(TAKE_DOWN)

    @display(description="plugin", header=True, ordering="slug")
    def plugin_and_name(self, plugin: Plugin) -> list[str]:
        return [visible(plugin.name), plugin.slug]

    @display(description="author", ordering="author_name")
    def handle(self, plugin: Plugin) -> str:
        return visible(plugin.author_name)

    @display(description="price", ordering="price_cents")
    def price(self, plugin: Plugin) -> str:
        return page.format_price(plugin.price_cents)

    @display(description="installed by", ordering="install_count")
    def installs(self, plugin: Plugin) -> int:
        return plugin.install_count

    @display(description="published", ordering="published_at")
    def published(self, plugin: Plugin) -> str:
        return date_format(plugin.published_at, "j M Y") if plugin.published_at else ""

    @display(description="rating", ordering="rank")
    def rating(self, plugin: Plugin) -> str:
        return f"{plugin.avg_rating:.1f} ({plugin.rating_count})" if plugin.rating_count else ""

    @display(description="status", ordering="status", label={str(one): tone for one, tone in TONES.items()})
    def state(self, plugin: Plugin) -> tuple[str, str]:
        return plugin.status, PluginStatus(plugin.status).label

    def get_urls(self) -> list[URLPattern]:
        routes: list[tuple[str, View, str]] = [
            ("<slug:pk>/take-down/", self.take_down_view, "take_down"),
            ("<slug:pk>/take-down-version/", self.take_down_version_view, "take_down_version"),
            ("<slug:pk>/reinstate/", self.reinstate_view, "reinstate"),
        ]
        return [*self.guard_routes(routes, prefix="marketplace_plugin"), *super().get_urls()]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Plugin | None:
        plugin: Plugin | None = Plugin.objects.with_id(object_id).first()
        return plugin

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not request.user.has_perm(TAKE_DOWN):
            require_permission(request, REVIEW)
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET", "HEAD"])
        plugin = get_object_or_404(Plugin.objects.with_id(object_id))
        return self._page(request, plugin)

    def take_down_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        return self._handle_decision(request, pk, TakeDownForm, decisions.take_down, done="is taken down.")

    def take_down_version_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        done = "has its version before live again."
        return self._handle_decision(request, pk, TakeDownVersionForm, _take_down_version, done=done)

    def reinstate_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        return self._handle_decision(request, pk, ReinstateForm, decisions.reinstate, done="is reinstated.")

    def _handle_decision(
        self, request: HttpRequest, pk: str, form_class: type[DecisionForm], act: Callable[..., Any], *, done: str
    ) -> HttpResponse:
        operator = require_permission(request, TAKE_DOWN)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        plugin, form = get_object_or_404(Plugin, pk=pk), form_class(request.POST)
        if apply_decision(request, form, partial(act, plugin=plugin, operator=operator), done=f"{plugin.slug} {done}"):
            return HttpResponseRedirect(reverse("admin:marketplace_plugin_change", args=[pk]))
        return self._page(request, plugin, form)

    def _page(self, request: HttpRequest, plugin: Plugin, form: DecisionForm | None = None) -> HttpResponse:
        """``form`` is one that was refused, in the place of an empty one of its kind."""
        live = find_live_version(plugin)
        context = {
            "title": plugin.slug,
            "plugin": plugin,
            "name": visible(plugin.name),
            "description": visible(plugin.description),
            "category": visible(plugin.category),
            "tone": TONES[PluginStatus(plugin.status)],
            "price": page.format_price(plugin.price_cents),
            "permissions": [(visible(str(one)), describe_permission(str(one))) for one in plugin.permissions],
            "versions": [
                (one, TONES[PluginStatus(one.status)], visible(one.takedown_reason))
                for one in plugin.versions.order_by("-submitted_at")
            ],
            "history": page.history_of(plugin, viewer=request.user),
            "take_down_form": form if isinstance(form, TakeDownForm) else TakeDownForm(),
            "reinstate_form": form if isinstance(form, ReinstateForm) else ReinstateForm(),
            "open_reports": plugin.reports.filter(closed_at__isnull=True).count(),
            "live": decisions.can_be_taken_down(plugin),
            "down": plugin.status == PluginStatus.TAKEN_DOWN,
            "own": request.user.pk == plugin.author_id,
            "may_see_users": request.user.has_perm("accounts.view_user"),
            "may_review": request.user.has_perm(REVIEW),
            "may_take_down": request.user.has_perm(TAKE_DOWN),
        }
        if plugin.status == PluginStatus.APPROVED and live is not None:
            context |= _roll_back_of(plugin, live, form) | {"withdrawn": _withdrawn_of(plugin)}
        return self.page(request, "marketplace/admin/plugin.html", context)


def _withdrawn_of(plugin: Plugin) -> list[tuple[PluginVersion, DecisionForm]]:
    """What those who have it installed still get, though its author has withdrawn it; each with its form."""
    kept = plugin.versions.filter(status=PluginStatus.WITHDRAWN, withdrawn_at__isnull=False).order_by("-withdrawn_at")
    return [
        (one, TakeDownVersionForm(initial={"version": str(one.pk)}, auto_id=f"id_{one.pk}_%s"))
        for one in kept[:MOST_WITHDRAWN]
    ]


def _roll_back_of(plugin: Plugin, live: PluginVersion, form: DecisionForm | None) -> dict[str, Any]:
    """What the page says of taking ``live`` down alone: which version comes back, and what changes with it."""
    before = find_version_before(plugin, live)
    if before is None:
        return {"live_version": live}
    changed = [field for field in page.fields_of(before, live) if field.before is not None]
    empty = TakeDownVersionForm(initial={"version": str(live.pk)})
    return {
        "live_version": live,
        "version_before": before,
        "changed_fields": [field for field in changed if field.label != "description"],
        "changed_permissions": [one for one in page.permissions_of(before, live) if one.change],
        "take_down_version_form": form if isinstance(form, TakeDownVersionForm) else empty,
    }


def _take_down_version(*, plugin: Plugin, operator: User, version: str, reason: str) -> None:
    """``version``: its key, as the form has it. Raises what ``decisions.take_down_version`` does."""
    try:
        named = plugin.versions.filter(pk=UUID(version)).first()
    except ValueError:
        named = None
    if named is None:
        raise NotFound("There is no such version.")
    decisions.take_down_version(version=named, operator=operator, reason=reason)

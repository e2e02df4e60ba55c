"""All plugins, and one page for each: its versions and history, taking it down and bringing it back."""

from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, reverse
from django.utils.formats import date_format
from unfold.decorators import display

from marketplace.admin.base import (
    REVIEW,
    TAKE_DOWN,
    TONES,
    DecidedElsewhereAdmin,
    DecisionForm,
    ReinstateForm,
    TakeDownForm,
    View,
    apply_decision,
    require_permission,
)
from marketplace.models import Plugin, PluginStatus
from marketplace.review import decisions, page
from marketplace.review.page import describe_permission, visible


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
        return self._page(request, plugin, TakeDownForm(), ReinstateForm())

    def take_down_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        return self._handle_decision(request, pk, TakeDownForm)

    def reinstate_view(self, request: HttpRequest, pk: str) -> HttpResponse:
        return self._handle_decision(request, pk, ReinstateForm)

    def _handle_decision(self, request: HttpRequest, pk: str, form_class: type[DecisionForm]) -> HttpResponse:
        operator = require_permission(request, TAKE_DOWN)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        plugin, form = get_object_or_404(Plugin, pk=pk), form_class(request.POST)
        takes_down = form_class is TakeDownForm
        act, outcome = (decisions.take_down, "taken down") if takes_down else (decisions.reinstate, "live again")

        def decision(**fields: Any) -> None:
            act(plugin=plugin, operator=operator, **fields)

        if apply_decision(request, form, decision, done=f"{plugin.slug} is {outcome}."):
            return HttpResponseRedirect(reverse("admin:marketplace_plugin_change", args=[pk]))
        forms = (form, ReinstateForm()) if takes_down else (TakeDownForm(), form)
        return self._page(request, plugin, *forms)

    def _page(
        self, request: HttpRequest, plugin: Plugin, take_down_form: DecisionForm, reinstate_form: DecisionForm
    ) -> HttpResponse:
        context = {
            "title": plugin.slug,
            "plugin": plugin,
            "name": visible(plugin.name),
            "description": visible(plugin.description),
            "category": visible(plugin.category),
            "tone": TONES[PluginStatus(plugin.status)],
            "price": page.format_price(plugin.price_cents),
            "permissions": [(visible(str(one)), describe_permission(str(one))) for one in plugin.permissions],
            "versions": [(one, TONES[PluginStatus(one.status)]) for one in plugin.versions.order_by("-submitted_at")],
            "history": page.history_of(plugin, viewer=request.user),
            "take_down_form": take_down_form,
            "reinstate_form": reinstate_form,
            "live": plugin.status == PluginStatus.APPROVED,
            "down": plugin.status == PluginStatus.TAKEN_DOWN,
            "own": request.user.pk == plugin.author_id,
            "may_see_users": request.user.has_perm("accounts.view_user"),
            "may_review": request.user.has_perm(REVIEW),
            "may_take_down": request.user.has_perm(TAKE_DOWN),
        }
        return self.page(request, "marketplace/admin/plugin.html", context)

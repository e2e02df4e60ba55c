"""The rejection of submissions that a newer version has overtaken: chosen in the queue, shown once more, then done."""

from typing import Any, Final
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect

from marketplace.admin.base import REVIEW, DecidedElsewhereAdmin, require_permission
from marketplace.admin.queue import PENDING, Walk
from marketplace.models import PluginVersion
from marketplace.review import claims, superseded
from marketplace.review.page import colleague_name, visible

# Each is a decision with a mail of its own, and all of them are one request.
MOST: Final = 200
VERSIONS: Final = "version"
_MOST_NAMED: Final = 10


class SupersedingAdmin(DecidedElsewhereAdmin):
    actions = ["reject_as_superseded"]

    @admin.action(description="Reject as superseded …", permissions=["view"])
    def reject_as_superseded(self, request: HttpRequest, queryset: QuerySet[PluginVersion]) -> HttpResponse:
        return self._ask(request, Walk(filters=request.GET.urlencode()), queryset)

    def supersede_view(self, request: HttpRequest) -> HttpResponse:
        """Asks first; with ``confirmed``, does it."""
        reviewer = require_permission(request, REVIEW)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        walk, chosen = Walk.of(request), _chosen(request)
        if "confirmed" not in request.POST:
            return self._ask(request, walk, chosen)
        outcome = superseded.reject_overtaken(list(_in_order(chosen)[:MOST]), reviewer=reviewer)
        if outcome.rejected or not outcome.left:
            messages.success(request, f"{len(outcome.rejected)} rejected as superseded.")
        if outcome.left:
            messages.warning(request, f"{len(outcome.left)} left: {_named(outcome.left)}")
        return HttpResponseRedirect(walk.queue_url)

    def _ask(self, request: HttpRequest, walk: Walk, chosen: QuerySet[PluginVersion]) -> HttpResponse:
        found = list(_in_order(chosen))
        versions = found[:MOST]
        reasons = superseded.overtaken(versions)
        outdated: list[dict[str, str]] = []
        left: list[dict[str, str]] = []
        for version in versions:
            fault = _fault(version, request.user, reasons)
            row = {"url": walk.page_url(version.pk), "name": _name(version), "why": fault or reasons[version]}
            (left if fault else outdated).append(row)
        context = {
            "title": "Reject as superseded",
            "outdated": outdated,
            "left": left,
            "versions": versions,
            "most": MOST if len(found) > MOST else None,
            "walk": walk,
        }
        return self.page(request, "marketplace/admin/supersede.html", context)


def _fault(version: PluginVersion, viewer: Any, reasons: dict[PluginVersion, str]) -> str:
    """Why it is not to be rejected, or nothing."""
    if version.status != PENDING:
        return "It is decided already."
    if claims.is_own(version, viewer):
        return "It is your own plugin."
    held = claims.standing_claim(version)
    if held is not None and held.reviewer_id != viewer.pk:
        return f"It is claimed by {colleague_name(held.reviewer, viewer)}."
    return "" if version in reasons else "No newer version is live or in review."


def _chosen(request: HttpRequest) -> QuerySet[PluginVersion]:
    keys = set()
    for given in request.POST.getlist(VERSIONS):
        try:
            keys.add(UUID(given))
        except ValueError:
            continue  # what is no key chooses nothing
    return PluginVersion.objects.filter(pk__in=keys)


def _in_order(versions: QuerySet[PluginVersion]) -> QuerySet[PluginVersion]:
    """One more than are taken at once, which is how one knows that there are more."""
    chosen = versions.select_related("plugin", "claim__reviewer").order_by("plugin_id", "submitted_at", "pk")
    return chosen[: MOST + 1]


def _name(version: PluginVersion) -> str:
    return f"{version.plugin_id} {visible(version.version)}"


def _named(left: list[tuple[PluginVersion, str]]) -> str:
    named = "; ".join(f"{_name(version)} ({why.rstrip('.')})" for version, why in left[:_MOST_NAMED])
    more = len(left) - _MOST_NAMED
    return f"{named}; and {more} more" if more > 0 else named

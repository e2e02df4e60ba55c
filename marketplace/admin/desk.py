"""The reviewer's desk: claiming a submission, letting go of it, and going from one to the next."""

from typing import Any, Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from unfold.widgets import UnfoldBooleanWidget

from accounts.models import User
from adiuva.api.errors import Problem
from marketplace.admin.base import REVIEW, DecisionForm, View, require_permission
from marketplace.admin.queue import Walk
from marketplace.admin.superseding import SupersedingAdmin
from marketplace.models import PluginVersion, ReviewClaim
from marketplace.review import claims
from marketplace.review.page import colleague_name

ALTHOUGH: Final = "although_claimed"


class DeskAdmin(SupersedingAdmin):
    """All of these are POSTs, and each leads on to a page: they work as plain forms."""

    def desk_routes(self) -> list[tuple[str, View, str]]:
        return [
            ("next/", self.next_view, "next"),
            ("supersede/", self.supersede_view, "supersede"),
            ("<uuid:pk>/claim/", self.claim_view, "claim"),
            ("<uuid:pk>/release/", self.release_view, "release"),
            ("<uuid:pk>/renew/", self.renew_view, "renew"),
            ("<uuid:pk>/skip/", self.skip_view, "skip"),
        ]

    def claim_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        reviewer = require_permission(request, REVIEW)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        version = version_or_404(pk)
        try:
            held = claims.claim(version=version, reviewer=reviewer)
        except Problem as refusal:
            messages.error(request, refusal.detail)
        else:
            if held.reviewer_id != reviewer.pk:
                messages.warning(request, f"Somebody was quicker: it is {_sentence(held, reviewer)}.")
        return HttpResponseRedirect(Walk.of(request).page_url(pk))

    def release_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        reviewer = require_permission(request, REVIEW)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        claims.release(version=version_or_404(pk), reviewer=reviewer)
        return HttpResponseRedirect(Walk.of(request).page_url(pk))

    def renew_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Asked by the page's script while somebody works on it: 204, or 409 where their claim is no more."""
        reviewer = require_permission(request, REVIEW)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        renewed = claims.renew(version=version_or_404(pk), reviewer=reviewer)
        return HttpResponse(status=204 if renewed else 409)

    def skip_view(self, request: HttpRequest, pk: UUID) -> HttpResponse:
        """Lets go of it, and goes on past it: what was skipped does not come back on this walk."""
        reviewer = require_permission(request, REVIEW)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        version = version_or_404(pk)
        claims.release(version=version, reviewer=reviewer)
        return self._go_on(request, Walk.of(request).past(version), reviewer=reviewer, current=pk)

    def next_view(self, request: HttpRequest) -> HttpResponse:
        """From the queue, or from the page of ``current``, whose claim stays with who has it."""
        reviewer = require_permission(request, REVIEW)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        walk, current = Walk.of(request), _uuid(request.POST.get("current", ""))
        if current is not None and walk.stays_with_own:
            walk = walk.past(version_or_404(current))
        return self._go_on(request, walk, reviewer=reviewer, current=current)

    def _go_on(self, request: HttpRequest, walk: Walk, *, reviewer: User, current: UUID | None) -> HttpResponse:
        found = walk.take_next(request, self, reviewer=reviewer, current=current)
        if found is not None:
            return HttpResponseRedirect(walk.page_url(found.pk))
        skipped = " after the last one that you skipped" if walk.after else ""
        messages.info(request, f"Nothing unclaimed is waiting here{skipped}.")
        return HttpResponseRedirect(walk.queue_url)


def shown_claim(version: PluginVersion, viewer: Any) -> dict[str, Any] | None:
    """``{"mine": True, "text": "claimed by you, 30 minutes left"}``. A holder's look at it renews it."""
    claims.renew(version=version, reviewer=viewer)
    if claims.standing_claim(version) is None:
        return None
    held = claims.find_claim(version)  # it was renewed just now, or has ended since the version was read
    if held is None:
        return None
    return {"mine": held.reviewer_id == viewer.pk, "text": _sentence(held, viewer)}


def claim_cell(version: PluginVersion, viewer: Any) -> list[str]:
    held = claims.standing_claim(version)
    if held is None:
        return ["", ""]
    return [colleague_name(held.reviewer, viewer), f"{_minutes(held)} left"]


def ask_although_claimed(form: DecisionForm, version: PluginVersion, viewer: Any) -> None:
    """Adds a box to tick where somebody else has claimed it."""
    held = claims.standing_claim(version)
    if held is None or held.reviewer_id == viewer.pk:
        return
    label = f"Decide although {colleague_name(held.reviewer, viewer)} has claimed it"
    form.fields[ALTHOUGH] = forms.BooleanField(label=label, widget=UnfoldBooleanWidget(), required=True)


def version_or_404(pk: str | UUID) -> PluginVersion:
    """With plugin, author and claim."""
    key = _uuid(str(pk))
    if key is None:
        raise Http404
    return get_object_or_404(PluginVersion.objects.select_related("plugin__author", "claim__reviewer"), pk=key)


def _uuid(given: str) -> UUID | None:
    try:
        return UUID(given)
    except ValueError:
        return None


def _sentence(held: ReviewClaim, viewer: Any) -> str:
    return f"claimed by {colleague_name(held.reviewer, viewer)}, {_minutes(held)} left"


def _minutes(held: ReviewClaim) -> str:
    count = claims.minutes_left(held)
    return f"{count} minute{'' if count == 1 else 's'}"

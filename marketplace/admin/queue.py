"""The queue's filters, and a reviewer's walk through what they leave."""

import copy
from dataclasses import dataclass, replace
from typing import Any, Final, Self
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ALL_VAR, ORDER_VAR, PAGE_VAR
from django.core.exceptions import SuspiciousOperation
from django.db.models import Count, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, QueryDict
from django.urls import reverse

from accounts.models import User
from marketplace.models import PluginStatus, PluginVersion
from marketplace.review import claims

PENDING: Final = PluginStatus.PENDING_REVIEW
# The name that Django's admin gives the list's query on the pages behind it.
FILTERS: Final = "_changelist_filters"
AFTER: Final = "after"


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


class ClaimFilter(admin.SimpleListFilter):
    """Each of its values leaves only what waits: nothing else can be claimed."""

    title = "claim"
    parameter_name = "claim"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("none", "Unclaimed"), ("mine", "Claimed by me"), ("others", "Claimed by others")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        waiting = queryset.filter(status=PENDING)
        match self.value():
            case "none":
                return claims.unclaimed(waiting)
            case "mine":
                return waiting.filter(claims.claimed(), claim__reviewer=request.user.pk)
            case "others":
                return waiting.filter(claims.claimed()).exclude(claim__reviewer=request.user.pk)
        return queryset


@dataclass(frozen=True, slots=True)
class Walk:
    """A reviewer's way through the queue, which its addresses carry: the list's query, and the last submission that was
    skipped, past which it goes on.
    """

    filters: str = ""
    after: UUID | None = None

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        try:
            after = UUID(request.GET.get(AFTER, ""))
        except ValueError:
            after = None
        return cls(request.GET.get(FILTERS, ""), after)

    def past(self, version: PluginVersion) -> Self:
        """Never back: whoever looks at an earlier one again has skipped what lies between."""
        last = self._last()
        if last is not None and (last.submitted_at, last.pk) > (version.submitted_at, version.pk):
            return self
        return replace(self, after=version.pk)

    def _last(self) -> PluginVersion | None:
        return PluginVersion.objects.filter(pk=self.after).first() if self.after else None

    @property
    def stays_with_own(self) -> bool:
        return QueryDict(self.filters).get(ClaimFilter.parameter_name) == "mine"

    @property
    def parts(self) -> dict[str, str]:
        """Parameters of an address, with their values."""
        parts = {FILTERS: self.filters, AFTER: str(self.after or "")}
        return {name: value for name, value in parts.items() if value}

    @property
    def query(self) -> str:
        """``?_changelist_filters=…&after=…``, or nothing."""
        return f"?{urlencode(self.parts)}" if self.parts else ""

    @property
    def queue_url(self) -> str:
        url = reverse("admin:marketplace_pluginversion_changelist")
        return f"{url}?{self.filters}" if self.filters else url

    def page_url(self, pk: UUID) -> str:
        return reverse("admin:marketplace_pluginversion_change", args=[pk]) + self.query

    def take_next(
        self, request: HttpRequest, model_admin: Any, *, reviewer: User, current: UUID | None
    ) -> PluginVersion | None:
        """The one that has waited longest, of those within the filter that nobody has claimed and that the reviewer may
        decide about; it is theirs now. Under the filter for the reviewer's own claims it is the next of those. Never
        ``current``, where they come from.
        """
        found = self._waiting(request, model_admin).exclude(plugin__author=reviewer).exclude(submitted_by=reviewer)
        found = found.order_by("submitted_at", "pk")
        if current is not None:
            found = found.exclude(pk=current)
        if not self.stays_with_own:
            found = claims.unclaimed(found)
        return claims.claim_first(found, reviewer=reviewer)

    def _waiting(self, request: HttpRequest, model_admin: Any) -> QuerySet[PluginVersion]:
        """As the list itself would filter them. A query that it would refuse filters nothing."""
        listed = copy.copy(request)
        query = QueryDict(self.filters, mutable=True)
        for name in (PAGE_VAR, ORDER_VAR, ALL_VAR):
            query.pop(name, None)
        listed.GET = query  # type: ignore[assignment]  # a mutable QueryDict is one all the same
        try:
            found = model_admin.get_changelist_instance(listed).queryset.filter(status=PENDING)
        except (IncorrectLookupParameters, SuspiciousOperation):
            found = PluginVersion.objects.filter(status=PENDING)
        last = self._last()
        if last is not None:
            later = Q(submitted_at__gt=last.submitted_at) | Q(submitted_at=last.submitted_at, pk__gt=last.pk)
            found = found.filter(later)
        waiting: QuerySet[PluginVersion] = found
        return waiting


def place_of(version: PluginVersion) -> dict[str, int]:
    """``{"place": 3, "of": 41}``: how many of those that wait have waited as long or longer."""
    waiting = PluginVersion.objects.filter(status=PENDING)
    before = Q(submitted_at__lt=version.submitted_at) | Q(submitted_at=version.submitted_at, pk__lte=version.pk)
    return waiting.aggregate(place=Count("pk", filter=before), of=Count("pk"))

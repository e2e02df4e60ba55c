"""The live tier as a filter of the admin's lists."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from accounts import live_tier
from accounts.serializers import TIERS


class LiveTierFilter(admin.SimpleListFilter):
    """Of lists of users; the lists of what users have set ``prefix``."""

    title = "live tier"
    parameter_name = "live_tier"
    prefix = ""

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(tier, tier.title()) for tier in TIERS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() not in TIERS:
            return queryset
        with_tier: QuerySet[Any] = queryset.alias(live_tier=live_tier.expression(self.prefix))
        return with_tier.filter(live_tier=self.value())


class OwnersTierFilter(LiveTierFilter):
    prefix = "user__"

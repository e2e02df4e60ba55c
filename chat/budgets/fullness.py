"""How much of a month's budget is used, over many users: for the admin."""

from enum import StrEnum
from typing import Any

from django.conf import settings
from django.db.models import Case, CharField, F, QuerySet, Value, When

from accounts import live_tier
from chat.models import MonthlyBudget

NEAR_PERCENT = 80


class Fullness(StrEnum):
    """``NEAR``: 80 % and more."""

    BELOW = "below"
    NEAR = "near"
    USED_UP = "used_up"


def limited_tiers() -> dict[str, int]:
    return {tier: limit for tier, limit in settings.LLM_TOKENS_PER_MONTH.items() if limit is not None}


def with_fullness(budgets: QuerySet[MonthlyBudget]) -> QuerySet[Any]:
    """Adds ``tier``, the live one, and ``fullness`` by its limit: null where that is unlimited."""
    cases = []
    for tier, limit in limited_tiers().items():
        near = -(-limit * NEAR_PERCENT // 100)
        cases += [
            When(tier=tier, used__gte=limit, then=Value(Fullness.USED_UP.value)),
            When(tier=tier, used__gte=near, then=Value(Fullness.NEAR.value)),
            When(tier=tier, then=Value(Fullness.BELOW.value)),
        ]
    return budgets.annotate(tier=live_tier.expression("user__"), used=F("spent") + F("reserved")).annotate(
        fullness=Case(*cases, default=None, output_field=CharField())
    )

"""What an export of an account holds of chat: numbers. Recent plans are kept for an hour only, and not in it."""

from typing import Any
from uuid import UUID

from accounts.export.registry import register_document
from chat.models import DailyUsage, MonthlyBudget


def collect_usage(user_id: UUID) -> dict[str, Any]:
    days = DailyUsage.objects.filter(user_id=user_id).order_by("day")
    months = MonthlyBudget.objects.for_user(user_id).order_by("month")
    return {
        "days": list(days.values("day", "turns", "input_tokens", "output_tokens", "own_key_tokens")),
        "budgets": list(months.values("month", "spent")),
    }


def register() -> None:
    register_document("usage.json", collect_usage)

"""What an export of an account holds of chat: numbers. Recent plans are kept for an hour only, and not in it."""

from typing import Any
from uuid import UUID

from accounts.export.registry import register_document
from chat.models import DailyUsage


def collect_usage(user_id: UUID) -> dict[str, Any]:
    days = DailyUsage.objects.filter(user_id=user_id).order_by("day")
    return {"days": list(days.values("day", "turns", "input_tokens", "output_tokens"))}


def register() -> None:
    register_document("usage.json", collect_usage)

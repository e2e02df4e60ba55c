"""The addresses of the admin's lists, filtered."""

from datetime import date
from urllib.parse import urlencode

from django.urls import reverse


def address(model: str, **filters: str | int) -> str:
    """``address("accounts_user", live_tier="pro")``; the filters are the list's own, or lookups of its columns."""
    path = reverse(f"admin:{model}_changelist")
    return f"{path}?{urlencode(filters)}" if filters else path


def on_day(field: str, day: date) -> dict[str, int]:
    """As the list's ``date_hierarchy`` says it, which then shows the day and the way back."""
    return in_month(field, day) | {f"{field}__day": day.day}


def in_month(field: str, day: date) -> dict[str, int]:
    return {f"{field}__year": day.year, f"{field}__month": day.month}

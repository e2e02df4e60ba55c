"""The days and months that plots are over: UTC, the current one last, none left out because nothing happened in it."""

from datetime import UTC, date, datetime, timedelta

DAYS = 30
MONTHS = 12


def days_until(now: datetime) -> list[date]:
    today = now.astimezone(UTC).date()
    return [today - timedelta(days=ago) for ago in range(DAYS - 1, -1, -1)]


def months_until(now: datetime) -> list[date]:
    """The first days of the months."""
    this = now.astimezone(UTC).date()
    numbers = range(this.year * 12 + this.month - MONTHS, this.year * 12 + this.month)
    return [date(number // 12, number % 12 + 1, 1) for number in numbers]


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def tick_of_day(day: date, today: date) -> str:
    """One a week, today's weekday."""
    return f"{day:%-d %b}" if (today - day).days % 7 == 0 else ""

"""Days as people say them: "tomorrow", "in 3 days", "by Friday", "on 1 December", "2026-12-01"."""

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

_NUMBERS = {
    word: number
    for number, word in enumerate(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
        ]
    )
}
_NUMBERS |= {"a": 1, "an": 1, "a couple of": 2, "a few": 3}
_COUNT = rf"(?P<count>\d{{1,4}}|{'|'.join(sorted(_NUMBERS, key=len, reverse=True))})"
_UNIT = r"(?P<unit>day|week|fortnight|month|year)s?"
_WEEKDAYS = [name.lower() for name in calendar.day_name]
_MONTHS = [name.lower() for name in calendar.month_name]
_MONTH = rf"(?P<month>{'|'.join(f'{name}|{name[:3]}' for name in _MONTHS[1:])}|sept)\.?"
_DAY = r"(?P<day>\d{1,2})"
_ORDINAL = r"(?:st|nd|rd|th)"
_YEAR = r"(?:,?\s+(?P<year>\d{4}))?"
# What joins a day to its sentence, and goes with it.
_LEAD = (
    r"(?:[,;]?\s*\b(?:with\s+(?:a\s+|the\s+)?(?:due\s+date|deadline)(?:\s+(?:of|on))?|(?:and\s+)?(?:is\s+)?due(?:\s+date)?"
    r"|deadline|no\s+later\s+than|by|on|before|until|till|for|from|starting)\s*:?\s+){0,3}"
)


@dataclass(frozen=True, slots=True)
class FoundDay:
    """``rest`` is the text without the words that named the day."""

    day: date
    rest: str


def find_day(text: str, today: date) -> FoundDay | None:
    """The first day that ``text`` names, of the kinds below; null when there is none or it is no real date."""
    for pattern, read in _READERS:
        match = pattern.search(text)
        if match is None:
            continue
        try:
            day = read(match, today)
        except (ValueError, OverflowError):
            continue
        return FoundDay(day, f"{text[: match.start()]} {text[match.end() :]}")
    return None


def find_shift(text: str) -> int | None:
    """Whole days in "2 weeks" or "a day"; months count 30."""
    match = re.search(rf"\b{_COUNT}\s+{_UNIT}\b", text, re.IGNORECASE)
    if match is None:
        return None
    return _count(match) * {"day": 1, "week": 7, "fortnight": 14, "month": 30, "year": 365}[match["unit"].lower()]


def _count(match: re.Match[str]) -> int:
    word = match["count"].lower()
    return int(word) if word.isdigit() else _NUMBERS[word]


def _iso(match: re.Match[str], _: date) -> date:
    return date(int(match["year"]), int(match["month"]), int(match["day"]))


def _from_now(match: re.Match[str], today: date) -> date:
    count, unit = _count(match), match["unit"].lower()
    if unit in ("month", "year"):
        return _months_later(today, count * (12 if unit == "year" else 1))
    return today + timedelta(days=count * {"day": 1, "week": 7, "fortnight": 14}[unit])


def _next_unit(match: re.Match[str], today: date) -> date:
    unit = match["unit"].lower()
    if unit == "week":
        return today + timedelta(days=7)
    return _months_later(today, 12 if unit == "year" else 1)


def _end_of(match: re.Match[str], today: date) -> date:
    unit = match["unit"].lower()
    if unit == "week":
        return today + timedelta(days=6 - today.weekday())
    month = 12 if unit == "year" else today.month
    return date(today.year, month, calendar.monthrange(today.year, month)[1])


def _weekday(match: re.Match[str], today: date) -> date:
    """The first such day after today, also for "next …"."""
    name = match["weekday"].lower()
    number = next(index for index, weekday in enumerate(_WEEKDAYS) if weekday.startswith(name[:3]))
    return today + timedelta(days=(number - today.weekday() - 1) % 7 + 1)


def _weekend(match: re.Match[str], today: date) -> date:
    return today + timedelta(days=(5 - today.weekday()) % 7 + (7 if match["next"] else 0))


def _calendar_day(match: re.Match[str], today: date) -> date:
    """A day without a year is the next one of that name."""
    name = match["month"].lower()
    month = (
        int(name) if name.isdigit() else next(i for i, long in enumerate(_MONTHS) if i and long.startswith(name[:3]))
    )
    if match["year"]:
        return date(int(match["year"]), month, int(match["day"]))
    for year in range(today.year, today.year + 5):
        # 29 February waits for its year.
        if int(match["day"]) <= calendar.monthrange(year, month)[1]:
            day = date(year, month, int(match["day"]))
            if day >= today:
                return day
    raise ValueError("no such day")


def _day_of_month(match: re.Match[str], today: date) -> date:
    for months in range(3):
        first = _months_later(today.replace(day=1), months)
        if int(match["day"]) <= calendar.monthrange(first.year, first.month)[1]:
            day = first.replace(day=int(match["day"]))
            if day >= today:
                return day
    raise ValueError("no such day")


def _months_later(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def _days_later(days: int) -> Callable[[re.Match[str], date], date]:
    return lambda _, today: today + timedelta(days=days)


# "Monday's meeting" names the meeting, not the day something is due.
_NOT_OWNER = r"(?!['’]s\b)"
_PART_OF_DAY = r"(?:\s+(?:morning|afternoon|evening|night))?"
_READERS = [
    (re.compile(rf"{_LEAD}{pattern}{_NOT_OWNER}", re.IGNORECASE), read)
    for pattern, read in [
        (r"\b(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})\b", _iso),
        (r"\b(?:the\s+)?day\s+after\s+tomorrow\b", _days_later(2)),
        (rf"\b(?:tomorrow|tmrw){_PART_OF_DAY}\b", _days_later(1)),
        (r"\b(?:today|tonight|this\s+(?:morning|afternoon|evening))\b", _days_later(0)),
        (rf"\bin\s+{_COUNT}\s+{_UNIT}(?:'?\s+time)?\b", _from_now),
        (rf"\b{_COUNT}\s+{_UNIT}\s+from\s+(?:now|today)\b", _from_now),
        (rf"\b(?P<day>\d{{1,2}}){_ORDINAL}?\s+(?:of\s+)?{_MONTH}{_YEAR}\b", _calendar_day),
        (rf"\b{_MONTH}\s+(?:the\s+)?{_DAY}{_ORDINAL}?{_YEAR}\b", _calendar_day),
        (r"\b(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})?(?=\s|$|[,;!?])", _calendar_day),
        (r"\b(?:the\s+)?end\s+of\s+(?:the\s+|this\s+)?(?P<unit>week|month|year)\b", _end_of),
        (rf"\b(?:(?:this|next|coming)\s+)?(?P<weekday>{'|'.join(_WEEKDAYS)}){_PART_OF_DAY}\b", _weekday),
        # "sun" and "sat" are words of their own unless something says they are days.
        (r"\b(?:on|by|this|next|due|until|before)\s+(?P<weekday>mon|tues?|wed|thu(?:rs?)?|fri|sat|sun)\b", _weekday),
        (r"\b(?:this|the|(?P<next>next))\s+weekend\b", _weekend),
        (r"\bnext\s+(?P<unit>week|month|year)\b", _next_unit),
        (rf"\bthe\s+{_DAY}{_ORDINAL}\b", _day_of_month),
    ]
]

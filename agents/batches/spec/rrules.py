"""Recurrence rules: the part of RFC 5545 § 3.3.10 that a batch may have.

DAILY, WEEKLY and MONTHLY; times of day are whole minutes at least an hour apart. A rule is read together with its
``anchor``, the local date and time of the first due one (DTSTART), which must itself be one that the rule names.
"""

import calendar
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import product
from typing import Literal, TypeVar

Frequency = Literal["DAILY", "WEEKLY", "MONTHLY"]
FREQUENCIES: Mapping[str, Frequency] = {"DAILY": "DAILY", "WEEKLY": "WEEKLY", "MONTHLY": "MONTHLY"}
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
MAX_INTERVAL = 1000
MAX_COUNT = 10_000
MAX_RULE_CHARACTERS = 300
# Years of an anchor: what is outside is a typing error.
FIRST_YEAR, LAST_YEAR = 1970, 2199

_ANCHOR = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::00)?", re.ASCII)
_UNTIL = re.compile(r"(\d{8})(?:T(\d{6})(Z?))?", re.ASCII)
_BY_DAY = re.compile(r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,5}", re.ASCII)

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule with its anchor. What the rule leaves open is filled in from the anchor, as RFC 5545 has it.

    ``by_day`` are (ordinal, weekday from 0 for Monday); the ordinal is 0 for each such day. ``until`` is the last
    moment: aware in UTC, or local where it is naive.
    """

    anchor: datetime
    frequency: Frequency
    interval: int = 1
    by_month: tuple[int, ...] = ()
    by_month_day: tuple[int, ...] = ()
    by_day: tuple[tuple[int, int], ...] = ()
    by_set_position: tuple[int, ...] = ()
    hours: tuple[int, ...] = ()
    minute: int = 0
    week_start: int = 0
    count: int | None = None
    until: datetime | None = None

    def names(self, moment: datetime) -> bool:
        """Whether ``moment`` (local) is among those of its own day, week or month; the interval is not looked at."""
        if moment.minute != self.minute or moment.hour not in self.hours or not self.names_day(moment.date()):
            return False
        if not self.by_set_position:
            return True
        return (moment.date(), moment.hour) in _chosen_of_month(self, moment.year, moment.month)

    def names_day(self, day: date) -> bool:
        last = calendar.monthrange(day.year, day.month)[1]
        return (
            (not self.by_month or day.month in self.by_month)
            and (not self.by_month_day or bool({day.day, day.day - last - 1} & set(self.by_month_day)))
            and (not self.by_day or any(_is_weekday(day, last, *each) for each in self.by_day))
        )


@lru_cache(maxsize=128)
def _chosen_of_month(rule: Rule, year: int, month: int) -> frozenset[tuple[date, int]]:
    """The days and hours that BYSETPOS takes of a month."""
    last = calendar.monthrange(year, month)[1]
    days = [day for number in range(1, last + 1) if rule.names_day(day := date(year, month, number))]
    every = list(product(days, sorted(rule.hours)))
    places = (place - 1 if place > 0 else len(every) + place for place in rule.by_set_position)
    return frozenset(every[place] for place in places if 0 <= place < len(every))


def _is_weekday(day: date, last: int, ordinal: int, weekday: int) -> bool:
    if day.weekday() != weekday:
        return False
    return ordinal in {0, (day.day - 1) // 7 + 1, -((last - day.day) // 7 + 1)}


def parse_anchor(text: str) -> datetime:
    """A local time, naive and of whole minutes. Raises ``ValueError``."""
    if not _ANCHOR.fullmatch(text):
        raise ValueError("must be a local date and time as YYYY-MM-DDTHH:MM:00, without a zone")
    moment = datetime.fromisoformat(text)
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        raise ValueError(f"must lie in the years {FIRST_YEAR} to {LAST_YEAR}")
    return moment


def parse(text: str, anchor: datetime) -> Rule:
    """The rule that ``text`` says, with ``anchor`` (naive) as its first time. Raises ``ValueError``."""
    rule = read(text, anchor)
    if not rule.names(anchor):
        raise ValueError("the anchor must be a date and time that rrule names: it is the first due one")
    if rule.until is not None and rule.until.tzinfo is None and rule.until < anchor:
        raise ValueError("UNTIL lies before the anchor")
    return rule


def read(text: str, anchor: datetime) -> Rule:
    """``parse``, but the rule need not name the anchor: that gives it only what the rule leaves open."""
    parts = _split(text)
    frequency = FREQUENCIES.get(parts.pop("FREQ", ""))
    if frequency is None:
        raise ValueError("FREQ must be DAILY, WEEKLY or MONTHLY")
    found = _Parts(parts)
    by_day = found.list("BYDAY", _parse_by_day)
    by_month_day = found.numbers("BYMONTHDAY", -31, 31)
    by_set_position = found.numbers("BYSETPOS", -366, 366)
    if frequency != "MONTHLY" and any(ordinal for ordinal, _ in by_day):
        raise ValueError("BYDAY takes a number (2TU, -1FR) with FREQ=MONTHLY only")
    if frequency == "WEEKLY" and by_month_day:
        raise ValueError("BYMONTHDAY is not possible with FREQ=WEEKLY")
    if by_set_position and not (frequency == "MONTHLY" and (by_day or by_month_day)):
        raise ValueError("BYSETPOS needs FREQ=MONTHLY with BYDAY or BYMONTHDAY")
    if frequency == "WEEKLY" and not by_day:
        by_day = ((0, anchor.weekday()),)
    if frequency == "MONTHLY" and not by_day and not by_month_day:
        by_month_day = (anchor.day,)
    minutes = found.numbers("BYMINUTE", 0, 59, zero=True) or (anchor.minute,)
    if len(minutes) > 1:
        raise ValueError("BYMINUTE takes one minute: times must be at least an hour apart")
    rule = Rule(
        anchor=anchor,
        frequency=frequency,
        interval=found.number("INTERVAL", 1, MAX_INTERVAL) or 1,
        by_month=found.numbers("BYMONTH", 1, 12),
        by_month_day=by_month_day,
        by_day=by_day,
        by_set_position=by_set_position,
        hours=found.numbers("BYHOUR", 0, 23, zero=True) or (anchor.hour,),
        minute=minutes[0],
        week_start=(found.list("WKST", _parse_week_start) or (0,))[0],
        count=found.number("COUNT", 1, MAX_COUNT),
        until=found.one("UNTIL", _parse_until),
    )
    if found.left:
        raise ValueError(f"{', '.join(sorted(found.left))} is not possible here")
    if rule.count is not None and rule.until is not None:
        raise ValueError("COUNT and UNTIL exclude each other")
    return rule


def _split(text: str) -> dict[str, str]:
    if len(text) > MAX_RULE_CHARACTERS:
        raise ValueError(f"must have at most {MAX_RULE_CHARACTERS} characters")
    parts: dict[str, str] = {}
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        if not equals or not name or not value:
            raise ValueError("must be parts such as FREQ=WEEKLY;BYDAY=MO, without the name RRULE")
        if name in parts:
            raise ValueError(f"{name} stands there twice" if name.isascii() and name.isalpha() else "a part is twice")
        parts[name] = value
    return parts


@dataclass(slots=True)
class _Parts:
    """The parts of a rule; each is taken out as it is read."""

    left: dict[str, str] = field(default_factory=dict)

    def list(self, name: str, parse_one: Callable[[str], T | None]) -> tuple[T, ...]:
        """Each value once, in the order in which they stand."""
        text = self.left.pop(name, None)
        if text is None:
            return ()
        found = [parse_one(each) for each in text.split(",")]
        if not all(each is not None for each in found):
            raise ValueError(f"{name} has a value that is not possible")
        return tuple(dict.fromkeys(each for each in found if each is not None))

    def one(self, name: str, parse_one: Callable[[str], T | None]) -> T | None:
        values = self.list(name, parse_one)
        if len(values) > 1:
            raise ValueError(f"{name} takes one value")
        return values[0] if values else None

    def numbers(self, name: str, low: int, high: int, *, zero: bool = False) -> tuple[int, ...]:
        def parse_one(text: str) -> int | None:
            number = int(text) if _NUMBER.fullmatch(text) else high + 1
            return number if low <= number <= high and (number or zero) else None

        return self.list(name, parse_one)

    def number(self, name: str, low: int, high: int) -> int | None:
        numbers = self.numbers(name, low, high)
        if len(numbers) > 1:
            raise ValueError(f"{name} takes one value")
        return numbers[0] if numbers else None


def _parse_by_day(text: str) -> tuple[int, int] | None:
    match = _BY_DAY.fullmatch(text)
    return (int(match[1] or 0), WEEKDAYS.index(match[2])) if match else None


def _parse_week_start(text: str) -> int | None:
    return WEEKDAYS.index(text) if text in WEEKDAYS else None


def _parse_until(text: str) -> datetime | None:
    """A date alone counts to the end of that day."""
    match = _UNTIL.fullmatch(text)
    if match is None:
        return None
    try:
        moment = datetime.strptime(match[1] + (match[2] or "235959"), "%Y%m%d%H%M%S")  # noqa: DTZ007 - local
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if match[3] else moment

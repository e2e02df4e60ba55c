"""Days as people name them. A language brings its words and patterns; what they mean is worked out here."""

import calendar
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta

_UNIT_DAYS = {"day": 1, "week": 7, "fortnight": 14, "month": 30, "year": 365}
_ISO_DATE = r"\b(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})\b"
Match = re.Match[str]


@dataclass(frozen=True, slots=True)
class DayWords:
    """A language's words, in lower case. ``units`` leads to day, week, fortnight, month or year; Monday is 0."""

    numbers: Mapping[str, int]
    units: Mapping[str, str]
    weekdays: Mapping[str, int]
    months: Mapping[str, int]

    @property
    def count_pattern(self) -> str:
        return rf"(?P<count>\d{{1,4}}|{alternatives(self.numbers)})"

    @property
    def unit_pattern(self) -> str:
        return rf"(?P<unit>{alternatives(self.units)})"

    def count(self, match: Match) -> int:
        word = match["count"].lower()
        return int(word) if word.isdigit() else self.numbers[word]

    def unit(self, match: Match) -> str:
        return self.units[match["unit"].lower()]


Read = Callable[[Match, date, DayWords], date]


@dataclass(frozen=True, slots=True)
class FoundDay:
    """``rest`` is the text without the words that named the day."""

    day: date
    rest: str


@dataclass(frozen=True, slots=True)
class FoundShift:
    """``rest`` is the text without the words that named the time."""

    days: int
    rest: str


@dataclass(frozen=True, slots=True)
class Days:
    """Finds a day in a text; ``shift`` matches a length of time ("2 weeks")."""

    words: DayWords
    readers: tuple[tuple[re.Pattern[str], re.Pattern[str], Read], ...]
    shift: re.Pattern[str]

    @classmethod
    def of(cls, words: DayWords, readers: Iterable[tuple[str, Read]], *, lead: str, unless: str = "") -> "Days":
        """``readers`` are tried in their order, after the one for ISO dates. ``lead`` is what joins a day to its
        sentence and goes with it, ``unless`` must not follow.
        """
        compiled = tuple(
            (re.compile(day, re.IGNORECASE), re.compile(f"{lead}{day}{unless}", re.IGNORECASE), read)
            for day, read in ((_ISO_DATE, _iso), *readers)
        )
        return cls(words, compiled, re.compile(rf"\b{words.count_pattern}\s+{words.unit_pattern}\b", re.IGNORECASE))

    def find(self, text: str, today: date) -> FoundDay | None:
        """The first day that ``text`` names; null when there is none or it is no real date."""
        for day_only, whole, read in self.readers:
            # Most texts name no day, and to look for every lead takes far longer.
            match = whole.search(text) if day_only.search(text) else None
            if match is None:
                continue
            try:
                day = read(match, today, self.words)
            except (ValueError, OverflowError):
                continue
            return FoundDay(day, f"{text[: match.start()]} {text[match.end() :]}")
        return None

    def read_at(self, text: str, place: int, today: date) -> tuple[date, int] | None:
        """The day whose name begins at ``place``, and where that name ends; "next month" is no single day."""
        for day_only, _, read in self.readers:
            match = None if read in (next_unit, end_of, weekend) else day_only.match(text, place)
            if match is None:
                continue
            try:
                return read(match, today, self.words), match.end()
            except (ValueError, OverflowError):
                continue
        return None

    def find_shift(self, text: str) -> FoundShift | None:
        """Whole days in "2 weeks" or "a day"; months count 30."""
        match = self.shift.search(text)
        if match is None:
            return None
        days = self.words.count(match) * _UNIT_DAYS[self.words.unit(match)]
        return FoundShift(days, f"{text[: match.start()]} {text[match.end() :]}")


def alternatives(words: Iterable[str]) -> str:
    """A pattern of any of ``words``, the longest first."""
    return "|".join(re.escape(word).replace(r"\ ", " ") for word in sorted(words, key=len, reverse=True))


def split_words(words: str) -> list[str]:
    """Long lists of words read better as a text."""
    return words.split()


def number_words(words: str, start: int = 0) -> dict[str, int]:
    """The place of each word, counted from ``start``; the forms of one word stand between slashes."""
    return {form: number for number, forms in enumerate(words.split(), start) for form in forms.split("/")}


def meanings(words: str) -> dict[str, str]:
    """What each word means: "day: tag, tage; week: woche, wochen"."""
    groups = (group.partition(":") for group in words.split(";"))
    return {form.strip(): meaning.strip() for meaning, _, forms in groups for form in forms.split(",")}


def _iso(match: Match, _: date, __: DayWords) -> date:
    return date(int(match["year"]), int(match["month"]), int(match["day"]))


def days_later(days: int) -> Read:
    return lambda _, today, __: today + timedelta(days=days)


def from_now(match: Match, today: date, words: DayWords) -> date:
    count, unit = words.count(match), words.unit(match)
    if unit in ("month", "year"):
        return months_later(today, count * (12 if unit == "year" else 1))
    return today + timedelta(days=count * _UNIT_DAYS[unit])


def next_unit(match: Match, today: date, words: DayWords) -> date:
    unit = words.unit(match)
    if unit == "week":
        return today + timedelta(days=7)
    return months_later(today, 12 if unit == "year" else 1)


def end_of(match: Match, today: date, words: DayWords) -> date:
    unit = words.unit(match)
    if unit == "week":
        return today + timedelta(days=6 - today.weekday())
    month = 12 if unit == "year" else today.month
    return date(today.year, month, calendar.monthrange(today.year, month)[1])


def weekday(match: Match, today: date, words: DayWords) -> date:
    """The first such day after today, also for "next …"."""
    number = words.weekdays[match["weekday"].lower()]
    return today + timedelta(days=(number - today.weekday() - 1) % 7 + 1)


def weekend(match: Match, today: date, _: DayWords) -> date:
    return today + timedelta(days=(5 - today.weekday()) % 7 + (7 if match["next"] else 0))


def calendar_day(match: Match, today: date, words: DayWords) -> date:
    """A day without a year is the next one of that name."""
    name = match["month"].lower()
    month = int(name) if name.isdigit() else words.months[name]
    if match["year"]:
        return date(int(match["year"]), month, int(match["day"]))
    for year in range(today.year, today.year + 5):
        # 29 February waits for its year.
        if int(match["day"]) <= calendar.monthrange(year, month)[1]:
            day = date(year, month, int(match["day"]))
            if day >= today:
                return day
    raise ValueError("no such day")


def day_of_month(match: Match, today: date, _: DayWords) -> date:
    for months in range(3):
        first = months_later(today.replace(day=1), months)
        if int(match["day"]) <= calendar.monthrange(first.year, first.month)[1]:
            day = first.replace(day=int(match["day"]))
            if day >= today:
                return day
    raise ValueError("no such day")


def months_later(day: date, months: int) -> date:
    years, month = divmod(day.month - 1 + months, 12)
    year = day.year + years
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))

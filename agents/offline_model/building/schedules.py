"""Reads when a batch runs: at times, after a change of a record, or when the user starts it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta
from typing import Any

from agents.batches.spec import rrules
from agents.batches.spec.rrules import WEEKDAYS
from agents.offline_model.building.sentence import Match, Sentence
from agents.offline_model.building.words.vocabulary import BuildingWords
from agents.offline_model.languages.language import Language

DEFAULT_TIME = time(9)
_WORKDAYS, _WEEKEND = WEEKDAYS[:5], WEEKDAYS[5:]
_MIDDAY = 12
_HOURS_A_DAY = 24
_LONGEST_MONTH = 31
# No day of any rule lies farther ahead: 29 February may be eight years away.
_MOST_DAYS_AHEAD = 366 * 8
_QUARTER = 3


@dataclass(frozen=True, slots=True)
class Clock:
    """The user's now, without a zone, and the zone's name."""

    now: datetime
    zone: str


@dataclass(slots=True)
class Times:
    """``hours`` as they stand in a rule. ``is_guess``: nobody named a time."""

    hours: list[int] = field(default_factory=list)
    minute: int = 0
    is_guess: bool = False

    @property
    def first(self) -> time:
        return time(min(self.hours), self.minute)


@dataclass(slots=True)
class Recurrence:
    """The days of a schedule as the parts of a rule. ``missing`` is the key of a question: the parts are a draft."""

    parts: dict[str, str] = field(default_factory=dict)
    hours: list[int] = field(default_factory=list)
    missing: str = ""
    warnings: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)


@dataclass(slots=True)
class Trigger:
    """``spec`` as a BatchSpec has it, a draft where ``question`` must be answered.

    ``target`` are the words for the record that was changed, ``deed`` is what became of it.
    """

    spec: dict[str, Any]
    question: str = ""
    warnings: list[tuple[str, Mapping[str, object]]] = field(default_factory=list)
    target: str = ""
    deed: str = ""


class ScheduleReader:
    """Takes what tells of a trigger from a sentence, whose frequency and times stand anywhere in it."""

    def __init__(self, language: Language, words: BuildingWords, clock: Clock) -> None:
        self.language = language
        self.words = words
        self.clock = clock

    def read(self, sentence: Sentence) -> Trigger:
        event = self.read_event(sentence)
        return self._read_schedule(sentence) if event is None else event

    def read_event(self, sentence: Sentence) -> Trigger | None:
        """A trigger that is no schedule; null where the sentence tells of none."""
        becomes = sentence.take(self.words.when.becomes_due)
        if becomes is not None:
            trigger = self.schedule(Recurrence({"FREQ": "DAILY"}), None)
            return replace(trigger, question="ask overdue", target=becomes["target"], deed="overdue")
        if sentence.take(self.words.when.by_hand):
            return Trigger({"kind": "manual"})
        for _, pattern in self.words.when.changes:
            match = sentence.take(pattern)
            if match is not None:
                return Trigger({"kind": "record_changed"}, target=match["target"], deed=self._deed(match["deed"]))
        return None

    def _deed(self, text: str) -> str:
        return next((name for name, pattern in self.words.when.changed_to if pattern.search(text)), "")

    def _read_schedule(self, sentence: Sentence) -> Trigger:
        skips = sentence.take(self.words.when.skip_missed) is not None
        start = self.take_start(sentence)
        recurrence, part = self.take_days(sentence)
        times = self.take_times(sentence, part)
        if recurrence is None:
            once = self._read_day_at_an_end(sentence)
            if once is not None:
                recurrence = Recurrence({"FREQ": "DAILY", "COUNT": "1"})
                start = once
            elif times is None and start is None:
                return Trigger({"kind": "manual"})
            else:
                return Trigger({"kind": "manual"}, question="ask how often")
        return self.schedule(recurrence, times, start, skips=skips)

    def schedule(
        self, recurrence: Recurrence, times: Times | None, start: date | None = None, *, skips: bool = False
    ) -> Trigger:
        """The trigger whose first time is the first one after now that ``recurrence`` names, from ``start`` on."""
        warnings = list(recurrence.warnings)
        if times is None:
            times = Times(recurrence.hours or [DEFAULT_TIME.hour], is_guess=not recurrence.hours)
        if times.is_guess:
            warnings.append(("warn time", {"time": f"{times.first:%H:%M}"}))
        parts = dict(recurrence.parts)
        if len(times.hours) > 1:
            parts["BYHOUR"] = ",".join(map(str, sorted(set(times.hours))))
        rule = ";".join(f"{name}={value}" for name, value in parts.items())
        anchor = first_time(rule, times.first, self.clock.now, start)
        if anchor is None:
            return Trigger({"kind": "manual"}, question="ask how often")
        spec = {
            "kind": "schedule",
            "rrule": rule,
            "anchor": anchor.isoformat(),
            "timezone": self.clock.zone,
            "catch_up": "skip" if skips else "latest",
        }
        return Trigger(spec, question=recurrence.missing, warnings=warnings)

    def take_start(self, sentence: Sentence) -> date | None:
        match = self.words.when.starting.search(sentence.text)
        day = self.language.days.find(f" {match['day']} ", self.clock.now.date()) if match else None
        if day is None:
            return None
        sentence.take(self.words.when.starting)
        return day.day

    def _read_day_at_an_end(self, sentence: Sentence) -> date | None:
        """As in "tomorrow at 9, prioritise my tasks": once, on that day."""
        found = self.language.days.find(sentence.text, self.clock.now.date())
        if found is None:
            return None
        named = len(sentence.text) - len(found.rest.strip())
        if not sentence.text.endswith(found.rest.strip()) or named <= 0:
            return None
        sentence.text = found.rest.strip(" ,")
        return found.day

    # --- days

    def take_days(self, sentence: Sentence) -> tuple[Recurrence | None, str]:
        """What repeats, and the words that told so: a part of the day may be among them."""
        for name, pattern in self.words.when.frequencies:
            match = sentence.take(pattern)
            if match is not None:
                return self._recurrence(name, match, sentence), match[0]
        return None, ""

    def _recurrence(self, name: str, match: Match, sentence: Sentence) -> Recurrence:
        groups = match.groupdict()
        days = self.weekdays(groups.get("days") or "")
        read: Mapping[str, Callable[[], Recurrence]] = {
            "daily": lambda: Recurrence({"FREQ": "DAILY"}),
            "workdays": lambda: _weekly(_WORKDAYS),
            "weekends": lambda: _weekly(_WEEKEND),
            "days": lambda: _weekly(days),
            "weekly": lambda: self._weekly_on(sentence, 1, days),
            "interval": lambda: self._interval(groups, days, sentence),
            "nth weekday": lambda: _monthly({"BYDAY": ",".join(f"{self._nth(groups['nth'])}{day}" for day in days)}),
            "working day": lambda: _monthly({"BYDAY": ",".join(_WORKDAYS), "BYSETPOS": str(self._nth(groups["nth"]))}),
            "month start": lambda: _monthly({"BYMONTHDAY": "1"}),
            "month end": lambda: _monthly({"BYMONTHDAY": "-1"}),
            "dates": lambda: self._on_dates(groups["dates"]),
            "monthly": lambda: self._monthly_on(sentence, 1),
            "quarterly": lambda: self._monthly_on(sentence, _QUARTER),
            "yearly": lambda: self._yearly(groups.get("day") or "", sentence),
            "window": lambda: self._hours_between(groups["first"], groups["last"]),
            "times": lambda: Recurrence({"FREQ": "DAILY"}, missing="ask times"),
            "hourly": lambda: _every_hours(1),
            "hours": lambda: _every_hours(self.count(groups["count"])),
            "often": lambda: replace(_every_hours(1), missing="ask often"),
        }
        return read[name]()

    def _interval(self, groups: Mapping[str, str | None], days: list[str], sentence: Sentence) -> Recurrence:
        unit = self.language.days.words.units.get((groups.get("unit") or "").lower(), "week")
        count = self.count(groups.get("count") or "1")
        if unit == "day" and not days:
            return Recurrence(_with_interval({"FREQ": "DAILY"}, count))
        if unit == "month":
            return self._monthly_on(sentence, count)
        return self._weekly_on(sentence, count * 2 if unit == "fortnight" else count, days)

    def _weekly_on(self, sentence: Sentence, interval: int, days: list[str]) -> Recurrence:
        if not days:
            match = sentence.take(self.words.when.on_days)
            days = self.weekdays(match["days"]) if match else []
        return _weekly(days, interval) if days else replace(_weekly(_WORKDAYS[:1], interval), missing="ask weekday")

    def _monthly_on(self, sentence: Sentence, interval: int) -> Recurrence:
        match = sentence.take(self.words.when.on_dates)
        if match is None:
            return replace(_monthly({"BYMONTHDAY": "1"}, interval), missing="ask monthday")
        if match["dates"]:
            return self._on_dates(match["dates"], interval)
        nth = self._nth(match["nth"])
        days = self.weekdays(match["days"] or "")
        if days:
            return _monthly({"BYDAY": f"{nth}{days[0]}"}, interval)
        return _monthly({"BYMONTHDAY": str(nth)}, interval)

    def _on_dates(self, text: str, interval: int = 1) -> Recurrence:
        dates = sorted({int(number) for number in re.findall(r"\d{1,2}", text)})
        if not all(1 <= day <= _LONGEST_MONTH for day in dates):
            return replace(_monthly({"BYMONTHDAY": "1"}, interval), missing="ask monthday")
        recurrence = _monthly({"BYMONTHDAY": ",".join(map(str, dates))}, interval)
        rare = [day for day in dates if day > 28]  # noqa: PLR2004 - the days that every month has
        recurrence.warnings = [("warn day 31", {"n": day}) for day in rare]
        return recurrence

    def _yearly(self, named: str, sentence: Sentence) -> Recurrence:
        """On the day in ``named``, or else on that which stands elsewhere in the sentence."""
        day = self.language.days.find(named or sentence.text, self.clock.now.date())
        if day is None:
            return replace(_monthly({"BYMONTH": "1", "BYMONTHDAY": "1"}), missing="ask yearly")
        if not named:
            sentence.text = day.rest.strip(" ,")
        return _monthly({"BYMONTH": str(day.day.month), "BYMONTHDAY": str(day.day.day)})

    def _hours_between(self, first: str, last: str) -> Recurrence:
        """As in "every hour between 9 and 17"."""
        ends = [
            self._read_time(match, None)[0] for text in (first, last) if (match := self.words.when.time.search(text))
        ]
        hours = list(range(ends[0], ends[-1] + 1))
        return Recurrence({"FREQ": "DAILY"}, hours) if hours else replace(_every_hours(1), missing="ask times")

    def weekdays(self, text: str) -> list[str]:
        numbers = self.language.days.words.weekdays
        found = re.findall(rf"\b(?:{'|'.join(sorted(numbers, key=len, reverse=True))})", text.lower())
        return [WEEKDAYS[number] for number in sorted({numbers[word] for word in found})]

    def _nth(self, text: str) -> int:
        return self.words.when.nth[text.lower()]

    def count(self, text: str) -> int:
        word = text.lower()
        return int(word) if word.isdecimal() else self.words.when.counts.get(word, 1)

    # --- times

    def take_times(self, sentence: Sentence, said: str = "") -> Times | None:
        """The times of day; ``said`` are words that were taken before and may name a part of the day."""
        part = self._part_in(said)
        match = sentence.take(self.words.when.times)
        if part is None:
            part = self._take_part(sentence)
        if match is None:
            return None if part is None else Times([part])
        hours, minutes = [], set()
        for one in self.words.when.time.finditer(match["times"] or match["times_alone"]):
            hour, minute = self._read_time(one, part)
            hours.append(hour)
            minutes.add(minute)
        return Times(hours, minutes.pop()) if len(minutes) == 1 else Times(hours[:1], minutes.pop())

    def _read_time(self, match: Match, part: int | None) -> tuple[int, int]:
        if match["named"]:
            named = time.fromisoformat(self.words.when.named_times[match["named"].lower()])
            return named.hour, named.minute
        hour = int(match["hour"])
        half = (match["half"] or "").lower()
        is_afternoon = half == "p" or (not half and part is not None and part > _MIDDAY)
        if half and hour == _MIDDAY:
            hour = 0
        if is_afternoon and hour < _MIDDAY:
            hour += _MIDDAY
        return hour, int(match["minute"] or 0)

    def _part_in(self, text: str) -> int | None:
        return next((hour for hour, pattern in self.words.when.parts if pattern.search(text)), None)

    def _take_part(self, sentence: Sentence) -> int | None:
        return next((hour for hour, pattern in self.words.when.parts if sentence.take(pattern)), None)


def first_time(rule: str, at: time, now: datetime, start: date | None = None) -> datetime | None:
    """The first time after ``now`` (local, naive) that ``rule`` names, at ``at`` or at one of its hours."""
    day = max(start or now.date(), now.date())
    read = rrules.read(rule, datetime.combine(day, at))
    for ahead in range(_MOST_DAYS_AHEAD):
        for hour in sorted(read.hours):
            moment = datetime.combine(day + timedelta(days=ahead), time(hour, at.minute))
            if moment > now and read.names(moment):
                return moment
    return None


def _weekly(days: list[str] | tuple[str, ...], interval: int = 1) -> Recurrence:
    return Recurrence({**_with_interval({"FREQ": "WEEKLY"}, interval), "BYDAY": ",".join(days)})


def _monthly(days: Mapping[str, str], interval: int = 1) -> Recurrence:
    return Recurrence({**_with_interval({"FREQ": "MONTHLY"}, interval), **days})


def _every_hours(count: int) -> Recurrence:
    """A rule counts days: every so many hours are the hours of one."""
    if not 1 <= count < _HOURS_A_DAY or _HOURS_A_DAY % count:
        return Recurrence({"FREQ": "DAILY"}, missing="ask times")
    return Recurrence({"FREQ": "DAILY"}, list(range(0, _HOURS_A_DAY, count)))


def _with_interval(parts: dict[str, str], interval: int) -> dict[str, str]:
    return parts if interval <= 1 else {**parts, "INTERVAL": str(interval)}

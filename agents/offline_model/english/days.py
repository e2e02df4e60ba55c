"""Days in English: "tomorrow", "in 3 days", "by Friday", "on 1 December", "2026-12-01"."""

import calendar

from agents.offline_model import dates
from agents.offline_model.dates import Days, DayWords, alternatives, listed

_SPELLED = listed("zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen")
_NUMBERS = {word: number for number, word in enumerate(_SPELLED)} | {"a": 1, "an": 1, "a couple of": 2, "a few": 3}
_UNITS = {form: unit for unit in ("day", "week", "fortnight", "month", "year") for form in (unit, f"{unit}s")}
_FULL_WEEKDAYS = {name.lower(): number for number, name in enumerate(calendar.day_name)}
_SHORT_WEEKDAYS = {
    "mon": 0,
    "tue": 1,
    "tues": 1,
    "wed": 2,
    "thu": 3,
    "thur": 3,
    "thurs": 3,
    "fri": 4,
    "sat": 5,
    "sun": 6,
}
_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_name) if name}
_MONTHS |= {name[:3]: number for name, number in _MONTHS.items()} | {"sept": 9}
_WORDS = DayWords(_NUMBERS, _UNITS, _FULL_WEEKDAYS | _SHORT_WEEKDAYS, _MONTHS)

_COUNT = rf"(?P<count>\d{{1,4}}|{alternatives(_NUMBERS)})"
_UNIT = rf"(?P<unit>{alternatives(_UNITS)})"
_MONTH = rf"(?P<month>{alternatives(_MONTHS)})\.?"
_ORDINAL = r"(?:st|nd|rd|th)"
_YEAR = r"(?:,?\s+(?P<year>\d{4}))?"
# What joins a day to its sentence, and goes with it.
_LEAD = (
    r"(?:[,;]?\s*\b(?:with\s+(?:a\s+|the\s+)?(?:due\s+date|deadline)(?:\s+(?:of|on))?"
    r"|(?:and\s+)?(?:is\s+)?due(?:\s+date)?"
    r"|deadline|no\s+later\s+than|by|on|before|until|till|for|from|starting)\s*:?\s+){0,3}"
)
_PART_OF_DAY = r"(?:\s+(?:morning|afternoon|evening|night))?"
# "Monday's meeting" names the meeting, not the day something is due.
_NOT_OWNER = r"(?!['’]s\b)"

DAYS = Days.of(
    _WORDS,
    [
        (r"\b(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})\b", dates.iso),
        (r"\b(?:the\s+)?day\s+after\s+tomorrow\b", dates.days_later(2)),
        (rf"\b(?:tomorrow|tmrw){_PART_OF_DAY}\b", dates.days_later(1)),
        (r"\b(?:today|tonight|this\s+(?:morning|afternoon|evening))\b", dates.days_later(0)),
        (rf"\bin\s+{_COUNT}\s+{_UNIT}(?:'?\s+time)?\b", dates.from_now),
        (rf"\b{_COUNT}\s+{_UNIT}\s+from\s+(?:now|today)\b", dates.from_now),
        (rf"\b(?P<day>\d{{1,2}}){_ORDINAL}?\s+(?:of\s+)?{_MONTH}{_YEAR}\b", dates.calendar_day),
        (rf"\b{_MONTH}\s+(?:the\s+)?(?P<day>\d{{1,2}}){_ORDINAL}?{_YEAR}\b", dates.calendar_day),
        (r"\b(?P<day>\d{1,2})\.(?P<month>\d{1,2})\.(?P<year>\d{4})?(?=\s|$|[,;!?])", dates.calendar_day),
        (r"\b(?:the\s+)?end\s+of\s+(?:the\s+|this\s+)?(?P<unit>week|month|year)\b", dates.end_of),
        (
            rf"\b(?:(?:this|next|coming)\s+)?(?P<weekday>{alternatives(_FULL_WEEKDAYS)}){_PART_OF_DAY}\b",
            dates.weekday,
        ),
        # "sun" and "sat" are words of their own unless something says they are days.
        (
            rf"\b(?:on|by|this|next|due|until|before)\s+(?P<weekday>{alternatives(_SHORT_WEEKDAYS)})\b",
            dates.weekday,
        ),
        (r"\b(?:this|the|(?P<next>next))\s+weekend\b", dates.weekend),
        (r"\bnext\s+(?P<unit>week|month|year)\b", dates.next_unit),
        (rf"\bthe\s+(?P<day>\d{{1,2}}){_ORDINAL}\b", dates.day_of_month),
    ],
    lead=_LEAD,
    unless=_NOT_OWNER,
    shift=rf"\b{_COUNT}\s+{_UNIT}\b",
)

"""Days in German: "morgen", "in 3 Tagen", "bis Freitag", "am 3. Dezember", "nächsten Montag"."""

from agents.offline_model import dates
from agents.offline_model.dates import Days, DayWords, alternatives, listed

_NUMBERS = {
    word: number
    for number, words in enumerate(
        listed(
            "null ein/eine/einem/einer/einen zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn "
            "vierzehn"
        )
    )
    for word in words.split("/")
} | {"ein paar": 3}
_UNITS = {
    **dict.fromkeys(("tag", "tage", "tagen"), "day"),
    **dict.fromkeys(("woche", "wochen"), "week"),
    **dict.fromkeys(("monat", "monate", "monaten", "monats"), "month"),
    **dict.fromkeys(("jahr", "jahre", "jahren", "jahres"), "year"),
}
_WEEKDAYS = {
    name: number
    for number, names in enumerate(listed("montag dienstag mittwoch donnerstag freitag samstag/sonnabend sonntag"))
    for name in names.split("/")
}
_MONTHS = {
    name: number
    for number, names in enumerate(
        listed("januar/jänner februar/feber märz/maerz april mai juni juli august september oktober november dezember"),
        start=1,
    )
    for name in names.split("/")
}
_WORDS = DayWords(_NUMBERS, _UNITS, _WEEKDAYS, _MONTHS)

_COUNT = rf"(?P<count>\d{{1,4}}|{alternatives(_NUMBERS)})"
_UNIT = rf"(?P<unit>{alternatives(_UNITS)})"
_MONTH = rf"(?P<month>{alternatives(_MONTHS)})"
_LEAD = (
    r"(?:[,;]?\s*\b(?:mit\s+(?:der\s+)?(?:Frist|Fälligkeit)|(?:mit\s+)?Fälligkeitsdatum|fällig|Frist"
    r"|spätestens|bis\s+zum"
    r"|bis|ab|vor|für|zum|am|auf|den|dem|vom|von)\s*:?\s+){0,3}"
)
_PART_OF_DAY = r"(?:\s+(?:früh|Vormittag|Mittag|Nachmittag|Abend|Nacht)|(?:vormittag|nachmittag|abend)s?)?"
_NEXT = r"(?:nächste|kommende|diese)[nrms]?"

DAYS = Days.of(
    _WORDS,
    [
        (r"\b(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})\b", dates.iso),
        (rf"\bübermorgen{_PART_OF_DAY}\b", dates.days_later(2)),
        (rf"\b(?<!jeden )(?<!guten )(?<!am )morgen{_PART_OF_DAY}\b", dates.days_later(1)),
        (rf"\bheute{_PART_OF_DAY}\b", dates.days_later(0)),
        (rf"\bin\s+{_COUNT}\s+{_UNIT}\b", dates.from_now),
        (rf"\b(?P<day>\d{{1,2}})\.\s*{_MONTH}(?:\s+(?P<year>\d{{4}}))?\b", dates.calendar_day),
        (r"\b(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.(?P<year>\d{4})?(?=\s|$|[,;!?])", dates.calendar_day),
        (r"\bEnde\s+(?:(?:der|des|dieser|dieses)\s+)?(?P<unit>Woche|Monats?|Jahres|Jahr)\b", dates.end_of),
        (
            rf"\b(?:{_NEXT}\s+)?(?P<weekday>{alternatives(_WEEKDAYS)}){_PART_OF_DAY}\b",
            dates.weekday,
        ),
        (r"\b(?:(?:diese[sm]?|(?P<next>nächste[sn]?))\s+)?Wochenende\b", dates.weekend),
        (rf"\b(?:nächste|kommende)[nrms]?\s+{_UNIT}\b", dates.next_unit),
        (rf"\b(?P<day>\d{{1,2}})\.(?=\s|$|[,;!?])(?!\s*(?:{alternatives(_MONTHS)}))", dates.day_of_month),
    ],
    lead=_LEAD,
    shift=rf"\b{_COUNT}\s+{_UNIT}\b",
)

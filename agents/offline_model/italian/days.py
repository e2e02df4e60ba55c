"""Days in Italian: "domani", "tra 3 giorni", "entro venerdì", "il 3 dicembre", "lunedì prossimo"."""

from agents.offline_model import dates
from agents.offline_model.dates import Days, DayWords, alternatives, listed

_NUMBERS = {
    word: number
    for number, words in enumerate(
        listed("zero un/uno/una due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici")
    )
    for word in words.split("/")
} | {"un paio di": 2, "quindici": 15}
_UNITS = {
    **dict.fromkeys(("giorno", "giorni"), "day"),
    **dict.fromkeys(("settimana", "settimane"), "week"),
    **dict.fromkeys(("mese", "mesi"), "month"),
    **dict.fromkeys(("anno", "anni"), "year"),
}
_WEEKDAYS = {
    name: number
    for number, names in enumerate(
        listed("lunedì/lunedi martedì/martedi mercoledì/mercoledi giovedì/giovedi venerdì/venerdi sabato domenica")
    )
    for name in names.split("/")
}
_MONTHS = {
    name: number
    for number, name in enumerate(
        listed("gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre"), start=1
    )
}
_WORDS = DayWords(_NUMBERS, _UNITS, _WEEKDAYS, _MONTHS)

_COUNT = rf"(?P<count>\d{{1,4}}|{alternatives(_NUMBERS)})"
_UNIT = rf"(?P<unit>{alternatives(_UNITS)})"
_WEEKDAY = rf"(?P<weekday>{alternatives(_WEEKDAYS)})"
_YEAR = r"(?:\s+(?:del\s+)?(?P<year>\d{4}))?"
_LEAD = (
    r"(?:[,;]?\s*\b(?:con\s+(?:data\s+di\s+)?scadenza|in\s+scadenza|(?:che\s+)?scade(?:nte)?"
    r"|(?:la\s+)?scadenza|entro(?:\s+(?:il|la|l['’]))?"
    r"|per(?:\s+(?:il|la|l['’]))?|prima\s+di|fino\s+al?|a\s+partire\s+da|il|al|a|dal?|di|del|alla"
    r"|nella|la|lo|l['’])\s*:?\s*){0,4}"
)
_PART_OF_DAY = r"(?:\s+(?:mattina|pomeriggio|sera|notte))?"

DAYS = Days.of(
    _WORDS,
    [
        (r"\b(?P<year>\d{4})-(?P<month>\d{2})-(?P<day>\d{2})\b", dates.iso),
        (r"\b(?:dopodomani|dopo\s+domani)\b", dates.days_later(2)),
        (rf"\bdomani{_PART_OF_DAY}\b", dates.days_later(1)),
        (
            r"\b(?:oggi|stasera|stanotte|stamattina|questa\s+(?:mattina|sera)|questo\s+pomeriggio)\b",
            dates.days_later(0),
        ),
        (rf"\b(?:tra|fra)\s+{_COUNT}\s+{_UNIT}\b", dates.from_now),
        (rf"\b(?P<day>\d{{1,2}})[°º]?\s+(?:di\s+)?(?P<month>{alternatives(_MONTHS)}){_YEAR}\b", dates.calendar_day),
        (r"\b(?P<day>\d{1,2})[/.](?P<month>\d{1,2})(?:[/.](?P<year>\d{4}))?(?=\s|$|[,;!?])", dates.calendar_day),
        (
            r"\b(?:fine|termine)\s+(?:(?:della|del|dell['’]|di\s+quest[oa])\s*)?(?P<unit>settimana|mese|anno)\b",
            dates.end_of,
        ),
        (
            rf"\b(?:(?:questo|questa|prossimo|prossima)\s+)?{_WEEKDAY}(?:\s+prossim[oa])?{_PART_OF_DAY}\b",
            dates.weekday,
        ),
        (
            r"\b(?:(?:questo|il)\s+)?(?:(?P<next>prossimo)\s+)?(?:fine\s*settimana|weekend)\b",
            dates.weekend,
        ),
        (r"\b(?:prossim[oa]\s+(?P<unit>settimana|mese|anno))\b", dates.next_unit),
        (r"\b(?P<unit>settimana|mese|anno)\s+prossim[oa]\b", dates.next_unit),
        (rf"\bil\s+(?P<day>\d{{1,2}})\b(?!\s*[%€:]|\s+(?:{alternatives(_MONTHS)}))", dates.day_of_month),
    ],
    lead=_LEAD,
    shift=rf"\b{_COUNT}\s+{_UNIT}\b",
)

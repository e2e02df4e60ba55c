"""German: the words for records, for what is said about them and for days."""

import re

from agents.offline_model.clauses import ClauseSplitter
from agents.offline_model.kinds import Kind
from agents.offline_model.languages import answers, dates
from agents.offline_model.languages.dates import Days, DayWords, alternatives, number_words, split_words
from agents.offline_model.languages.language import DetailWords, GroupWords, Language

NOUNS = {
    Kind.CHECKPOINT: r"(?:Check ?points?|Meilensteine?[ns]?|Etappenziele?s?|Milestones?)",
    Kind.NOTE: r"(?:Notiz(?:en)?|Vermerke?)",
    Kind.TASK: r"(?:Aufgaben?|To-?dos?|Tasks?|Erinnerung(?:en)?)",
    Kind.PROJECT: r"(?:Projekte?[ns]?)",
}
NOUN = rf"(?P<noun>{'|'.join(NOUNS.values())})"


_ENDINGS = ("", "e", "er", "es", "en", "em")
PRIORITIES = {
    **{f"{stem}{end}": "high" for stem in ("hoch", "hoh", "dringend", "wichtig", "höchst") for end in _ENDINGS},
    **{f"{stem}{end}": "medium" for stem in ("mittel", "mittler", "normal") for end in _ENDINGS},
    **{f"{stem}{end}": "low" for stem in ("niedrig", "gering", "tief") for end in _ENDINGS},
}
STATUSES = {
    **dict.fromkeys(
        ("erledigt", "fertig", "abgeschlossen", "beendet", "abgehakt", "erreicht", "gemacht", "vollendet"), "done"
    ),
    **dict.fromkeys(("in arbeit", "in bearbeitung", "begonnen", "angefangen", "laufend"), "in_progress"),
    **dict.fromkeys(("offen", "zu erledigen", "unerledigt", "nicht erledigt", "nicht begonnen"), "todo"),
}
PRIORITY = rf"(?P<priority>{alternatives(PRIORITIES)})"
STATUS = rf"(?P<status>{alternatives(STATUSES)})"
PRIO = r"(?:Priorität|Prio|Wichtigkeit)"

_JOIN = r"[,;(]? ?\b(?:(?:und|mit|auf|von|der|die|das|eine|einer|es|sie|ist|hat|als) ){0,4}"
_HOUR = r"(?:[01]?\d|2[0-3])"
_IN = r"[,;]? ?\b(?:im|in|zum|zu|für|des|dem|vom|von|bei|aus|beim|auf|ins)(?: (?:das|dem|die|der))?"
_ZU = re.compile(r"\bzu (?=\w+n$)")
_INNER_ZU = re.compile(
    r"\b(ab|an|auf|aus|bei|durch|ein|fertig|her|hin|los|mit|nach|um|vor|vorbei|weg|weiter|zurück|zusammen)zu(?=\w+n$)",
    re.IGNORECASE,
)


def tidy(title: str) -> str:
    """The infinitive of a title: "Milch zu kaufen" is "Milch kaufen", "Anna anzurufen" is "Anna anrufen"."""
    return _INNER_ZU.sub(r"\1", _ZU.sub("", title))


_VERBS = (
    r"erstell(?:e)?|leg(?:e)?|füg(?:e)?|lösch(?:e)?|markier(?:e)?|setz(?:e)?|verschieb(?:e)?|zeig(?:e)?|benenn(?:e)?"
    r"|änder(?:e|n)?|erinner(?:e)?|archivier(?:e)?|schreib(?:e)?|notier(?:e)?|hak(?:e)?|schließ(?:e)?|kommentier(?:e)?"
    r"|entfern(?:e)?|genehmig(?:e)?|nenn(?:e)?|list(?:e)?|welche|was|mach(?:e)?|noch eine?|eine weitere|ein weiteres"
    r"|stell(?:e)?|trag(?:e)?|sag(?:e)?|öffne|lies|schlag(?:e)?|erledig(?:e)?|lehn(?:e)?|reaktivier(?:e)?|nimm|kannst"
)

# --- days

_NUMBERS = number_words(
    "null ein/eine/einem/einer/einen zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn"
) | {"ein paar": 3}
_UNITS = {
    **dict.fromkeys(("tag", "tage", "tagen"), "day"),
    **dict.fromkeys(("woche", "wochen"), "week"),
    **dict.fromkeys(("monat", "monate", "monaten", "monats"), "month"),
    **dict.fromkeys(("jahr", "jahre", "jahren", "jahres"), "year"),
}
_WEEKDAYS = number_words("montag dienstag mittwoch donnerstag freitag samstag/sonnabend sonntag")
_MONTHS = number_words(
    "januar/jänner februar/feber märz/maerz april mai juni juli august september oktober november dezember", start=1
)
_WORDS = DayWords(_NUMBERS, _UNITS, _WEEKDAYS, _MONTHS)

_COUNT = _WORDS.count_pattern
_UNIT = _WORDS.unit_pattern
_MONTH = rf"(?P<month>{alternatives(_MONTHS)})"
_LEAD = (
    r"(?:[,;]?\s*\b(?:mit\s+(?:der\s+)?(?:Frist|Fälligkeit)|(?:mit\s+)?Fälligkeitsdatum|fällig|Frist"
    r"|spätestens|bis\s+zum"
    r"|bis|ab|vor|für|zum|am|auf|den|dem|vom|von)\s*:?\s+){0,3}"
)
_PART_OF_DAY = r"(?:\s+(?:früh|Vormittag|Mittag|Nachmittag|Abend|Nacht)|(?:vormittag|nachmittag|abend)s?)?"
_NEXT = r"(?:nächste|kommende|diese)[nrms]?"

_DAYS = Days.of(
    _WORDS,
    [
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
)

GERMAN = Language(
    code="de",
    marks=frozenset(
        split_words(
            "am alle an anlegen archiviere aufgabe aufgaben auf bis bitte das dass dem den der die diese dieser "
            "ein eine einem einen einer erinnere erledigt erledige erstelle es fällig für füge genehmige habe "
            "hallo hake heute hinzu ich im ist kommentar kommentare kommentiere lege lies liste lösche markiere "
            "mein meine meinen meiner meilenstein meilensteine mich mir mit morgen nächsten nächste nicht notiere "
            "notiz notizen öffne priorität projekt projekte schreib schreibe setze steht stelle und übermorgen um "
            "umbenennen verschiebe vom von vorschlagen was welche wann wie woche zeig zeige zu zum zur benenne "
            "ändere entferne schließe danke guten mach mache füg leg lösch sind noch vorschläge heißt neue neues "
            "neuen nimm trage schlage aktiviere lehne kannst du beende setz leg steht welchen braucht"
        )
    ),
    nouns=NOUNS,
    articles=(
        r"der|die|das|den|dem|des|ein|eine|einen|einem|einer|mein|meine|meinen|meinem|meiner|diese|diesen"
        r"|dieses|dieser|neue|neuen"
        r"|neues|vorgeschlagenen?"
    ),
    naming=r"namens|mit (?:dem )?(?:Titel|Namen)|mit Namen|genannt|zu|für|über",
    pronoun=(
        r"(?:sie|ihn|es|das|die|den|diese[nsr]?|dieses|die letzte|das letzte)"
        r"(?: (?:Aufgabe|Projekt|Notiz|Meilenstein))?"
    ),
    permanently=r"endgültig|dauerhaft|für immer|unwiderruflich|restlos|komplett",
    forbidden=r"^(?!.*:)(?:.*\bnicht(?! vergessen| erledigt| begonnen)(?: \w+n)?$|(?:niemals|nie) )",
    and_between=r"\s*,\s*(?:und\s+)?|\s+und\s+",
    priorities=PRIORITIES,
    statuses=STATUSES,
    days=_DAYS,
    clauses=ClauseSplitter.of(
        verbs=_VERBS,
        words="und|dann|und dann|sowie|außerdem",
        fillers="dann|auch|bitte|außerdem",
        polite=(
            r"bitte|hallo|hey|hi|guten (?:morgen|tag|abend)|ok|okay|adiuva|dann|auch|und|jetzt|danke|also|außerdem"
            r"|(?:kannst|könntest|würdest) du(?: mir| mich)?|ich möchte(?: dass du)?|mal|ja"
        ),
        courtesy="bitte|danke|vielen dank",
    ),
    details=DetailWords(
        priority=(
            rf"{_JOIN}{PRIORITY} {PRIO}\b\)?",
            rf"{_JOIN}{PRIO} ?(?:[:=]|ist|auf)? ?{PRIORITY}\b\)?",
            r"[,;(!] ?\b(?:(?:und|es|ist|sehr) ){0,4}(?P<priority>dringend|wichtig) ?[.!)]?$",
            r" (?P<priority>dringend|so bald wie möglich) ?[.!]?$",
        ),
        status=rf"{_JOIN}Status ?(?:[:=]|ist|auf)? ?{STATUS}\b\)?",
        description=rf"{_JOIN}(?:Beschreibung|Details) ?(?:[:=])? (?P<text>.+)$",
        content=r" ?(?::|,? ?\b(?:mit (?:dem )?(?:Inhalt|Text))\b:?) ?(?P<text>\S.*)$",
        time=rf"[,;]? ?\bum (?P<time>{_HOUR}(?:[:.][0-5]\d)?(?: Uhr)?)(?!\w)",
        at="Um",
        project=(rf"{_IN} Projekts? {{name}}\b", rf"{_IN} {{name}}[ -]Projekts?\b"),
        project_loosely=(rf"{_IN} {{name}}(?!\w)", r"\bhat (?:das Projekt )?{name}(?!\w)"),
        loose_starts=frozenset(
            ("zu", "dass", "für", "über", "daran", "an", "namens", "daran,", "mit", "um", "noch", "mich", "unbedingt")
        ),
        loose_ends=frozenset(
            ("und", "bis", "am", "für", "mit", "zu", "an", "hinzu", "ein", "um", "ist", "im", "zum", "den")
        ),
        tidy=tidy,
    ),
    groups=GroupWords(
        all=re.compile(r"(?:alle[snr]?|jede[snr]?)\b", re.IGNORECASE),
        done=frozenset(("erledigten", "erledigte", "abgeschlossenen", "fertigen", "beendeten")),
        open=frozenset(("offenen", "offene", "unerledigten", "übrigen")),
        suggested=frozenset(
            ("vorgeschlagenen", "vorgeschlagene", "vorschläge", "unbestätigten", "genehmigung", "freigabe")
        ),
    ),
    periods={
        "overdue": r"\büberfällig\w*\b|\bverspätet\w*\b",
        "next week": r"\b(?:nächste|kommende)[nr]? Woche\b",
        "this week": r"\bdiese[rn]? Woche\b",
        "until": r"\b(?:bis|vor)\b",
        "everything": r"\b(?:alle|archivierte[nr]?|sämtliche[nr]?)\b",
    },
    status_filter=(
        r"(?!.*\bnoch nicht (?:erledigt|fertig))(?:.*?\b(?P<done>erledigt(?:e|en)?|abgeschlossen(?:e|en)?"
        r"|fertig(?:e|en)?)\b"
        r"|.*?\b(?P<in_progress>in Arbeit|begonnen(?:e|en)?|laufende[nr]?)\b|.*?\b(?P<todo>nicht begonnen(?:e|en)?)\b)"
    ),
    search_words=r"\b(?:über|zum Thema|zu|mit dem Wort|namens|die von)\s+(?P<words>.+?)(?: handeln| enthalten)?$",
    suggestions=answers.GERMAN_SUGGESTIONS,
    answers=answers.GERMAN,
    small_talk=answers.GERMAN_SMALL_TALK,
)

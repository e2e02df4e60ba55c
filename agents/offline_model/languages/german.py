"""German: the words for records, for what is said about them and for days, and the answers."""

import re

from agents.offline_model.clauses import ClauseSplitter
from agents.offline_model.kinds import Kind
from agents.offline_model.languages import dates
from agents.offline_model.languages.dates import Days, DayWords, alternatives, meanings, number_words, split_words
from agents.offline_model.languages.english import ENGLISH
from agents.offline_model.languages.language import DetailWords, Language, by_kind

NOUNS = {
    Kind.CHECKPOINT: r"(?:Check ?points?|Meilensteine?[ns]?|Milestones?)",
    Kind.NOTE: r"(?:Notiz(?:en)?)",
    Kind.TASK: r"(?:Aufgaben?|To-?dos?|Tasks?|Erinnerung(?:en)?)",
    Kind.PROJECT: r"(?:Projekte?[ns]?)",
}
NOUN = rf"(?P<noun>{'|'.join(NOUNS.values())})"
PRIORITIES = {
    f"{stem}{end}": level
    for stem, level in meanings("high: hoch, hoh, dringend, wichtig; medium: mittel, mittler; low: niedrig").items()
    for end in ("", "e", "er", "es", "en", "em")
}
STATUSES = meanings(
    "done: erledigt, fertig, abgeschlossen, erreicht; in_progress: in arbeit, begonnen; todo: offen, nicht erledigt"
)
PRIORITY = rf"(?P<priority>{alternatives(PRIORITIES)})"
STATUS = rf"(?P<status>{alternatives(STATUSES)})"
PRIO = r"(?:Priorität|Prio)"
_JOIN = r"[,;(]? ?\b(?:(?:und|mit|auf|von|der|die|das|eine|einer|es|sie|ist|hat|als) ){0,4}"
_IN = r"[,;]? ?\b(?:im|in|zum|zu|für|des|dem|vom|von|bei|beim|auf|ins)(?: (?:das|dem|die|der))?"


def tidy(title: str) -> str:
    """The infinitive of a title: "Milch zu kaufen" is "Milch kaufen", "Anna anzurufen" is "Anna anrufen"."""
    title = re.sub(r"\bzu (?=\w+n$)", "", title)
    return re.sub(r"\b(ab|an|auf|aus|bei|ein|mit|nach|um|vor|weg|zurück)zu(?=\w+n$)", r"\1", title, flags=re.IGNORECASE)


# --- days

_UNITS = meanings("day: tag, tage, tagen; week: woche, wochen; month: monat, monate, monats; year: jahr, jahre, jahres")
_WEEKDAYS = number_words("montag dienstag mittwoch donnerstag freitag samstag/sonnabend sonntag")
_MONTHS = number_words(
    "januar/jänner februar märz april mai juni juli august september oktober november dezember", start=1
)
_WORDS = DayWords(
    number_words("null ein/eine/einem/einer/einen zwei drei vier fünf sechs sieben acht neun zehn"),
    _UNITS,
    _WEEKDAYS,
    _MONTHS,
)
_PART_OF_DAY = r"(?:\s+(?:früh|Vormittag|Mittag|Nachmittag|Abend)|(?:vormittag|nachmittag|abend)s?)?"
_NEXT = r"(?:nächste|kommende|diese)[nrms]?"
_DAYS = Days.of(
    _WORDS,
    [
        (rf"\bübermorgen{_PART_OF_DAY}\b", dates.days_later(2)),
        (rf"\b(?<!jeden )(?<!guten )(?<!am )morgen{_PART_OF_DAY}\b", dates.days_later(1)),
        (rf"\bheute{_PART_OF_DAY}\b", dates.days_later(0)),
        (rf"\bin\s+{_WORDS.count_pattern}\s+{_WORDS.unit_pattern}\b", dates.from_now),
        (
            rf"\b(?P<day>\d{{1,2}})\.\s*(?P<month>{alternatives(_MONTHS)})(?:\s+(?P<year>\d{{4}}))?\b",
            dates.calendar_day,
        ),
        (r"\b(?P<day>\d{1,2})\.\s?(?P<month>\d{1,2})\.(?P<year>\d{4})?(?=\s|$|[,;!?])", dates.calendar_day),
        (r"\bEnde\s+(?:(?:der|des|dieser|dieses)\s+)?(?P<unit>Woche|Monats?|Jahres|Jahr)\b", dates.end_of),
        (rf"\b(?:{_NEXT}\s+)?(?P<weekday>{alternatives(_WEEKDAYS)}){_PART_OF_DAY}\b", dates.weekday),
        (r"\b(?:(?:diese[sm]?|(?P<next>nächste[sn]?))\s+)?Wochenende\b", dates.weekend),
        (rf"\b(?:nächste|kommende)[nrms]?\s+{_WORDS.unit_pattern}\b", dates.next_unit),
        (rf"\b(?P<day>\d{{1,2}})\.(?=\s|$|[,;!?])(?!\s*(?:{alternatives(_MONTHS)}))", dates.day_of_month),
    ],
    lead=r"(?:[,;]?\s*\b(?:mit\s+Frist|fällig|spätestens|bis\s+zum|bis|ab|vor|für|zum|am|auf|den|dem|vom|von)\s+){0,3}",
)

# --- answers; what is missing here is said in English

_ANSWERS = {
    **ENGLISH.answers,
    "help": (
        "Ich kümmere mich um deine Aufgaben, Projekte, Meilensteine und Notizen. Versuch es mit „erstelle eine "
        "Aufgabe, morgen Milch zu kaufen, hohe Priorität“, „was ist heute fällig?“, „markiere Milch kaufen als "
        "erledigt“, „lege ein Projekt Garten an“ oder „schreib eine Notiz Ideen: grün streichen“."
    ),
    "only plain requests": "Ich bin der eingebaute Offline-Assistent und verstehe nur einfache Bitten. {help}",
    "missed": "Das habe ich nicht verstanden: „{clause}“.",
    "and": " und ",
    **by_kind("the", "die Aufgabe", "das Projekt", "den Meilenstein", "die Notiz"),
    **by_kind("name the", *["Wie soll der Name sein?"] * 4),
    **by_kind("which", "Welche Aufgabe?", "Welches Projekt?", "Welcher Meilenstein?", "Welche Notiz?"),
    **by_kind("no such", *["„{name}“ habe ich nicht gefunden. {question}"] * 4),
    **by_kind("one", "1 Aufgabe", "1 Projekt", "1 Meilenstein", "1 Notiz"),
    **by_kind("many", "Aufgaben", "Projekte", "Meilensteine", "Notizen"),
    "several": "Mehrere passen: {names}. Was davon meinst du?",
    "created": "Ich habe {the} „{title}“ angelegt{details}.",
    "deleted": "Ich habe {the} {title} gelöscht.",
    "done": "Ich habe {title} als erledigt markiert.",
    "archived": "Ich habe {title} archiviert. Nichts ist verloren; sag „endgültig löschen“, wenn es ganz weg soll.",
    "restored": "{title} ist wieder aktiv.",
    "approved": "Ich habe {title} bestätigt.",
    "changed": "Ich habe {title} geändert: {changes}.",
    "changed priority": "die Priorität ist {value}",
    "changed due": "fällig {value}",
    "changed no due": "ohne Fälligkeit",
    "changed status": "der Status ist {value}",
    "changed description": "mit neuer Beschreibung",
    "changed project": "in einem anderen Projekt",
    "suggested": "Ich schlage den Meilenstein „{title}“ vor; er wartet auf deine Bestätigung.",
    "comment deleted": "Ich habe den Kommentar gelöscht.",
    "which comment": "So einen Kommentar habe ich nicht gefunden. Was steht darin, und zu welcher Aufgabe gehört er?",
    "no comments": "Zu {title} gibt es keine Kommentare.",
    "rest elsewhere": "Den Rest konnte ich in diesem Gespräch nicht tun.",
    "more": "- und {number} weitere",
    "with status": "als {value}",
    "untitled": "Ohne Titel",
    "active": "aktiv",
    "changed title": "der Name ist „{value}“",
    "changed content": "mit neuem Text",
    "commented": "Ich habe deinen Kommentar zu {title} hinzugefügt.",
    "comments": "Kommentare zu {title}:",
    "unread": "„{word}“ habe ich nicht verstanden und deshalb nichts geändert. Welche {plural} meinst du?",
    "unread question": "Ich habe „{word}“ darin nicht verstanden. Welche {plural} meinst du?",
    "namesake": "Es gibt schon ein Projekt „{name}“. Wie soll das neue heißen?",
    "namesake archived": (
        "Es gibt schon ein Projekt „{name}“; es ist archiviert. Soll es wieder aktiv werden, "
        "oder wie soll das neue heißen?"
    ),
    "taken back": "Gut, dann lasse ich das, wie es ist.",
    "cannot assign": (
        "Ich kann „{title}“ nicht an {person} geben: Aufgaben haben hier kein Feld für Personen. Ich kann es aber "
        "aufschreiben; sag „kommentiere {title}: {person} übernimmt das“."
    ),
    "cannot assign these": "Ich kann „{title}“ nicht an {person} geben: Aufgaben haben hier kein Feld für Personen.",
    "empty": "Sie ist leer.",
    "note says": "In deiner Notiz {title} steht:\n\n{text}",
    "delete this one": "Meinst du {name}, und soll es gelöscht werden?",
    "this one": "Meinst du {name}?",
    "partly": "Mehr als {number} auf einmal schaffe ich nicht. Sag es noch einmal, dann mache ich weiter.",
    "no match": "Ich habe keine solchen {plural} gefunden.",
    **by_kind("no", *(f"Es gibt keine {many}." for many in ("Aufgaben", "Projekte", "Meilensteine", "Notizen"))),
    "nothing due": "Heute ist nichts fällig.",
    "failed": "Das hat nicht geklappt: {reason}",
    "elsewhere": "Das konnte ich in diesem Gespräch nicht tun.",
    "due today": "Heute fällig: {count}.",
    "found": "Ich habe {count} gefunden:",
    "with due": "fällig {value}",
    "with priority": "Priorität {value}",
    "fact priority": "Priorität {value}",
    "fact archived": "archiviert",
    "fact suggested": "vorgeschlagen, noch nicht bestätigt",
    "todo": "offen",
    "in_progress": "in Arbeit",
    "status done": "erledigt",
    "high": "hoch",
    "medium": "mittel",
    "low": "niedrig",
    "day": "{weekday}, {day}. {month}{year}",
    "on day": "am {day}",
    "today": "heute",
    "tomorrow": "morgen",
    "yesterday": "gestern",
    "weekdays": "Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    "months": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
}

GERMAN = Language(
    code="de",
    marks=frozenset(
        split_words(
            "am alle an anlegen archiviere aufgabe aufgaben auf bis bitte das dass dem den der die diese dieser ein "
            "eine einem einen einer erinnere erledigt erledige erstelle es fällig für füge genehmige habe hallo hake "
            "heute hinzu ich im ist kommentar kommentare kommentiere lege lies liste lösche markiere mein meine "
            "meinen meiner meilenstein meilensteine mich mir mit morgen nächsten nächste nicht notiere notiz notizen "
            "öffne priorität projekt projekte schreib schreibe setze steht stelle und übermorgen um umbenennen "
            "verschiebe vom von vorschlagen was welche wann wie woche zeig zeige zu zum zur benenne ändere entferne "
            "schließe danke guten mach mache füg leg lösch sind noch vorschläge heißt neue neues neuen nimm trage "
            "schlage aktiviere lehne kannst du beende setz leg steht welchen braucht weise sind überfällig "
            "überfälligen offen offene alles sich gib gebe nenne"
        )
    ),
    nouns=NOUNS,
    articles=r"der|die|das|de[mns]|m?ein(?:e[mnr]?)?|diese[nrs]?|neue[ns]?|vorgeschlagenen?",
    naming=r"namens|mit (?:dem )?(?:Titel|Namen)|genannt|zu|für|über",
    pronoun=r"(?:sie|ihn|es|das|die|den|diese[nsr]?|(?:die|das) letzte)(?: (?:Aufgabe|Projekt|Notiz|Meilenstein))?",
    permanently=r"endgültig|dauerhaft|für immer|unwiderruflich",
    forbidden=r"^(?!.*:)(?:.*\bnicht(?! vergessen| erledigt| begonnen)(?: \w+n)?$|(?:niemals|nie) )",
    and_between=r"\s*,\s*(?:und\s+)?|\s+und\s+",
    priorities=PRIORITIES,
    statuses=STATUSES,
    days=_DAYS,
    clauses=ClauseSplitter.of(
        verbs=(
            r"erstelle?|lege?|füge?|lösche?|markiere?|setze?|verschiebe?|zeige?|benenne?|änder[en]?|erinner[en]?"
            r"|archiviere?|schreibe?|notiere?|hake?|kommentiere?|entferne?|genehmige?"
            r"|liste?|welche|was (?:ist|sind|steht|habe|muss|gibt)|noch eine?"
            r"|eine? (?:Aufgabe|Notiz|Erinnerung|Projekt)|einen (?:Meilenstein|Check ?point)"
        ),
        words="und|dann|und dann|sowie|außerdem",
        fillers="dann|auch|bitte|außerdem",
        polite=(
            r"bitte|hallo|hey|hi|guten (?:morgen|tag|abend)|ok|okay|adiuva|dann|auch|und|jetzt|danke|also|außerdem"
            r"|(?:kannst|könntest|würdest) du(?: mir| mich)?|ich möchte(?: dass du)?|mal|ja"
        ),
        courtesy="bitte|danke|vielen dank",
        request=r"(?:kannst|könntest|würdest|magst) du|(?:können|könnten|würden) sie|bitte",
        question=(
            r"was|welche[nrsm]?|wer|wen|wem|wann|wo|warum|wieso|wie|ist|sind|war|waren|hab(?:e)? ich|haben wir"
            r"|hast du|hat"
            r"|soll(?:te)?n? (?:ich|wir)|muss ich|darf ich|wird|wurden?|gibt es"
        ),
    ),
    details=DetailWords(
        priority=(
            rf"{_JOIN}{PRIORITY} {PRIO}\b\)?",
            rf"{_JOIN}{PRIO} ?(?:[:=]|ist|auf)? ?{PRIORITY}\b\)?",
            r"[,;(!] ?\b(?:(?:und|es|ist|sehr) ){0,4}(?P<priority>dringend|wichtig) ?[.!)]?$",
        ),
        status=rf"{_JOIN}Status ?(?:[:=]|ist|auf)? ?{STATUS}\b\)?",
        description=rf"{_JOIN}(?:Beschreibung|Details) ?(?:[:=])? (?P<text>.+)$",
        content=r" ?(?::|,? ?\b(?:mit (?:dem )?(?:Inhalt|Text))\b:?) ?(?P<text>\S.*)$",
        time=r"[,;]? ?\bum (?P<time>(?:[01]?\d|2[0-3])(?:[:.][0-5]\d)?(?: Uhr)?)(?!\w)",
        at="Um",
        to_it=r" (?:dazu|darin|dafür|(?:zu|in) diesem Projekt)$",
        project=(rf"{_IN} Projekts? {{name}}\b", rf"{_IN} {{name}}[ -]Projekts?\b"),
        project_loosely=(
            r"\b{name}s?-?(?=Aufgaben|Notizen|Meilensteine)",
            rf"{_IN} {{name}}(?!\w)",
            r"\bhat (?:das Projekt )?{name}(?!\w)",
        ),
        loose_starts=frozenset(split_words("zu dass für über daran an namens daran, mit um noch mich unbedingt")),
        loose_ends=frozenset(split_words("und bis am für mit zu an hinzu ein um ist im zum den")),
        tidy=tidy,
    ),
    periods={
        "overdue": r"\büberfällig\w*\b|\bverspätet\w*\b",
        "next week": r"\b(?:nächste|kommende)[nr]? Woche\b",
        "this week": r"\bdiese[rn]? Woche\b",
        "until": r"\b(?:bis|vor)\b",
        "everything": r"\b(?:alle|archivierte[nr]?)\b",
        "open": (
            r"\b(?:überfällig\w*|verspätet\w*|fällig\w*|offene?[nr]?|unerledigt\w*|zu tun|noch nicht (?:erledigt"
            r"|fertig)\w*)\b"
        ),
        "waiting": r"\b(?:vorgeschlagene[nr]?|Vorschläge|Genehmigung|Freigabe)\b",
    },
    status_filter=(
        r"(?!.*\bnoch nicht (?:erledigt|fertig))(?:.*?\b(?P<done>(?:erledigt|abgeschlossen|fertig)(?:en?)?)\b"
        r"|.*?\b(?P<in_progress>in Arbeit|begonnen(?:en?)?|laufende[nr]?)\b)"
    ),
    search_words=r"\b(?:über|zum Thema|zu|mit dem Wort)\s+(?P<words>.+?)(?: handeln| enthalten)?$",
    answers=_ANSWERS,
    small_talk=((r"wer bist du|was kannst du(?: alles)?(?: tun)?|hilfe", "help"),),
)

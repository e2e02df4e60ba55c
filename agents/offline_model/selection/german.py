"""German for bulk wishes."""

from agents.offline_model.kinds import Kind
from agents.offline_model.languages.dates import alternatives, number_words
from agents.offline_model.languages.german import PRIORITIES
from agents.offline_model.selection.vocabulary import SelectionWords

_NUMBERS = number_words("ein zwei drei vier fünf sechs sieben acht neun zehn", start=1) | {
    "beide": 2, "beiden": 2, "eine": 1, "einen": 1,
}  # fmt: skip
_PRIO = r"(?:Priorität|Prio)"
_LEVEL = rf"(?P<priority>{alternatives(PRIORITIES)})"
_LEVEL_AFTER = rf"(?P<priority_after>{alternatives(PRIORITIES)})"
_DUE = r"(?:Fälligkeits)?(?:datum|termin|frist|fälligkeit)"
_E = r"(?:e[nrsm]?)?"
_PLURALS = {
    Kind.TASK: r"Aufgaben|To-?dos|Tasks|Erinnerungen",
    Kind.PROJECT: r"Projekten?",
    Kind.CHECKPOINT: r"Check ?points|Meilensteinen?|Milestones",
    Kind.NOTE: r"Notizen",
}

WORDS = SelectionWords.of(
    several=(
        r"(?:nur )?(?:(?:alle[snrm]?|jede[snrm]?|sämtliche[nrs]?|beiden?|mehrere|einige|manche|viele|ein paar|(?:die )?"
        r"(?:übrigen|restlichen|meisten|anderen|halbe|hälfte)|(?:den )?rest|(?:die )?(?:ersten|letzten|nächsten"
        r"|obersten)"
        r"(?: \w+)?|diejenigen|was|\d+|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn))"
    ),
    plurals=_PLURALS,
    phrases={
        "except": (
            r"(?:,? ?)(?:außer|ausser|bis auf|abgesehen von|mit Ausnahme(?: von| des| der)?|ausgenommen|ohne"
            r"(?! (?:\w+ )?(?:Fälligkeit|Datum|Termin|Frist|Projekt|Prio|Fälligkeitsdatum))"
            r"|(?:aber|jedoch|doch) (?:nicht|ohne|behalte|lass)|aber|nur nicht|(?:und )?(?:behalte|lass)|nicht aber"
            r"|(?<=, )nicht)(?: (?:die|den|das|der|dem|meine[nrm]?|für))*"
        ),
        "list": r"(?:Aufgaben|To-?do-?)liste",
        "no due": rf"(?:ohne|(?:haben?|hat|mit) keine?[nmr]?) (?:\w+ )?{_DUE}|undatierte[nr]?",
        "has due": rf"mit (?:\w+ )?{_DUE}",
        "no project": r"(?:ohne|haben?|hat) (?:k?ein )?Projekt|in keinem Projekt",
        "no priority": rf"ohne (?:eine )?{_PRIO}",
        "overdue": rf"überfällig{_E}|verspätet{_E}|verpasst{_E}",
        "this week": r"(?:in |von )?diese[rn]? Woche",
        "next week": r"(?:in |von )?(?:der )?(?:nächste|kommende)[nr]? Woche",
        "last week": r"(?:in |von )?(?:der )?(?:letzte|vergangene)[nr]? Woche",
        "this month": r"(?:in |von )?diese[ns]?m? Monats?",
        "next month": r"(?:im )?(?:nächste|kommende)[nmr]? Monats?",
        "last month": r"(?:im )?(?:letzte|vergangene)[nmr]? Monats?",
        "in_progress": rf"in Arbeit|begonnen{_E}|angefangen{_E}|laufende[nr]?|in Bearbeitung",
        "open": (
            rf"(?:noch )?(?:offen{_E}|unerledigt{_E}|unfertig{_E}|ausstehende[nr]?|nicht (?:erledigt|abgeschlossen"
            rf"|fertig){_E})"
        ),
        "todo": rf"nicht (?:begonnen|angefangen){_E}",
        "done": rf"erledigt{_E}|abgeschlossen{_E}|fertig{_E}|beendet{_E}|abgehakt{_E}|erreicht{_E}",
        "archived": rf"archiviert{_E}|inaktiv{_E}",
        "active": rf"aktiv{_E}",
        "suggested": rf"vorgeschlagen{_E}|Vorschläge|unbestätigt{_E}",
        "approved": rf"genehmigt{_E}|bestätigt{_E}",
        "priority": rf"{_LEVEL}(?: {_PRIO})?|{_PRIO} ?(?:ist |[:=] ?)?{_LEVEL_AFTER}",
        "project": r"Projekt(?:e?s)?",
        "before": r"vor(?: dem)?",
        "until": r"bis(?: zum)?|spätestens",
        "after": r"nach(?: dem)?",
        "person": r"zugewiesen(?:e[nr]?)? an|(?:die )?zuständig(?: ist)?",
        "tag": r"mit (?:dem )?(?:Tags?|Schlagworte?|Etikett|Label)|getaggt(?: mit| als)?",
        "about": r"über|zum Thema|mit (?:dem )?(?:Wort|Titel)|namens|die von (?=“)",
        "due": rf"fällig{_E}",
        "not": r"nicht|keine?[nrms]?",
        "and": r"und|,|&|sowie",
        "or": r"oder",
        "these": r"sie|es|ihn|ihnen|diese[rnms]?|jene[rnms]?|diejenigen|davon|dies|denen|derer",
        "all": r"alle[snrm]?|jede[snrm]?|sämtliche[nrs]?",
        "place": r"in|im|am|aus|von|vom|des|zu|zum|zur|für|mit|bei|beim|auf|unter|an",
        "skip": (
            r"der|die|das|den|dem|meine[nrms]?|mein|unsere[nrms]?|sind|ist|war|waren|welche|haben|hat|noch|schon"
            r"|bereits"
            r"|jetzt|gerade|bitte|mir|mal|nur|auch|da|hier|liste|status|ich|sofort"
            r"|steht|stehen|was|gehören|gehört"
        ),
    },
    numbers=_NUMBERS,
    vague=(
        "alt alte alten älter ältere älteren neu neue neuen neuer neueste neuesten letzte letzten erste ersten "
        "zweite zweiten nächste nächsten übrige übrigen restliche restlichen andere anderen einige manche viele "
        "mehrere paar rest hälfte halbe meisten doppelte doppelten leer leere leeren unnötig unnötige unnötigen "
        "überflüssige überflüssigen unwichtig große großen kleine kleinen lange kurze privat private privaten "
        "persönliche erstellt erstellte erstellten angelegt angelegte geändert geänderte gestern monat woche jahr "
        "tage wochen monate mehr weniger als mindestens höher niedriger wenn falls ohne sein seine ihre dein deine "
        "zugewiesen zugewiesene einfache schwere sinnlose sinnlosen obersten"
    ),
    pointing=r"das|dies|diese|jene",
    tail=r"die|das|der|was|im|in|aus|von|vom|für|mit|wenn|falls|ohne|bis auf|über",
)

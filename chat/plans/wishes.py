"""Tells the messages that a playbook answers, in English, Italian and German."""

import re

# A wish stands at the beginning; what follows is material.
_LOOKED_AT = 2_000
# English, Italian and German; each within one sentence.
_TASKS = r"(?:tasks?|to-?dos?|action items?|attività|compiti|aufgaben)"
_PROJECT = r"(?:projects?|progett[oi]|projekt\w*|plan|brief|piano|documents?|minutes|verbale|protokoll)"
# "Make all tasks for the project urgent" is a change: these verbs need a word that says the project is the source.
_TAKE = (
    r"(?:extract\w*|deriv\w*|make|turn|break|split|pull|get|collect|list"
    r"|estra\w*|ricava\w*|scomponi|suddividi|trasforma|fai"
    r"|extrahier\w*|leite|mach\w*|zerleg\w*|hol\w*)"
)
_CREATE = r"(?:creat\w*|generat\w*|draft\w*|plan|crea\w*|genera\w*|erstell\w*|erzeug\w*|plane)"
_SOURCE = r"(?:from|out of|based on|da|dal|dalla|dallo|dai|aus|von|vom|anhand)"
_INTO = r"(?:into|as|in|come)"
_FOR = r"(?:for|per|für|zu|zum)"


def _within(*words: str) -> re.Pattern[str]:
    """The words in this order, a short way from one another."""
    return re.compile(r"[^.!?\n]{0,60}".join(rf"\b{word}\b" for word in words))


_EXTRACTING = [
    _within(_TAKE, _TASKS, _SOURCE, _PROJECT),
    _within(_CREATE, _TASKS, rf"(?:{_SOURCE}|{_FOR})", _PROJECT),
    _within(rf"(?:{_TAKE}|{_CREATE})", _PROJECT, _INTO, _TASKS),
    _within(_SOURCE, _PROJECT, rf"(?:{_TAKE}|{_CREATE})", _TASKS),
]
_ONE_TASK = re.compile(
    r"\b(?:(?:an?|one|another|una?|uno|eine?|einen)\s+|un['’]\s*)(?:new\s+|nuova\s+|neue\s+)?"
    r"(?:task|to-?do|attività|compito|aufgabe)\b"
)
_WEEKLY = [
    re.compile(
        r"\bweekly\s+(?:\w+\s+)?(?:notes?|summary|review|report|recap|digest)\b"
        r"|\b(?:note|summary|review|report|recap|digest|summari[sz]e|sum up)\b[^.!?\n]{0,40}"
        r"\b(?:the|my|this|last|past)\s+week\b"
        r"|\bweek\s+in\s+review\b"
    ),
    re.compile(
        r"\b(?:nota|riepilogo|riassunto|resoconto|report)\b[^.!?\n]{0,30}\b(?:settimana|settimanale)\b"
        r"|\b(?:riassumi|riepiloga)\b[^.!?\n]{0,30}\bsettimana\b"
    ),
    re.compile(
        r"\bwochen(?:notiz|bericht|rückblick|zusammenfassung|übersicht|report)\b"
        r"|\b(?:zusammenfassung|rückblick|bericht|notiz|fasse)\b[^.!?\n]{0,40}\bwoche\b"
    ),
]


def asks_for_tasks(message: str) -> bool:
    """For tasks out of a project; not "create a task for the website project", which is one task."""
    wish = message[:_LOOKED_AT].lower()
    return not _ONE_TASK.search(wish) and any(pattern.search(wish) for pattern in _EXTRACTING)


def asks_for_weekly_note(message: str) -> bool:
    wish = message[:_LOOKED_AT].lower()
    return any(pattern.search(wish) for pattern in _WEEKLY)

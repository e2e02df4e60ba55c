"""Reads what is said about a task beside its title: day, priority, status, description, project."""

import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from agents.offline.dates import find_day
from agents.offline.sentences import Quotes, first_quote
from agents.offline.situation import Row

PRIORITIES = {
    **dict.fromkeys(("high", "top", "highest", "urgent", "important", "critical", "p1"), "high"),
    **dict.fromkeys(("medium", "normal", "middle", "moderate", "p2"), "medium"),
    **dict.fromkeys(("low", "lowest", "minor", "unimportant", "p3"), "low"),
}
STATUSES = {
    **dict.fromkeys(("done", "complete", "completed", "finished", "closed", "ready"), "done"),
    **dict.fromkeys(
        ("in progress", "in_progress", "in-progress", "started", "ongoing", "doing", "active"), "in_progress"
    ),
    **dict.fromkeys(("todo", "to do", "to-do", "open", "undone", "not done", "incomplete", "not started"), "todo"),
}


def one_of(words: dict[str, str]) -> str:
    return "|".join(re.escape(word).replace(r"\ ", " ") for word in sorted(words, key=len, reverse=True))


PRIORITY = rf"(?P<priority>{one_of(PRIORITIES)})"
STATUS = rf"(?P<status>{one_of(STATUSES)})"
# What leads into a phrase, and goes with it. Bounded: "and and and …" must not take quadratic time.
_JOIN = r"[,;(]? ?\b(?:(?:and|with|at|as|of|set|its|the|a|an|it|it'?s|is|has) ){0,4}"
_PRIO = r"(?:priority|prio|importance)"
_PRIORITY_PHRASES = [
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        rf"{_JOIN}{PRIORITY}[ -]{_PRIO}\b\)?",
        rf"{_JOIN}{_PRIO} ?(?:[:=]|is|of|to|as)? ?{PRIORITY}\b\)?",
        r"[,;(!] ?\b(?:(?:and|it|it'?s|is|very) ){0,4}(?P<priority>urgent|important|critical|asap)(?:ly)? ?[.!)]?$",
        r" (?P<priority>asap|urgently) ?[.!]?$",
    )
]
_STATUS_PHRASE = re.compile(rf"{_JOIN}status ?(?:[:=]|is|of|as)? ?{STATUS}\b\)?", re.IGNORECASE)
_DESCRIPTION = re.compile(
    rf"{_JOIN}(?:description|notes?|details?) ?(?:[:=]|saying|that says|of)? (?P<text>.+)$", re.IGNORECASE | re.DOTALL
)
_HOUR = r"(?:[01]?\d|2[0-3])"
_TIME = re.compile(
    rf"[,;]? ?(?:\bat |@ ?)(?P<time>{_HOUR}(?:[:.][0-5]\d)? ?(?:[ap]m|[ap]\.m\.)|{_HOUR}:[0-5]\d|noon|midnight)(?!\w)",
    re.IGNORECASE,
)
_LOOSE_STARTS = frozenset(("to", "that", "for", "about", "of", "by", "on", "due"))
_LOOSE_ENDS = frozenset(("and", "by", "on", "due", "at", "with", "for", "to", "is"))
_LOOSE_CHARACTERS = " ,:;.!–-"


@dataclass(slots=True)
class Details:
    fields: dict[str, Any] = field(default_factory=dict)
    rest: str = ""


def read(text: str, quotes: Quotes, today: date, projects: list[Row]) -> Details:
    """The fields that ``text`` gives, and what is left of it."""
    found = Details(rest=" ".join(text.split()))
    _take_description(found, quotes)
    _take_priority(found)
    _take(found, _STATUS_PHRASE, "status", STATUSES)
    _take_project(found, quotes, projects)
    day = find_day(found.rest, today)
    if day is not None:
        found.fields["due_date"] = day.day.isoformat()
        found.rest = day.rest
    match = _TIME.search(found.rest)
    if match is not None:
        found.rest = found.rest[: match.start()] + " " + found.rest[match.end() :]
        found.fields.setdefault("description", f"At {match['time'].strip()}")
    return found


def title(text: str, quotes: Quotes) -> str:
    """A title of at most 500 characters: what is quoted word for word, else ``text`` without its loose ends."""
    quoted = first_quote(text)
    if quoted is not None:
        return quotes.restore(quoted).strip()[:500]
    words = text.strip(_LOOSE_CHARACTERS).split()
    while words and words[0].lower() in _LOOSE_STARTS:
        words = " ".join(words[1:]).lstrip(_LOOSE_CHARACTERS).split()
    while words and words[-1].lower() in _LOOSE_ENDS:
        words = " ".join(words[:-1]).rstrip(_LOOSE_CHARACTERS).split()
    trimmed = " ".join(words)
    return (trimmed[:1].upper() + trimmed[1:])[:500]


def value_of(words: dict[str, str], said: str) -> str:
    return words[" ".join(said.lower().split())]


def _take_description(found: Details, quotes: Quotes) -> None:
    match = _DESCRIPTION.search(found.rest)
    if match is not None and match.start() > 0:
        found.fields["description"] = quotes.restore(match["text"]).strip(" )")
        found.rest = found.rest[: match.start()]


def _take_priority(found: Details) -> None:
    for pattern in _PRIORITY_PHRASES:
        match = pattern.search(found.rest)
        if match is not None:
            word = match["priority"].lower()
            found.fields["priority"] = PRIORITIES.get(word, "high")
            found.rest = found.rest[: match.start()] + " " + found.rest[match.end() :]
            return


def _take(found: Details, pattern: re.Pattern[str], name: str, words: dict[str, str]) -> None:
    match = pattern.search(found.rest)
    if match is not None:
        found.fields[name] = value_of(words, match[name])
        found.rest = found.rest[: match.start()] + " " + found.rest[match.end() :]


def _take_project(found: Details, quotes: Quotes, projects: list[Row]) -> None:
    """As in "in the Website project", for a project there is: other words may well belong to the title."""
    if "project" not in found.rest.lower():
        return
    text = quotes.restore(found.rest)
    for row in projects:
        name = re.escape(str(row.get("name") or row.get("title") or ""))
        spoken = rf"(?:project {name}|{name} project)"
        match = re.search(rf"[,;]? ?\b(?:in|to|for|under|within|of) (?:(?:the|my) )?{spoken}\b", text, re.IGNORECASE)
        if name and match is not None and "id" in row:
            found.fields["project_id"] = str(row["id"])
            found.rest = text[: match.start()] + " " + text[match.end() :]
            return

"""Reads what is said about a record beside its title: day, priority, status, description, project."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

from agents.offline_model.kinds import Kind, Row, name_of
from agents.offline_model.language import Language
from agents.offline_model.sentences import Quotes, first_quote

_LOOSE_CHARACTERS = " ,:;.!–-"
_MAX_TITLE = 500


@dataclass(slots=True)
class Details:
    fields: dict[str, Any] = field(default_factory=dict)
    rest: str = ""


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


def read(
    text: str, quotes: Quotes, today: date, projects: list[Row], *, language: Language, loosely: bool = False
) -> Details:
    """The fields that ``text`` gives, and what is left of it.

    ``loosely``: a known project's name is enough, without the word for it.
    """
    found = Details(rest=" ".join(text.split()))
    take_description(found, quotes, language)
    _take_priority(found, language)
    match = _pattern(language.details.status).search(found.rest)
    if match is not None:
        found.fields["status"] = value_of(language.statuses, match["status"])
        found.rest = _without(found.rest, match)
    take_project(found, quotes, projects, language=language, loosely=loosely)
    day = language.days.find(found.rest, today)
    if day is not None:
        found.fields["due_date"] = day.day.isoformat()
        found.rest = day.rest
    match = _pattern(language.details.time).search(found.rest)
    if match is not None:
        found.rest = _without(found.rest, match)
        found.fields.setdefault("description", f"{language.details.at} {match['time'].strip()}")
    return found


def take_project(
    found: Details, quotes: Quotes, projects: list[Row], *, language: Language, loosely: bool = False
) -> None:
    """As in "in the Website project", for a project there is: other words may well belong to the title."""
    if not loosely and not re.search(rf"(?:{language.nouns[Kind.PROJECT]})", found.rest, re.IGNORECASE):
        return
    text = quotes.restore(found.rest)
    for row in sorted(projects, key=lambda row: len(name_of(Kind.PROJECT, row)), reverse=True):
        name = name_of(Kind.PROJECT, row)
        if not name or "id" not in row:
            continue
        for pattern in language.details.patterns(name, loosely=loosely):
            match = pattern.search(text)
            if match is not None:
                found.fields["project_id"] = str(row["id"])
                found.rest = _without(text, match)
                return


def title(text: str, quotes: Quotes, language: Language) -> str:
    """A title of at most 500 characters: what is quoted word for word, else ``text`` without its loose ends."""
    quoted = first_quote(text)
    if quoted is not None:
        return quotes.restore(quoted).strip()[:_MAX_TITLE]
    words = text.strip(_LOOSE_CHARACTERS).split()
    while words and words[0].lower() in language.details.loose_starts:
        words = " ".join(words[1:]).lstrip(_LOOSE_CHARACTERS).split()
    while words and words[-1].lower() in language.details.loose_ends:
        words = " ".join(words[:-1]).rstrip(_LOOSE_CHARACTERS).split()
    trimmed = language.details.tidy(" ".join(words))
    return (trimmed[:1].upper() + trimmed[1:])[:_MAX_TITLE]


def value_of(words: Mapping[str, str], said: str) -> str:
    return words[" ".join(said.lower().split())]


def take_description(found: Details, quotes: Quotes, language: Language) -> None:
    match = _pattern(language.details.description).search(found.rest)
    if match is not None and match.start() > 0:
        found.fields["description"] = quotes.restore(match["text"]).strip(" )")
        found.rest = found.rest[: match.start()]


def _take_priority(found: Details, language: Language) -> None:
    for pattern in language.details.priority:
        match = _pattern(pattern).search(found.rest)
        if match is not None:
            found.fields["priority"] = language.priorities.get(match["priority"].lower(), "high")
            found.rest = _without(found.rest, match)
            return


def _without(text: str, match: re.Match[str]) -> str:
    return f"{text[: match.start()]} {text[match.end() :]}"

"""What one clause of a request asks for, and what the rules that find it read with: records, titles and fields."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

from agents.offline_model.clauses import Quotes, first_quote
from agents.offline_model.kinds import Kind, Row, name_of
from agents.offline_model.languages.language import Language

Match = re.Match[str]
_LOOSE_CHARACTERS = " ,:;.!–-"
_MAX_TITLE = 500


@dataclass(frozen=True, slots=True)
class Intent:
    """``tool`` to call with ``fields``; ``target`` is how the user named the record, ``comment`` the comment.

    ``shift_days`` moves the due date the record has, ``append`` is added at the end of a note. ``explicit``: the user
    said what kind of record it is. ``tool`` is empty for a clause that no rule understands; ``target`` then holds it.
    """

    tool: str
    target: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    comment: str = ""
    shift_days: int | None = None
    append: str = ""
    explicit: bool = True


@dataclass(frozen=True, slots=True)
class RecordName:
    """A record as the user named it. ``kind`` is the default one unless ``explicit``."""

    kind: Kind
    name: str
    explicit: bool


@dataclass(slots=True)
class Details:
    """The ``fields`` that a text gives, and the ``rest`` of it."""

    fields: dict[str, Any] = field(default_factory=dict)
    rest: str = ""

    def take(self, pattern: str) -> Match | None:
        """What ``pattern`` finds in the rest, which goes on without it."""
        match = _compile(pattern).search(self.rest)
        if match is not None:
            self.rest = _without(self.rest, match)
        return match


@dataclass(frozen=True, slots=True)
class ClauseReader:
    """What the rules need beside the clause. ``kind`` is what is meant where the user does not say."""

    quotes: Quotes
    today: date
    projects: list[Row]
    language: Language
    kind: Kind = Kind.TASK

    def unquote(self, text: str) -> str:
        """``text`` with what stood in quotation marks."""
        return self.quotes.restore(text).strip()

    def record(self, text: str, noun: str | None = None, default: Kind | None = None) -> RecordName:
        """Quoted words alone are the name where there are any; else ``text`` without its article and noun."""
        kind = self.language.kind(noun) if noun else None
        if self.language.is_group(text):
            kind = kind or self.language.kind_in(text)
            name = text
        else:
            quote = first_quote(text)
            found, rest = self.language.split_noun(text)
            kind = kind or found or (self.language.kind_in(text.replace(quote, "")) if quote else None)
            name = quote or rest
        return RecordName(kind or default or self.kind, self.unquote(name), kind is not None)

    def title(self, text: str) -> str:
        """A title of at most 500 characters: what is quoted word for word, else ``text`` without its loose ends."""
        quoted = first_quote(text)
        if quoted is not None:
            return self.unquote(quoted)[:_MAX_TITLE]
        patterns = self.language.details
        words = text.strip(_LOOSE_CHARACTERS).split()
        while words and words[0].lower() in patterns.loose_starts:
            words = " ".join(words[1:]).lstrip(_LOOSE_CHARACTERS).split()
        while words and words[-1].lower() in patterns.loose_ends:
            words = " ".join(words[:-1]).rstrip(_LOOSE_CHARACTERS).split()
        trimmed = patterns.tidy(" ".join(words))
        return (trimmed[:1].upper() + trimmed[1:])[:_MAX_TITLE]

    def details(self, text: str, *, loosely: bool = False) -> Details:
        """What ``text`` says about a record beside its title: day, priority, status, description and project.

        ``loosely``: a known project's name is enough, without the word for it.
        """
        found = Details(rest=" ".join(text.split()))
        patterns = self.language.details
        self.take_description(found)
        priority = next((match for pattern in patterns.priority if (match := found.take(pattern))), None)
        if priority is not None:
            found.fields["priority"] = self.language.priorities.get(priority["priority"].lower(), "high")
        status = found.take(patterns.status)
        if status is not None:
            found.fields["status"] = value_of(self.language.statuses, status["status"])
        self.take_project(found, loosely=loosely)
        day = self.language.days.find(found.rest, self.today)
        if day is not None:
            found.fields["due_date"] = day.day.isoformat()
            found.rest = day.rest
        time = found.take(patterns.time)
        if time is not None:
            found.fields.setdefault("description", f"{patterns.at} {time['time'].strip()}")
        return found

    def take_description(self, found: Details) -> None:
        match = _compile(self.language.details.description).search(found.rest)
        if match is not None and match.start() > 0:
            found.fields["description"] = self.quotes.restore(match["text"]).strip(" )")
            found.rest = found.rest[: match.start()]

    def take_project(self, found: Details, *, loosely: bool = False) -> None:
        """As in "in the Website project", for a project there is: other words may well belong to the title."""
        if not loosely and not re.search(rf"(?:{self.language.nouns[Kind.PROJECT]})", found.rest, re.IGNORECASE):
            return
        text = self.quotes.restore(found.rest)
        for row in sorted(self.projects, key=lambda row: len(name_of(Kind.PROJECT, row)), reverse=True):
            name = name_of(Kind.PROJECT, row)
            if not name or "id" not in row:
                continue
            for pattern in self.language.details.project_patterns(name, loosely=loosely):
                match = pattern.search(text)
                if match is not None:
                    found.fields["project_id"] = str(row["id"])
                    found.rest = _without(text, match)
                    return


# Gives null where the words fit but no sense can be made of them: the next rule is asked.
Rule = Callable[[Match, ClauseReader], Iterable[Intent] | None]
Rules = list[tuple[re.Pattern[str], Rule]]


def compile_rules(rules: Iterable[tuple[str, Rule]]) -> Rules:
    """The patterns are matched against a whole clause, whose words stand one space apart."""
    return [(_compile(pattern), rule) for pattern, rule in rules]


def value_of(values: Mapping[str, str], words: str) -> str:
    return values[" ".join(words.lower().split())]


@cache
def _compile(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE | re.DOTALL)


def _without(text: str, match: Match) -> str:
    return f"{text[: match.start()]} {text[match.end() :]}"

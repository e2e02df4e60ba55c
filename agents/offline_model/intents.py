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
from agents.offline_model.selection.selecting import WORDS, kind_of_several, names_several

Match = re.Match[str]
_LOOSE_CHARACTERS = " ,:;.!–-"
_MAX_TITLE = 500
_INTO = r"(?i:to|into|in|for|zu|zum|ins?|im|für|al?|nel|per) (?:(?i:the|my|das|dem|il) )?"


@dataclass(frozen=True, slots=True)
class Intent:
    """``tool`` to call with ``fields``; ``target`` is how the user named the record, ``comment`` the comment.

    ``shift_days`` moves the due date the record has, ``append`` is added at the end of a note. ``explicit``: the user
    said what kind of record it is. ``several``: ``target`` means all records that its words tell of; ``literal``: it
    stood in quotation marks. ``open_only``: what is done is left out of a list, and ``where`` are the words that narrow
    it. ``unread`` are words that kept it from
    being understood wholly: nothing is done, and they are named. ``tool`` is empty for a clause that no rule
    understands; ``target`` then holds it, and ``says`` the key of an answer to it.
    """

    tool: str
    target: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    comment: str = ""
    shift_days: int | None = None
    append: str = ""
    explicit: bool = True
    several: bool = False
    literal: bool = False
    open_only: bool = False
    where: str = ""
    unread: str = ""
    says: str = ""

    @property
    def changes(self) -> bool:
        return self.tool.startswith(("update_", "delete_"))

    @property
    def loses_data(self) -> bool:
        """It deletes, or hides a whole project."""
        return self.tool.startswith("delete_") or (
            self.tool == "update_project" and self.fields.get("status") == "archived"
        )


@dataclass(frozen=True, slots=True)
class RecordName:
    """A record as the user named it, or ``several``. ``kind`` is the default one unless ``explicit``."""

    kind: Kind
    name: str
    explicit: bool
    several: bool = False
    literal: bool = False
    unread: str = ""

    def intent(self, tool: str, fields: dict[str, Any] | None = None, **more: Any) -> Intent:
        return Intent(
            tool,
            self.name,
            fields or {},
            explicit=self.explicit,
            several=self.several,
            literal=self.literal,
            unread=self.unread,
            **more,
        )


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

    def record(
        self, text: str, noun: str | None = None, default: Kind | None = None, *, before: str = ""
    ) -> RecordName:
        """Quoted words alone are the name where there are any; else ``text`` without its article and noun."""
        kind = self.language.kind(noun) if noun else None
        if names_several(text, before, self.language):
            kind = kind or kind_of_several(text, self.language)
            name = self.quotes.restore_quoted(text).strip()
            pointing = WORDS[self.language.code].pointing.search(before)
            unread = f"{pointing[0].strip()} {name}" if pointing else ""
            return RecordName(kind or default or self.kind, name, kind is not None, several=True, unread=unread)
        quote = first_quote(text)
        if quote is not None and first_quote(text.replace(quote, "")) is not None:
            # Several titles: the step takes them apart.
            return RecordName(
                kind or default or self.kind, self.quotes.restore_quoted(text), kind is not None, literal=True
            )
        found, rest = self.language.split_noun(text)
        kind = kind or found or (self.language.kind_in(text.replace(quote, "")) if quote else None)
        return RecordName(
            kind or default or self.kind, self.unquote(quote or rest), kind is not None, literal=quote is not None
        )

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
            found.rest = found.rest if self._is_repeated(found.rest) else day.rest
        time = found.take(patterns.time)
        if time is not None:
            found.fields.setdefault("description", f"{patterns.at} {time['time'].strip()}")
        return found

    def _is_repeated(self, text: str) -> bool:
        """As in "every Monday": no field holds that, so that the title keeps it."""
        match = re.search(r"\b(?:every|each|jede[nrs]?|ogni) (?P<day>\w+)", text, re.IGNORECASE)
        return match is not None and self.language.days.find(f" {match['day']} ", self.today) is not None

    def take_description(self, found: Details) -> None:
        match = _compile(self.language.details.description).search(found.rest)
        if match is not None and match.start() > 0:
            found.fields["description"] = self.quotes.restore(match["text"]).strip(" )")
            found.rest = found.rest[: match.start()]

    def take_project_at_an_end(self, found: Details) -> None:
        """As in "add tasks dig and sow to Garden", "a task to Garden: dig", where the name is written as it is."""
        for row in sorted(self.projects, key=lambda row: len(name_of(Kind.PROJECT, row)), reverse=True):
            name = name_of(Kind.PROJECT, row)
            if not name or "id" not in row:
                continue
            place = rf"{_INTO}{re.escape(name)}"
            match = re.search(rf"^\s*{place} ?:|(?<=\S) {place}$", found.rest.rstrip())
            if match is not None:
                found.fields["project_id"] = str(row["id"])
                found.rest = _without(found.rest.rstrip(), match).strip()
                return

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

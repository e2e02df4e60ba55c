"""Reads the tokens of a bulk wish, one after another, into conditions that the records must meet."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from agents.offline_model.kinds import Kind, Row, name_of
from agents.offline_model.selection.scanning import Token
from agents.offline_model.selection.vocabulary import SelectionWords
from agents.offline_model.titles import normalize
from agents.tools.tasks import due_day

_FIELDS = {
    Kind.TASK: {"status", "priority", "due", "place", "title"},
    Kind.PROJECT: {"archived", "title"},
    Kind.CHECKPOINT: {"status", "due", "place", "title", "approved"},
    Kind.NOTE: {"place", "title"},
}
# What these hold of tells that tasks are meant, where no noun does.
_TELLING = {"status", "priority", "due", "approved"}
_PERSONS = ("assignee", "assigned_to", "assignees", "owner", "responsible")
_TAGS = ("tags", "labels", "categories", "category")
# How days are named.
_DAYS = {"day", "span", "bound"}
# A state beside a day tells when it came about; what may stand between.
_SAID_OF_A_DAY = {"day", "span", "done", "in_progress", "todo", "approved", "suggested"}
_BETWEEN = {"skip", "place", "before", "until", "after"}
_TO_DO = re.compile(r"to[ -]?do", re.IGNORECASE)
# A shorter word has no ending to take off.
_LONGEST_WITHOUT_ENDING = 4


class Unread(Exception):  # noqa: N818 - it is what was found, and no error leaves this module
    """A word that was not understood."""


@dataclass(frozen=True, slots=True)
class Condition:
    field: str
    test: Callable[[Row], bool]
    is_negated: bool = False


@dataclass(frozen=True, slots=True)
class Records:
    """All that a wish may choose from."""

    kind: Kind
    rows: list[Row]
    projects: list[Row]
    today: date
    timezone: ZoneInfo


@dataclass
class Reading:
    """Reads tokens one after another into conditions that all must hold. Raises ``Unread``."""

    records: Records
    words: SelectionWords
    # A question means all where nothing narrows it.
    asks: bool = False
    conditions: list[Condition] = field(default_factory=list)
    nouns: int = 0
    number: tuple[str, int] | None = None
    _phrase: list[Token] = field(default_factory=list)
    _lead: str = ""
    _negation: str = ""
    _join: str = ""
    _pointing: str = ""
    _is_or: bool = False
    _has_all: bool = False
    _last: str = ""
    _last_due: str = ""
    _due: Token | None = None
    _due_negation: str = ""

    @property
    def tells_kind(self) -> bool:
        """It is clear what kind of records is meant."""
        return any(condition.field in _TELLING for condition in self.conditions)

    def read(self, tokens: Sequence[Token]) -> "Reading":
        for token in tokens:
            self._read_one(token)
        self._end_phrase()
        self._end_due()
        if not self._has_all and not self.conditions and not self.asks:
            # "The tasks", "both": which ones must have been told before.
            raise Unread(self._pointing or " ".join(token.text for token in tokens))
        if self._pointing and (self.nouns or not self.conditions):
            # "Those tasks" were spoken of before; "those that are overdue" are told here.
            raise Unread(self._pointing)
        if self._lead not in ("", "place"):
            raise Unread(self._lead)
        if self._negation or self._join:
            raise Unread(self._negation or self._join)
        return self

    def _read_one(self, token: Token) -> None:
        if token.name in _SAID_OF_A_DAY and self._last in _SAID_OF_A_DAY and token.name != self._last:
            days, states = {"day", "span"}, _SAID_OF_A_DAY - {"day", "span"}
            if {token.name, self._last} & days and {token.name, self._last} & states:
                # "Completed last week": no field holds when that was.
                raise Unread(token.text)
        if token.name not in _BETWEEN:
            self._last = token.name
        if token.name in ("word", "quote", "owner"):
            self._phrase.append(token)
            if token.name == "owner":
                self._end_phrase(lead="place")
            return
        if token.name in ("skip", "list"):
            return
        if token.name == "project":
            self._read_project(token)
            return
        self._end_phrase()
        handler = getattr(self, f"_read_{token.name.replace(' ', '_').replace('#', 'hash')}", None)
        if handler is not None:
            handler(token)
        else:
            self._read_filter(token)

    def _read_project(self, token: Token) -> None:
        if self._phrase:
            self._end_phrase(lead="project")
        elif self.records.kind is Kind.PROJECT:
            self.nouns += 1
        else:
            self._lead = "project"

    def _read_all(self, token: Token) -> None:
        """A quantifier restricts nothing, but "not all" does."""
        if self._negation or self.conditions or self.nouns or self._join not in ("", ","):
            raise Unread(f"{self._negation or self._join} {token.text}".strip())
        self._has_all = True

    def _read_these(self, token: Token) -> None:
        self._pointing = token.text

    def _read_noun(self, token: Token) -> None:
        if self._lead not in ("", "place"):
            raise Unread(self._lead)
        if token.value is Kind.PROJECT and self.records.kind is not Kind.PROJECT and not self._join:
            # "In the Website and Garden projects", "in projects Website and Garden".
            if self._lead == "place":
                self._lead = "project"
                return
            if self.conditions and self.conditions[-1].field == "place":
                return
        if self.nouns and _TO_DO.fullmatch(token.text):
            self._read_filter(Token("todo", token.text))
            return
        if token.value is not self.records.kind or self._negation or self.nouns:
            # A second noun tells them apart: "reminder tasks".
            raise Unread(token.text)
        self.nouns += 1
        self._lead = ""

    def _read_number(self, token: Token) -> None:
        if self.number is not None or not isinstance(token.value, int):
            raise Unread(token.text)
        self.number = (token.text, token.value)

    def _read_due(self, token: Token) -> None:
        """A day beside it says when; in German it stands before."""
        if self._last_due not in _DAYS:
            self._due = token
            self._due_negation = self._negation

    _read_due_on = _read_due

    def _end_due(self) -> None:
        """No day was named: what is due is dated up to today."""
        token, self._due = self._due, None
        if token is None:
            return
        if self._due_negation or token.name == "due on":
            raise Unread(f"{self._due_negation} {token.text}".strip())
        self._read_filter(token)

    def _read_and(self, token: Token) -> None:
        self._end_due()
        if self._join and token.text != "," and self._join != ",":
            raise Unread(token.text)
        self._join = token.text if self._join in ("", ",") else self._join

    def _read_or(self, token: Token) -> None:
        self._read_and(token)
        self._is_or = True

    def _read_not(self, token: Token) -> None:
        if self._negation:
            raise Unread(token.text)
        self._negation = token.text

    def _read_place(self, token: Token) -> None:
        self._lead = "place"

    def _set_lead(self, token: Token) -> None:
        if self._lead not in ("", "place"):
            raise Unread(self._lead)
        self._lead = token.name

    _read_before = _read_until = _read_after = _read_person = _read_tag = _read_about = _set_lead

    def _read_hash(self, token: Token) -> None:
        self._add("place", _holds(_TAGS, str(token.value)), token.text)

    def _read_day(self, token: Token) -> None:
        self._due = None
        first, last = token.value  # type: ignore[misc]  # a day and a span hold two dates
        lead, self._lead = self._lead, ""
        if lead == "before":
            first, last = date.min, first - timedelta(days=1)
        elif lead == "until":
            first = date.min
        elif lead == "after":
            first, last = last + timedelta(days=1), date.max
        elif lead not in ("", "place"):
            raise Unread(token.text)
        self._join_due("bound" if lead in ("before", "until", "after") else token.name, token.text)
        self._add("due", self._due_between(first, last), token.text)

    _read_span = _read_day

    def _join_due(self, shape: str, text: str) -> None:
        """Days may be added up, and of two bounds both hold; of other times joined by "and" it is not clear."""
        if self._join and not self._is_or and self._last_due:
            if shape != self._last_due or shape not in ("day", "bound"):
                raise Unread(text)
            if shape == "bound":
                self._join = ""
        self._last_due = shape

    def _due_between(self, first: date, last: date) -> Callable[[Row], bool]:
        return lambda row: (day := self._due_day(row)) is not None and first.isoformat() <= day <= last.isoformat()

    def _due_day(self, row: Row) -> str | None:
        return due_day(row, self.records.timezone)

    def _read_filter(self, token: Token) -> None:
        today = self.records.today.isoformat()
        filters: dict[str, tuple[str, Callable[[Row], bool]]] = {
            "no due": ("due", lambda row: not row.get("due_date")),
            "has due": ("due", lambda row: bool(row.get("due_date"))),
            "no project": ("place", lambda row: not row.get("project_id") and not row.get("project")),
            "no priority": ("priority", lambda row: not row.get("priority")),
            "due": ("due", lambda row: (self._due_day(row) or "9999") <= today and row.get("status") != "done"),
            "overdue": ("due", lambda row: (self._due_day(row) or today) < today and row.get("status") != "done"),
            "done": ("status", lambda row: row.get("status") == "done"),
            "in_progress": ("status", lambda row: row.get("status") == "in_progress"),
            "todo": ("status", lambda row: row.get("status") in (None, "todo")),
            "open": ("status", lambda row: row.get("status") != "done"),
            "archived": ("archived", lambda row: row.get("status") == "archived"),
            "active": ("archived", lambda row: row.get("status") != "archived"),
            "suggested": ("approved", lambda row: bool(row.get("is_ai_suggested")) and not row.get("is_approved")),
            "approved": ("approved", lambda row: bool(row.get("is_approved"))),
            "priority": ("priority", lambda row: row.get("priority") == token.value),
        }
        if self._lead not in ("", "place") or token.name not in filters:
            raise Unread(token.text)
        self._lead = ""
        if filters[token.name][0] == "due":
            self._join_due(token.name, token.text)
        self._add(*filters[token.name], token.text)

    def _end_phrase(self, lead: str = "") -> None:
        """What the words since the last token of another kind mean: a project, a person, a label or words of titles."""
        if not self._phrase:
            return
        phrase, self._phrase = self._phrase, []
        if self._lead in ("before", "until", "after"):
            raise Unread(phrase[0].text)
        lead = lead or self._lead or ("loose" if self.nouns else "")
        self._lead = ""
        text = " ".join(str(token.value) for token in phrase)
        quoted = len(phrase) == 1 and phrase[0].name == "quote"
        condition = self._resolve(text, lead, quoted=quoted)
        if condition is None:
            raise Unread(text)
        self._add(condition.field, condition.test, text)

    def _resolve(self, text: str, lead: str, *, quoted: bool) -> Condition | None:
        if lead in ("", "place", "project", "loose"):
            ids = self.projects_named(text)
            if ids:
                return Condition("place", lambda row: str(row.get("project_id")) in ids or _is_named(row, text))
        if lead in {"person", "place"}:
            test = _holds(_PERSONS, text)
            if any(map(test, self.records.rows)):
                return Condition("person", test)
        if lead in ("", "tag", "place"):
            test = _holds(_TAGS, text)
            if any(map(test, self.records.rows)):
                return Condition("tag", test)
        if lead == "about" or (lead == "" and (quoted or not self._is_vague(text))):
            wanted = set(normalize(text).split())
            test = self._holds_words(wanted)
            if wanted and any(map(test, self.records.rows)):
                return Condition("title", test)
        return None

    def _is_vague(self, text: str) -> bool:
        return any(word in self.words.vague for word in text.lower().split())

    def projects_named(self, text: str) -> set[str]:
        wanted = normalize(text)
        named = {
            str(row["id"]): normalize(name_of(Kind.PROJECT, row))
            for row in self.records.projects
            if "id" in row and name_of(Kind.PROJECT, row)
        }
        same = {key for key, name in named.items() if name == wanted}
        # "Umzugs-Aufgaben", "the Website's tasks".
        return same or {key for key, name in named.items() if wanted in (f"{name}s", f"{name}es")}

    def _holds_words(self, wanted: set[str]) -> Callable[[Row], bool]:
        stems = {_stem(word) for word in wanted}
        return lambda row: stems <= {_stem(word) for word in words_of(name_of(self.records.kind, row))}

    def _add(self, name: str, test: Callable[[Row], bool], text: str) -> None:
        allowed = name if name not in ("person", "tag") else "place"
        if allowed not in _FIELDS[self.records.kind]:
            raise Unread(text)
        if self._due and self._due_negation and name != "due":
            # "Not due low priority tasks": what is not?
            raise Unread(f"{self._due_negation} {self._due.text}")
        negation, self._negation = self._negation, ""
        join, self._join = self._join, ""
        either, self._is_or = self._is_or, False
        if negation and join not in ("", ","):
            raise Unread(text)
        condition = Condition(name, (lambda row: not test(row)) if negation else test, bool(negation))
        same = [other for other in self.conditions if other.field == name]
        if (either or (join and same)) and self.conditions[-1:] and self.conditions[-1].is_negated:
            # "Not in Website or Garden" is in neither of them.
            raise Unread(f"{join} {text}")
        if either and len(self.conditions) != 1:
            raise Unread(f"{join} {text}")
        if join not in ("", ",") and not either and not same and not self.nouns:
            # "Done and overdue tasks" may be those that are both, or all that are either.
            raise Unread(f"{join} {text}")
        if either:
            first = self.conditions[0].test
            self.conditions[0] = Condition(name, lambda row: first(row) or test(row))
            return
        if join and same and self.conditions[-1] is same[-1]:
            before = same[-1].test
            self.conditions[-1] = Condition(name, lambda row: before(row) or test(row))
            return
        if same and name not in ("title", "due") and not self._agree(same[-1], condition):
            raise Unread(text)
        self.conditions.append(condition)

    def _agree(self, one: Condition, other: Condition) -> bool:
        return any(one.test(row) and other.test(row) for row in self.records.rows)


def _holds(keys: Iterable[str], text: str) -> Callable[[Row], bool]:
    """A row one of whose fields ``keys`` is, or lists, ``text``."""
    wanted = normalize(text)

    def test(row: Row) -> bool:
        for key in keys:
            value = row.get(key)
            values = value if isinstance(value, list) else [value]
            if any(isinstance(item, str) and wanted and wanted == normalize(item) for item in values):
                return True
            if any(isinstance(item, dict) and normalize(str(item.get("name", ""))) == wanted for item in values):
                return True
        return False

    return test


def _is_named(row: Row, text: str) -> bool:
    project = row.get("project")
    return isinstance(project, str) and normalize(project) == normalize(text)


def words_of(title: str) -> set[str]:
    return set(re.findall(r"[^\W_]+", title.casefold()))


def _stem(word: str) -> str:
    """Good enough for a plural or a genitive of the three languages."""
    return re.sub(r"(?:es|en|s|n|e|i)$", "", word) if len(word) > _LONGEST_WITHOUT_ENDING else word

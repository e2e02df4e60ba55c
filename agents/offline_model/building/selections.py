"""Reads which records a batch takes: the words of a target become the conditions of a BatchSpec's selection."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, cast

from agents.batches.spec.batch_spec import MAX_ITEMS
from agents.batches.spec.vocabulary import FIELDS, FieldKind
from agents.offline_model.building.sentence import Sentence
from agents.offline_model.building.words.vocabulary import BuildingWords
from agents.offline_model.clauses import Quotes
from agents.offline_model.kinds import Kind, Row, name_of
from agents.offline_model.languages.language import Language
from agents.offline_model.selection.scanning import Token, scan
from agents.offline_model.selection.selecting import WORDS
from agents.offline_model.titles import normalize

Condition = dict[str, Any]
TABLES = {Kind.TASK: "tasks", Kind.PROJECT: "projects", Kind.CHECKPOINT: "checkpoints", Kind.NOTE: "notes"}
_DAYS_OF = {"day": 1, "week": 7, "fortnight": 14, "month": 30, "year": 365}
# A batch reads these on the day it runs: what it may find is as long as the span.
_SPANS = {"this week": 7, "next week": 14, "this month": 31, "next month": 62}
# A draft's: the user is asked.
_OLD = 90
_NEW = 7
_PAST_SPANS = {"this week": 7, "last week": 14, "this month": 31, "last month": 62}
_AGE_FIELDS = {"created": "created_at", "updated": "updated_at", "made": "created_at", "touched": "updated_at"}
# The words of a day that is no day to come.
_STATES: Mapping[str, tuple[str, str, Any]] = {
    "open": ("status", "ne", "done"),
    "done": ("status", "eq", "done"),
    "todo": ("status", "eq", "todo"),
    "in_progress": ("status", "eq", "in_progress"),
    "archived": ("status", "eq", "archived"),
    "active": ("status", "eq", "active"),
    "suggested": ("is_approved", "eq", False),
    "approved": ("is_approved", "eq", True),
    "no due": ("due_date", "is_empty", True),
    "has due": ("due_date", "is_empty", False),
    "no project": ("project_id", "is_empty", True),
    "no priority": ("priority", "is_empty", True),
}
_LEADS = {"place", "before", "until", "after", "person", "tag", "about"}
_READERS = {"due on": "due", "span": "day", "#": "hash"}
_BOUNDS = {"before": "lt", "until": "lte", "after": "gt"}
_TELLING = {"status": "tasks", "priority": "tasks", "due_date": "tasks", "is_approved": "checkpoints"}


@dataclass(frozen=True, slots=True)
class Question:
    """A key of the language's texts and what it takes; ``many`` is a table, put in as its name."""

    key: str
    values: Mapping[str, Any] = field(default_factory=dict)


class NeedsAnswer(Exception):  # noqa: N818 - it is a question, and no error leaves this package
    def __init__(self, key: str, **values: Any) -> None:
        super().__init__(key)
        self.question = Question(key, values)


@dataclass(slots=True)
class Selected:
    """``table`` is empty where neither a noun nor a condition tells it. ``limit`` is null unless a number was said."""

    table: str = ""
    where: list[Condition] = field(default_factory=list)
    limit: int | None = None
    warnings: list[Question] = field(default_factory=list)
    # What kept words from being conditions: the others are a draft.
    questions: list[Question] = field(default_factory=list)

    def has(self, name: str) -> bool:
        return any(condition["field"] == name for condition in self.where)


@dataclass(frozen=True, slots=True)
class SelectionReader:
    """What the words of a target are read with."""

    language: Language
    words: BuildingWords
    quotes: Quotes
    projects: Sequence[Row]
    today: date

    def read(self, text: str, table: str = "") -> Selected:
        """The records that ``text`` means; of ``table`` where no noun tells. Raises ``NeedsAnswer``."""
        sentence = Sentence(text)
        found = Selected()
        ages = list(self._take_ages(sentence))
        empty = [name for name, pattern in self.words.which.empty if sentence.take(pattern)]
        sentence.text = self.quotes.restore_quoted(sentence.text)
        tokens = list(scan(sentence.text, self.language, WORDS[self.language.code], self.today))
        noun = next((TABLES[token.value] for token in tokens if isinstance(token.value, Kind)), "")
        _TokenReader(self, found, noun or table, self.quotes.restore(text)).read(tokens)
        found.table = found.table or table
        if not found.table:
            fields = [condition["field"] for condition in (*ages, *found.where)]
            found.table = next((_TELLING[name] for name in fields if name in _TELLING), "")
        found.where += [condition for condition in ages if condition not in found.where]
        found.where += [{"field": name, "op": "is_empty", "value": True} for name in empty]
        self._check(found, text)
        return found

    def _check(self, found: Selected, text: str) -> None:
        """What was read must fit the table."""
        fields = FIELDS.get(found.table, {})  # type: ignore[call-overload]  # the name of a table, or none yet
        for condition in found.where if found.table else ():
            known = fields.get(condition["field"])
            choices = known.choices if known is not None and known.kind is FieldKind.CHOICE else ()
            if known is None or (choices and not set(_list(condition["value"])) <= {*choices, True, False}):
                raise NeedsAnswer("ask words", words=self.quotes.restore(text), many=found.table)

    def _take_ages(self, sentence: Sentence) -> Iterable[Condition]:
        for name, pattern in self.words.which.ages:
            match = sentence.take(pattern)
            if match is None:
                continue
            days = self._days(match)
            if name == "ahead":
                yield {"field": "due_date", "op": "within_days", "value": days}
            elif name == "overdue":
                yield {"field": "due_date", "op": "older_than_days", "value": days}
                yield {"field": "status", "op": "ne", "value": "done"}
            elif name in ("created", "updated"):
                yield {"field": _AGE_FIELDS[name], "op": "older_than_days", "value": days}
            else:
                yield {"field": _AGE_FIELDS[name], "op": "within_days", "value": days}

    def _days(self, match: re.Match[str]) -> int:
        word = (match["count"] or "1").lower()
        count = int(word) if word.isdecimal() else self.words.when.counts.get(word, 1)
        return count * _DAYS_OF[self.language.days.words.units[match["unit"].lower()]]

    def find_project(self, text: str) -> str:
        """The id of the project called ``text``. Raises ``NeedsAnswer`` where none or several are."""
        wanted = normalize(text)
        ids = {str(row["id"]): name_of(Kind.PROJECT, row) for row in self.projects if "id" in row}
        same = [key for key, name in ids.items() if normalize(name) == wanted or f"{normalize(name)}s" == wanted]
        if len(same) == 1:
            return same[0]
        names = [name for name in ids.values() if name]
        if not names:
            raise NeedsAnswer("ask project none", name=text)
        raise NeedsAnswer("ask project", name=text, names=self.words.join(f"“{name}”" for name in names[:10]))


@dataclass
class _TokenReader:
    """Reads the tokens of a target one after another into conditions."""

    reader: SelectionReader
    found: Selected
    default: str
    text: str
    _phrase: list[Token] = field(default_factory=list)
    _lead: str = ""
    _is_negated: bool = False
    _is_exception: bool = False
    _excepted: int = 0
    _join: str = ""
    _has_due: bool = False
    _has_day: bool = False

    def read(self, tokens: Iterable[Token]) -> None:
        for token in tokens:
            if token.name in ("word", "quote", "owner"):
                self._phrase.append(token)
                if token.name == "owner":
                    self._end_phrase("project")
            elif token.name not in ("skip", "list", "all", "these"):
                self._read_one(token)
        self._end_phrase()
        if self._lead == "project" and not self.found.table:
            self.found.table = "projects"
        if self._has_due:
            # Nothing said when: what is due by the day of the run.
            self._add("due_date", "older_than_days", 0)
            self._add("status", "ne", "done")

    def _read_one(self, token: Token) -> None:
        if token.name == "project":
            self._begin_project()
            return
        if token.name in ("and", "or") and self._phrase and self._lead == "about":
            self._phrase.append(replace(token, value=token.text))
            return
        self._end_phrase()
        if token.name in _LEADS:
            self._lead = token.name
        elif token.name in ("and", "or"):
            self._join = token.name
        elif (read := getattr(self, f"_read_{_READERS.get(token.name, token.name)}", None)) is not None:
            read(token)
        else:
            self._add(*self._state(token))

    def _begin_project(self) -> None:
        if self._phrase:
            self._end_phrase("project")
        elif self.found.table != "projects":
            self._lead = "project"

    def _read_number(self, token: Token) -> None:
        self.found.limit = min(max(int(str(token.value)), 1), MAX_ITEMS)

    def _read_except(self, _: Token) -> None:
        self._is_exception = True

    def _read_not(self, _: Token) -> None:
        self._is_negated = True

    def _read_due(self, _: Token) -> None:
        """A day beside it says when; it may stand before."""
        self._has_due = not self._has_day

    def _read_hash(self, token: Token) -> None:
        self._add(_text_field(self._table()), "contains", f"#{token.value}")

    def _read_priority(self, token: Token) -> None:
        self._add("priority", "eq", token.value)

    def _read_overdue(self, _: Token) -> None:
        self._add("due_date", "older_than_days", 0)
        if not self._is_exception:
            self._add("status", "ne", "done")

    def _state(self, token: Token) -> tuple[str, str, Any]:
        if token.name not in _STATES:
            raise NeedsAnswer("ask words", words=token.text, many=self._table())
        name, op, value = _STATES[token.name]
        if token.name == "open" and self._table() == "projects":
            return "status", "eq", "active"
        if token.name == "done" and self._table() == "projects":
            return "status", "eq", "archived"
        return name, op, value

    def _read_noun(self, token: Token) -> None:
        kind = token.value if isinstance(token.value, Kind) else Kind.TASK
        if self._lead == "place" and kind is Kind.PROJECT and self.found.table:
            self._lead = "project"
            return
        if kind is Kind.PROJECT and self.found.table and self.found.where:
            return  # "in the Website and Garden projects"
        if self.found.table and self.found.table != TABLES[kind]:
            raise NeedsAnswer("ask one table", tables=(self.found.table, TABLES[kind]))
        self.found.table = TABLES[kind]
        self._lead = ""

    def _table(self) -> str:
        return self.found.table or self.default or "tasks"

    def _read_day(self, token: Token) -> None:
        had_due, self._has_due = self._has_due, False
        self._has_day = True
        lead, self._lead = self._lead, ""
        # A day and a span hold two dates.
        first, last = cast(tuple[date, date], token.value)
        if lead in _BOUNDS:
            self._add("due_date", _BOUNDS[lead], (last if lead == "after" else first).isoformat())
            return
        is_past = self._table() == "notes" or (not had_due and self._is_of_done())
        if is_past and not (token.name == "day" and first > self.reader.today):
            self._read_past(token, (self.reader.today - first).days)
            return
        if token.name == "span":
            name = next((name for name in _SPANS if self._names_span(name, token)), "")
            if not name:
                raise NeedsAnswer("ask words", words=token.text, many=self._table())
            self.found.warnings.append(Question("warn span", {"words": token.text, "n": _SPANS[name]}))
            self._add("due_date", "within_days", _SPANS[name])
            return
        ahead = (first - self.reader.today).days
        if ahead == 0:
            self._add("due_date", "within_days", 0)
        elif ahead == 1:
            self.found.warnings.append(Question("warn tomorrow", {"words": token.text}))
            self._add("due_date", "within_days", 1)
        else:
            self._add("due_date", "eq", first.isoformat())

    def _read_past(self, token: Token, days: int) -> None:
        """When a note was made, or a task done: that is when it was changed last."""
        name = "created_at" if self._table() == "notes" else "updated_at"
        if token.name == "day":
            self._add(name, "within_days", max(days, 0))
            return
        days = next((days for span, days in _PAST_SPANS.items() if self._names_span(span, token)), 0)
        if not days:
            raise NeedsAnswer("ask words", words=token.text, many=self._table())
        self._add(name, "within_days", days)

    def _is_of_done(self) -> bool:
        return {"field": "status", "op": "eq", "value": "done"} in self.found.where

    def _names_span(self, name: str, token: Token) -> bool:
        return dict(WORDS[self.reader.language.code].phrases)[name].fullmatch(token.text) is not None

    # --- words

    def _end_phrase(self, lead: str = "") -> None:
        if not self._phrase:
            return
        phrase, self._phrase = self._phrase, []
        lead, self._lead = lead or self._lead, ""
        text = " ".join(str(token.value) for token in phrase)
        quoted = len(phrase) == 1 and phrase[0].name == "quote"
        if lead in ("about", "tag"):
            value = f"#{text.lstrip('#')}" if lead == "tag" else text
            self._add(_name_field(self._table()) if lead == "about" else _text_field(self._table()), "contains", value)
            return
        try:
            self._add("project_id", "eq", self.reader.find_project(text))
        except NeedsAnswer as needed:
            if lead == "project" or (lead == "place" and not self._is_vague(text)):
                self.found.questions.append(needed.question)
            elif quoted:
                self._add(_name_field(self._table()), "contains", text)
            else:
                self._ask_words(text)

    def _ask_words(self, text: str) -> None:
        """What is meant by ``text``; "old" and "new" get a number of days for the draft."""
        which, key = self.reader.words.which, "ask words"
        for pattern, op, days in ((which.vague_age, "older_than_days", _OLD), (which.recent, "within_days", _NEW)):
            if pattern.fullmatch(text):
                key = "ask age" if op == "older_than_days" else "ask since"
                self._add("created_at", op, days)
        self.found.questions.append(Question(key, {"words": text, "many": self._table()}))

    def _is_vague(self, text: str) -> bool:
        return any(word in WORDS[self.reader.language.code].vague for word in text.lower().split())

    # --- conditions

    def _add(self, name: str, op: str, value: Any) -> None:
        condition = {"field": name, "op": op, "value": value}
        negated = self._is_negated != self._is_exception
        self._is_negated = False
        join, self._join = self._join, ""
        if self._is_exception:
            self._excepted += 1
        if negated:
            condition = self._negate(condition)
        same = next((other for other in self.found.where if other["field"] == name), None)
        if join and same is not None and not negated and same["op"] in ("eq", "in") and op == "eq":
            same.update(op="in", value=[*_list(same["value"]), value])
            return
        if join == "or" or (self._is_exception and self._excepted > 1 and not join):
            raise NeedsAnswer("ask either", words=self.text, many=self._table())
        if condition not in self.found.where:
            self.found.where.append(condition)

    def _negate(self, condition: Condition) -> Condition:
        op, value = condition["op"], condition["value"]
        if isinstance(value, bool):
            return {**condition, "value": not value}
        if op in ("eq", "ne"):
            return {**condition, "op": "ne" if op == "eq" else "eq"}
        turned = {"lt": "gte", "lte": "gt", "gt": "lte", "gte": "lt"}.get(op)
        if turned is None:
            raise NeedsAnswer("ask either", words=self.text, many=self._table())
        return {**condition, "op": turned}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _name_field(table: str) -> str:
    return "name" if table == "projects" else "title"


def _text_field(table: str) -> str:
    """Where what has no field of its own is written down."""
    return "content" if table == "notes" else "description"

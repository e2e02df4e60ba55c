"""Carries out on one record what the steps say that are built here, so that a batch runs without a provider as well."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from typing import Any

from agents.offline_model.building.deeds import DeedReader, NotBuildable, as_imperative
from agents.offline_model.building.selections import TABLES, Condition, NeedsAnswer, Selected, SelectionReader
from agents.offline_model.building.words import BUILDING
from agents.offline_model.clauses import Quotes
from agents.offline_model.kinds import Kind, Row, kind_of, name_of
from agents.offline_model.languages import LANGUAGES, language_of
from agents.offline_model.languages.language import Language
from agents.offline_model.prompt_reading import Prompt
from agents.offline_model.structured_replies import task_lines
from agents.tools.tasks import due_day

_OPEN = {"field": "status", "op": "ne", "value": "done"}
Call = tuple[str, dict[str, Any]]
_LEVELS = ("low", "medium", "high")
_SOON = 7
_LONGEST_SUMMARY = 200
_FIELD = re.compile(r"\\\{(\w+)\\\}")
# What these stand for is one of a few words, and says nothing here.
_FILLERS = ("this", "field")


@dataclass(frozen=True, slots=True)
class _Deed:
    """``values`` are the user's words in it."""

    name: str
    values: Mapping[str, str]
    language: Language


@dataclass(frozen=True, slots=True)
class _Item:
    kind: Kind
    row: Row
    prompt: Prompt

    @property
    def due(self) -> date | None:
        day = due_day(self.row, self.prompt.timezone)
        return None if day is None else date.fromisoformat(day)

    @property
    def text_field(self) -> str:
        return "content" if self.kind is Kind.NOTE else "description"

    @property
    def text(self) -> str:
        return str(self.row.get(self.text_field) or "")


def carry_out(prompt: Prompt) -> list[Call] | None:
    """The calls for the record in the prompt, none when they have been made; null for what no batch can say."""
    row = next((rows[0] for rows in prompt.sections.values() if isinstance(rows, list) and rows), None)
    if not isinstance(row, dict):
        return None
    deeds = _read(" ".join(prompt.request.split())) or _read(_as_built(prompt, row))
    if deeds is None:
        return None
    if prompt.outcomes:
        return []
    return [call for deed in deeds for call in _calls(deed, row, prompt) if call[0] in prompt.tools]


def _as_built(prompt: Prompt, row: Row) -> str:
    """The instruction of a batch that was asked for with these words; "" where that is none for this record."""
    first = language_of(prompt.request)
    for language in (first, *(language for language in LANGUAGES if language is not first)):
        words = BUILDING[language.code]
        quotes = Quotes(prompt.request)
        reader = DeedReader(
            SelectionReader(language, words, quotes, (), prompt.today), words, Selected(_table_of(prompt))
        )
        try:
            plan = reader.read(as_imperative(" ".join(quotes.text.split()).strip(" .,!?;:"), words))
        except (NeedsAnswer, NotBuildable):
            continue
        if plan.steps and not plan.questions and all(step.type == "map" for step in plan.steps):
            where = plan.selected.where if plan.selected is not None else []
            return " ".join(step.instruction for step in plan.steps) if _is_meant(where, row) else ""
    return ""


def _table_of(prompt: Prompt) -> str:
    kinds = [kind_of(tool) for tool in sorted(prompt.tools) if tool.startswith(("update_", "delete_"))]
    return TABLES[kinds[0] if kinds else Kind.TASK]


def _is_meant(where: list[Condition], row: Row) -> bool:
    """Only what is open is told apart here: what else a user says of the records is understood as in a conversation."""
    return where in ([], [_OPEN]) and (not where or row.get("status") != "done")


@cache
def _templates() -> list[tuple[re.Pattern[str], str, Language]]:
    found = []
    for language in LANGUAGES:
        for key, text in BUILDING[language.code].texts.items():
            if key.startswith("do "):
                pattern = _FIELD.sub(
                    lambda match: ".+?" if match[1] in _FILLERS else rf"(?P<{match[1]}>.+?)", re.escape(text)
                )
                found.append((re.compile(rf"{pattern}(?: |$)"), key.removeprefix("do "), language))
    return found


def _read(text: str) -> list[_Deed] | None:
    """The sentences of an instruction, each of which must be one that is written here."""
    deeds = []
    place = 0
    while place < len(text):
        matches = ((pattern.match(text, place), name, language) for pattern, name, language in _templates())
        found = next(((match, name, language) for match, name, language in matches if match), None)
        if found is None:
            return None
        match, name, language = found
        deeds.append(_Deed(name, match.groupdict(), language))
        place = match.end()
    return deeds or None


def _calls(deed: _Deed, row: Row, prompt: Prompt) -> Iterator[Call]:
    if deed.name == "delete":
        for tool in sorted(tool for tool in prompt.tools if tool.startswith("delete_")):
            yield tool, {f"{tool.removeprefix('delete_')}_id": row.get("id")}
        return
    kinds = [kind_of(tool) for tool in sorted(prompt.tools) if tool.startswith("update_")]
    item = _Item(kinds[0] if kinds else Kind.TASK, row, prompt)
    if deed.name == "extract":
        for line in task_lines(item.text.splitlines() or str(row.get("content") or "").splitlines()):
            yield "create_task", {"title": line[:200]}
        return
    if deed.name.startswith("comment") or deed.name == "summarise tasks":
        yield "add_task_comment", {"task_id": row.get("id"), "content": _comment(deed, item)}
        return
    read = _CHANGES.get(deed.name)
    change = read(deed, item) if read is not None else {}
    # What is so already needs no change.
    if any(row.get(name) != value for name, value in change.items()):
        yield f"update_{item.kind}", {f"{item.kind}_id": row.get("id"), **change}


def _comment(deed: _Deed, item: _Item) -> str:
    said = deed.values.get("value") or deed.values.get("how")
    return said.strip() if said else name_of(item.kind, item.row) or "…"


def _by_due_date(_: _Deed, item: _Item) -> dict[str, Any]:
    left = None if item.due is None else (item.due - item.prompt.today).days
    return {"priority": "low" if left is None or left > _SOON else "medium" if left > 0 else "high"}


def _level(deed: _Deed, _: _Item) -> dict[str, Any]:
    texts = BUILDING[deed.language.code].texts
    return {"priority": next((level for level in _LEVELS if texts[level] == deed.values["value"]), "high")}


def _next_level(by: int) -> Callable[[_Deed, _Item], dict[str, Any]]:
    def change(_: _Deed, item: _Item) -> dict[str, Any]:
        now = item.row.get("priority")
        place = _LEVELS.index(now) if now in _LEVELS else 1
        return {"priority": _LEVELS[min(max(place + by, 0), len(_LEVELS) - 1)]}

    return change


def _later(deed: _Deed, item: _Item) -> dict[str, Any]:
    shift = deed.language.days.find_shift(deed.values["value"])
    if shift is None or item.due is None:
        return {}
    return {"due_date": (item.due + timedelta(days=shift.days)).isoformat()}


def _on_day(deed: _Deed, item: _Item) -> dict[str, Any]:
    day = deed.language.days.find(f" {deed.values['value']} ", item.prompt.today)
    return {"due_date": day.day.isoformat()} if day else {}


def _tag(deed: _Deed, item: _Item) -> dict[str, Any]:
    tag = f"#{deed.values['value']}"
    return {} if tag in item.text else {item.text_field: f"{item.text}\n\n{tag}".strip()}


def _begin_with_summary(_: _Deed, item: _Item) -> dict[str, Any]:
    first = re.split(r"(?<=[.!?])\s|\n", item.text.strip(), maxsplit=1)[0][:_LONGEST_SUMMARY]
    return {item.text_field: f"{first}\n\n{item.text}"} if first else {}


_CHANGES: Mapping[str, Callable[[_Deed, _Item], dict[str, Any]]] = {
    "prioritise": _by_due_date,
    "prioritise how": _by_due_date,
    "priority": _level,
    "raise": _next_level(1),
    "lower": _next_level(-1),
    "status": lambda deed, _: {"status": deed.values["status"]},
    "approve": lambda _, __: {"is_approved": True},
    "no due": lambda _, __: {"due_date": None},
    "shift": _later,
    "to day": _on_day,
    "to project": lambda deed, _: {"project_id": deed.values["id"]},
    "archive": lambda _, __: {"status": "archived"},
    "restore": lambda _, __: {"status": "active"},
    "tag": _tag,
    "summarise": _begin_with_summary,
}

"""What the rules that read records do with the words they caught; shared by all languages."""

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from agents.offline_model.intents import ClauseReader, Details, Intent, Match, value_of
from agents.offline_model.kinds import SHAPES, Kind
from agents.offline_model.languages.dates import alternatives
from agents.offline_model.selection.asking import needs_reading, strip_question

_MOST_SEARCH_CHARACTERS = 200


def due_today(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    return _selection(match.string, Kind.TASK, reader) or [Intent("list_tasks_due_today")]


def list_comments(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    return [Intent("list_task_comments", reader.record(match["target"]).name)]


def list_records(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    """Whole lists and those narrowed by what the clause says; the first noun in it tells of what.

    Where the filters of the list do not know all of it, it is read as a wish about several records is.
    """
    text = match.string
    kind = reader.language.kind_in(text) or Kind.TASK
    selection = _selection(match.string, kind, reader)
    if selection:
        return selection
    fields: dict[str, Any] = {}
    if kind is not Kind.PROJECT:
        found = Details(rest=text)
        reader.take_project(found, loosely=True)
        fields |= found.fields
        text = found.rest if found.fields else text
    if kind is Kind.TASK:
        fields |= _task_filters(text, reader)
    elif kind is Kind.CHECKPOINT:
        fields |= _checkpoint_filters(text, reader)
    if kind is not Kind.CHECKPOINT:
        fields |= _search_words(text, reader)
    open_only = "status" not in fields and re.search(reader.language.periods["open"], match.string, re.IGNORECASE)
    return [Intent(_list_tool(kind, text, reader), fields=fields, open_only=bool(open_only))]


def list_what_is_left(_: Match, __: ClauseReader) -> Iterable[Intent] | None:
    """As in "are all tasks done?"."""
    return [Intent("list_tasks", open_only=True)]


def get_record(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    """One note or project; other kinds are found by their list."""
    named = reader.record(match["target"], match.groupdict().get("noun"), Kind.NOTE)
    if named.kind not in (Kind.NOTE, Kind.PROJECT) or not named.name or named.several:
        return None
    return [Intent(f"get_{named.kind}", named.name, explicit=named.explicit)]


def _selection(clause: str, kind: Kind, reader: ClauseReader) -> list[Intent]:
    """The intent to read ``clause`` as a wish about several records is read; none where the list's filters do."""
    asked = reader.quotes.restore_quoted(clause)
    found = Details(rest=asked)
    if kind is not Kind.PROJECT:
        reader.take_project(found, loosely=True)
    rest = found.rest
    if kind is not Kind.CHECKPOINT and (searched := re.search(reader.language.search_words, rest, re.IGNORECASE)):
        rest = rest[: searched.start()]
    day = reader.language.days.find(rest, reader.today) if kind in (Kind.TASK, Kind.CHECKPOINT) else None
    rest = strip_question(day.rest if day else rest, reader.language)
    where = strip_question(asked, reader.language)
    is_more = needs_reading(where, rest, kind, reader.language, reader.today, is_dated=day is not None)
    return [Intent(SHAPES[kind].lookup, where=where)] if is_more else []


def _list_tool(kind: Kind, text: str, reader: ClauseReader) -> str:
    if kind is Kind.PROJECT and reader.language.period(text) == "everything":
        return "list_all_projects"
    return f"list_{kind}s"


def _task_filters(text: str, reader: ClauseReader) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    priority = re.search(rf"\b(?:{alternatives(reader.language.priorities)})\b", text, re.IGNORECASE)
    if priority:
        fields["priority"] = value_of(reader.language.priorities, priority[0])
    status = _status(text, reader)
    return {**fields, **({"status": status} if status else {}), **_period(text, reader)}


def _status(text: str, reader: ClauseReader) -> str:
    match = re.match(reader.language.status_filter, text, re.IGNORECASE)
    if match is None:
        return ""
    return next(name for name, value in match.groupdict().items() if value)


def _checkpoint_filters(text: str, reader: ClauseReader) -> dict[str, Any]:
    waiting = re.search(reader.language.periods["waiting"], text, re.IGNORECASE) is not None
    return {**({"is_approved": False} if waiting else {}), **_period(text, reader)}


def _search_words(text: str, reader: ClauseReader) -> dict[str, Any]:
    match = re.search(reader.language.search_words, text, re.IGNORECASE)
    words = reader.record(match["words"]).name[:_MOST_SEARCH_CHARACTERS] if match else ""
    return {"search": words} if words else {}


def _period(text: str, reader: ClauseReader) -> dict[str, str]:
    today = reader.today
    monday = today - timedelta(days=today.weekday())
    period = reader.language.period(text)
    if period == "overdue":
        return {"due_to": (today - timedelta(days=1)).isoformat()}
    if period == "next week":
        return {"due_from": (monday + timedelta(7)).isoformat(), "due_to": (monday + timedelta(13)).isoformat()}
    if period == "this week":
        return {"due_from": monday.isoformat(), "due_to": (monday + timedelta(6)).isoformat()}
    day = reader.language.days.find(text, today)
    if day is None:
        return {}
    if period == "until":
        return {"due_to": day.day.isoformat()}
    return {"due_from": day.day.isoformat(), "due_to": day.day.isoformat()}

"""What the rules that change or delete records do with the words they caught; shared by all languages.

Groups: ``target`` (the record), ``noun`` (its kind, where it stands apart), and ``title``, ``text``, ``priority``,
``status``, ``day``, ``by``, ``value`` or ``project``.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from agents.offline_model.intents import ClauseReader, Details, Intent, Match, RecordName, Rule, value_of
from agents.offline_model.kinds import Kind, fit_fields, name_of
from agents.offline_model.languages.dates import FoundDay

_LOOSE_CHARACTERS = " ,:;.!–-"
_TAKE_OUT = re.compile(r"(?:remove|take|entferne?n?|streiche?n?|rimuovi|togli)\b", re.IGNORECASE)
_FROM = re.compile(
    r"\b(?:from|out of|aus|vo[nm]|dal(?:l[aeo]?)?)\b(?! (?:(?:the|my|der|meiner|la|mia) )*\w*list[ea]?\b).*",
    re.IGNORECASE,
)
# "Finish all tasks by Friday" says when that shall be, not that it is done.
_DEADLINE = re.compile(
    r"(?<!due )\b(?:by|before|until|till|tomorrow|next|bis|vor|morgen|nächste\w*|entro|prima|domani|prossim\w+)\b.*",
    re.IGNORECASE,
)
_TO = re.compile(r"\b(?:to|auf|zum?|ad?|al(?:la)?) (?:the |den |il )?", re.IGNORECASE)
_KEEP = re.compile(r"\b(?:keep|leave|behalte|lass|tieni|lascia)\b", re.IGNORECASE)


def set_status(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    return _update(match, reader, {"status": value_of(reader.language.statuses, match["status"])})


def status(value: str) -> Rule:
    return lambda match, reader: _update(match, reader, {"status": value})


def finish(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    """As in "finish X"."""
    intents = _update(match, reader, {"status": "done"})
    deadline = _DEADLINE.search(match["target"])
    if intents and intents[0].several and deadline:
        return [replace(intent, unread=reader.unquote(deadline[0])) for intent in intents]
    return intents


def set_priority(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    return _update(match, reader, {"priority": value_of(reader.language.priorities, match["priority"])})


def priority(value: str) -> Rule:
    return lambda match, reader: _update(match, reader, {"priority": value})


def set_due(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    day = _find_new_day(f" {match['day']} ", reader)
    return None if day is None else _update(match, reader, {"due_date": day.day.isoformat()}, rest=day.rest)


def _find_new_day(text: str, reader: ClauseReader) -> FoundDay | None:
    """Of two days ("due on Friday to Monday") the one that something is moved to; null where that is not sure."""
    days, today = reader.language.days, reader.today
    only = days.find(text, today)
    if only is None or days.find(only.rest, today) is None:
        return only
    found = [
        FoundDay(read[0], f"{text[: match.start()]} {text[read[1] :]}")
        for match in _TO.finditer(text)
        if (read := days.read_at(text, match.end(), today)) is not None
    ]
    return found[0] if len(found) == 1 else None


def shift_due(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    found = reader.language.days.find_shift(match["by"])
    return None if found is None else _update(match, reader, {}, rest=found.rest, shift_days=found.days)


def clear_due(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    return _update(match, reader, {"due_date": None})


def rename(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    title = reader.title(match["title"])
    return _update(match, reader, {"title": title}, one_only=True) if title else None


def describe(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    return _update(match, reader, {"description": reader.unquote(match["text"])}, one_only=True)


def append(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    """More text for a note; anything else has no text of its own to add to."""
    named = _target_of(match, reader)
    if named.kind is not Kind.NOTE or not named.name or named.several:
        return None
    return [named.intent("update_note", append=reader.unquote(match["text"]))]


def change_to(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    """As in "change X to …", whatever kind of value stands there."""
    value = match["value"].strip()
    found = reader.details(f" {value} ")
    if value.lower() in reader.language.statuses:
        found.fields, found.rest = {"status": value_of(reader.language.statuses, value)}, ""
    elif value.lower() in reader.language.priorities:
        found.fields, found.rest = {"priority": value_of(reader.language.priorities, value)}, ""
    return _update(match, reader, found.fields, rest=found.rest) if found.fields else None


def move_to_project(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    """To a project that is known; an empty id says that it is not."""
    wanted = reader.unquote(match["project"]).lower()
    known = (row for row in reader.projects if name_of(Kind.PROJECT, row).lower() == wanted and "id" in row)
    project_id = str(next(known, {"id": ""})["id"])
    outside = match.string[: match.start("target")] + match.string[match.end("target") :]
    if not project_id and not re.search(reader.language.nouns[Kind.PROJECT], outside, re.IGNORECASE):
        return None
    if not project_id and reader.language.days.find(match["project"], reader.today):
        return None
    return _update(match, reader, {"project_id": project_id})


def delete(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    """A project is archived unless the user says that it shall be gone for good."""
    permanently = rf",? ?\b(?:{reader.language.permanently})\b"
    target = re.sub(permanently, "", match["target"], flags=re.IGNORECASE).strip()
    named = reader.record(target, match.groupdict().get("noun"), before=match.string[: match.start("target")])
    if not named.name:
        return None
    taken_out = _TAKE_OUT.match(match.string) and _FROM.search(target)
    if named.several and taken_out:
        # Out of the project, or for good?
        named = replace(named, unread=reader.unquote(taken_out[0]))
    if named.kind is Kind.PROJECT and not re.search(permanently, match.string, re.IGNORECASE):
        return [named.intent("update_project", {"status": "archived"})]
    return [named.intent(f"delete_{named.kind}")]


def delete_several(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    """As in "clear all done tasks"; who clears the table deletes nothing."""
    intents = delete(match, reader) or ()
    return [intent for intent in intents if intent.several] or None


def archive(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    return _project_status(match, reader, "archived")


def restore(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    return _project_status(match, reader, "active")


def approve(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    return _for_checkpoint(match, reader, "update_checkpoint", {"is_approved": True})


def reject(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    return _for_checkpoint(match, reader, "delete_checkpoint", {})


def comment(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    content = reader.unquote(match["text"])
    named = reader.record(match["target"])
    if not content or not named.name or named.several:
        return None
    return [Intent("add_task_comment", named.name, {"content": content}, literal=named.literal)]


def delete_comment(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    groups = match.groupdict()
    about = reader.record(groups.get("comment") or "").name
    named = reader.record(groups.get("target") or "")
    return None if named.several else [Intent("delete_task_comment", named.name, comment=about)]


def assign(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    """Records have no field for a person, so that is said."""
    named = _target_of(match, reader)
    fields = {"title": named.name, "person": reader.unquote(match["person"])}
    return [Intent("", named.name, fields, says="cannot assign these" if named.several else "cannot assign")]


def _target_of(match: Match, reader: ClauseReader, default: Kind | None = None) -> RecordName:
    before = match.string[: match.start("target")]
    return reader.record(match["target"], match.groupdict().get("noun"), default, before=before)


def _update(
    match: Match,
    reader: ClauseReader,
    fields: dict[str, Any],
    *,
    rest: str = "",
    one_only: bool = False,
    **more: Any,
) -> list[Intent] | None:
    """A field that does not fit the default kind tells that a task is meant.

    ``rest`` are words beside the new value: they narrow what several records are meant. ``one_only``: what all records
    would have in common makes no sense.
    """
    named = _target_of(match, reader)
    if named.several and (one_only or _is_of_the_spared(match, named)):
        return None
    if named.several and rest.strip(_LOOSE_CHARACTERS):
        named = replace(named, name=f"{named.name} {reader.quotes.restore_quoted(rest).strip()}")
    kind = named.kind
    # A checkpoint's name often says where it belongs: "Beta of the Website project".
    name = Details(rest=named.name)
    if kind is Kind.CHECKPOINT and not named.several:
        reader.take_project(name)
    given = fit_fields(kind, fields)
    if given is None and not named.explicit:
        kind, given = Kind.TASK, fit_fields(Kind.TASK, fields)
    if given is None or not named.name:
        return None
    return [replace(named, name=name.rest.strip()).intent(f"update_{kind}", given, **more)]


def _is_of_the_spared(match: Match, named: RecordName) -> bool:
    """As in "… but keep call Anna open": the value is that of what shall stay as it is."""
    values = [name for name in ("status", "priority") if match.groupdict().get(name)]
    return any(match.start(name) > match.end("target") for name in values) and _KEEP.search(named.name) is not None


def _project_status(match: Match, reader: ClauseReader, value: str) -> list[Intent] | None:
    named = _target_of(match, reader, Kind.PROJECT)
    if named.kind is not Kind.PROJECT or not named.name:
        return None
    return [named.intent("update_project", {"status": value})]


def _for_checkpoint(match: Match, reader: ClauseReader, tool: str, fields: dict[str, Any]) -> list[Intent] | None:
    named = _target_of(match, reader, Kind.CHECKPOINT)
    if named.kind is not Kind.CHECKPOINT or not named.name:
        return None
    return [named.intent(tool, fields)]

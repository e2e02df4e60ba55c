"""What the rules that change or delete records do with the words they caught; shared by all languages.

Groups: ``target`` (the record), ``noun`` (its kind, where it stands apart), and ``title``, ``text``, ``priority``,
``status``, ``day``, ``by``, ``value`` or ``project``.
"""

import re
from collections.abc import Iterable
from typing import Any

from agents.offline_model.intents import ClauseReader, Details, Intent, Match, RecordName, Rule, value_of
from agents.offline_model.kinds import Kind, fit_fields, name_of


def set_status(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    return _update(match, reader, {"status": value_of(reader.language.statuses, match["status"])})


def status(value: str) -> Rule:
    return lambda match, reader: _update(match, reader, {"status": value})


def set_priority(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    return _update(match, reader, {"priority": value_of(reader.language.priorities, match["priority"])})


def priority(value: str) -> Rule:
    return lambda match, reader: _update(match, reader, {"priority": value})


def set_due(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    day = reader.language.days.find(f" {match['day']} ", reader.today)
    return None if day is None else _update(match, reader, {"due_date": day.day.isoformat()})


def shift_due(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    days = reader.language.days.find_shift(match["by"])
    return None if days is None else _update(match, reader, {}, shift_days=days)


def clear_due(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    return _update(match, reader, {"due_date": None})


def rename(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    title = reader.title(match["title"])
    return _update(match, reader, {"title": title}) if title else None


def describe(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    return _update(match, reader, {"description": reader.unquote(match["text"])})


def append(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    """More text for a note; anything else has no text of its own to add to."""
    named = _target_of(match, reader)
    if named.kind is not Kind.NOTE or not named.name:
        return None
    return [Intent("update_note", named.name, append=reader.unquote(match["text"]), explicit=named.explicit)]


def change_to(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    """As in "change X to …", whatever kind of value stands there."""
    value = match["value"].strip()
    found = reader.details(f" {value} ")
    if value.lower() in reader.language.statuses:
        found.fields["status"] = value_of(reader.language.statuses, value)
    elif value.lower() in reader.language.priorities:
        found.fields["priority"] = value_of(reader.language.priorities, value)
    return _update(match, reader, found.fields) if found.fields else None


def move_to_project(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    """To a project that is known; an empty id says that it is not."""
    wanted = reader.unquote(match["project"]).lower()
    known = (row for row in reader.projects if name_of(Kind.PROJECT, row).lower() == wanted and "id" in row)
    project_id = str(next(known, {"id": ""})["id"])
    if not project_id and not re.search(reader.language.nouns[Kind.PROJECT], match.string, re.IGNORECASE):
        return None
    return _update(match, reader, {"project_id": project_id})


def delete(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    """A project is archived unless the user says that it shall be gone for good."""
    permanently = rf",? ?\b(?:{reader.language.permanently})\b"
    target = re.sub(permanently, "", match["target"], flags=re.IGNORECASE).strip()
    named = reader.record(target, match.groupdict().get("noun"))
    if not named.name:
        return None
    if named.kind is Kind.PROJECT and not re.search(permanently, match.string, re.IGNORECASE):
        return [Intent("update_project", named.name, {"status": "archived"}, explicit=named.explicit)]
    return [Intent(f"delete_{named.kind}", named.name, explicit=named.explicit)]


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
    target = reader.record(match["target"]).name
    return [Intent("add_task_comment", target, {"content": content})] if content and target else None


def delete_comment(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    groups = match.groupdict()
    about = reader.record(groups.get("comment") or "").name
    return [Intent("delete_task_comment", reader.record(groups.get("target") or "").name, comment=about)]


def _target_of(match: Match, reader: ClauseReader, default: Kind | None = None) -> RecordName:
    return reader.record(match["target"], match.groupdict().get("noun"), default)


def _update(match: Match, reader: ClauseReader, fields: dict[str, Any], **more: Any) -> list[Intent] | None:
    """A field that does not fit the default kind tells that a task is meant."""
    named = _target_of(match, reader)
    kind = named.kind
    # A checkpoint's name often says where it belongs: "Beta of the Website project".
    name = Details(rest=named.name)
    if kind is Kind.CHECKPOINT:
        reader.take_project(name)
    given = fit_fields(kind, fields)
    if given is None and not named.explicit:
        kind, given = Kind.TASK, fit_fields(Kind.TASK, fields)
    if given is None or not named.name:
        return None
    return [Intent(f"update_{kind}", name.rest.strip(), given, explicit=named.explicit, **more)]


def _project_status(match: Match, reader: ClauseReader, value: str) -> list[Intent] | None:
    named = _target_of(match, reader, Kind.PROJECT)
    if named.kind is not Kind.PROJECT or not named.name:
        return None
    return [Intent("update_project", named.name, {"status": value})]


def _for_checkpoint(match: Match, reader: ClauseReader, tool: str, fields: dict[str, Any]) -> list[Intent] | None:
    named = _target_of(match, reader, Kind.CHECKPOINT)
    if named.kind is not Kind.CHECKPOINT or not named.name:
        return None
    return [Intent(tool, named.name, fields)]

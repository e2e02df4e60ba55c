"""What the rules that make records do with the words they caught; shared by all languages.

Groups: ``noun`` (the kind), ``rest`` (title and details), ``more`` (further details) and ``priority``; for a note
``content``.
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from agents.offline_model.clauses import first_quote
from agents.offline_model.intents import ClauseReader, Details, Intent, Match, value_of
from agents.offline_model.kinds import Kind, fit_fields, name_of

_TITLE_WORDS = 6
_LEADING_SIGNS = " ,:–-"


def create(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    groups = match.groupdict()
    kind = _kind(groups.get("noun"), reader)
    rest = f"{match['rest']} {groups.get('more') or ''}".strip()
    if kind is Kind.PROJECT:
        return _project(rest, reader)
    project: dict[str, Any] = {}
    if groups.get("noun") and match.end("noun") <= match.start("rest"):
        # "a task for the Website project to …": the pattern took "for" to lead to the title.
        whole = Details(rest=match.string[match.end("noun") :])
        reader.take_project(whole, loosely=kind is Kind.CHECKPOINT)
        if not whole.fields and kind is Kind.TASK:
            reader.take_project_at_an_end(whole)
            whole.rest = re.sub(r"^\s*(?:to|:|–|-)\s+", "", whole.rest) if whole.fields else whole.rest
        if whole.fields:
            rest, project = whole.rest.strip(), whole.fields
    if kind is Kind.NOTE:
        return _note(rest, reader, project)
    found = reader.details(rest, loosely=kind is Kind.CHECKPOINT)
    found.fields |= project
    level = groups.get("priority")
    if level and kind is Kind.TASK:
        found.fields.setdefault("priority", value_of(reader.language.priorities, level))
    return _creation(kind, reader.title(found.rest), found.fields)


def create_dated(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    """As in "I need to call Bob on Monday": a task where a day says when, talk where none does."""
    found = reader.details(match["rest"])
    return _creation(Kind.TASK, reader.title(found.rest), found.fields) if "due_date" in found.fields else None


def create_nameless(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    """As in "create a task": nothing says what it shall be called."""
    groups = match.groupdict()
    kind = _kind(groups.get("noun"), reader)
    fields: dict[str, Any] = {}
    if groups.get("more"):
        found = reader.details(groups["more"], loosely=kind is Kind.CHECKPOINT)
        if reader.title(found.rest):
            return None
        fields = fit_fields(kind, found.fields) or {}
    return [Intent(f"create_{kind}", fields=fields)]


def create_project_with_parts(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    """The project, and what shall be in it: those who make that later in the turn know the project by then."""
    project = _project(match["rest"], reader)
    if project is None:
        return None
    name = project[0].fields["name"]
    known = next((row for row in reader.projects if name_of(Kind.PROJECT, row) == name and "id" in row), None)
    fields = {"project_id": str(known["id"])} if known else {}
    kind = _kind(match["noun"], reader)
    parts: list[Intent] = []
    for part in re.split(reader.language.and_between, match["parts"], flags=re.IGNORECASE):
        found = reader.details(part)
        parts += _creation(kind, reader.title(found.rest), {**found.fields, **fields}) or []
    return [*project, *parts] if parts else None


def create_several(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    """As in "create tasks to buy milk, call Bob and walk the dog"."""
    kind = _kind(match.groupdict().get("noun"), reader)
    if kind is Kind.NOTE:
        return None
    whole = Details(rest=re.sub(reader.language.details.to_it, "", match["rest"], flags=re.IGNORECASE))
    reader.take_project(whole, loosely=kind is Kind.CHECKPOINT)
    if not whole.fields:
        reader.take_project_at_an_end(whole)
    intents: list[Intent] = []
    for part in re.split(reader.language.and_between, whole.rest, flags=re.IGNORECASE):
        if not part.strip():
            continue
        found = reader.details(part)
        title = reader.title(found.rest)
        made = _creation(kind, title, {**whole.fields, **found.fields}) if title else None
        if made:
            intents += made
        elif intents and not title:
            more = fit_fields(kind, found.fields) or {}
            intents[-1] = replace(intents[-1], fields={**intents[-1].fields, **more})
    return intents or None


def write_down(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    """As in "note that …": what is said is the note."""
    content = reader.unquote(match["content"]).strip(_LEADING_SIGNS)
    if not content:
        return None
    words = content.split()
    title = reader.title(" ".join(words[:_TITLE_WORDS])) + ("…" if len(words) > _TITLE_WORDS else "")
    return [Intent("create_note", fields={"title": title, "content": content})]


def suggest(match: Match, reader: ClauseReader) -> Iterable[Intent] | None:
    """As in "suggest checkpoints for Website"."""
    found = Details(rest=match["rest"])
    reader.take_project(found, loosely=True)
    fields = {**found.fields, "is_ai_suggested": True}
    return [Intent("create_checkpoint", fields={"title": title, **fields}) for title in reader.language.suggestions]


def _kind(noun: str | None, reader: ClauseReader) -> Kind:
    return (reader.language.kind(noun) if noun else None) or Kind.TASK


def _creation(kind: Kind, title: str, fields: dict[str, Any]) -> list[Intent] | None:
    given = fit_fields(kind, {**({"title": title} if title else {}), **fields})
    if given is None or not title:
        return None
    if kind is Kind.CHECKPOINT:
        given["is_ai_suggested"] = False
    return [Intent(f"create_{kind}", fields=given)]


def _project(rest: str, reader: ClauseReader) -> list[Intent] | None:
    found = Details(rest=rest)
    reader.take_description(found)
    return _creation(Kind.PROJECT, reader.title(found.rest), found.fields)


def _note(rest: str, reader: ClauseReader, fields: dict[str, Any]) -> list[Intent] | None:
    """A title, and after a colon (or "saying") what the note says."""
    found = Details(rest=rest)
    content = ""
    divided = re.search(reader.language.details.content, found.rest, re.IGNORECASE | re.DOTALL)
    if divided is not None:
        content = reader.unquote(divided["text"])
        found.rest = found.rest[: divided.start()]
    title = reader.title(found.rest)
    quote = first_quote(found.rest)
    if quote and not content:
        rest = found.rest.split(quote, 1)[1].strip(_LEADING_SIGNS)
        content = reader.unquote(rest) if first_quote(rest) else ""
    if not title and content:
        title = reader.title(" ".join(content.split()[:_TITLE_WORDS]))
    return _creation(Kind.NOTE, title, {**fields, **({"content": content} if content else {})})

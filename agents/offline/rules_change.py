"""Rules for what makes or changes a task."""

import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from agents.offline import details
from agents.offline.dates import find_day, find_shift
from agents.offline.details import PRIORITIES, PRIORITY, STATUS, STATUSES, value_of
from agents.offline.intents import TARGET, TASK, THE, Intent, Match, Reader, Rule, Rules, compiled

_BULK_SPLIT = re.compile(r"\s*,\s*(?:and\s+)?|\s+and\s+", re.IGNORECASE)


def _create(match: Match, reader: Reader) -> Iterable[Intent] | None:
    groups = match.groupdict()
    found = reader.details(f"{match['rest']} {groups.get('more') or ''}".strip())
    if groups.get("priority"):
        found.fields.setdefault("priority", value_of(PRIORITIES, groups["priority"]))
    title = details.title(found.rest, reader.quotes)
    return [Intent("create_task", fields={"title": title, **found.fields})] if title else None


def _create_what(_: Match, __: Reader) -> Iterable[Intent] | None:
    return [Intent("create_task")]


def _create_several(match: Match, reader: Reader) -> Iterable[Intent] | None:
    """As in "create tasks to buy milk, call Bob and walk the dog"."""
    found = [part for part in _BULK_SPLIT.split(match["rest"]) if part.strip()]
    intents: list[Intent] = []
    for part in found:
        read_part = reader.details(re.sub(r"^to\s+", "", part.strip(), flags=re.IGNORECASE))
        title = details.title(read_part.rest, reader.quotes)
        if title:
            intents.append(Intent("create_task", fields={"title": title, **read_part.fields}))
        elif intents:
            intents[-1] = replace(intents[-1], fields={**intents[-1].fields, **read_part.fields})
    return intents or None


def _update(match: Match, reader: Reader, fields: dict[str, Any], **more: Any) -> list[Intent] | None:
    target = reader.named(match["target"])
    return [Intent("update_task", target, fields, **more)] if target else None


def _set_status(match: Match, reader: Reader) -> Iterable[Intent] | None:
    return _update(match, reader, {"status": value_of(STATUSES, match["status"])})


def _status(status: str) -> Rule:
    return lambda match, reader: _update(match, reader, {"status": status})


def _set_priority(match: Match, reader: Reader) -> Iterable[Intent] | None:
    return _update(match, reader, {"priority": value_of(PRIORITIES, match["priority"])})


def _priority(priority: str) -> Rule:
    return lambda match, reader: _update(match, reader, {"priority": priority})


def _set_due(match: Match, reader: Reader) -> Iterable[Intent] | None:
    day = find_day(f" {match['day']} ", reader.today)
    return None if day is None else _update(match, reader, {"due_date": day.day.isoformat()})


def _shift_due(match: Match, reader: Reader) -> Iterable[Intent] | None:
    days = find_shift(match["by"])
    return None if days is None else _update(match, reader, {}, shift_days=days)


def _clear_due(match: Match, reader: Reader) -> Iterable[Intent] | None:
    return _update(match, reader, {"due_date": None})


def _rename(match: Match, reader: Reader) -> Iterable[Intent] | None:
    title = details.title(match["title"], reader.quotes)
    return _update(match, reader, {"title": title}) if title else None


def _describe(match: Match, reader: Reader) -> Iterable[Intent] | None:
    return _update(match, reader, {"description": reader.quotes.restore(match["text"]).strip()})


def _change_to(match: Match, reader: Reader) -> Iterable[Intent] | None:
    """As in "change X to …", whatever kind of value stands there."""
    value = f" {match['value']} "
    found = reader.details(value)
    status = re.fullmatch(STATUS, match["value"].strip(), re.IGNORECASE)
    priority = re.fullmatch(PRIORITY, match["value"].strip(), re.IGNORECASE)
    if status:
        found.fields["status"] = value_of(STATUSES, status["status"])
    elif priority:
        found.fields["priority"] = value_of(PRIORITIES, priority["priority"])
    return _update(match, reader, found.fields) if found.fields else None


_ADD = r"(?:create|creating|add|make|set up|start|open|put|write(?: down)?|schedule|plan|log|jot down|note(?: down)?)"
_ONE = r"(?:(?:me|up) )?(?:(?:a|an|the|another|one(?: more)?|this) )?(?:new )?"
_AS = r" ?(?:(?:called|named|titled|with (?:the )?title|that says|saying|about|(?:for me )?to|for me|for)\b|[:,–-])? ?"
_CHANGE = r"(?:set|change|update|edit)"
_MOVE = r"(?:move|postpone|reschedule|push|shift|delay|defer|extend|put off)"
_LEVEL = r"(?:raise|lower|increase|decrease|reduce|make)"
_OWN = r"(?:['’]s)?"
_PRIO = r"(?:priority|prio)"
_DUE = r"(?:due date|due day|deadline|date)"
_DETAILS = r"(?:description|notes?|details?)"
_MY_LIST = rf"(?:my|the) (?:{TASK}(?: list)?|list)"
_TO_DAY = r"(?P<day>(?:to|until|till|by|for|on) .+)"
_I_AM = r"i(?:'m|’m| am)"
_I_HAVE = r"i(?:'ve|’ve| have)?(?: just| already)?"

UPDATE_RULES: Rules = compiled(
    [
        (rf"(?:remove|clear|delete|drop|unset) {THE}{_DUE} (?:of|from|for|on) {TARGET}", _clear_due),
        (rf"(?:rename|retitle) {TARGET} (?:to|as|into) (?P<title>.+)", _rename),
        (rf"{_CHANGE} {THE}(?:title|name) (?:of|for) {TARGET} to (?P<title>.+)", _rename),
        (
            rf"(?:{_CHANGE}|add|write) {THE}{_DETAILS} (?:of|for|to|on) {TARGET}(?: to:?|:) ?(?P<text>.+)",
            _describe,
        ),
        (rf"(?:{_CHANGE}|{_LEVEL}) {THE}{_PRIO} (?:of|for|on) {TARGET} (?:to|as|=) (?:be )?{PRIORITY}", _set_priority),
        (rf"(?:{_CHANGE}|{_LEVEL}|give) {TARGET}{_OWN} (?:to )?{_PRIO} (?:(?:to|of|as|=) )?{PRIORITY}", _set_priority),
        (
            rf"(?:{_CHANGE}|make|give|mark) {TARGET} (?:(?:to|as|a|an|be) ){{0,2}}{PRIORITY}(?:[ -]{_PRIO})?",
            _set_priority,
        ),
        (rf"(?:raise|increase) {THE}{_PRIO} (?:of|for) {TARGET}", _priority("high")),
        (rf"(?:lower|decrease|reduce) {THE}{_PRIO} (?:of|for) {TARGET}", _priority("low")),
        (rf"prioriti[sz]e {TARGET}", _priority("high")),
        (rf"(?:{_CHANGE}|{_MOVE}) {THE}{_DUE} (?:of|for|on) {TARGET} {_TO_DAY}", _set_due),
        (rf"{_CHANGE} {TARGET}{_OWN} {_DUE} {_TO_DAY}", _set_due),
        (rf"{_MOVE} {TARGET} (?:(?:back|forward) )?(?:by|for|back) (?P<by>.+)", _shift_due),
        (rf"{_MOVE} {TARGET} (?:back )?{_TO_DAY}", _set_due),
        (rf"(?:(?:make|set) )?{TARGET} (?:(?:is|be) )?(?P<day>due .+)", _set_due),
        (rf"{_CHANGE} {THE}status (?:of|for) {TARGET} (?:to|as) {STATUS}", _set_status),
        (
            rf"(?:{_CHANGE}|mark|flag|check|tick|move|put) {TARGET} (?:off )?(?:(?:as|to|is|into) ){{0,2}}{STATUS}",
            _set_status,
        ),
        (rf"(?:complete|finish|close|resolve|(?:mark|check|tick|cross) off) {TARGET}", _status("done")),
        (rf"(?:mark|check|tick|cross) {TARGET} off", _status("done")),
        (rf"{_I_HAVE} (?:finished|completed|done|did) (?:with )?{TARGET}", _status("done")),
        (rf"{_I_AM} (?:done|finished) with {TARGET}", _status("done")),
        (rf"(?:reopen|re-open|uncheck|unmark) {TARGET}", _status("todo")),
        (rf"(?:start|begin) (?:working on|work on|on) {TARGET}", _status("in_progress")),
        (rf"{_I_AM} (?:working on|starting) {TARGET}", _status("in_progress")),
        (rf"(?:{_CHANGE}|move) {TARGET} to (?P<value>.+)", _change_to),
        (rf"{TARGET} is (?:now |already )?{STATUS}", _set_status),
    ]
)

CREATE_RULES: Rules = compiled(
    [
        (rf"{_ADD} (?:\w+ ){{0,4}}?(?:tasks|to-?dos|reminders|items){_AS}(?P<rest>\S.*)", _create_several),
        (
            (
                rf"(?:{_ADD} {_ONE}|new )(?:{PRIORITY}(?:[ -]{_PRIO})? )?"
                rf"(?:task|to-?do|to do|reminder|(?:action )?item)\b{_AS}(?P<rest>\S.*)"
            ),
            _create,
        ),
        (rf"(?:another|one more|a second|a third)(?: (?:one|task|to-?do|reminder))?{_AS}(?P<rest>\S.*)", _create),
        (
            rf"(?:add|put|write) (?P<rest>\S.*?) (?:to|on|onto|in|into) {_MY_LIST}\b(?P<more>.*)",
            _create,
        ),
        (r"remind me (?:again )?(?P<rest>\S.*)", _create),
        (r"(?:don['’]?t|do not) let me forget (?P<rest>\S.*)", _create),
        (r"i (?:need|have|must|ought) (?:to )?remember (?P<rest>\S.*)", _create),
        (rf"(?:{_ADD} {_ONE}|new )(?:task|to-?do|reminder)s?|remind me", _create_what),
        (r"(?:task|to-?do|reminder) ?[:–-] ?(?P<rest>\S.*)", _create),
    ]
)

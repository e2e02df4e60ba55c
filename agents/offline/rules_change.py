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


def _create_what(match: Match, reader: Reader) -> Iterable[Intent] | None:
    return [Intent("create_task")]


def _create_several(match: Match, reader: Reader) -> Iterable[Intent] | None:
    """ "create tasks to buy milk, call Bob and walk the dog" """
    found = [part for part in _BULK_SPLIT.split(match["rest"]) if part.strip()]
    intents: list[Intent] = []
    for part in found:
        read_part = reader.details(re.sub(r"^to\s+", "", part.strip(), flags=re.I))
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
    """ "change X to …": whatever kind of value stands there."""
    value = f" {match['value']} "
    found = reader.details(value)
    status = re.fullmatch(STATUS, match["value"].strip(), re.I)
    priority = re.fullmatch(PRIORITY, match["value"].strip(), re.I)
    if status:
        found.fields["status"] = value_of(STATUSES, status["status"])
    elif priority:
        found.fields["priority"] = value_of(PRIORITIES, priority["priority"])
    return _update(match, reader, found.fields) if found.fields else None


_ADD = r"(?:create|creating|add|make|set up|start|open|put|write(?: down)?|schedule|plan|log|jot down|note(?: down)?)"
_ONE = r"(?:(?:me|up)\s+)?(?:(?:a|an|the|another|one(?: more)?|this)\s+)?(?:new\s+)?"
_AS = r"\s*(?:(?:called|named|titled|with the title|with title|that says|saying|about|(?:for\s+me\s+)?to|for\s+me|for)\b|[:,–-])?\s*"
_POSSESSIVE = r"(?:['’]s)?"

UPDATE_RULES: Rules = compiled(
    [
        (rf"^(?:remove|clear|delete|drop|unset)\s+{THE}(?:due date|deadline|date)\s+(?:of|from|for|on)\s+{TARGET}$", _clear_due),
        (rf"^(?:rename|retitle)\s+{TARGET}\s+(?:to|as|into)\s+(?P<title>.+)$", _rename),
        (rf"^(?:change|set|update)\s+{THE}(?:title|name)\s+(?:of|for)\s+{TARGET}\s+to\s+(?P<title>.+)$", _rename),
        (
            rf"^(?:change|set|update|add|write)\s+{THE}(?:description|notes?|details?)\s+(?:of|for|to|on)\s+{TARGET}"
            r"\s*(?:\s+to\b|:)\s*(?P<text>.+)$",
            _describe,
        ),
        (
            rf"^(?:set|change|make|raise|lower|update|increase|decrease|reduce)\s+{THE}(?:priority|prio)\s+(?:of|for|on)\s+"
            rf"{TARGET}\s+(?:to|as|=)\s+(?:be\s+)?{PRIORITY}\b",
            _set_priority,
        ),
        (
            rf"^(?:set|change|update|give|raise|lower)\s+{TARGET}{_POSSESSIVE}\s+(?:to\s+)?(?:priority|prio)\s+(?:(?:to|of|as|=)\s+)?{PRIORITY}\b",
            _set_priority,
        ),
        (rf"^(?:set|change|update|make|give|mark)\s+{TARGET}\s+(?:(?:to|as|a|an|be)\s+)*{PRIORITY}(?:[\s-]+(?:priority|prio))?$", _set_priority),
        (rf"^(?:raise|increase)\s+{THE}priority\s+(?:of|for)\s+{TARGET}$", _priority("high")),
        (rf"^(?:lower|decrease|reduce)\s+{THE}priority\s+(?:of|for)\s+{TARGET}$", _priority("low")),
        (rf"^prioriti[sz]e\s+{TARGET}$", _priority("high")),
        (
            rf"^(?:set|change|move|update|push|postpone|reschedule|shift|delay|extend)\s+{THE}(?:due date|deadline|date|due day)\s+"
            rf"(?:of|for|on)\s+{TARGET}\s+(?P<day>(?:to|until|till|by|for|on)\s+.+)$",
            _set_due,
        ),
        (
            rf"^(?:set|change|update)\s+{TARGET}{_POSSESSIVE}\s+(?:due date|deadline)\s+(?P<day>(?:to|until|by|on)\s+.+)$",
            _set_due,
        ),
        (
            rf"^(?:move|postpone|push|shift|delay|defer|extend|put off)\s+{TARGET}\s+(?:back\s+|forward\s+)?(?:by|for|back)\s+(?P<by>.+)$",
            _shift_due,
        ),
        (
            rf"^(?:move|postpone|reschedule|push|shift|delay|defer|put off)\s+{TARGET}\s+(?:back\s+)?(?P<day>(?:to|until|till|by|for|on)\s+.+)$",
            _set_due,
        ),
        (rf"^(?:make|set)?\s*{TARGET}\s+(?:is\s+|be\s+)?(?P<day>due\s+.+)$", _set_due),
        (rf"^(?:set|change|update)\s+{THE}status\s+(?:of|for)\s+{TARGET}\s+(?:to|as)\s+{STATUS}$", _set_status),
        (rf"^(?:mark|set|flag|check|tick|change|move|update|put)\s+{TARGET}\s+(?:off\s+)?(?:(?:as|to|is|into)\s+)*{STATUS}$", _set_status),
        (rf"^mark\s+off\s+{TARGET}$", _status("done")),
        (rf"^mark\s+{TARGET}\s+off$", _status("done")),
        (rf"^(?:complete|finish|close|resolve|(?:check|tick|cross)\s+off)\s+{TARGET}$", _status("done")),
        (rf"^(?:check|tick|cross)\s+{TARGET}\s+off$", _status("done")),
        (rf"^i(?:'ve|’ve| have)?\s+(?:just\s+|already\s+)?(?:finished|completed|done|did)\s+(?:with\s+)?{TARGET}$", _status("done")),
        (rf"^i(?:'m|’m| am)\s+(?:done|finished)\s+with\s+{TARGET}$", _status("done")),
        (rf"^(?:reopen|re-open|uncheck|unmark)\s+{TARGET}$", _status("todo")),
        (rf"^(?:start|begin)\s+(?:working\s+on|work\s+on|on)\s+{TARGET}$", _status("in_progress")),
        (rf"^i(?:'m|’m| am)\s+(?:working\s+on|starting)\s+{TARGET}$", _status("in_progress")),
        (rf"^(?:change|set|update|move)\s+{TARGET}\s+to\s+(?P<value>.+)$", _change_to),
        (rf"^{TARGET}\s+is\s+(?:now\s+|already\s+)?{STATUS}$", _set_status),
    ]
)

CREATE_RULES: Rules = compiled(
    [
        (rf"^{_ADD}\s+(?:the\s+|these\s+|following\s+|some\s+|new\s+|\w+\s+)*?(?:tasks|to-?dos|reminders|items){_AS}(?P<rest>\S.*)$", _create_several),
        (rf"^(?:{_ADD}\s+{_ONE}|new\s+)(?:{PRIORITY}(?:[\s-]+priority)?\s+)?(?:task|to-?do|to do|reminder|(?:action\s+)?item)\b{_AS}(?P<rest>\S.*)$", _create),
        (rf"^(?:another|one\s+more|a\s+second|a\s+third)(?:\s+(?:one|task|to-?do|reminder))?{_AS}(?P<rest>\S.*)$", _create),
        (rf"^(?:add|put|write)\s+(?P<rest>\S.*?)\s+(?:to|on|onto|in|into)\s+(?:my|the)\s+(?:{TASK}(?:\s+list)?|list)\b(?P<more>.*)$", _create),
        (r"^remind\s+me\s+(?:again\s+)?(?P<rest>\S.*)$", _create),
        (r"^(?:don['’]?t|do not)\s+let\s+me\s+forget\s+(?P<rest>\S.*)$", _create),
        (r"^i\s+(?:need|have|must|ought)\s+(?:to\s+)?remember\s+(?P<rest>\S.*)$", _create),
        (rf"^(?:{_ADD}\s+{_ONE}|new\s+)(?:task|to-?do|reminder)s?$|^remind\s+me$", _create_what),
        (rf"^(?:task|to-?do|reminder)\s*[:–-]\s*(?P<rest>\S.*)$", _create),
    ]
)

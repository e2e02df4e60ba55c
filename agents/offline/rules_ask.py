"""Rules for what deletes, comments and reads."""

import re
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

from agents.offline.dates import find_day
from agents.offline.details import PRIORITIES, PRIORITY, value_of
from agents.offline.intents import TARGET, TASK, THE, Intent, Match, Reader, Rules, compiled


def _delete(match: Match, reader: Reader) -> Iterable[Intent] | None:
    return [Intent("delete_task", reader.named(match["target"]))]


def _comment(match: Match, reader: Reader) -> Iterable[Intent] | None:
    content = reader.quotes.restore(match["text"]).strip()
    target = reader.named(match["target"])
    return [Intent("add_task_comment", target, {"content": content})] if content and target else None


def _delete_comment(match: Match, reader: Reader) -> Iterable[Intent] | None:
    groups = match.groupdict()
    comment = reader.named(groups.get("comment") or "")
    return [Intent("delete_task_comment", reader.named(groups.get("target") or ""), comment=comment)]


def _list_comments(match: Match, reader: Reader) -> Iterable[Intent] | None:
    return [Intent("list_task_comments", reader.named(match["target"]))]


def _due_today(match: Match, reader: Reader) -> Iterable[Intent] | None:
    return [Intent("list_tasks_due_today")]


def _list(match: Match, reader: Reader) -> Iterable[Intent] | None:
    return [Intent("list_tasks", fields=_filters(match.string, reader))]


def _filters(text: str, reader: Reader) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    lower = text.lower()
    priority = re.search(rf"\b{PRIORITY}\b", lower)
    if priority:
        fields["priority"] = value_of(PRIORITIES, priority["priority"])
    if re.search(r"\b(?:done|completed?|finished)\b", lower) and not re.search(r"\bnot (?:yet )?(?:done|complete)", lower):
        fields["status"] = "done"
    elif re.search(r"\bin[ _-]progress|started|ongoing\b", lower):
        fields["status"] = "in_progress"
    elif re.search(r"\btodo status|not started\b", lower):
        fields["status"] = "todo"
    fields |= _period(lower, reader.today, text)
    words = re.search(r"\b(?:about|containing|mentioning|matching|with the words?|called|named)\s+(?P<words>.+)$", text, re.I)
    if words:
        fields["search"] = reader.named(words["words"])[:200]
    return fields


def _period(lower: str, today: date, text: str) -> dict[str, str]:
    monday = today - timedelta(days=today.weekday())
    if "overdue" in lower or "late" in lower.split():
        return {"due_to": (today - timedelta(days=1)).isoformat()}
    if "next week" in lower:
        return {"due_from": (monday + timedelta(7)).isoformat(), "due_to": (monday + timedelta(13)).isoformat()}
    if "this week" in lower:
        return {"due_from": today.isoformat(), "due_to": (monday + timedelta(6)).isoformat()}
    day = find_day(text, today)
    if day is None:
        return {}
    if re.search(r"\b(?:before|by|until|till)\b", lower):
        return {"due_to": day.day.isoformat()}
    return {"due_from": day.day.isoformat(), "due_to": day.day.isoformat()}


_SHOW = r"(?:list|show|display|see|view|read|find|search|fetch|(?:get|give|tell)\s+me)"

COMMENT_RULES: Rules = compiled(
    [
        (
            rf"^(?:delete|remove|erase)\s+{THE}(?:last\s+|latest\s+)?comments?\s+(?P<comment>.*?)\s*\b(?:on|from|of|under|in)\s+{TARGET}$",
            _delete_comment,
        ),
        (rf"^(?:delete|remove|erase)\s+{THE}comments?\s+(?:about\s+|saying\s+)?(?P<comment>\S.*)$", _delete_comment),
        (
            rf"^{_SHOW}\s+(?:me\s+)?(?:all\s+)?(?:of\s+)?{THE}comments?\s+(?:of|on|for|to|about|under|from)\s+{TARGET}$",
            _list_comments,
        ),
        (rf"^(?:what|which)\s+(?:are\s+)?{THE}comments?\s+(?:are\s+)?(?:there\s+)?(?:of|on|for|to|about|under)\s+{TARGET}$", _list_comments),
        (rf"^(?:what|which)\s+comments?\s+(?:does|has)\s+{TARGET}\s+(?:have|got)$", _list_comments),
        (
            rf"^(?:add|leave|write|post|make|put)\s+(?:a\s+|the\s+|another\s+)?(?:new\s+)?comment\s+(?P<text>\ue000\d+\ue001)\s+(?:to|on|for|under)\s+{TARGET}$",
            _comment,
        ),
        (rf"^comment\s+(?P<text>\ue000\d+\ue001)\s+(?:to|on|for|under)\s+{TARGET}$", _comment),
        (
            r"^(?:(?:add|leave|write|post|make|put)\s+(?:a\s+|the\s+|another\s+)?(?:new\s+)?)?comment\s+(?:to|on|for|under|about)\s+"
            rf"{TARGET}\s*(?::|,?\s+(?:saying|that says|that|with)\b:?|(?=\ue000\d+\ue001$))\s*(?P<text>\S.*)$",
            _comment,
        ),
        (rf"^(?:add|leave|write|post)\s+(?:a\s+)?comment\s+(?:saying|that says|that)?:?\s*(?P<text>\S.*?)\s+(?:to|on|under)\s+{TARGET}$", _comment),
    ]
)

LIST_RULES: Rules = compiled(
    [
        (
            rf"^(?:what|which|show|list|is|are|do|anything|tell|give|get|see|any|how many)\b.*\b(?:due|for|on|have|is|do)\b.*\b(?:today|tonight)\b|^(?:my\s+day|today|agenda|today['’]s\s+{TASK})$"
            rf"|^{_SHOW}\s+(?:me\s+)?(?:my\s+)?(?:agenda|today['’]s\s+{TASK})$",
            _due_today,
        ),
        (rf"^{_SHOW}\b(?:\s+(?:me|all|of|my|the|every|up))*(?:\s+[\w-]+){{0,4}}?\s+{TASK}(?:\s+list)?\b", _list),
        (r"^(?:what|which|how many|do i have|have i|are there|is there)\b.*\b(?:tasks?|to-?dos?|reminders?|overdue|due|to do|list|plate|pending|left)\b", _list),
        (r"^what\s+(?:should|must|can)\s+i\s+(?:do|work\s+on)\b", _list),
        (rf"^(?:all\s+)?(?:my\s+)?(?:open\s+|overdue\s+)?{TASK}(?:\s+list)?$", _list),
        (r"^what['’]?s\s+(?:overdue|due|next|left|open|on\s+my\s+(?:list|plate))\b", _list),
    ]
)

DELETE_RULES: Rules = compiled(
    [(rf"^(?:delete|remove|erase|trash|drop|get\s+rid\s+of|cancel|throw\s+away)\s+{TARGET}$", _delete)]
)

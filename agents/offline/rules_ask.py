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


def _due_today(_: Match, __: Reader) -> Iterable[Intent] | None:
    return [Intent("list_tasks_due_today")]


def _list(match: Match, reader: Reader) -> Iterable[Intent] | None:
    return [Intent("list_tasks", fields=_filters(match.string, reader))]


def _filters(text: str, reader: Reader) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    lower = text.lower()
    priority = re.search(rf"\b{PRIORITY}\b", lower)
    if priority:
        fields["priority"] = value_of(PRIORITIES, priority["priority"])
    if re.search(r"\b(?:done|completed?|finished)\b", lower) and not re.search(
        r"\bnot (?:yet )?(?:done|complete)", lower
    ):
        fields["status"] = "done"
    elif re.search(r"\bin[ _-]progress|started|ongoing\b", lower):
        fields["status"] = "in_progress"
    elif re.search(r"\btodo status|not started\b", lower):
        fields["status"] = "todo"
    fields |= _period(lower, reader.today, text)
    words = re.search(
        r"\b(?:about|containing|mentioning|matching|with the words?|called|named)\s+(?P<words>.+)$", text, re.IGNORECASE
    )
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


_SHOW = r"(?:list|show|display|see|view|read|find|search|fetch|(?:get|give|tell) me)"
_ASK = r"(?:what|which|show|list|is|are|do|anything|tell|give|get|see|any|how many)"
_WRITE = r"(?:add|leave|write|post|make|put) (?:(?:a|the|another) )?(?:new )?"
_DROP = r"(?:delete|remove|erase)"
_QUOTE = "\ue000\\d+\ue001"
_ABOUT = r"(?:of|on|for|to|about|under|from)"
# A question is short; in a long text these words stand by chance.
_SHORT = r"(?!.{200})"

COMMENT_RULES: Rules = compiled(
    [
        (
            rf"{_DROP} {THE}(?:la(?:te)?st )?comments? ?(?:about |saying )?(?P<comment>.*?) ?\b(?:on|of|in) {TARGET}",
            _delete_comment,
        ),
        (rf"{_DROP} {THE}comments? (?:about |saying )?(?P<comment>\S.*)", _delete_comment),
        (rf"{_SHOW} (?:me )?(?:all )?(?:of )?{THE}comments? {_ABOUT} {TARGET}", _list_comments),
        (rf"(?:what|which) (?:are )?{THE}comments? (?:are )?(?:there )?{_ABOUT} {TARGET}", _list_comments),
        (rf"(?:what|which) comments? (?:does|has) {TARGET} (?:have|got)", _list_comments),
        (rf"(?:{_WRITE})?comment (?P<text>{_QUOTE}) (?:to|on|for|under) {TARGET}", _comment),
        (
            (
                rf"(?:{_WRITE})?comment (?:to|on|for|under|about) {TARGET}"
                rf" ?(?::|,? (?:saying|that says|that|with)\b:?|(?={_QUOTE}$)) ?(?P<text>\S.*)"
            ),
            _comment,
        ),
        (rf"{_WRITE}comment (?:saying|that says|that)?:? ?(?P<text>\S.*?) (?:to|on|under) {TARGET}", _comment),
    ]
)

LIST_RULES: Rules = compiled(
    [
        (rf"{_SHORT}{_ASK}\b.*\b(?:due|for|on|have|is|do)\b.*\b(?:today|tonight)\b.*", _due_today),
        (rf"(?:{_SHOW} )?(?:me )?(?:my )?(?:day|today|agenda|today['’]s {TASK})", _due_today),
        (rf"{_SHORT}{_SHOW}\b(?: [\w-]+){{0,8}}? {TASK}\b.*", _list),
        (
            (
                rf"{_SHORT}(?:what|which|how many|do i have|have i|are there|is there)\b.*"
                r"\b(?:tasks?|to-?dos?|reminders?|overdue|due|to do|list|plate|pending|left)\b.*"
            ),
            _list,
        ),
        (r"what (?:should|must|can) i (?:do|work on)\b.*", _list),
        (rf"(?:all )?(?:my )?(?:(?:open|overdue) )?{TASK}(?: list)?", _list),
        (r"what['’]?s (?:overdue|due|next|left|open|on my (?:list|plate))\b.*", _list),
    ]
)

DELETE_RULES: Rules = compiled(
    [(rf"(?:delete|remove|erase|trash|drop|get rid of|cancel|throw away) {TARGET}", _delete)]
)

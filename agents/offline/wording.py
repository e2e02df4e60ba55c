"""Says in plain sentences what was done, found, or is still unclear."""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from agents.offline.intents import Intent, is_pronoun
from agents.offline.situation import Outcome, Row, Situation, rows_of
from agents.offline.small_talk import HELP

if TYPE_CHECKING:
    from agents.offline.brain import Step

_MOST_LISTED = 20
_STATUS = {"todo": "to do", "in_progress": "in progress", "done": "done"}


def report(steps: "Sequence[Step]", situation: Situation) -> str:
    """The answer to the whole request."""
    understood = [step for step in steps if step.intent.tool]
    if not understood:
        return f"I’m the built-in offline assistant, so I understand plain requests about tasks only. {HELP}"
    parts = [_sentence(step, situation) for step in understood]
    missed = [step.intent.target for step in steps if not step.intent.tool]
    if missed:
        parts.append(f"I did not understand “{shortened(missed[0])}”.")
    return "\n".join(part for part in parts if part)


def _sentence(step: "Step", situation: Situation) -> str:
    if step.outcomes:
        pairs = zip(step.outcomes, step.records, strict=True)
        return "\n".join(_outcome(step.intent, outcome, record, situation) for outcome, record in pairs)
    if step.candidates:
        return _which(step)
    if step.calls:
        return "I could not do that in this conversation."
    return _what_is_missing(step.intent)


def _what_is_missing(intent: Intent) -> str:
    if intent.tool == "create_task":
        return "What shall the task be called?"
    if intent.tool == "delete_task_comment":
        return "I found no such comment. What does it say, and on which task is it?"
    if intent.target and not is_pronoun(intent.target):
        return f"I found no task called “{shortened(intent.target)}”. Which task do you mean?"
    return "Which task do you mean?"


def _which(step: "Step") -> str:
    names = [f"“{shortened(str(row.get('title') or row.get('content') or ''))}”" for row in step.candidates[:5]]
    if len(names) == 1:
        return f"Do you mean {names[0]}?"
    return f"I found several that fit: {', '.join(names[:-1])} and {names[-1]}. Which one do you mean?"


def _outcome(intent: Intent, outcome: Outcome, record: Row, situation: Situation) -> str:
    if not outcome.ok:
        return f"I could not do that: {_reason(outcome)}"
    title = f"“{shortened(str(record.get('title') or intent.target))}”"
    sentences: dict[str, Callable[[], str]] = {
        "create_task": lambda: _created(outcome.arguments, situation.today),
        "update_task": lambda: _updated(title, outcome.arguments, situation.today),
        "delete_task": lambda: f"I deleted the task {title}.",
        "add_task_comment": lambda: f"I added your comment to {title}.",
        "delete_task_comment": lambda: "I deleted the comment.",
        "list_task_comments": lambda: _listed_comments(title, rows_of(outcome.value)),
    }
    listed = sentences.get(intent.tool)
    return listed() if listed else _listed(intent, rows_of(outcome.value), situation.today)


def _created(fields: dict[str, Any], today: date) -> str:
    return f"I created the task “{shortened(str(fields.get('title', '')))}”{_with(fields, today)}."


def _reason(outcome: Outcome) -> str:
    return shortened(outcome.error.removeprefix("Nothing was done").lstrip(":;, ") or "it did not work.", 200)


def _with(fields: dict[str, Any], today: date) -> str:
    parts = []
    if fields.get("due_date"):
        parts.append(f"due {spoken_day(fields['due_date'], today)}")
    if fields.get("priority"):
        parts.append(f"with {fields['priority']} priority")
    if fields.get("status"):
        parts.append(f"as {_STATUS[fields['status']]}")
    return f", {', '.join(parts)}" if parts else ""


def _updated(title: str, fields: dict[str, Any], today: date) -> str:
    if fields.get("status") == "done":
        return f"I marked {title} as done."
    changes = []
    if "status" in fields:
        changes.append(f"it is {_STATUS[fields['status']]} now")
    if "priority" in fields:
        changes.append(f"its priority is {fields['priority']}")
    if "due_date" in fields:
        due = fields["due_date"]
        changes.append(f"it is due {spoken_day(due, today)}" if due else "it has no due date any more")
    if "title" in fields:
        changes.append(f"it is called “{shortened(str(fields['title']))}”")
    if "description" in fields:
        changes.append("it has a new description")
    return f"I changed {title}: {' and '.join(changes)}."


def _listed(intent: Intent, rows: list[Row], today: date) -> str:
    is_today = intent.tool == "list_tasks_due_today"
    if not rows:
        return (
            "Nothing is due today."
            if is_today
            else "I found no tasks like that."
            if intent.fields
            else "You have no tasks."
        )
    count = f"{len(rows)} task{'s' if len(rows) > 1 else ''}"
    head = f"You have {count} due today:" if is_today else f"I found {count}:"
    lines = [f"- {shortened(str(row.get('title') or 'Untitled'))}{_facts(row, today)}" for row in rows[:_MOST_LISTED]]
    if len(rows) > _MOST_LISTED:
        lines.append(f"- and {len(rows) - _MOST_LISTED} more")
    return "\n".join([head, *lines])


def _facts(row: Row, today: date) -> str:
    facts = []
    if isinstance(row.get("due_date"), str):
        facts.append(f"due {spoken_day(row['due_date'], today)}")
    if row.get("priority") in ("high", "low"):
        facts.append(f"{row['priority']} priority")
    if row.get("status") in ("done", "in_progress"):
        facts.append(_STATUS[row["status"]])
    return f" ({', '.join(facts)})" if facts else ""


def _listed_comments(title: str, rows: list[Row]) -> str:
    if not rows:
        return f"There are no comments on {title}."
    return "\n".join([f"Comments on {title}:", *(f"- {shortened(str(row.get('content', '')), 200)}" for row in rows)])


def spoken_day(value: str, today: date) -> str:
    """As "tomorrow (Monday, 23 November)", with the year where it is another one."""
    try:
        day = date.fromisoformat(value[:10])
    except ValueError:
        return value
    year = f" {day.year}" if day.year != today.year else ""
    full = f"{day:%A}, {day.day} {day:%B}{year}"
    near = {today: "today", today + timedelta(days=1): "tomorrow", today - timedelta(days=1): "yesterday"}.get(day)
    return f"{near} ({full})" if near else f"on {full}"


def shortened(text: str, most: int = 80) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else f"{text[: most - 1]}…"

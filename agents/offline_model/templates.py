"""Answers the prompt templates that ask for records: tasks out of a project's lines, a note about a week."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from agents.offline_model import matching
from agents.offline_model.intents import Reader
from agents.offline_model.kinds import Row
from agents.offline_model.prompt_reading import Situation
from agents.offline_model.sentences import Quotes
from agents.offline_model.understanding import language_of

_BULLET = re.compile(r"^\s*(?:[-*•+–]|\d{1,3}[.)])\s+(?:\[(?P<box>[ xX])\]\s+)?(?P<text>\S.*)$")
_WISH = re.compile(r"\b(?:needs? to|must|should|have to|has to|to-?do:)\s+([^.;!?\n]{3,200})", re.IGNORECASE)
_TEXT_FIELDS = ("description", "content", "goal", "goals", "notes", "text", "summary")
_MOST_LINES = 500
_LONGEST_LINE = 600


def answer(situation: Situation, response_format: Any) -> str | None:
    """JSON text for the shapes known here, null for any other prompt."""
    wrapped = response_format.get("json_schema") if isinstance(response_format, Mapping) else None
    rule = _RULES.get(str(wrapped.get("name"))) if isinstance(wrapped, Mapping) else None
    if rule is None:
        return None
    return json.dumps({"records": rule(situation)}, ensure_ascii=False, separators=(",", ":"))


def _tasks(situation: Situation) -> list[Row]:
    variables = _variables(situation)
    known = {matching.normal(str(task.get("title", ""))) for task in situation.tasks}
    found: dict[str, Row] = {}
    for text in _wishes(_material(situation, variables)):
        quotes = Quotes(text)
        reader = Reader(quotes, situation.today, [], language_of(text))
        read = reader.details(quotes.text)
        title = reader.title(read.rest)
        name = matching.normal(title)
        if name and name not in known:
            found.setdefault(name, {"title": title, **read.fields})
    return list(found.values())[: int(variables.get("max_tasks", 20))]


def _material(situation: Situation, variables: Row) -> Iterator[str]:
    """The lines that may hold a task, the client's own text first."""
    texts = [variables.get("project_text")]
    project_id = variables.get("project_id")
    for section, key in (("projects", "id"), ("notes", "project_id")):
        for row in _rows(situation, section):
            if project_id is None and texts[0]:
                continue
            if project_id is None or str(row.get(key)) == project_id:
                texts += [row.get(field) for field in _TEXT_FIELDS]
    if not any(texts):
        texts += [
            item if isinstance(item, str) else None for item in situation.sections.get("relevant_documents") or ()
        ]
    lines = [line for text in texts if isinstance(text, str) for line in text.splitlines()]
    return (line[:_LONGEST_LINE] for line in lines[:_MOST_LINES])


def _wishes(lines: Iterable[str]) -> list[str]:
    """What the bullets say that are not ticked; without a bullet, what the sentences say must be done."""
    lines = list(lines)
    bullets = [match for line in lines if (match := _BULLET.match(line))]
    if bullets:
        return [match["text"] for match in bullets if (match["box"] or " ") == " "]
    return [wish for line in lines for wish in _WISH.findall(line)]


def _weekly(situation: Situation) -> list[Row]:
    variables = _variables(situation)
    day = _day(variables.get("week_of")) or situation.today
    monday = day - timedelta(days=day.weekday())
    sunday = monday + timedelta(days=6)
    dated = [
        (row, _day(row.get("due_date") or row.get("date")))
        for section in ("recent_tasks", "checkpoints")
        for row in _rows(situation, section)
    ]
    done = [row for row, due in dated if row.get("status") == "done" and (due is None or monday <= due <= sunday)]
    still_open = [row for row, due in dated if row.get("status") != "done" and (due is None or due <= sunday)]
    ahead = [
        row for row, due in dated if row.get("status") != "done" and due and sunday < due <= sunday + timedelta(days=7)
    ]
    sections = (("Done", done), ("Still open", still_open), ("Next week", ahead), ("Notes", _rows(situation, "notes")))
    parts = [f"## {heading}\n{_listed(rows)}" for heading, rows in sections if rows]
    if not parts:
        parts = ["Nothing was recorded for this week."]
    elif variables.get("focus"):
        parts.insert(0, f"Focus: {variables['focus']}")
    return [{"title": f"Week of {monday.isoformat()} to {sunday.isoformat()}", "content": "\n\n".join(parts)}]


def _listed(rows: list[Row]) -> str:
    return "\n".join(
        f"- {' '.join(str(row.get('title') or row.get('name') or 'Untitled').split())[:200]}" for row in rows[:50]
    )


def _variables(situation: Situation) -> Row:
    value = situation.sections.get("variables")
    return value if isinstance(value, dict) else {}


def _rows(situation: Situation, section: str) -> list[Row]:
    value = situation.sections.get(section)
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


# By the title of the schema that the answer shall have.
_RULES: Mapping[str, Callable[[Situation], list[Row]]] = {"ExtractedTasks": _tasks, "WeeklyNote": _weekly}

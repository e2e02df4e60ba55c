"""Answers prompts that ask for JSON: the agents for a request, the tasks in a project's lines, a note about a week."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any

from agents.offline_model.clauses import Quotes
from agents.offline_model.intents import ClauseReader
from agents.offline_model.kinds import Kind, Row, kind_of
from agents.offline_model.languages import language_of
from agents.offline_model.prompt_reading import Prompt
from agents.offline_model.titles import normalize
from agents.offline_model.understanding import understand

_AGENT = re.compile(r"\b[a-z]+_agent\b")
# "Open" and "read" without a noun are said of notes, "reached" of checkpoints and so on: the rules know such words.
_DEFAULT = "task_agent"
_BULLET = re.compile(r"^\s*(?:[-*•+–]|\d{1,3}[.)])\s+(?:\[(?P<box>[ xX])\]\s+)?(?P<text>\S.*)$")
_MUST_DO = re.compile(r"\b(?:needs? to|must|should|have to|has to|to-?do:)\s+([^.;!?\n]{3,200})", re.IGNORECASE)
_TEXT_FIELDS = ("description", "content", "goal", "goals", "notes", "text", "summary")
_MOST_LINES = 500
_LONGEST_LINE = 600


def answer_in_json(prompt: Prompt, response_format: Any) -> str | None:
    """JSON text, or null when the prompt asks for none."""
    records = _extract_records(prompt, response_format)
    return _choose_agents(prompt, response_format) if records is None else records


def _extract_records(prompt: Prompt, response_format: Any) -> str | None:
    """JSON text for the shapes known here, null for any other prompt."""
    wrapped = response_format.get("json_schema") if isinstance(response_format, Mapping) else None
    rule = _EXTRACTIONS.get(str(wrapped.get("name"))) if isinstance(wrapped, Mapping) else None
    if rule is None:
        return None
    return json.dumps({"records": rule(prompt)}, ensure_ascii=False, separators=(",", ":"))


def _extract_tasks(prompt: Prompt) -> list[Row]:
    variables = _variables(prompt)
    known = {normalize(str(task.get("title", ""))) for task in prompt.tasks}
    found: dict[str, Row] = {}
    for text in task_lines(_source_lines(prompt, variables)):
        quotes = Quotes(text)
        reader = ClauseReader(quotes, prompt.today, [], language_of(text))
        read = reader.details(quotes.text)
        title = reader.title(read.rest)
        name = normalize(title)
        if name and name not in known:
            found.setdefault(name, {"title": title, **read.fields})
    return list(found.values())[: int(variables.get("max_tasks", 20))]


def _source_lines(prompt: Prompt, variables: Row) -> Iterator[str]:
    """The lines that may hold a task, the client's own text first."""
    texts = [variables.get("project_text")]
    project_id = variables.get("project_id")
    for section, key in (("projects", "id"), ("notes", "project_id")):
        for row in _rows(prompt, section):
            if project_id is None and texts[0]:
                continue
            if project_id is None or str(row.get(key)) == project_id:
                texts += [row.get(field) for field in _TEXT_FIELDS]
    if not any(texts):
        texts += [item if isinstance(item, str) else None for item in prompt.sections.get("relevant_documents") or ()]
    lines = [line for text in texts if isinstance(text, str) for line in text.splitlines()]
    return (line[:_LONGEST_LINE] for line in lines[:_MOST_LINES])


def task_lines(lines: Iterable[str]) -> list[str]:
    """What the bullets say that are not ticked; without a bullet, what the sentences say must be done."""
    lines = list(lines)
    bullets = [match for line in lines if (match := _BULLET.match(line))]
    if bullets:
        return [match["text"] for match in bullets if (match["box"] or " ") == " "]
    return [task for line in lines for task in _MUST_DO.findall(line)]


def _write_weekly_note(prompt: Prompt) -> list[Row]:
    variables = _variables(prompt)
    day = _day(variables.get("week_of")) or prompt.today
    monday = day - timedelta(days=day.weekday())
    sunday = monday + timedelta(days=6)
    dated = [
        (row, _day(row.get("due_date") or row.get("date")))
        for section in ("recent_tasks", "checkpoints")
        for row in _rows(prompt, section)
    ]
    done = [row for row, due in dated if row.get("status") == "done" and (due is None or monday <= due <= sunday)]
    still_open = [row for row, due in dated if row.get("status") != "done" and (due is None or due <= sunday)]
    ahead = [
        row for row, due in dated if row.get("status") != "done" and due and sunday < due <= sunday + timedelta(days=7)
    ]
    sections = (("Done", done), ("Still open", still_open), ("Next week", ahead), ("Notes", _rows(prompt, "notes")))
    parts = [f"## {heading}\n{_bullets(rows)}" for heading, rows in sections if rows]
    if not parts:
        parts = ["Nothing was recorded for this week."]
    elif variables.get("focus"):
        parts.insert(0, f"Focus: {variables['focus']}")
    return [{"title": f"Week of {monday.isoformat()} to {sunday.isoformat()}", "content": "\n\n".join(parts)}]


def _bullets(rows: list[Row]) -> str:
    return "\n".join(
        f"- {' '.join(str(row.get('title') or row.get('name') or 'Untitled').split())[:200]}" for row in rows[:50]
    )


def _variables(prompt: Prompt) -> Row:
    value = prompt.sections.get("variables")
    return value if isinstance(value, dict) else {}


def _rows(prompt: Prompt, section: str) -> list[Row]:
    value = prompt.sections.get(section)
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(str(value)[:10])
    except ValueError:
        return None


# By the title of the schema that the answer shall have.
_EXTRACTIONS: Mapping[str, Callable[[Prompt], list[Row]]] = {
    "ExtractedTasks": _extract_tasks,
    "WeeklyNote": _write_weekly_note,
}


def _choose_agents(prompt: Prompt, response_format: Any) -> str | None:
    """JSON text, or null when the prompt asks for none."""
    schema = _schema(response_format)
    agents = list(dict.fromkeys(_AGENT.findall(f"{json.dumps(schema)}\n{prompt.system}")))
    asks_in_words = not prompt.tools and bool(agents) and "json" in prompt.system.lower()
    if schema is None and response_format is None and not asks_in_words:
        return None
    chosen = [agent for agent in _agents_for(prompt) if agent in agents] or [_fallback(agents)]
    if schema:
        return json.dumps(_fill_schema(schema, chosen))
    return json.dumps({"agents": chosen} if '"agents"' in prompt.system else {"agent": chosen[0]})


def _agents_for(prompt: Prompt) -> list[str]:
    """The agents that the request takes, in the order in which it needs them."""
    language = language_of(prompt.request)
    intents = understand(prompt.request, prompt.today, prompt.projects)
    found: dict[str, None] = {}
    for intent in intents:
        if not intent.tool:
            continue
        kind = kind_of(intent.tool)
        if not intent.explicit and language.is_pronoun(intent.target) and not found:
            kind = _kind_in_conversation(prompt) or kind
        found[f"{kind}_agent"] = None
    if not found:
        kind = language.kind_in(prompt.request) or _kind_in_conversation(prompt) or Kind.TASK
        found[f"{kind}_agent"] = None
    return list(found)


def _kind_in_conversation(prompt: Prompt) -> Kind | None:
    """What the conversation was about, as far as it names a kind of record."""
    for text in prompt.earlier:
        kind = language_of(text).kind_in(text)
        if kind is not None:
            return kind
    return None


def _fallback(agents: list[str]) -> str:
    return _DEFAULT if _DEFAULT in agents or not agents else agents[0]


def _schema(response_format: Any) -> dict[str, Any] | None:
    if not isinstance(response_format, Mapping):
        return None
    wrapped = response_format.get("json_schema")
    schema = wrapped.get("schema") if isinstance(wrapped, Mapping) else None
    return dict(schema) if isinstance(schema, Mapping) else None


def _fill_schema(schema: Mapping[str, Any], chosen: list[str]) -> Any:
    """A value of the schema's shape that names ``chosen`` where agents are asked for."""
    values = schema.get("enum")
    if isinstance(values, list) and values:
        return chosen[0] if chosen[0] in values else values[0]
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties")
        named = properties.items() if isinstance(properties, Mapping) else ()
        return {
            name: chosen[0]
            if "agent" in name and part.get("type") == "string" and "enum" not in part
            else _fill_schema(part, chosen)
            for name, part in named
            if isinstance(part, Mapping)
        }
    if kind == "array":
        items = schema.get("items")
        return [_fill_schema(items, [agent]) for agent in chosen] if isinstance(items, Mapping) else []
    return {"number": 1.0, "integer": 1, "boolean": False, "string": ""}.get(str(kind))

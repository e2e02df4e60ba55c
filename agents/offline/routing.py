"""Answers a prompt that asks for JSON: which agent shall serve the request."""

import json
import re
from collections.abc import Mapping
from typing import Any

from agents.offline.situation import Situation

_AGENT = re.compile(r"\b[a-z]+_agent\b")
# In the order of what tells most: "a task for the website project" is about a task.
_SUBJECTS = (
    ("checkpoint_agent", r"\b(?:checkpoint|milestone)s?\b"),
    ("note_agent", r"\b(?:notes?|write down|jot|markdown|memo)\b"),
    ("task_agent", r"\b(?:tasks?|to-?dos?|remind|due|overdue|comments?|mark .* (?:done|complete))\b"),
    ("project_agent", r"\bprojects?\b"),
)


def answer(situation: Situation, response_format: Any) -> str | None:
    """JSON text, or null when the prompt asks for none."""
    schema = _schema(response_format)
    agents = list(dict.fromkeys(_AGENT.findall(f"{json.dumps(schema)}\n{situation.system}")))
    asks_in_words = not situation.tools and bool(agents) and "json" in situation.system.lower()
    if schema is None and response_format is None and not asks_in_words:
        return None
    chosen = _choose(situation.request, agents)
    return json.dumps(_fill(schema, chosen) if schema else {"agent": chosen})


def _choose(request: str, agents: list[str]) -> str:
    text = request.lower()
    for agent, pattern in _SUBJECTS:
        if agent in agents and re.search(pattern, text):
            return agent
    if "task_agent" in agents or not agents:
        return "task_agent"
    return agents[0]


def _schema(response_format: Any) -> dict[str, Any] | None:
    if not isinstance(response_format, Mapping):
        return None
    wrapped = response_format.get("json_schema")
    schema = wrapped.get("schema") if isinstance(wrapped, Mapping) else None
    return dict(schema) if isinstance(schema, Mapping) else None


def _fill(schema: Mapping[str, Any], chosen: str) -> Any:
    """A value of the schema's shape that names ``chosen`` where an agent is asked for."""
    values = schema.get("enum")
    if isinstance(values, list) and values:
        return chosen if chosen in values else values[0]
    if "const" in schema:
        return schema["const"]
    kind = schema.get("type")
    if kind == "object":
        properties = schema.get("properties")
        named = properties.items() if isinstance(properties, Mapping) else ()
        return {
            name: chosen
            if "agent" in name and part.get("type") == "string" and "enum" not in part
            else _fill(part, chosen)
            for name, part in named
            if isinstance(part, Mapping)
        }
    if kind == "array":
        items = schema.get("items")
        return [_fill(items, chosen)] if isinstance(items, Mapping) else []
    return {"number": 1.0, "integer": 1, "boolean": False, "string": ""}.get(str(kind))

"""Answers a prompt that asks for JSON: which agent shall serve the request, or which ones."""

import json
import re
from collections.abc import Mapping
from typing import Any

from agents.offline_model.kinds import Kind, kind_of
from agents.offline_model.prompt_reading import Situation
from agents.offline_model.understanding import language_of, understand

_AGENT = re.compile(r"\b[a-z]+_agent\b")
# "Open" and "read" without a noun are said of notes, "reached" of checkpoints and so on: the rules know such words.
_DEFAULT = "task_agent"


def answer(situation: Situation, response_format: Any) -> str | None:
    """JSON text, or null when the prompt asks for none."""
    schema = _schema(response_format)
    agents = list(dict.fromkeys(_AGENT.findall(f"{json.dumps(schema)}\n{situation.system}")))
    asks_in_words = not situation.tools and bool(agents) and "json" in situation.system.lower()
    if schema is None and response_format is None and not asks_in_words:
        return None
    chosen = [agent for agent in wanted(situation) if agent in agents] or [_fallback(agents)]
    if schema:
        return json.dumps(_fill(schema, chosen))
    return json.dumps({"agents": chosen} if '"agents"' in situation.system else {"agent": chosen[0]})


def wanted(situation: Situation) -> list[str]:
    """The agents that the request takes, in the order in which it needs them."""
    language = language_of(situation.request)
    intents = understand(situation.request, situation.today, situation.projects)
    found: dict[str, None] = {}
    for intent in intents:
        if not intent.tool:
            continue
        kind = kind_of(intent.tool)
        if not intent.explicit and language.is_pronoun(intent.target) and not found:
            kind = _spoken_of(situation) or kind
        found[f"{kind}_agent"] = None
    if not found:
        kind = language.kind_in(situation.request) or _spoken_of(situation) or Kind.TASK
        found[f"{kind}_agent"] = None
    return list(found)


def _spoken_of(situation: Situation) -> Kind | None:
    """What the conversation was about, as far as it names a kind of record."""
    for text in situation.earlier:
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


def _fill(schema: Mapping[str, Any], chosen: list[str]) -> Any:
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
            else _fill(part, chosen)
            for name, part in named
            if isinstance(part, Mapping)
        }
    if kind == "array":
        items = schema.get("items")
        return [_fill(items, [agent]) for agent in chosen] if isinstance(items, Mapping) else []
    return {"number": 1.0, "integer": 1, "boolean": False, "string": ""}.get(str(kind))

"""The identifiers that give our internals away, and what each of them is."""

from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

from chat.sanitizer.folding import plain

ROUTING_KEYS = (
    "agent",
    "agents",
    "agent_name",
    "agent_names",
    "intent",
    "intents",
    "pipeline",
    "route",
    "routes",
    "routed_to",
    "selected_agent",
    "selected_agents",
    "target_agent",
    "next_agent",
)
_SCHEMA_KEYS = ("parameters", "input_schema", "inputSchema", "args_schema")


class Kind(Enum):
    AGENT = "agent"
    TOOL = "tool"
    ROUTING_KEY = "routing key"
    NAME_KEY = "name key"
    FUNCTION_KEY = "function key"
    SCHEMA_KEY = "schema key"


class Vocabulary:
    """Words are folded, with their underscores."""

    __slots__ = ("kinds", "prefixes")

    def __init__(self, *, agent_names: Iterable[str], routing_keys: Iterable[str], tool_names: Iterable[str]) -> None:
        self.kinds: dict[str, Kind] = {}
        # TaskAgent is the class of task_agent; "task agent" are two ordinary words.
        agents = [way for name in agent_names for way in (name, name.replace("_", ""))]
        for keys, kind in (
            (("name",), Kind.NAME_KEY),
            (("function",), Kind.FUNCTION_KEY),
            (_SCHEMA_KEYS, Kind.SCHEMA_KEY),
            (routing_keys, Kind.ROUTING_KEY),
            (tool_names, Kind.TOOL),
            (agents, Kind.AGENT),
        ):
            self.kinds |= {plain(key): kind for key in keys}
        self.prefixes = frozenset(text[:length] for text in self.kinds for length in range(len(text) + 1))


def tool_name(schema: Mapping[str, Any]) -> str:
    """Of a tool as a chat completion takes it, or of its bare function."""
    return str(schema.get("function", schema)["name"])

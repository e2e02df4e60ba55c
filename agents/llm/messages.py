"""Chat messages in the shape every OpenAI-compatible API takes, as plain dicts."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

Message = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """``arguments`` is the text the model wrote: JSON if it kept to the rules."""

    id: str
    name: str
    arguments: str


def system(text: str) -> Message:
    return {"role": "system", "content": text}


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def assistant(text: str, calls: Iterable[ToolCall] = ()) -> Message:
    """A model's own turn. A call's arguments must be a JSON object here: some providers parse them again."""
    message: Message = {"role": "assistant", "content": text}
    tool_calls = [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in calls
    ]
    if tool_calls:
        message["tool_calls"] = tool_calls
    return message


def tool(call_id: str, content: str) -> Message:
    """The result of the call ``call_id``."""
    return {"role": "tool", "tool_call_id": call_id, "content": content}

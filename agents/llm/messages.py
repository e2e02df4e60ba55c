"""Chat messages in the shape every OpenAI-compatible API takes, as plain dicts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

Message = dict[str, Any]

# Under this key a model's own turn carries what its provider wants back; ``dialects`` takes it out.
STATE = "provider_state"


@dataclass(frozen=True, slots=True)
class ToolCall:
    """``arguments`` is the text the model wrote: JSON if it kept to the rules. ``extra``: the provider's own fields."""

    id: str
    name: str
    arguments: str
    extra: Mapping[str, Any] | None = field(default=None, compare=False)


def system(text: str) -> Message:
    return {"role": "system", "content": text}


def user(text: str) -> Message:
    return {"role": "user", "content": text}


def assistant(
    text: str, calls: Iterable[ToolCall] = (), *, model: str = "", state: Mapping[str, Any] | None = None
) -> Message:
    """A model's own turn. A call's arguments must be a JSON object here: some providers parse them again.

    ``model`` and ``state``: who said it, and what that provider wants back with it (``Reply``).
    """
    message: Message = {"role": "assistant", "content": text}
    tool_calls: list[dict[str, Any]] = []
    own: dict[str, Any] = {}
    for call in calls:
        function = {"name": call.name, "arguments": call.arguments}
        tool_calls.append({"id": call.id, "type": "function", "function": function})
        if call.extra:
            own[call.id] = call.extra
    if tool_calls:
        message["tool_calls"] = tool_calls
        if not text:
            # Null and not "": LiteLLM writes a sentence of its own for an empty one, which Claude takes for its words.
            message["content"] = None
    if state or own:
        message[STATE] = {"model": model, "fields": dict(state or {}), "calls": own}
    return message


def tool(call_id: str, content: str) -> Message:
    """The result of the call ``call_id``."""
    return {"role": "tool", "tool_call_id": call_id, "content": content}

"""A conversation as one provider takes it: what belongs to another one is left out, and its own rules are kept."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import Any

from agents.llm import messages as message
from agents.llm.messages import STATE, Message

# 400 "Tool call id was … but must be a-z, A-Z, 0-9, with a length of 9."
_MISTRAL = ("mistral/", "codestral/")
_MISTRAL_ID = re.compile(r"[A-Za-z0-9]{9}")
# 400 "first message must use the "user" role"; for Bedrock LiteLLM puts in "Please continue.", which nobody said.
_USER_FIRST = ("anthropic/", "bedrock/", "gemini/", "vertex_ai/")
_GREETING = "Hello."
_REASONING = "reasoning_content"
# 400 "property 'reasoning_content' is unsupported"; what others refuse ``features`` finds out.
_NO_REASONING_BACK = ("groq/",)
# LiteLLM makes one of two equal calls but keeps both results; Gemini counts: 400 "number of function response parts".
_EQUAL_CALLS_ARE_ONE = ("gemini/", "vertex_ai/")


def for_model(messages: Sequence[Message], model: str, *, reasoning: bool = True) -> list[Message]:
    """Copies of ``messages`` for the model ``model`` (LiteLLM's name), with the provider's state that is its own.

    Without its ``reasoning`` where the provider does not want it back.
    """
    if model.startswith(_USER_FIRST):
        messages = _begin_with_the_user(messages)
    if model.startswith(_EQUAL_CALLS_ARE_ONE):
        messages = list(_drop_equal_calls(messages))
    if model.startswith(_MISTRAL):
        messages = [_give_mistral_ids(each) for each in messages]
    return [_put_state(each, model, reasoning=reasoning) if STATE in each else each.copy() for each in messages]


def has_reasoning(messages: Iterable[Message], model: str) -> bool:
    """Whether the model's own would be handed back to it."""
    if model.startswith(_NO_REASONING_BACK):
        return False
    states = (each[STATE] for each in messages if STATE in each)
    return any(state["model"] == model and _REASONING in state["fields"] for state in states)


def _put_state(message: Message, model: str, *, reasoning: bool) -> Message:
    state = message[STATE]
    message = {name: value for name, value in message.items() if name != STATE}
    if state["model"] != model:
        return message
    calls = [
        call | {"provider_specific_fields": state["calls"][call["id"]]} if call["id"] in state["calls"] else call
        for call in message.get("tool_calls", ())
    ]
    fields = {name: value for name, value in state["fields"].items() if reasoning or name != _REASONING}
    return message | fields | ({"tool_calls": calls} if calls else {})


def _begin_with_the_user(messages: Sequence[Message]) -> Sequence[Message]:
    at = next((number for number, each in enumerate(messages) if each["role"] != "system"), None)
    if at is None or messages[at]["role"] == "user":
        return messages
    return [*messages[:at], message.user(_GREETING), *messages[at:]]


def _drop_equal_calls(messages: Iterable[Message]) -> Iterable[Message]:
    dropped: set[str] = set()
    for each in messages:
        if "tool_calls" in each:
            kept: dict[tuple[str, str], Any] = {}
            for call in each["tool_calls"]:
                same = (call["function"]["name"], call["function"]["arguments"])
                if kept.setdefault(same, call) is not call:
                    dropped.add(call["id"])
            yield each | {"tool_calls": list(kept.values())}
        elif each.get("tool_call_id") not in dropped:
            yield each


def _give_mistral_ids(message: Message) -> Message:
    if "tool_call_id" in message:
        return message | {"tool_call_id": _mistral_id(message["tool_call_id"])}
    if "tool_calls" in message:
        return message | {"tool_calls": [call | {"id": _mistral_id(call["id"])} for call in message["tool_calls"]]}
    return message


def _mistral_id(call_id: str) -> str:
    if _MISTRAL_ID.fullmatch(call_id):
        return call_id
    return hashlib.sha256(call_id.encode()).hexdigest()[:9]

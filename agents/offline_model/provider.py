"""The offline model as a LiteLLM provider: it takes the very path that a remote model takes.

Imported by ``agents.llm.factory`` only, where a setting names an ``offline/`` model.
"""

import asyncio
import json
import re
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from litellm.llms.custom_llm import CustomLLM
from litellm.types.utils import Choices, GenericStreamingChunk, ModelResponse, Usage
from litellm.types.utils import Message as LiteLLMMessage

from agents.llm.messages import Message, ToolCall
from agents.llm.port import Reply
from agents.offline_model import phrasing
from agents.offline_model.building.answering import answer_as_builder
from agents.offline_model.building.carrying_out import carry_out
from agents.offline_model.intents import Intent
from agents.offline_model.kinds import Kind, kind_of, name_of
from agents.offline_model.languages import answer_in_foreign_language, language_of
from agents.offline_model.languages.language import Language
from agents.offline_model.prompt_reading import Prompt, read_follow_up
from agents.offline_model.steps import MAX_CALLS, Step, find_namesakes, step_for
from agents.offline_model.structured_replies import answer_in_json
from agents.offline_model.understanding import understand

PROVIDER = "offline"
# Slow enough to be seen streaming and to be cancelled, fast enough not to wait for.
_SECONDS_A_WORD = 0.015
_WORDS = re.compile(r"\s*\S+\s*?(?=\s|$)|\s+")


class OfflineModel(CustomLLM):
    """``offline/adiuva``. Only the asynchronous forms: nothing here asks for the others."""

    async def acompletion(  # type: ignore[override]
        self, *, model: str, messages: Sequence[Message], optional_params: dict[str, Any], **_: Any
    ) -> ModelResponse:
        reply = next_reply(messages, optional_params)
        answer = LiteLLMMessage(content=reply.text or None, tool_calls=_openai_calls(reply) or None)
        usage = _usage(messages, reply)
        return ModelResponse(
            model=model,
            choices=[Choices(message=answer, finish_reason=_finish_reason(reply))],
            usage=Usage(usage["prompt_tokens"], usage["completion_tokens"], usage["total_tokens"]),
        )

    async def astreaming(  # type: ignore[override]
        self, *, messages: Sequence[Message], optional_params: dict[str, Any], **_: Any
    ) -> AsyncIterator[GenericStreamingChunk]:
        reply = next_reply(messages, optional_params)
        for word in _WORDS.findall(reply.text):
            await asyncio.sleep(_SECONDS_A_WORD)
            yield _chunk(text=word)
        for index, call in enumerate(_openai_calls(reply)):
            yield _chunk(tool_use={**call, "index": index})
        yield _chunk(finish_reason=_finish_reason(reply), usage=_usage(messages, reply))


def _chunk(text: str = "", finish_reason: str = "", tool_use: Any = None, usage: Any = None) -> GenericStreamingChunk:
    return GenericStreamingChunk(
        text=text,
        is_finished=bool(finish_reason),
        finish_reason=finish_reason,
        usage=usage,
        index=0,
        tool_use=tool_use,
    )


def _openai_calls(reply: Reply) -> list[dict[str, Any]]:
    return [
        {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
        for call in reply.calls
    ]


def _finish_reason(reply: Reply) -> str:
    return "tool_calls" if reply.calls else "stop"


def _usage(messages: Sequence[Message], reply: Reply) -> dict[str, int]:
    """Words, this model's tokens."""
    asked = sum(len(str(message.get("content") or "").split()) for message in messages)
    answered = len(reply.text.split()) + sum(1 + len(call.arguments.split()) for call in reply.calls)
    return {"prompt_tokens": asked, "completion_tokens": answered, "total_tokens": asked + answered}


# Ids of calls tell which intent they serve, so that each later round reads the state off the conversation.
_PREFIX = "offline"
_LOOKUP = "lookup"


def next_reply(messages: Sequence[Message], optional_params: Mapping[str, Any]) -> Reply:
    """The next reply to ``messages``; ``optional_params`` are those of a chat completion (tools, response_format)."""
    prompt = Prompt.read(messages, optional_params)
    reply = _reply_about_batches(prompt)
    return _reply_in_conversation(read_follow_up(prompt), optional_params) if reply is None else reply


def _reply_about_batches(prompt: Prompt) -> Reply | None:
    """A batch for a sentence, or what its step does with one record; null where neither is asked for."""
    if prompt.is_for_builder:
        return Reply(answer_as_builder(prompt))
    calls = carry_out(prompt) if prompt.is_for_one_record else None
    if calls is None:
        return None
    return Reply("" if calls else "Done.", tuple(_call("map", name, arguments) for name, arguments in calls))


def _reply_in_conversation(prompt: Prompt, optional_params: Mapping[str, Any]) -> Reply:
    structured = answer_in_json(prompt, optional_params.get("response_format"))
    if structured is not None:
        return Reply(structured)
    if prompt.is_synthesis:
        return Reply(phrasing.merge_answers(prompt))
    talk = phrasing.answer_small_talk(prompt.request)
    if talk is not None:
        return Reply(talk)
    foreign = answer_in_foreign_language(prompt.request)
    if foreign is not None:
        return Reply(foreign)
    language = language_of(prompt.request)
    intents = understand(prompt.request, prompt.today, prompt.projects, _kind(prompt))
    if prompt.named:
        intents = [replace(i, target=prompt.named) for i in intents if _asked_about(i, prompt, language)]
    intents = _without_parts_of_namesakes(intents, prompt)
    steps = [
        step_for(intent, [o for o in prompt.outcomes if _serves(o.call_id, number)], prompt, language)
        for number, intent in enumerate(intents)
    ]
    calls = _calls(steps, prompt)
    return Reply("", tuple(calls)) if calls else Reply(phrasing.compose_answer(steps, prompt, language))


def _without_parts_of_namesakes(intents: Sequence[Intent], prompt: Prompt) -> list[Intent]:
    """What shall be in a new project must not go into another one of that name."""
    taken = {str(row.get("id")) for intent in intents for row in find_namesakes(intent, prompt)}
    return [i for i in intents if not (i.tool.startswith("create_") and i.fields.get("project_id") in taken)]


def _asked_about(intent: Intent, prompt: Prompt, language: Language) -> bool:
    """It was for this that we asked; the rest of that request has been served."""
    candidates = step_for(intent, [], prompt, language).candidates
    return intent.changes and any(name_of(kind_of(intent.tool), row) == prompt.named for row in candidates)


def _kind(prompt: Prompt) -> Kind:
    """What the tools on offer are for."""
    return next((kind for kind in Kind if f"create_{kind}" in prompt.tools), Kind.TASK)


def _calls(steps: Sequence[Step], prompt: Prompt) -> list[ToolCall]:
    """The calls to make now. Each intent is served once; records that are missing are looked up once a turn."""
    calls = [
        _call(f"{number}", name, arguments)
        for number, step in enumerate(steps)
        if not step.outcomes
        for name, arguments in step.calls
        if name in prompt.tools
    ]
    looked_up = {(o.name, json.dumps(o.arguments)) for o in prompt.outcomes if f"-{_LOOKUP}-" in o.call_id}
    lookups: dict[tuple[str, str], dict[str, Any]] = {}
    for step in steps:
        if step.lookup and step.intent.tool in prompt.tools and not step.outcomes:
            name, arguments = step.lookup
            lookups[name, json.dumps(arguments)] = arguments
    calls += [
        _call(_LOOKUP, name, arguments)
        for (name, text), arguments in lookups.items()
        if name in prompt.tools and (name, text) not in looked_up
    ]
    return calls[:MAX_CALLS]


def _call(purpose: str, name: str, arguments: dict[str, Any]) -> ToolCall:
    return ToolCall(f"{_PREFIX}-{purpose}-{uuid.uuid4().hex[:12]}", name, json.dumps(arguments))


def _serves(call_id: str, number: int) -> bool:
    return call_id.startswith(f"{_PREFIX}-{number}-")

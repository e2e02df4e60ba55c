"""The offline model as a LiteLLM provider: it takes the very path that a remote model takes.

Imported with LiteLLM only, that is by ``agents.litellm_client``.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any

from litellm.llms.custom_llm import CustomLLM
from litellm.types.utils import Choices, GenericStreamingChunk, ModelResponse, Usage
from litellm.types.utils import Message as LiteLLMMessage

from agents.messages import Message
from agents.offline.brain import think
from agents.replies import Reply

PROVIDER = "offline"
# Slow enough to be seen streaming and to be cancelled, fast enough not to wait for.
_SECONDS_A_WORD = 0.015
_WORDS = re.compile(r"\s*\S+\s*?(?=\s|$)|\s+")


class OfflineModel(CustomLLM):
    """``offline/adiuva``. Only the asynchronous forms: nothing here asks for the others."""

    async def acompletion(  # type: ignore[override]
        self, *, model: str, messages: Sequence[Message], optional_params: dict[str, Any], **_: Any
    ) -> ModelResponse:
        reply = think(messages, optional_params)
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
        reply = think(messages, optional_params)
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

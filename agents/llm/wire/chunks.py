"""What one chunk of a provider's stream says, in OpenAI's shape or in those that LiteLLM's parsers make of others."""

import json
from collections.abc import Mapping
from typing import Any

from agents.llm.assembly import ReplyAssembler
from agents.llm.port import FinishReason, Usage

_STATUS_BY_TYPE = {
    "overloaded_error": 529,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "insufficient_quota": 429,
    "content_filter": 400,
}
# How an answer ended, in the words of the providers that LiteLLM does not know or makes "stop" of.
_CUT_BY_THE_LIMIT = {"length", "max_tokens", "model_length", "model_context_window_exceeded", "MAX_TOKENS"}
# The provider gave up, or the model wrote a call that cannot be read: another try may well succeed.
_GIVEN_UP = {
    *("error", "insufficient_system_resource", "malformed_tool_use", "malformed_model_output"),
    *("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS"),
}
# Of one call; a larger number is a mistake, and a database column would not hold it.
_MOST_TOKENS = 10**9
_STATE_FIELDS = ("reasoning_content", "reasoning_details", "thinking_blocks")


class ChunkError(Exception):
    """The provider reported an error in the middle of its stream; ``status_code`` where it named one."""

    def __init__(self, status: int | None = None) -> None:
        super().__init__("an error in the stream")
        self.status_code = status


class Heard:
    """What a stream has said so far. ``finish_reason`` is null until the provider has given one."""

    __slots__ = ("assembler", "finish_reason", "refused", "usage")

    def __init__(self, assembler: ReplyAssembler) -> None:
        self.assembler = assembler
        self.finish_reason: FinishReason | None = None
        self.usage: Usage | None = None
        self.refused = False

    @property
    def is_over(self) -> bool:
        """Nothing that matters can come any more."""
        return self.finish_reason is not None and self.usage is not None

    def read_openai_chunk(self, chunk: Mapping[str, Any]) -> str | None:
        """One chunk of a chat completion; its text. Raises ``ChunkError``."""
        if "error" in chunk or chunk.get("object") == "error":
            raise_error(chunk)
        text = None
        choices = chunk.get("choices")
        if choices:
            choice = choices[0]
            # A server that does not stream, although it was asked to, sends the whole message.
            delta = choice.get("delta") or choice.get("message")
            if delta:
                text = delta.get("content")
                if len(delta) > 1 or text is None:
                    self._read_rest(delta)
                if text is not None and not isinstance(text, str):
                    text = _text_of_parts(text)
                if isinstance(delta.get("refusal"), str) and delta["refusal"]:
                    self.refused = True
                    text = (text or "") + delta["refusal"]
            if choice.get("finish_reason"):
                self.finish(choice["finish_reason"])
        usage = chunk.get("usage")
        if isinstance(usage, Mapping):
            self.count(usage.get("prompt_tokens"), usage.get("completion_tokens"))
        return text

    def _read_rest(self, delta: Mapping[str, Any]) -> None:
        calls = delta.get("tool_calls")
        if calls:
            self.assembler.add_call_pieces(map(_piece, calls))
        if any(delta.get(name) for name in _STATE_FIELDS):
            self.assembler.add_state(delta)

    def read_parsed(self, chunk: Any) -> str | None:
        """One of LiteLLM's own: a ``ModelResponseStream``, a ``GenericStreamingChunk`` (a dict), or null."""
        if chunk is None:
            return None
        if isinstance(chunk, dict):
            return self._read_generic(chunk)
        usage = getattr(chunk, "usage", None)
        if usage is not None:
            self.count(usage.prompt_tokens, usage.completion_tokens)
        text = None
        for choice in chunk.choices[:1]:
            delta = choice.delta
            if delta.tool_calls:
                self.assembler.add_call_pieces(_parsed_piece(call) for call in delta.tool_calls)
            state = {name: getattr(delta, name, None) for name in _STATE_FIELDS}
            if any(state.values()):
                self.assembler.add_state(state)
            if choice.finish_reason:
                self.finish(choice.finish_reason)
            text = delta.content
        return text

    def read_ollama_chunk(self, chunk: Mapping[str, Any]) -> str | None:
        """One line of Ollama's chat; its text. Raises ``ChunkError``.

        LiteLLM's parser takes the marks off thoughts in the content (``<think>``) and hands them on as the answer.
        """
        raise_error(chunk)
        message = chunk.get("message") or {}
        for call in message.get("tool_calls") or ():
            function = call["function"]
            arguments = json.dumps(function.get("arguments") or {})
            piece = {"id": call.get("id"), "name": function["name"], "args": arguments, "index": function.get("index")}
            self.assembler.add_call_pieces([piece])
        if message.get("thinking"):
            self.assembler.add_state({"reasoning_content": message["thinking"]})
        if chunk.get("done"):
            self.finish(chunk.get("done_reason") or "stop")
            self.count(chunk.get("prompt_eval_count"), chunk.get("eval_count"))
        text: str | None = message.get("content")
        return text

    def _read_generic(self, chunk: Mapping[str, Any]) -> str | None:
        call, usage = chunk.get("tool_use"), chunk.get("usage")
        if call:
            self.assembler.add_call_pieces([_piece(call)])
        if usage:
            self.count(usage["prompt_tokens"], usage["completion_tokens"])
        if chunk.get("is_finished"):
            self.finish(chunk.get("finish_reason") or "stop")
        return chunk.get("text")

    def finish(self, reason: str) -> None:
        """``reason`` is the provider's word or LiteLLM's. Raises ``ChunkError`` for one that ends in nothing."""
        if reason in _GIVEN_UP:
            raise ChunkError
        if reason in _CUT_BY_THE_LIMIT:
            self.finish_reason = "length"
        elif reason in {"content_filter", "refusal"}:
            self.finish_reason = "content_filter"
        elif self.finish_reason is None:
            self.finish_reason = "stop"

    def count(self, input_tokens: Any, output_tokens: Any) -> None:
        """Providers report once, or a growing total. What is no sane number was not reported."""
        known = self.usage or Usage()
        self.usage = Usage(
            max(known.input_tokens, _whole_number(input_tokens)), max(known.output_tokens, _whole_number(output_tokens))
        )


def find_reason(chunk: Mapping[str, Any]) -> str | None:
    """How an answer ended, as the provider itself says it: in OpenAI's shape, Anthropic's or Gemini's."""
    if chunk.get("type") == "message_delta":
        return (chunk.get("delta") or {}).get("stop_reason")
    for name, key in (("choices", "finish_reason"), ("candidates", "finishReason")):
        if chunk.get(name):
            reason: str | None = chunk[name][0].get(key)
            return reason
    return None


def fill_arguments(chunk: Mapping[str, Any]) -> None:
    """Gemini leaves the arguments of a call out where there are none, which LiteLLM's parser does not expect."""
    for candidate in chunk.get("candidates") or ():
        for part in (candidate.get("content") or {}).get("parts") or ():
            if "functionCall" in part:
                part["functionCall"].setdefault("args", {})


def raise_error(chunk: Mapping[str, Any]) -> None:
    """Raises ``ChunkError`` for an error that comes as an event: under ``error``, or, Mistral's, as the whole of it."""
    if chunk.get("error"):
        raise ChunkError(_status_of(chunk["error"]))
    if chunk.get("object") == "error" or chunk.get("type") == "error":
        raise ChunkError(_status_of(chunk))


def _whole_number(value: Any) -> int:
    return value if type(value) is int and 0 <= value <= _MOST_TOKENS else 0


def _piece(call: Mapping[str, Any]) -> dict[str, Any]:
    """What is not of its type counts as left out: a call without a name goes back to the model."""
    function = call.get("function")
    function = function if isinstance(function, Mapping) else {}
    name, call_id, index, extra = (
        *(function.get("name"), call.get("id"), call.get("index")),
        call.get("provider_specific_fields"),
    )
    return {
        "id": call_id if isinstance(call_id, str) else None,
        "name": name if isinstance(name, str) else None,
        "args": function.get("arguments"),
        "index": index if type(index) is int else None,
        "extra": extra if isinstance(extra, Mapping) else None,
    }


def _parsed_piece(call: Any) -> dict[str, Any]:
    if isinstance(call, dict):
        return _piece(call)
    return {
        "id": call.id,
        "name": call.function.name,
        "args": call.function.arguments,
        "index": call.index,
        "extra": getattr(call, "provider_specific_fields", None),
    }


def _text_of_parts(parts: Any) -> str:
    """Mistral's thinking models send a list; what is not text in it is their thinking."""
    return "".join(str(part.get("text") or "") for part in parts if isinstance(part, Mapping) and "text" in part)


def _status_of(error: Any) -> int | None:
    if not isinstance(error, Mapping):
        return None
    for name in ("code", "status", "type"):
        value = error.get(name)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if isinstance(value, str) and (value.isdigit() or value in _STATUS_BY_TYPE):
            return int(value) if value.isdigit() else _STATUS_BY_TYPE[value]
    return None

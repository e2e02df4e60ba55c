"""Ollama's own chat: a line of JSON for each token. Its source is the reference: server/routes.go, api/types.go."""

import json
from collections.abc import Iterator
from typing import Any

from tests.fakes.providers.script import Answer, Body, Refused, Trouble
from tests.fakes.providers.server import ProviderServer, Request

_FIELDS = {"model", "messages", "stream", "format", "keep_alive", "tools", "options", "think", "truncate", "shift"}


class OllamaServer(ProviderServer):
    """``can``: what the model is capable of, as ``/api/show`` says it; one that thinks although Ollama does not know it
    does so in its content. A local server asks for no key.
    """

    stream_type = "application/x-ndjson"
    model = "llama3.1"
    filters = False

    def __init__(self) -> None:
        super().__init__()
        self.can = {"completion", "tools", "thinking"}

    @property
    def base_url(self) -> str:
        return self.origin

    def answer_aside(self, request: Request) -> Any:
        if request.path == "/api/show":
            return {"details": {"family": "llama"}, "model_info": {}, "capabilities": sorted(self.can), "template": ""}
        return {"version": "0.12.0"} if request.path == "/api/version" else None

    # --- what it accepts ----------------------------------------------------------------------------------------

    def check(self, request: Request) -> None:
        if (request.method, request.path) != ("POST", "/api/chat"):
            raise Refused(404, "404 page not found", {"Content-Type": "text/plain"})
        body = request.body
        if body.get("model") != self.model:
            raise Refused(404, {"error": f"model '{body.get('model')}' not found"})
        assert body.keys() <= _FIELDS, f"Ollama ignores {body.keys() - _FIELDS} without a word"
        for message in body.get("messages") or ():
            _check_message(message)
        if body.get("tools") and "tools" not in self.can:
            raise Refused(400, {"error": f"registry.ollama.ai/library/{self.model}:latest does not support tools"})
        if body.get("think") and "thinking" not in self.can:
            raise Refused(400, {"error": f'"{self.model}" does not support thinking'})

    def refuse(self, trouble: Trouble) -> Refused:
        match trouble.kind:
            case "rate_limited":  # of ollama.com; a server of one's own has no limit but its queue
                wait = {"Retry-After": str(trouble.retry_after)} if trouble.retry_after else {}
                return Refused(429, {"error": "you've reached your hourly usage limit"}, wait)
            case "overloaded":
                return Refused(503, {"error": "server busy, please try again.  maximum pending requests exceeded"})
            case "unauthorized":
                return Refused(401, {"error": "unauthorized"})
            case "too_long":
                return Refused(400, {"error": "the input length exceeds the context length"})
            case "filtered_prompt":
                raise AssertionError("Ollama filters nothing")
            case _:
                return Refused(500, {"error": "llama runner process has terminated: exit status 2"})

    # --- what it says -------------------------------------------------------------------------------------------

    def wants_stream(self, request: Request) -> bool:
        return bool(request.body.get("stream", True))

    def stream(self, request: Request, answer: Answer) -> Iterator[bytes]:
        if answer.reasoning and "thinking" not in self.can:
            for piece in ("<think>", *answer.reasoning, "</think>", "\n\n"):
                yield self._line({"role": "assistant", "content": piece})
        elif answer.reasoning:
            for piece in answer.reasoning:
                yield self._line({"role": "assistant", "content": "", "thinking": piece})
        for piece in answer.text:
            yield self._line({"role": "assistant", "content": piece})
        if answer.breaks:
            if answer.breaks == "error":
                yield b'{"error":"an error was encountered while running the model: CUDA error"}\n'
            return
        if answer.calls:
            yield self._line({"role": "assistant", "content": "", "tool_calls": _calls(answer)})
        yield self._line({"role": "assistant", "content": ""}, **_end(answer))

    def whole(self, request: Request, answer: Answer) -> Body:
        message: Body = {"role": "assistant", "content": "".join(answer.text)}
        if answer.reasoning:
            message["thinking"] = "".join(answer.reasoning)
        if answer.calls:
            message["tool_calls"] = _calls(answer)
        return dict(json.loads(self._line(message, **_end(answer))))

    def _line(self, message: Body, **more: Any) -> bytes:
        frame = {"model": self.model, "created_at": "2026-11-28T12:00:00.123456Z", "message": message, "done": False}
        return json.dumps(frame | more).encode() + b"\n"


def _check_message(message: Body) -> None:
    """Go's decoder: content is a string, arguments are an object."""
    if not isinstance(message.get("content", ""), str):
        raise _mistyped("array", "messages.content", "string")
    for made in message.get("tool_calls") or ():
        if not isinstance(made["function"].get("arguments"), dict):
            kind = "api.ToolCallFunctionArguments"
            raise _mistyped("string", "messages.tool_calls.function.arguments", kind)


def _mistyped(found: str, place: str, kind: str) -> Refused:
    words = f"json: cannot unmarshal {found} into Go struct field ChatRequest.{place} of type {kind}"
    return Refused(400, {"error": words})


def _calls(answer: Answer) -> list[Body]:
    return [
        {"id": made.id, "function": {"index": number, "name": made.name, "arguments": json.loads(made.arguments)}}
        for number, made in enumerate(answer.calls)
    ]


def _end(answer: Answer) -> Body:
    asked, said = answer.usage
    reason = "length" if answer.end == "length" else "stop"
    durations = {
        "total_duration": 1_000_000,
        "load_duration": 1000,
        "prompt_eval_duration": 1000,
        "eval_duration": 1000,
    }
    return {"done": True, "done_reason": reason, "prompt_eval_count": asked, "eval_count": said, **durations}

"""Gemini's API, streamed: https://ai.google.dev/api/generate-content."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.fakes.llm_server import Call
from tests.fakes.providers.script import Answer, Body, End, Refused, Trouble
from tests.fakes.providers.server import ProviderServer, Request, event

_FINISH: Mapping[End, str] = {
    "stop": "STOP",
    "length": "MAX_TOKENS",
    "filtered": "SAFETY",
    "refused": "PROHIBITED_CONTENT",
}
_PATH = re.compile(r"/v1(?:beta|alpha)?/models/(?P<model>[^/:]+):(?P<verb>streamGenerateContent|generateContent)")
_PARAMETERS = {
    *("contents", "tools", "toolConfig", "safetySettings", "systemInstruction", "generationConfig", "cachedContent"),
    # protobuf's JSON takes its own names as well
    *("tool_config", "safety_settings", "system_instruction", "generation_config", "labels"),
}
# Of OpenAPI's schema object; others are unknown to ``parameters`` (``parametersJsonSchema`` takes any).
_SCHEMA = {
    *("type", "format", "title", "description", "nullable", "enum", "items", "minItems", "maxItems", "properties"),
    *("required", "propertyOrdering", "anyOf", "minimum", "maximum", "minLength", "maxLength", "pattern", "default"),
    *("example", "minProperties", "maxProperties"),
}
SIGNATURE = "c2lnbmF0dXJl"


class GeminiServer(ProviderServer):
    """``signs``: a model of the third generation, which wants the signature of each step's first call back."""

    def __init__(self) -> None:
        super().__init__()
        self.signs = False

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1beta"

    # --- what it accepts ----------------------------------------------------------------------------------------

    def check(self, request: Request) -> None:
        if request.method != "POST" or not _PATH.fullmatch(request.path):
            raise Refused(404, "")
        if (request.headers.get("x-goog-api-key") or request.query.get("key")) != self.key:
            raise self.refuse(Trouble("unauthorized"))
        body = request.body
        for name in sorted(body.keys() - _PARAMETERS):
            raise _unknown(name, "")
        for tool in body.get("tools") or ():
            for number, function in enumerate(
                tool.get("functionDeclarations") or tool.get("function_declarations") or ()
            ):
                _check_schema(function.get("parameters") or {}, f"tools[0].function_declarations[{number}].parameters")
        self._check_contents(body.get("contents") or [])

    def answer_aside(self, request: Request) -> Any:
        if self.models is None or (request.method, request.path) != ("GET", "/v1beta/models"):
            return None
        self.records.lists.append(request)
        if request.headers.get("x-goog-api-key") != self.key:
            raise self.refuse(Trouble("unauthorized"))
        rows = [{"name": f"models/{name}", "supportedGenerationMethods": ["generateContent"]} for name in self.models]
        return {"models": [*rows, {"name": "models/embedder", "supportedGenerationMethods": ["embedContent"]}]}

    def _check_contents(self, contents: list[Body]) -> None:
        if not contents:
            raise _invalid("* GenerateContentRequest.contents: contents is not specified\n")
        called = 0
        for number, content in enumerate(contents):
            parts = content.get("parts") or []
            if content.get("role", "user") not in {"user", "model", "function"}:
                raise _invalid("Please use a valid role: user, model.")
            if not parts:
                raise _invalid(
                    f"* GenerateContentRequest.contents[{number}].parts: contents.parts must not be empty.\n"
                )
            answered = sum("functionResponse" in part or "function_response" in part for part in parts)
            if answered != called:
                raise _invalid(
                    "Please ensure that the number of function response parts is equal to the number of function call"
                    " parts of the function call turn."
                )
            calls = [part for part in parts if "functionCall" in part or "function_call" in part]
            if calls and (number == 0 or contents[number - 1].get("role") == "model"):
                raise _invalid(
                    "Please ensure that function call turn comes immediately after a user turn or after a function"
                    " response turn."
                )
            if calls and self.signs and not calls[0].get("thoughtSignature"):
                name = (calls[0].get("functionCall") or calls[0].get("function_call"))["name"]
                raise _invalid(
                    "Function call is missing a thought_signature in functionCall parts. This is required for tools to"
                    f" work correctly. Additional data, function call `default_api:{name}` , position {number + 1}."
                )
            called = len(calls)

    def refuse(self, trouble: Trouble) -> Refused:
        match trouble.kind:
            case "rate_limited":
                words = "You exceeded your current quota, please check your plan and billing details."
                kinds = "type.googleapis.com/google.rpc."
                violation = {"quotaMetric": "generate_content_free_tier_requests", "quotaValue": "10"}
                details: list[Body] = [{"@type": f"{kinds}QuotaFailure", "violations": [violation]}]
                if trouble.retry_after:
                    details.append({"@type": f"{kinds}RetryInfo", "retryDelay": f"{trouble.retry_after}s"})
                return _error(429, "RESOURCE_EXHAUSTED", words, details)
            case "overloaded":
                return _error(503, "UNAVAILABLE", "The model is overloaded. Please try again later.")
            case "unauthorized":
                reason = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}
                words = "API key not valid. Please pass a valid API key."
                return _error(400, "INVALID_ARGUMENT", words, [reason])
            case "too_long":
                words = "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."
                return _error(400, "INVALID_ARGUMENT", words)
            case "filtered_prompt":
                raise AssertionError("Gemini says so in an answer: Answer(end='refused') without text")
            case _:
                return _error(500, "INTERNAL", "An internal error has occurred. Please retry.")

    # --- what it says -------------------------------------------------------------------------------------------

    def wants_stream(self, request: Request) -> bool:
        return request.path.endswith(":streamGenerateContent")

    def stream(self, request: Request, answer: Answer) -> Iterator[bytes]:
        """Server-sent events with ``alt=sse``; without it, one array."""
        if request.query.get("alt") != "sse":
            yield json.dumps(list(self._chunks(request, answer))).encode()
            return
        for chunk in self._chunks(request, answer):
            yield event(chunk).replace(b"\n\n", b"\r\n\r\n")

    def _chunks(self, request: Request, answer: Answer) -> Iterator[Body]:
        asked, said = answer.usage
        usage = {"promptTokenCount": asked, "totalTokenCount": asked}
        if answer.end == "refused" and not answer.text:
            yield self._frame(request, {**usage}) | {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}}
            return
        for piece in answer.reasoning:
            yield self._candidate(request, [{"text": piece, "thought": True}], usage)
        for piece in answer.text:
            yield self._candidate(request, [{"text": piece}], usage)
        if answer.breaks:
            if answer.breaks == "error":
                yield self.refuse(Trouble("overloaded")).body
            return
        usage = {"promptTokenCount": asked, "candidatesTokenCount": said, "totalTokenCount": asked + said}
        parts = self._calls(answer) or [{"text": ""}]
        yield self._candidate(request, parts, usage, answer.reason or _FINISH[answer.end])

    def _calls(self, answer: Answer) -> list[Body]:
        parts: list[Body] = [{"functionCall": _function_call(made)} for made in answer.calls]
        if parts and (self.signs or answer.reasoning):
            parts[0]["thoughtSignature"] = SIGNATURE
        return parts

    def whole(self, request: Request, answer: Answer) -> Body:
        *_, last = self._chunks(request, answer)
        if "candidates" in last:
            text = "".join(answer.text)
            last["candidates"][0]["content"]["parts"] = self._calls(answer) or [{"text": text}]
        return last

    def _candidate(self, request: Request, parts: list[Body], usage: Body, reason: str | None = None) -> Body:
        candidate: Body = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if reason:
            candidate["finishReason"] = reason
        return {"candidates": [candidate], **self._frame(request, usage)}

    def _frame(self, request: Request, usage: Body) -> Body:
        found = _PATH.fullmatch(request.path)
        assert found is not None
        return {"usageMetadata": usage, "modelVersion": found["model"], "responseId": "fake"}


def _function_call(made: Call) -> Body:
    """Without arguments there may be no ``args`` at all: an empty field is none in protobuf's JSON."""
    arguments = json.loads(made.arguments)
    return {"name": made.name, **({"args": arguments} if arguments else {})}


def _check_schema(schema: Body, place: str) -> None:
    for name in sorted(schema.keys() - _SCHEMA):
        raise _unknown(name, f" at '{place}'")
    for name, inner in (schema.get("properties") or {}).items():
        _check_schema(inner, f"{place}.properties[{name}]")
    if "items" in schema:
        _check_schema(schema["items"], f"{place}.items")
    for number, inner in enumerate(schema.get("anyOf") or ()):
        _check_schema(inner, f"{place}.any_of[{number}]")


def _unknown(name: str, place: str) -> Refused:
    return _invalid(f'Invalid JSON payload received. Unknown name "{name}"{place}: Cannot find field.')


def _invalid(words: str) -> Refused:
    return _error(400, "INVALID_ARGUMENT", words)


def _error(status: int, name: str, words: str, details: list[Any] | None = None) -> Refused:
    error = {"code": status, "message": words, "status": name}
    return Refused(status, {"error": {**error, **({"details": details} if details else {})}})

"""OpenAI's chat completions, and the protocol that others have taken from it; subclasses say where they differ."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

from tests.fakes.llm_server import Call
from tests.fakes.providers.script import Answer, Body, End, Refused, Trouble
from tests.fakes.providers.server import ProviderServer, Request, event

_FINISH: Mapping[End, str] = {
    "stop": "stop",
    "length": "length",
    "filtered": "content_filter",
    "refused": "content_filter",
}
_PARAMETERS = {
    *("model", "messages", "stream", "stream_options", "temperature", "top_p", "tools", "tool_choice", "user", "n"),
    *("parallel_tool_calls", "response_format", "max_tokens", "max_completion_tokens", "reasoning_effort", "seed"),
}


class OpenAIServer(ProviderServer):
    """``refuses``: parameters that this server or model does not take (``tools``, ``response_format``,
    ``temperature``), each with the words of a server that is known to refuse it.
    """

    path: ClassVar[str] = "/v1/chat/completions"
    # The field of a delta that holds reasoning; OpenAI itself shows none.
    reasoning_field: ClassVar[str] = "reasoning_content"
    roles: ClassVar[frozenset[str]] = frozenset({"system", "developer", "user", "assistant", "tool"})
    parameters: ClassVar[frozenset[str]] = frozenset(_PARAMETERS)
    needs_key: ClassVar[bool] = True

    def __init__(self) -> None:
        super().__init__()
        self.refuses: frozenset[str] = frozenset()

    @property
    def base_url(self) -> str:
        return self.origin + self.path.removesuffix("/chat/completions")

    # --- what it accepts ----------------------------------------------------------------------------------------

    def check(self, request: Request) -> None:
        if (request.method, request.path) != ("POST", self.path):
            raise Refused(404, self.error(f"Invalid URL ({request.method} {request.path})", "invalid_request_error"))
        if self.needs_key and request.headers.get("authorization") != f"Bearer {self.key}":
            raise self.refuse(Trouble("unauthorized"))
        self.check_body(request.body)

    def answer_aside(self, request: Request) -> Any:
        base = self.path.removesuffix("/chat/completions")
        if self.models is None or (request.method, request.path) != ("GET", f"{base}/models"):
            return None
        self.records.lists.append(request)
        self.check_list(request)
        return {"object": "list", "data": [{"id": name, "object": "model", "created": 1} for name in self.models]}

    def check_list(self, request: Request) -> None:
        if request.headers.get("authorization") != f"Bearer {self.key}":
            raise self.refuse(Trouble("unauthorized"))

    def check_body(self, body: Body) -> None:
        for name in ("model", "messages"):
            if not body.get(name):
                raise self.bad(f"you must provide a {name} parameter")
        for name in sorted(body.keys() - self.parameters):
            raise self.bad(f"Unrecognized request argument supplied: {name}", param=name)
        self.check_messages(body["messages"])
        for name in sorted(self.refuses & body.keys()):
            raise self.refuse_parameter(name, body[name])

    def check_messages(self, messages: list[Body]) -> None:
        """Roles, and that each call is answered at once and once."""
        awaited: set[str] = set()
        for number, message in enumerate(messages):
            role = message.get("role")
            if role not in self.roles:
                allowed = ", ".join(f"'{name}'" for name in sorted(self.roles))
                raise self.bad(f"Invalid value: '{role}'. Supported values are: {allowed}.", f"messages[{number}].role")
            if role == "tool":
                if message.get("tool_call_id") not in awaited:
                    raise self.bad(
                        "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with"
                        " 'tool_calls'.",
                        f"messages.[{number}].role",
                    )
                awaited.discard(message["tool_call_id"])
                continue
            if awaited:
                break
            self.check_content(number, message)
            awaited = {made["id"] for made in message.get("tool_calls") or ()}
        if awaited:
            raise self.bad(
                "An assistant message with 'tool_calls' must be followed by tool messages responding to each"
                f" 'tool_call_id'. The following tool_call_ids did not have response messages: {', '.join(awaited)}",
                "messages",
            )

    def check_content(self, number: int, message: Body) -> None:
        if message.get("content") is None and not message.get("tool_calls"):
            raise self.bad(
                f"Invalid value for 'content': expected a string, got null. (messages[{number}])",
                f"messages.[{number}].content",
            )

    def refuse_parameter(self, name: str, value: Any) -> Refused:
        if name == "temperature":
            words = f"Unsupported value: 'temperature' does not support {value} with this model."
            return Refused(
                400,
                self.error(
                    f"{words} Only the default (1) value is supported.",
                    "invalid_request_error",
                    name,
                    "unsupported_value",
                ),
            )
        if name == "tools":  # vLLM's words
            words = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
            return Refused(400, {"object": "error", "message": words, "type": "BadRequestError", "code": 400})
        return self.bad(f"This {name} type is unavailable now", name)

    def bad(self, words: str, param: str | None = None) -> Refused:
        return Refused(400, self.error(words, "invalid_request_error", param))

    def error(self, words: str, kind: str, param: str | None = None, code: str | None = None) -> Body:
        return {"error": {"message": words, "type": kind, "param": param, "code": code}}

    def refuse(self, trouble: Trouble) -> Refused:
        wait = {"Retry-After": str(trouble.retry_after)} if trouble.retry_after else {}
        match trouble.kind:
            case "rate_limited":
                words = "Rate limit reached for gpt-test in organization org-x on tokens per min (TPM)."
                return Refused(429, self.error(words, "tokens", None, "rate_limit_exceeded"), wait)
            case "overloaded":
                words = "That model is currently overloaded with other requests."
                return Refused(503, self.error(words, "server_error"), wait)
            case "unauthorized":
                words = "Incorrect API key provided. You can find your API key at https://platform.openai.com."
                return Refused(401, self.error(words, "invalid_request_error", None, "invalid_api_key"))
            case "filtered_prompt":
                words = "Invalid prompt: your prompt was flagged as potentially violating our usage policy."
                return Refused(400, self.error(words, "invalid_request_error", None, "invalid_prompt"))
            case "too_long":
                words = "This model's maximum context length is 8192 tokens. However, your messages resulted in 9000."
                return Refused(400, self.error(words, "invalid_request_error", "messages", "context_length_exceeded"))
            case _:
                words = "The server had an error while processing your request. Sorry about that!"
                return Refused(500, self.error(words, "server_error"), wait)

    # --- what it says -------------------------------------------------------------------------------------------

    def wants_stream(self, request: Request) -> bool:
        return bool(request.body.get("stream"))

    def stream(self, request: Request, answer: Answer) -> Iterator[bytes]:
        body = request.body
        yield self.chunk(body, {"role": "assistant", "content": ""})
        for piece in answer.reasoning:
            yield self.chunk(body, self.reasoning_delta(piece))
        for piece in answer.text:
            yield self.chunk(body, {"content": piece})
        if answer.breaks:
            if answer.breaks == "error":
                yield from self.broken(body)
            return
        for number, made in enumerate(answer.calls):
            yield from self.call(body, number, made)
        yield from self.finish(body, answer)

    def reasoning_delta(self, piece: str) -> Body:
        return {self.reasoning_field: piece}

    def broken(self, body: Body) -> Iterator[bytes]:
        yield event(self.error("The server had an error while processing your request.", "server_error"))

    def call(self, body: Body, number: int, made: Call) -> Iterator[bytes]:
        """The first piece has id and name; the arguments come in two."""
        function = {"name": made.name, "arguments": ""}
        first = {"index": number, "id": made.id, "type": "function", "function": function}
        yield self.chunk(body, {"tool_calls": [first]})
        half = len(made.arguments) // 2
        for piece in (made.arguments[:half], made.arguments[half:]):
            yield self.chunk(body, {"tool_calls": [{"index": number, "function": {"arguments": piece}}]})

    def finish(self, body: Body, answer: Answer) -> Iterator[bytes]:
        yield self.chunk(body, {}, self.reason(answer))
        if (body.get("stream_options") or {}).get("include_usage"):
            yield event({**self.frame(body, "chat.completion.chunk"), "choices": [], "usage": self.usage(answer)})
        yield b"data: [DONE]\n\n"

    def reason(self, answer: Answer) -> str:
        return answer.reason or ("tool_calls" if answer.calls else _FINISH[answer.end])

    def chunk(self, body: Body, delta: Body, reason: str | None = None, **more: Any) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
        return event({**self.frame(body, "chat.completion.chunk"), "choices": [choice], **more})

    def whole(self, request: Request, answer: Answer) -> Body:
        message: Body = {"role": "assistant", "content": "".join(answer.text) or None}
        if answer.reasoning:
            message |= self.reasoning_delta("".join(answer.reasoning))
        if answer.calls:
            message["tool_calls"] = [
                {"id": made.id, "type": "function", "function": {"name": made.name, "arguments": made.arguments}}
                for made in answer.calls
            ]
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self.reason(answer)}
        return {**self.frame(request.body, "chat.completion"), "choices": [choice], "usage": self.usage(answer)}

    def usage(self, answer: Answer) -> Body:
        asked, said = answer.usage
        return {"prompt_tokens": asked, "completion_tokens": said, "total_tokens": asked + said}

    def frame(self, body: Body, kind: str) -> Body:
        return {"id": "chatcmpl-fake", "object": kind, "created": int(time.time()), "model": body["model"]}


class CompatibleServer(OpenAIServer):
    """A server of one's own: no key, and reasoning in the field that most of them use."""

    needs_key = False


def forced_tool(body: Body) -> str:
    """The name of the tool that the request insists on, "" for none."""
    choice = body.get("tool_choice")
    return str(choice["function"]["name"]) if isinstance(choice, dict) else ""


def as_forced_call(body: Body, answer: Answer, call_id: str) -> Answer:
    """A request that insists on a tool gets what it would have been told as that tool's arguments."""
    name = forced_tool(body)
    if not name or answer.calls:
        return answer
    return replace(answer, text=(), calls=(Call(name, "".join(answer.text), call_id),))

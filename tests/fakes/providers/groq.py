"""Groq: https://console.groq.com/docs/api-reference."""

from collections.abc import Iterator

from tests.fakes.llm_server import Call
from tests.fakes.providers.openai import OpenAIServer, as_forced_call
from tests.fakes.providers.script import Answer, Body, Refused, Trouble
from tests.fakes.providers.server import Request, event


class GroqServer(OpenAIServer):
    """Refuses unknown fields of messages, JSON schemas of most models, and JSON beside tools."""

    path = "/openai/v1/chat/completions"
    reasoning_field = "reasoning"
    filters = False
    # Those that take a JSON schema: https://console.groq.com/docs/structured-outputs
    structured = ("openai/gpt-oss-20b", "openai/gpt-oss-120b")

    def check_body(self, body: Body) -> None:
        super().check_body(body)
        kind = (body.get("response_format") or {}).get("type")
        if kind and body.get("tools"):
            raise self.bad("json mode cannot be combined with tool/function calling")
        if kind and body.get("stream"):
            raise self.bad("response_format` does not support streaming", "response_format")
        if kind == "json_schema" and body["model"] not in self.structured:
            words = "This model does not support response format `json_schema`. See supported models at"
            raise self.bad(f"{words} https://console.groq.com/docs/structured-outputs#supported-models")

    def check_content(self, number: int, message: Body) -> None:
        super().check_content(number, message)
        known = {"role", "content", "name", "tool_calls", "tool_call_id", "reasoning"}
        for name in sorted(message.keys() - known):
            words = f"'messages.{number}' : for 'role:{message['role']}' the following must be satisfied"
            raise self.bad(f"{words}[('messages.{number}' : property '{name}' is unsupported)]")

    def refuse(self, trouble: Trouble) -> Refused:
        if trouble.kind == "rate_limited":
            words = (
                "Rate limit reached for model `llama-3.3-70b-versatile` in organization `org_x` on tokens per minute"
            )
            wait = {"Retry-After": str(trouble.retry_after)} if trouble.retry_after else {}
            return Refused(429, self.error(f"{words} (TPM).", "tokens", None, "rate_limit_exceeded"), wait)
        if trouble.kind == "unauthorized":
            return Refused(401, self.error("Invalid API Key", "invalid_request_error", None, "invalid_api_key"))
        if trouble.kind == "overloaded":
            words = "llama-3.3-70b-versatile is currently over capacity. Please try again and back off exponentially."
            return Refused(503, self.error(words, "internal_server_error"))
        if trouble.kind == "bad_call":
            words = "Failed to call a function. Please adjust your prompt. See 'failed_generation' for more details."
            error = self.error(words, "invalid_request_error", None, "tool_use_failed")
            return Refused(400, {"error": {**error["error"], "failed_generation": "<function=create_task>"}})
        return super().refuse(trouble)

    def stream(self, request: Request, answer: Answer) -> Iterator[bytes]:
        yield from super().stream(request, as_forced_call(request.body, answer, "call_json"))

    def whole(self, request: Request, answer: Answer) -> Body:
        return super().whole(request, as_forced_call(request.body, answer, "call_json"))

    def call(self, body: Body, number: int, made: Call) -> Iterator[bytes]:
        """Whole, in one chunk."""
        function = {"name": made.name, "arguments": made.arguments}
        yield self.chunk(
            body, {"tool_calls": [{"index": number, "id": made.id, "type": "function", "function": function}]}
        )

    def finish(self, body: Body, answer: Answer) -> Iterator[bytes]:
        yield self.chunk(body, {}, self.reason(answer), x_groq={"id": "req_fake", "usage": self.usage(answer)})
        if (body.get("stream_options") or {}).get("include_usage"):
            yield event({**self.frame(body, "chat.completion.chunk"), "choices": [], "usage": self.usage(answer)})
        yield b"data: [DONE]\n\n"

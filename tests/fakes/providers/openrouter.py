"""OpenRouter: https://openrouter.ai/docs/api-reference/streaming and …/errors."""

from collections.abc import Iterator
from typing import Any

from tests.fakes.providers.openai import OpenAIServer
from tests.fakes.providers.script import Answer, Body, Refused, Trouble
from tests.fakes.providers.server import Request


class OpenRouterServer(OpenAIServer):
    """Comments keep the connection awake, an error in the middle is a chunk, and errors have numbers for codes."""

    path = "/api/v1/chat/completions"
    parameters = OpenAIServer.parameters | {"usage", "reasoning", "provider", "transforms", "models", "route"}

    def error(self, words: str, kind: str, param: str | None = None, code: str | None = None) -> Body:
        return {"error": {"message": words, "code": 400}, "user_id": "user_fake"}

    def refuse_parameter(self, name: str, value: Any) -> Refused:
        if name != "tools":
            return super().refuse_parameter(name, value)
        words = "No endpoints found that support tool use. To learn more about provider routing, visit: "
        return Refused(404, {"error": {"message": f"{words}https://openrouter.ai/docs/provider-routing", "code": 404}})

    def answer_aside(self, request: Request) -> Any:
        if (request.method, request.path) == ("GET", "/api/v1/key"):
            self.records.lists.append(request)
            if request.headers.get("authorization") != f"Bearer {self.key}":
                raise self.refuse(Trouble("unauthorized"))
            return {"data": {"label": "sk-or-v1-abc...123", "usage": 0, "limit": None}}
        return super().answer_aside(request)

    def check_list(self, request: Request) -> None:
        """Anybody may see it."""

    def refuse(self, trouble: Trouble) -> Refused:
        match trouble.kind:
            case "unauthorized":
                return Refused(401, {"error": {"message": "No auth credentials found", "code": 401}})
            case "rate_limited":
                words = "Rate limit exceeded: free-models-per-min."
                wait = {"Retry-After": str(trouble.retry_after)} if trouble.retry_after else {}
                return Refused(429, {"error": {"message": words, "code": 429}}, wait)
            case "filtered_prompt":
                metadata = {"reasons": ["violence"], "flagged_input": "SECRET", "provider_name": "OpenAI"}
                words = "openai/gpt-4o-mini requires moderation. Your input was flagged for violence."
                return Refused(403, {"error": {"message": words, "code": 403, "metadata": metadata}})
            case "overloaded":
                return Refused(503, {"error": {"message": "No instances available", "code": 503}})
            case "too_long":
                words = (
                    "This endpoint's maximum context length is 8192 tokens. However, you requested about 9000 tokens."
                )
                return Refused(400, {"error": {"message": words, "code": 400}})
            case _:
                return Refused(502, {"error": {"message": "Provider returned error", "code": 502}})

    def stream(self, request: Request, answer: Answer) -> Iterator[bytes]:
        yield b": OPENROUTER PROCESSING\n\n"
        yield b": OPENROUTER PROCESSING\n\n"
        yield from super().stream(request, answer)

    def reasoning_delta(self, piece: str) -> Body:
        details = [{"type": "reasoning.text", "text": piece, "format": "unknown", "index": 0}]
        return {"content": "", "reasoning": piece, "reasoning_details": details}

    def broken(self, body: Body) -> Iterator[bytes]:
        error = {"code": "server_error", "message": "Provider disconnected unexpectedly"}
        yield self.chunk(body, {"content": ""}, "error", error=error)

    def frame(self, body: Body, kind: str) -> Body:
        return {**super().frame(body, kind), "id": "gen-fake", "provider": "OpenAI"}

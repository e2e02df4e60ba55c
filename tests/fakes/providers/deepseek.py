"""DeepSeek: https://api-docs.deepseek.com, and its guide to the thinking mode."""

import json
from collections.abc import Iterator

from tests.fakes.providers.openai import OpenAIServer
from tests.fakes.providers.script import Answer, Body, Refused, Trouble
from tests.fakes.providers.server import Request


class DeepSeekServer(OpenAIServer):
    """No JSON schema, and a model that thinks wants its thoughts back with each call that it made."""

    path = "/beta/chat/completions"
    parameters = OpenAIServer.parameters | {"thinking", "stop", "frequency_penalty", "presence_penalty", "logprobs"}

    def __init__(self) -> None:
        super().__init__()
        self.thinks = False

    def check_body(self, body: Body) -> None:
        super().check_body(body)
        wanted = (body.get("response_format") or {}).get("type")
        if wanted == "json_schema":
            raise self.bad("This response_format type is unavailable now")
        if wanted == "json_object" and "json" not in json.dumps(body["messages"]).lower():
            words = "Prompt must contain the word 'json' in some form to use 'response_format' of type"
            raise self.bad(f"{words} 'json_object'.")
        if self.thinks and any(
            message.get("tool_calls") and not str(message.get("reasoning_content") or "").strip()
            for message in body["messages"]
        ):
            raise self.bad("The `reasoning_content` in the thinking mode must be passed back to the API.")

    def error(self, words: str, kind: str, param: str | None = None, code: str | None = None) -> Body:
        return {"error": {"message": words, "type": kind, "param": param, "code": code or kind}}

    def refuse(self, trouble: Trouble) -> Refused:
        if trouble.kind == "unauthorized":
            words = "Authentication Fails, Your api key: ****rect is invalid"
            return Refused(401, self.error(words, "authentication_error", None, "invalid_request_error"))
        if trouble.kind == "filtered_prompt":
            return Refused(400, self.error("Content Exists Risk", "invalid_request_error"))
        if trouble.kind == "overloaded":
            return Refused(503, self.error("Service is too busy. Please retry later.", "service_unavailable_error"))
        return super().refuse(trouble)

    def stream(self, request: Request, answer: Answer) -> Iterator[bytes]:
        yield b": keep-alive\n\n"
        yield from super().stream(request, answer)

    def finish(self, body: Body, answer: Answer) -> Iterator[bytes]:
        yield self.chunk(body, {"content": ""}, self.reason(answer), usage=self.usage(answer))
        yield b"data: [DONE]\n\n"

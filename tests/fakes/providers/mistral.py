"""Mistral: https://docs.mistral.ai/api, and the words of its refusals as people report them."""

import re
from collections.abc import Iterator
from typing import Any

from tests.fakes.llm_server import Call
from tests.fakes.providers.openai import OpenAIServer
from tests.fakes.providers.script import Answer, Body, Refused, Trouble
from tests.fakes.providers.server import event

_ID = re.compile(r"[a-zA-Z0-9]{9}")


class MistralServer(OpenAIServer):
    """Knows no field that is not in its schema, wants ids of nine letters, and thinks in the content."""

    filters = False
    roles = frozenset({"system", "user", "assistant", "tool"})
    parameters = frozenset(
        {
            *("model", "messages", "stream", "temperature", "top_p", "tools", "tool_choice", "parallel_tool_calls"),
            *("response_format", "max_tokens", "random_seed", "safe_prompt", "stop", "n", "prompt_mode"),
        }
    )
    _fields = frozenset({"role", "content", "name", "tool_calls", "tool_call_id", "prefix"})

    def check_body(self, body: Body) -> None:
        for name in sorted(body.keys() - self.parameters):
            raise _forbidden(["body", name], body[name])
        for number, message in enumerate(body.get("messages") or ()):
            for name in sorted(message.keys() - self._fields):
                raise _forbidden(["body", "messages", number, message.get("role"), name], message[name])
            for made in message.get("tool_calls") or ():
                if not _ID.fullmatch(str(made.get("id"))):
                    words = f"Tool call id was {made.get('id')} but must be a-z, A-Z, 0-9, with a length of 9."
                    raise Refused(400, _object(words, "invalid_function_call", "3280"))
        super().check_body(body)
        last = body["messages"][-1]
        if last["role"] not in {"user", "tool"} and not last.get("prefix"):
            words = "Expected last role User or Tool (or Assistant with prefix True) for serving but got"
            raise Refused(400, _object(f"{words} {last['role']}", "invalid_request_message_order", "3230"))

    def check_content(self, number: int, message: Body) -> None:
        if message["role"] == "assistant" and not message.get("content") and not message.get("tool_calls"):
            words = "Assistant message must have either content or tool_calls, but not none."
            raise Refused(400, _object(words, "invalid_request_assistant_message", "3240"))

    def bad(self, words: str, param: str | None = None) -> Refused:
        return Refused(400, _object(words, "invalid_request_error", "3051"))

    def refuse(self, trouble: Trouble) -> Refused:
        wait = {"Retry-After": str(trouble.retry_after)} if trouble.retry_after else {}
        match trouble.kind:
            case "unauthorized":
                return Refused(401, {"detail": "Unauthorized"})
            case "rate_limited":
                return Refused(429, _object("Rate limit exceeded", "rate_limited", "1300"), wait)
            case "overloaded":
                return Refused(
                    503, _object("Service tier capacity exceeded for this model.", "overloaded", "3505"), wait
                )
            case "too_long":
                words = (
                    "Prompt contains 40000 tokens and 0 draft tokens, too large for model with 32768 maximum context"
                )
                return Refused(400, _object(f"{words} length", "invalid_request_error", "3051"))
            case _:
                return Refused(500, _object("Service unavailable.", "internal_server_error", "1000"), wait)

    def reasoning_delta(self, piece: str) -> Body:
        return {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": piece}]}]}

    def broken(self, body: Body) -> Iterator[bytes]:
        yield event(_object("Internal server error", "internal_server_error", "1000"))

    def call(self, body: Body, number: int, made: Call) -> Iterator[bytes]:
        function = {"name": made.name, "arguments": made.arguments}
        yield self.chunk(body, {"tool_calls": [{"id": nine(made.id), "function": function, "index": number}]})

    def finish(self, body: Body, answer: Answer) -> Iterator[bytes]:
        yield self.chunk(body, {"content": ""}, self.reason(answer), usage=self.usage(answer))
        yield b"data: [DONE]\n\n"


def nine(call_id: str) -> str:
    """An id as Mistral makes them, from a scripted one."""
    letters = "".join(letter for letter in call_id if letter.isalnum() and letter.isascii())
    return letters[-9:].rjust(9, "0")


def _forbidden(place: list[Any], value: Any) -> Refused:
    detail = {"type": "extra_forbidden", "loc": place, "msg": "Extra inputs are not permitted", "input": value}
    return Refused(422, {"detail": [detail]})


def _object(words: str, kind: str, code: str) -> Body:
    return {"object": "error", "message": words, "type": kind, "param": None, "code": code}

"""Anthropic's Messages API, streamed: https://docs.anthropic.com/en/api/messages-streaming."""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from tests.fakes.providers.script import Answer, Body, End, Refused, Trouble
from tests.fakes.providers.server import ProviderServer, Request, event

_STOP: Mapping[End, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "filtered": "refusal",
    "refused": "refusal",
}
_PARAMETERS = {
    *("model", "messages", "max_tokens", "system", "stream", "temperature", "top_p", "top_k", "tools", "tool_choice"),
    *("metadata", "stop_sequences", "thinking", "output_format", "output_config", "service_tier"),
}
_ID = re.compile(r"[a-zA-Z0-9_-]+")
SIGNATURE = "EqQBCkYIBRgCKkAsigned"


class AnthropicServer(ProviderServer):
    """``thinks``: thinking is on, so a turn with tool use has to begin with the thinking that led to it."""

    def __init__(self) -> None:
        super().__init__()
        self.thinks = False

    @property
    def base_url(self) -> str:
        return self.origin

    # --- what it accepts ----------------------------------------------------------------------------------------

    def check(self, request: Request) -> None:
        if (request.method, request.path) != ("POST", "/v1/messages"):
            raise Refused(404, _error("not_found_error", "Not Found"))
        if request.headers.get("x-api-key") != self.key:
            raise self.refuse(Trouble("unauthorized"))
        if "anthropic-version" not in request.headers:
            raise _invalid("anthropic-version: header is required")
        body = request.body
        for name in ("model", "messages", "max_tokens"):
            if name not in body:
                raise _invalid(f"{name}: Field required")
        for name in sorted(body.keys() - _PARAMETERS):
            raise _invalid(f"{name}: Extra inputs are not permitted")
        for number, tool in enumerate(body.get("tools") or ()):
            if not isinstance(tool.get("input_schema"), dict) or tool["input_schema"].get("type") != "object":
                raise _invalid(f"tools.{number}.custom.input_schema.type: Field required")
        self._check_messages(body)

    def answer_aside(self, request: Request) -> Any:
        """``/v1/models``, and ``/v1/models/{id}``, which knows an alias as well."""
        path, _, name = request.path.partition("/v1/models")
        if self.models is None or request.method != "GET" or path:
            return None
        self.records.lists.append(request)
        if request.headers.get("x-api-key") != self.key:
            raise self.refuse(Trouble("unauthorized"))
        if "anthropic-version" not in request.headers:
            raise _invalid("anthropic-version: header is required")
        rows = [{"type": "model", "id": model, "display_name": model} for model in self.models]
        if not name:
            return {"data": rows, "has_more": False, "first_id": None, "last_id": None}
        asked = name.removeprefix("/").removesuffix("-latest")
        for row in rows:
            if row["id"].startswith(asked):
                return row
        raise Refused(404, _error("not_found_error", f"model: {asked}"))

    def _check_messages(self, body: Body) -> None:
        used: list[str] = []
        if not body["messages"]:
            raise _invalid("messages: at least one message is required")
        for number, message in enumerate(body["messages"]):
            if message.get("role") not in {"user", "assistant"}:
                raise _invalid(
                    f'messages: Unexpected role "{message.get("role")}". The Messages API accepts a top-level `system`'
                    ' parameter, not "system" as an input message role.'
                )
            if number == 0 and message["role"] != "user":
                raise _invalid('messages: first message must use the "user" role')
            blocks = _blocks(message)
            if not blocks:
                raise _invalid(f"messages.{number}: all messages must have non-empty content")
            self._check_blocks(number, message["role"], blocks, used)
            used = [block["id"] for block in blocks if block["type"] == "tool_use"]
            if used and not body.get("tools"):
                raise _invalid("Requests which include `tool_use` or `tool_result` blocks must define tools")
        if used:
            raise _unanswered(len(body["messages"]) - 1, used)

    def _check_blocks(self, number: int, role: str, blocks: list[Body], used: list[str]) -> None:
        """``used``: ids of the turn before, each of which needs its result now."""
        results = [block.get("tool_use_id") for block in blocks if block["type"] == "tool_result"]
        for place, block in enumerate(blocks):
            if block["type"] == "text" and not block["text"].strip():
                raise _invalid("messages: text content blocks must contain non-whitespace text")
            if block["type"] == "tool_use" and not _ID.fullmatch(str(block.get("id"))):
                where = f"messages.{number}.content.{place}.tool_use.id"
                raise _invalid(f"{where}: String should match pattern '^[a-zA-Z0-9_-]+$'")
            if block["type"] == "tool_result" and block.get("tool_use_id") not in used:
                where = f"messages.{number}.content.{place}"
                raise _invalid(f"{where}: unexpected `tool_use_id` found in `tool_result` blocks")
            if block["type"] == "thinking" and block.get("signature") != SIGNATURE:
                raise _invalid(f"messages.{number}.content.{place}: Invalid `signature` in `thinking` block")
        if missing := [name for name in used if name not in results]:
            raise _unanswered(number - 1, missing)
        kinds = [block["type"] for block in blocks]
        if self.thinks and role == "assistant" and "tool_use" in kinds and kinds[0] != "thinking":
            raise _invalid(
                f"messages.{number}.content.0.type: Expected `thinking` or `redacted_thinking`, but found `{kinds[0]}`."
                " When `thinking` is enabled, a final `assistant` message must start with a thinking block."
            )

    def refuse(self, trouble: Trouble) -> Refused:
        wait = {"retry-after": str(trouble.retry_after)} if trouble.retry_after else {}
        match trouble.kind:
            case "rate_limited":
                words = "This request would exceed your organization's rate limit of 50,000 input tokens per minute."
                return Refused(429, _error("rate_limit_error", words), wait)
            case "overloaded":
                return Refused(529, _error("overloaded_error", "Overloaded"), wait)
            case "unauthorized":
                return Refused(401, _error("authentication_error", "invalid x-api-key"))
            case "filtered_prompt":
                return _invalid("Output blocked by content filtering policy")
            case "too_long":
                return _invalid("prompt is too long: 208310 tokens > 200000 maximum")
            case _:
                return Refused(500, _error("api_error", "Internal server error"), wait)

    # --- what it says -------------------------------------------------------------------------------------------

    def wants_stream(self, request: Request) -> bool:
        return bool(request.body.get("stream"))

    def stream(self, request: Request, answer: Answer) -> Iterator[bytes]:
        asked, said = answer.usage
        message = _message(request.body, [], None, {"input_tokens": asked, "output_tokens": 1})
        yield _event("message_start", message=message)
        for number, (kind, start, deltas) in enumerate(self._blocks_of(request.body, answer)):
            yield _event("content_block_start", index=number, content_block={"type": kind, **start})
            if number == 0:
                yield _event("ping")
            for delta in deltas:
                yield _event("content_block_delta", index=number, delta=delta)
            if answer.breaks and kind == "text":
                if answer.breaks == "error":
                    yield _event("error", error={"type": "overloaded_error", "message": "Overloaded"})
                return
            yield _event("content_block_stop", index=number)
        delta = {"stop_reason": _stop_reason(answer), "stop_sequence": None}
        yield _event("message_delta", delta=delta, usage={"input_tokens": asked, "output_tokens": said})
        yield _event("message_stop")

    def _blocks_of(self, body: Body, answer: Answer) -> Iterator[tuple[str, Body, list[Body]]]:
        """Type, what its start says, and its deltas."""
        if answer.reasoning:
            thoughts = [{"type": "thinking_delta", "thinking": piece} for piece in answer.reasoning]
            signed = {"type": "signature_delta", "signature": SIGNATURE}
            yield "thinking", {"thinking": "", "signature": ""}, [*thoughts, signed]
        forced = (body.get("tool_choice") or {}).get("name")
        if forced and not answer.calls:
            pieces = [{"type": "input_json_delta", "partial_json": piece} for piece in ("", *answer.text)]
            yield "tool_use", {"id": "toolu_forced", "name": forced, "input": {}}, pieces
            return
        if answer.text or answer.breaks:
            yield "text", {"text": ""}, [{"type": "text_delta", "text": piece} for piece in answer.text]
        for made in answer.calls:
            half = len(made.arguments) // 2
            pieces = [
                {"type": "input_json_delta", "partial_json": piece}
                for piece in ("", made.arguments[:half], made.arguments[half:])
                # No arguments at all are one empty delta.
                if not piece or made.arguments != "{}"
            ]
            yield "tool_use", {"id": made.id, "name": made.name, "input": {}}, pieces

    def whole(self, request: Request, answer: Answer) -> Body:
        asked, said = answer.usage
        content: list[Body] = []
        for kind, start, deltas in self._blocks_of(request.body, answer):
            if kind == "tool_use":
                written = "".join(delta["partial_json"] for delta in deltas)
                content.append({"type": kind, **start, "input": json.loads(written or "{}")})
            elif kind == "text":
                content.append({"type": kind, "text": "".join(delta["text"] for delta in deltas)})
            else:
                content.append({"type": kind, "thinking": "".join(answer.reasoning), "signature": SIGNATURE})
        usage = {"input_tokens": asked, "output_tokens": said}
        return _message(request.body, content, _stop_reason(answer), usage)


def _stop_reason(answer: Answer) -> str:
    return answer.reason or ("tool_use" if answer.calls else _STOP[answer.end])


def _message(body: Body, content: list[Body], reason: str | None, usage: Body) -> Body:
    return {
        "id": "msg_fake",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "content": content,
        "stop_reason": reason,
        "stop_sequence": None,
        "usage": usage,
    }


def _event(kind: str, **more: Any) -> bytes:
    return event({"type": kind, **more}, kind)


def _blocks(message: Body) -> list[Body]:
    content = message.get("content")
    if isinstance(content, str):
        return [{"type": "text", "text": content}] if content else []
    return list(content or ())


def _error(kind: str, words: str) -> Body:
    return {"type": "error", "error": {"type": kind, "message": words}, "request_id": "req_fake"}


def _invalid(words: str) -> Refused:
    return Refused(400, _error("invalid_request_error", words))


def _unanswered(number: int, ids: list[str]) -> Refused:
    words = "`tool_use` ids were found without `tool_result` blocks immediately after"
    return _invalid(
        f"messages.{number}: {words}: {', '.join(ids)}. Each `tool_use` block must have a corresponding `tool_result`"
        " block in the next message."
    )

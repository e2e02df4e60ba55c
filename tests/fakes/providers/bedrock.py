"""Amazon Bedrock's ConverseStream: a Bedrock key or requests signed with AWS keys, and AWS's binary framing of events.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html; the framing is that of
https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html.
"""

import json
import re
import struct
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote
from zlib import crc32

from tests.fakes.providers.script import Answer, Body, End, Refused, Trouble
from tests.fakes.providers.server import ProviderServer, Request

_STOP: Mapping[End, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "filtered": "content_filtered",
    "refused": "guardrail_intervened",
}
_PATH = re.compile(r"/model/(?P<model>[^/]+)/(?P<verb>converse-stream|converse)")
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/\d{8}/[a-z0-9-]+/bedrock/aws4_request, ?SignedHeaders=[^,]+, ?"
    r"Signature=[0-9a-f]{64}"
)
_PARAMETERS = {
    *("messages", "system", "inferenceConfig", "toolConfig", "guardrailConfig", "additionalModelRequestFields"),
    *("additionalModelResponseFieldPaths", "promptVariables", "requestMetadata", "performanceConfig", "serviceTier"),
    "outputConfig",
}
_ID = re.compile(r"[a-zA-Z0-9_.:-]{1,64}")


class BedrockServer(ProviderServer):
    stream_type = "application/vnd.amazon.eventstream"

    @property
    def base_url(self) -> str:
        return self.origin

    # --- what it accepts ----------------------------------------------------------------------------------------

    def check(self, request: Request) -> None:
        if request.method != "POST" or not _PATH.fullmatch(unquote(request.path)):
            raise Refused(404, {"Output": {"__type": "com.amazon.coral.service#UnknownOperationException"}})
        self._check_key(request)
        body = request.body
        for name in sorted(body.keys() - _PARAMETERS):
            raise _invalid(f"The model returned the following errors: {name}: Extra inputs are not permitted")
        if not body.get("messages"):
            raise _invalid("1 validation error detected: Value at 'messages' failed to satisfy constraint")
        _check_messages(body)

    def _check_key(self, request: Request) -> None:
        """Of the two ways to sign in, the header says which it is."""
        given = request.headers.get("authorization", "")
        if given.startswith("Bearer "):
            if given != f"Bearer {self.key}":
                raise Refused(403, {"Message": "Authentication failed: Please make sure your API Key is valid."})
            return
        signed = _SIGNED.fullmatch(given)
        if not signed or signed["key"] != self.key or "x-amz-date" not in request.headers:
            raise self.refuse(Trouble("unauthorized"))

    def refuse(self, trouble: Trouble) -> Refused:
        match trouble.kind:
            case "rate_limited":
                wait = {"Retry-After": str(trouble.retry_after)} if trouble.retry_after else {}
                words = "Too many requests, please wait before trying again."
                return _error(429, "ThrottlingException", words, wait)
            case "overloaded":
                return _error(503, "ServiceUnavailableException", "Bedrock is unable to process your request.")
            case "unauthorized":
                return _error(
                    403, "UnrecognizedClientException", "The security token included in the request is invalid."
                )
            case "too_long":
                return _invalid("Input is too long for requested model.")
            case "filtered_prompt":
                raise AssertionError("a guardrail answers: Answer(end='refused')")
            case _:
                return _error(500, "InternalServerException", "The system encountered an unexpected error.")

    # --- what it says -------------------------------------------------------------------------------------------

    def wants_stream(self, request: Request) -> bool:
        return request.path.endswith("/converse-stream")

    def stream(self, request: Request, answer: Answer) -> Iterator[bytes]:
        yield frame("messageStart", {"role": "assistant"})
        for number, (start, deltas) in enumerate(_blocks(request.body, answer)):
            if start:
                yield frame("contentBlockStart", {"contentBlockIndex": number, "start": start})
            for delta in deltas:
                yield frame("contentBlockDelta", {"contentBlockIndex": number, "delta": delta})
            if answer.breaks and "text" in deltas[-1]:
                break
            yield frame("contentBlockStop", {"contentBlockIndex": number})
        if answer.breaks:
            if answer.breaks == "error":
                yield failure("modelStreamErrorException", "The model produced an error while streaming.")
            return
        yield frame("messageStop", {"stopReason": _stop_reason(answer)})
        yield frame("metadata", {"usage": _usage(answer), "metrics": {"latencyMs": 10}})

    def whole(self, request: Request, answer: Answer) -> Body:
        content: list[Body] = []
        for start, deltas in _blocks(request.body, answer):
            if start:
                written = "".join(delta["toolUse"]["input"] for delta in deltas)
                content.append({"toolUse": {**start["toolUse"], "input": json.loads(written or "{}")}})
            elif "text" in deltas[-1]:
                content.append({"text": "".join(delta["text"] for delta in deltas)})
        return {
            "output": {"message": {"role": "assistant", "content": content}},
            "stopReason": _stop_reason(answer),
            "usage": _usage(answer),
            "metrics": {"latencyMs": 10},
        }


def _blocks(body: Body, answer: Answer) -> Iterator[tuple[Body, list[Body]]]:
    """What a block's start says, {} for text and reasoning, which have none, and its deltas."""
    if answer.reasoning:
        thoughts = [{"reasoningContent": {"text": piece}} for piece in answer.reasoning]
        yield {}, [*thoughts, {"reasoningContent": {"signature": "c2lnbmF0dXJl"}}]
    forced = ((body.get("toolConfig") or {}).get("toolChoice") or {}).get("tool")
    if forced and not answer.calls:
        start = {"toolUse": {"toolUseId": "tooluse_forced", "name": forced["name"]}}
        yield start, [{"toolUse": {"input": piece}} for piece in answer.text]
        return
    if answer.text or answer.breaks:
        yield {}, [{"text": piece} for piece in answer.text or ("",)]
    for made in answer.calls:
        half = len(made.arguments) // 2
        pieces = ("",) if made.arguments == "{}" else (made.arguments[:half], made.arguments[half:])
        start = {"toolUse": {"toolUseId": made.id, "name": made.name}}
        yield start, [{"toolUse": {"input": piece}} for piece in pieces]


def _stop_reason(answer: Answer) -> str:
    return answer.reason or ("tool_use" if answer.calls else _STOP[answer.end])


def _usage(answer: Answer) -> Body:
    asked, said = answer.usage
    return {"inputTokens": asked, "outputTokens": said, "totalTokens": asked + said}


def _check_messages(body: Body) -> None:
    used: list[str] = []
    before = "assistant"
    for number, message in enumerate(body["messages"]):
        if message["role"] not in {"user", "assistant"}:
            raise _invalid(
                f"Value '{message['role']}' at 'messages.{number + 1}.member.role' failed to satisfy constraint"
            )
        if number == 0 and message["role"] != "user":
            raise _invalid("A conversation must start with a user message. Try again with one that does.")
        if message["role"] == before:
            raise _invalid("A conversation must alternate between user and assistant roles.")
        before = message["role"]
        for place, block in enumerate(message["content"]):
            if "text" in block and not block["text"].strip():
                where = f"messages.{number}.content.{place}"
                raise _invalid(
                    f"The text field in the ContentBlock object at {where} is blank. Add text to the text field."
                )
        results = [block["toolResult"]["toolUseId"] for block in message["content"] if "toolResult" in block]
        if sorted(results) != sorted(used):
            raise _invalid(f"Expected toolResult blocks at messages.{number}.content for the following Ids: {used}")
        used = [block["toolUse"]["toolUseId"] for block in message["content"] if "toolUse" in block]
        if any(not _ID.fullmatch(one) for one in used):
            raise _invalid(
                f"Value at 'messages.{number + 1}.member.content.toolUse.toolUseId' failed to satisfy constraint"
            )
        if (used or results) and not (body.get("toolConfig") or {}).get("tools"):
            raise _invalid("The toolConfig field must be defined when using toolUse and toolResult content blocks.")


def _invalid(words: str) -> Refused:
    return _error(400, "ValidationException", words)


def _error(status: int, name: str, words: str, headers: dict[str, str] | None = None) -> Refused:
    return Refused(status, {"message": words}, {"x-amzn-ErrorType": name, **(headers or {})})


def frame(kind: str, payload: Any) -> bytes:
    """One event of a stream."""
    return _message({":event-type": kind, ":content-type": "application/json", ":message-type": "event"}, payload)


def failure(kind: str, words: str) -> bytes:
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return _message(headers, {"message": words})


def _message(headers: Mapping[str, str], payload: Any) -> bytes:
    """Lengths and their checksum, headers (7 is the type of a string), payload, and the checksum of all of it."""
    named = b"".join(
        struct.pack(f"!B{len(name)}sBH{len(value)}s", len(name), name.encode(), 7, len(value), value.encode())
        for name, value in headers.items()
    )
    data = json.dumps(payload).encode()
    prelude = struct.pack("!II", 4 * 4 + len(named) + len(data), len(named))
    message = prelude + struct.pack("!I", crc32(prelude)) + named + data
    return message + struct.pack("!I", crc32(message))

"""OpenAI's Responses API, as far as a chat needs it: platform.openai.com/docs/api-reference/responses-streaming."""

from collections.abc import Iterator
from typing import Any

from tests.fakes.providers.openai import OpenAIServer
from tests.fakes.providers.script import Answer, Body, Refused
from tests.fakes.providers.server import Request, event


class ResponsesServer(OpenAIServer):
    """For the models that answer there only. What they think stays there."""

    path = "/v1/responses"

    @property
    def base_url(self) -> str:
        return f"{self.origin}/v1"

    def check_body(self, body: Body) -> None:
        if not body.get("model") or not body.get("input"):
            raise self.bad("Missing required parameter: 'input'.")
        for number, tool in enumerate(body.get("tools") or ()):
            if tool.get("type") == "function" and not tool.get("name"):
                raise self.bad(f"Missing required parameter: 'tools[{number}].name'.", f"tools[{number}].name")
        calls = {item["call_id"] for item in body["input"] if item.get("type") == "function_call"}
        answered = {item["call_id"] for item in body["input"] if item.get("type") == "function_call_output"}
        if missing := calls - answered:
            raise self.bad(f"No tool output found for function call {', '.join(sorted(missing))}.", "input")
        if unknown := answered - calls:
            words = f"No tool call found for function call output with call_id {', '.join(sorted(unknown))}."
            raise Refused(400, self.error(words, "invalid_request_error", "input"))

    def stream(self, request: Request, answer: Answer) -> Iterator[bytes]:
        yield _event("response.created", response=_response(request, answer, "in_progress"))
        if answer.text:
            item: Body = {"id": "msg_1", "type": "message", "role": "assistant", "status": "in_progress", "content": []}
            yield _event("response.output_item.added", output_index=0, item=item)
            for piece in answer.text:
                place = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
                yield _event("response.output_text.delta", **place, delta=piece)
            yield _event("response.output_item.done", output_index=0, item=item)
        if answer.breaks:
            if answer.breaks == "error":
                words = "The server had an error while processing your request."
                yield _event("error", code="server_error", message=words, param=None, sequence_number=9)
            return
        for number, made in enumerate(answer.calls, start=1):
            item = {"id": f"fc_{number}", "type": "function_call", "call_id": made.id, "name": made.name}
            yield _event("response.output_item.added", output_index=number, item={**item, "arguments": ""})
            place = {"item_id": item["id"], "output_index": number}
            yield _event("response.function_call_arguments.delta", **place, delta=made.arguments)
            yield _event("response.function_call_arguments.done", **place, arguments=made.arguments)
            yield _event("response.output_item.done", output_index=number, item={**item, "arguments": made.arguments})
        status = "completed" if answer.end == "stop" else "incomplete"
        yield _event(f"response.{status}", response=_response(request, answer, status))


def _event(kind: str, **more: Any) -> bytes:
    return event({"type": kind, **more}, kind)


def _response(request: Request, answer: Answer, status: str) -> Body:
    asked, said = answer.usage
    output: list[Body] = []
    if answer.text:
        content = [{"type": "output_text", "text": "".join(answer.text), "annotations": []}]
        output.append({"id": "msg_1", "type": "message", "role": "assistant", "status": status, "content": content})
    for number, made in enumerate(answer.calls, start=1):
        item = {"id": f"fc_{number}", "type": "function_call", "call_id": made.id, "name": made.name}
        output.append({**item, "arguments": made.arguments})
    reason = "max_output_tokens" if answer.end == "length" else "content_filter"
    ended = {"incomplete_details": {"reason": reason}} if status == "incomplete" else {}
    usage = {"input_tokens": asked, "output_tokens": said, "total_tokens": asked + said}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "status": status,
        "model": request.body["model"],
        "output": output if status != "in_progress" else [],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage if status != "in_progress" else None,
        **ended,
    }

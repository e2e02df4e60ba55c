"""The WebSocket's frames (docs/api.md § 5): parsing the client's, writing the server's, and those that wait.

A client's frame is recognised by its ``type``; a ChatRequest has none. Everything else is a ``BadFrame``, which is
answered with an error frame when its turn comes.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from json.encoder import encode_basestring as _quote  # what json.dumps calls: in C, and not escaped to ASCII
from typing import Any

from adiuva.api import json as strict_json
from adiuva.api.error_handler import WHOLE_BODY
from adiuva.api.errors import Problem, ValidationFailed
from adiuva.observability import request_id
from agents.events import ActionEmitted, ClientToolCall, TextDelta
from chat.turns import TurnDone
from chat.ws.map.frames import ItemsFrame, MapFrame, parse_items

MAX_TOOL_RESULT_BYTES = 256 * 1024
MAX_WAITING_FRAMES = 32
MAX_WAITING_CHARACTERS = 1024 * 1024  # parsed, a frame takes up to twenty times its text in memory


@dataclass(frozen=True, slots=True)
class ChatFrame:
    """A ChatRequest, not validated yet. ``request_id`` is the client's own, None where it is missing or invalid."""

    body: dict[str, Any]
    request_id: str | None


@dataclass(frozen=True, slots=True)
class BadFrame:
    """``is_unreadable``: nobody can tell what it was to be."""

    problem: Problem
    request_id: str | None = None
    is_unreadable: bool = False


@dataclass(frozen=True, slots=True)
class CancelFrame:
    """``request_id`` limits it to that request: a client that pipelines could otherwise cancel the next by accident."""

    request_id: str | None


@dataclass(frozen=True, slots=True)
class ToolResultFrame:
    """``error`` is None when the client sent a result (of which null is one)."""

    id: str
    result: Any = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class ResumeFrame:
    """Asks for the frames of a turn after number ``after``; ``turn_id`` may be any text."""

    turn_id: str
    after: int
    request_id: str | None


@dataclass(frozen=True, slots=True)
class PongFrame:
    pass


WaitingFrame = ChatFrame | MapFrame | ResumeFrame | BadFrame
ClientFrame = WaitingFrame | ItemsFrame | CancelFrame | ToolResultFrame | PongFrame


def parse(text: str | None) -> ClientFrame:
    """Parse a frame; None stands for a binary one. Raises nothing: an invalid frame is a ``BadFrame``."""
    if text is None:
        refusal = ValidationFailed({WHOLE_BODY: ["Frames must be text; this one is binary."]})
        return BadFrame(refusal, is_unreadable=True)
    try:
        value = strict_json.loads(text, checks_text=False)
        # What is wrong with one of a map's records is wrong with that one alone.
        if not isinstance(value, dict) or value.get("type") != "items":
            strict_json.check_text(value)
    except ValidationFailed as refusal:
        return BadFrame(refusal, is_unreadable=True)
    if not isinstance(value, dict):
        return BadFrame(ValidationFailed({WHOLE_BODY: ["A frame must be a JSON object."]}))
    own_id = value.get("request_id")
    return _frame(value, own_id if request_id.is_sane(own_id) else None)


def _frame(value: dict[str, Any], own_id: str | None) -> ClientFrame:  # noqa: PLR0911 - a table reads best as one
    if "type" not in value:
        return ChatFrame(value, own_id)
    match value["type"]:
        case "cancel":
            return CancelFrame(own_id)
        case "pong":
            return PongFrame()
        case "tool_result" if isinstance(value.get("id"), str):
            return _tool_result(value)
        case "tool_result":
            errors = {"id": ["This must be the id of a tool_call, a string."]}
        case "resume":
            return _resume(value, own_id)
        case "map":
            return MapFrame(value, own_id)
        case "items":
            return parse_items(value, own_id)
        case _:
            errors = {
                "type": ["This must be tool_result, cancel, resume, map, items or pong; a ChatRequest has no type."]
            }
    return BadFrame(ValidationFailed(errors), own_id)


def _resume(value: dict[str, Any], own_id: str | None) -> ResumeFrame | BadFrame:
    turn_id, after = value.get("turn_id"), value.get("after")
    errors: dict[str, list[str]] = {}
    if not isinstance(turn_id, str):
        errors["turn_id"] = ["This must be the turn_id of a frame, a string."]
    if type(after) is not int or after < 0:  # True is an int as well
        errors["after"] = ["This must be the seq of a frame, or 0."]
    if errors or not isinstance(turn_id, str) or not isinstance(after, int):
        return BadFrame(ValidationFailed(errors), own_id)
    return ResumeFrame(turn_id, after, own_id)


def encode(frame: Mapping[str, Any], own_id: str | None = None) -> str:
    """``own_id``: the client's request id, which every frame of its turn repeats."""
    if own_id is not None:
        frame = {**frame, "request_id": own_id}
    return json.dumps(frame, ensure_ascii=False, separators=(",", ":"))


def chunk(text: str, tail: str) -> str:
    """``encode`` of a ``TextDelta``'s frame, at a sixth of its price: there is one for each token."""
    return '{"type":"chunk","text":' + _quote(text) + tail


def chunk_tail(own_id: str | None) -> str:
    """What closes each chunk of a turn."""
    return "}" if own_id is None else f',"request_id":{_quote(own_id)}}}'


def from_event(event: TextDelta | ActionEmitted | ClientToolCall) -> dict[str, Any]:
    match event:
        case TextDelta(text):
            return {"type": "chunk", "text": text}
        case ActionEmitted(action):
            return {"type": "action", "action": action.as_dict()}
        case ClientToolCall(id, name, arguments):
            return {"type": "tool_call", "id": id, "name": name, "arguments": arguments}


def done(turn: TurnDone, *, cancelled: bool = False) -> dict[str, Any]:
    frame = {"type": "done", "done": True, **turn.as_dict()}
    if turn.plan is not None:
        frame["plan"] = turn.plan.as_dict()
    return {**frame, "cancelled": True} if cancelled else frame


def problem_body(problem: Problem, *, own_id: str | None = None) -> dict[str, Any]:
    """A frame has no headers, so a problem with a ``Retry-After`` header carries it as ``retry_after``."""
    body = problem.as_dict(own_id or request_id.current_request_id())
    if "Retry-After" in problem.headers:
        body["retry_after"] = int(problem.headers["Retry-After"])
    return body


def error(problem: Problem, *, sent: TurnDone | None = None, own_id: str | None = None) -> dict[str, Any]:
    """``sent``: what the client has of the turn that failed; ``own_id``: of another request than this context's."""
    return {
        "type": "error",
        "done": True,
        "error": problem_body(problem, own_id=own_id),
        "response": sent.response if sent else "",
        "actions": [action.as_dict() for action in sent.actions] if sent else [],
    }


def _tool_result(value: dict[str, Any]) -> ToolResultFrame:
    """An invalid result counts as the client's failure to answer, so that the turn continues at once."""
    call_id, failure = value["id"], value.get("error")
    if ("result" in value) == (failure is not None):
        return ToolResultFrame(call_id, error="The client sent neither a result nor an error, or both of them.")
    if failure is not None:
        return ToolResultFrame(call_id, error=failure if isinstance(failure, str) else "The client reported an error.")
    size = len(json.dumps(value["result"], ensure_ascii=False, separators=(",", ":")).encode())
    if size > MAX_TOOL_RESULT_BYTES:
        return ToolResultFrame(call_id, error=f"The result is larger than {MAX_TOOL_RESULT_BYTES} bytes.")
    return ToolResultFrame(call_id, value["result"])


class WaitingFrames:
    """The waiting frames of a socket, in order of arrival. Bounded, but a single frame always fits."""

    __slots__ = ("_characters", "_frames")

    def __init__(self) -> None:
        self._frames: list[tuple[WaitingFrame, int]] = []
        self._characters = 0

    def __bool__(self) -> bool:
        return bool(self._frames)

    def push(self, frame: WaitingFrame, characters: int) -> bool:
        """False when there is no room; ``characters`` is the length of the frame's text."""
        if self._frames and (
            len(self._frames) == MAX_WAITING_FRAMES or self._characters + characters > MAX_WAITING_CHARACTERS
        ):
            return False
        self._frames.append((frame, characters))
        self._characters += characters
        return True

    def pop(self) -> WaitingFrame:
        frame, characters = self._frames.pop(0)
        self._characters -= characters
        return frame

    def clear(self) -> None:
        self._frames.clear()
        self._characters = 0

"""The chat in OpenAPI 3.1: the response of ``POST /chat``, and the WebSocket's frames."""

from typing import Any, get_args

from rest_framework import serializers

from accounts.sockets.openapi import TEXT, frame, handshake, reference
from adiuva.api.errors import UpstreamTimeout
from agents.actions import ActionType, Table
from agents.batches.mapping.limits import MAP_LIMITS
from agents.llm.port import FinishReason
from agents.tools.checkpoints import CHECKPOINT_TOOLS
from agents.tools.notes import NOTE_TOOLS
from agents.tools.projects import PROJECT_TOOLS
from agents.tools.tasks import COMMENT_TOOLS, TASK_TOOLS
from billing.tiers import Tier
from chat.requests import MAX_MESSAGE_CHARACTERS
from chat.ws.frames import MAX_TOOL_RESULT_BYTES
from chat.ws.map.frames import MAX_KEY_CHARACTERS, MAX_NEED, MAX_RECORD_BYTES

STREAM_PATH = "/api/v1/chat/stream"
_TOOLS = (*TASK_TOOLS, *COMMENT_TOOLS, *PROJECT_TOOLS, *CHECKPOINT_TOOLS, *NOTE_TOOLS)
TOOLS = tuple(tool.name for tool in _TOOLS)
READ_TOOLS = tuple(tool.name for tool in _TOOLS if tool.find is not None)
_FINISH_REASON = "`length`: cut by the model's limit; `content_filter`: withheld or refused by the provider."
ACTION_TYPES = get_args(ActionType)  # ENUM_NAME_OVERRIDES in the settings names this set: two serializers have it


class UsageSerializer(serializers.Serializer[Any]):
    input_tokens = serializers.IntegerField()
    output_tokens = serializers.IntegerField()


class ActionSerializer(serializers.Serializer[Any]):
    """One change for the client to make to its own data, or a query; `id` is unique, so that it is applied once."""

    id = serializers.UUIDField()
    name = serializers.ChoiceField(choices=TOOLS, help_text="The tool that was called.")
    type = serializers.ChoiceField(choices=ACTION_TYPES)
    table = serializers.ChoiceField(choices=get_args(Table))
    record_id = serializers.CharField(allow_null=True)
    data = serializers.DictField()  # type: ignore[assignment]  # a field's name, which DRF takes out of the class
    destructive = serializers.BooleanField(help_text="Data would be lost: ask the user first.")


class UsageTotalsSerializer(UsageSerializer):
    turns = serializers.IntegerField()


class TokensSerializer(serializers.Serializer[Any]):
    llm_tokens = serializers.IntegerField(allow_null=True, help_text="Null: unlimited.")


class UsageReportSerializer(serializers.Serializer[Any]):
    """Days and months are in UTC."""

    today = UsageTotalsSerializer()
    month = UsageTotalsSerializer()
    limits = TokensSerializer(help_text="Of the live tier, for a month.")
    remaining = TokensSerializer(help_text="Of the month, without what running turns have reserved.")
    resets_at = serializers.DateTimeField(help_text="When the next month begins.")


class ChatResponseSerializer(serializers.Serializer[Any]):
    response = serializers.CharField(allow_blank=True)
    actions = ActionSerializer(many=True)
    usage = UsageSerializer()
    finish_reason = serializers.ChoiceField(choices=get_args(FinishReason), help_text=_FINISH_REASON)


def add_websocket_frames(result: dict[str, Any], **_: Any) -> dict[str, Any]:
    """Postprocessing hook of drf-spectacular (which also passes ``generator``, ``request`` and ``public``)."""
    schemas = result.setdefault("components", {}).setdefault("schemas", {})
    schemas.update(CLIENT_FRAMES | SERVER_FRAMES | UNIONS)
    result["paths"][STREAM_PATH] = handshake(
        operation_id="openChatStream",
        summary="Open a chat WebSocket",
        description="Every frame is one JSON object of at most 1 MiB (a larger one closes the socket with 1009, one "
        "that is no UTF-8 with 1007). Frames are answered in order, each ChatRequest and each map run by one done or "
        "error frame. The "
        "socket closes with 4401 when the access token expires or the session ends, with 4409 when a newer socket "
        "resumes the running turn, and with 1012 when the server restarts.",
        tag="chat",
        content="SocketFrame",
        client=CLIENT_FRAMES,
        server=SERVER_FRAMES,
    )
    return result


_TRUE = {"type": "boolean", "enum": [True]}  # not a constant: generators of Python clients stumble over one
_TURN_ID = {
    "type": "string",
    "format": "uuid",
    "description": "The turn to resume, in every frame of a turn that asked with `resume`.",
}
_SEQ = {
    "type": "integer",
    "minimum": 1,
    "description": "The frame's number in its turn, counted from 1, where there is a `turn_id`.",
}
_REQUEST_ID = {
    "type": "string",
    "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$",
    "description": "Chosen by the client; repeated in every frame of the turn, its problem and the server's logs.",
}


_A_TURN = {"turn_id": "7d1f0b52-3b7e-4f4b-9a55-0c2f6f1d9e10", "seq": 3}
_AN_ACTION = {
    "id": "e2ec1b55-0f4e-4a3a-9d7b-6c1f8f0a2b11",
    "name": "create_task",
    "type": "create_record",
    "table": "tasks",
    "record_id": "df8312c4-3c55-4b8e-b0a9-5a7f5d1e9c22",
    "data": {"title": "Buy milk"},
    "destructive": False,
}
_A_PROBLEM = UpstreamTimeout().as_dict("turn-1")


def _by_tier(limit: str) -> str:
    return "/".join(str(getattr(MAP_LIMITS[tier], limit)) for tier in Tier)


def _kind(name: str) -> dict[str, str]:
    return {"const": name}


CLIENT_FRAMES: dict[str, Any] = {
    "ChatFrame": {
        "description": "A ChatRequest; it has no `type`.",
        "examples": [{"message": "create a task to buy milk tomorrow", "request_id": "turn-1"}],
        "allOf": [
            reference("ChatRequest"),
            {
                "type": "object",
                "properties": {
                    "client_tools": {
                        "type": "boolean",
                        "default": False,
                        "description": "The client answers read tools itself, so it is sent tool_call frames.",
                    },
                    "resume": {
                        "type": "boolean",
                        "default": False,
                        "description": "The turn outlives its socket for 60 s, so that a `resume` frame can fetch the "
                        "rest; its frames carry `turn_id` and `seq`.",
                    },
                    "request_id": _REQUEST_ID,
                },
            },
        ],
    },
    "ToolResultFrame": frame(
        f"Answers a tool_call with `result` (at most {MAX_TOOL_RESULT_BYTES} bytes) or `error`, within 30 s. One that "
        "belongs to no open call is ignored.",
        {"type": _kind("tool_result"), "id": TEXT, "result": {}, "error": TEXT},
        optional=("result", "error"),
        example={"type": "tool_result", "id": "call_1", "result": [{"title": "Buy milk", "status": "todo"}]},
    ),
    "CancelFrame": frame(
        "Ends the running turn (with `request_id`, only that turn); ignored when none is running.",
        {"type": _kind("cancel"), "request_id": TEXT},
        optional=("request_id",),
        example={"type": "cancel", "request_id": "turn-1"},
    ),
    "ResumeFrame": frame(
        "Asks, on a new socket of the same user, for the frames of a turn after number `after` (0: all) and for those "
        "to come. The socket that had the turn closes with 4409. What is lost, over 1 MiB undelivered or another "
        "user's is an error frame, 410 `resume_lost`.",
        {
            "type": _kind("resume"),
            "turn_id": TEXT,
            "after": {"type": "integer", "minimum": 0},
            "request_id": TEXT,
        },
        optional=("request_id",),
        example={"type": "resume", "turn_id": _A_TURN["turn_id"], "after": 2},
    ),
    "MapFrame": frame(
        "Carries one instruction out on each of `total` records, which the server asks for with need frames. At once "
        f"{_by_tier('at_once')}, in one run {_by_tier('items')} items by tier. A run that broke off goes on as one "
        "with the same `run_id` and the keys that have no result.",
        {
            "type": _kind("map"),
            "run_id": {
                "type": "string",
                "format": "uuid",
                "description": "The client's own. The id of an action is UUIDv5 with this as namespace and the name "
                "`{key}:{n}`, n from 0 in the order of the item's actions, so that nothing is applied twice.",
            },
            "instruction": {"type": "string", "minLength": 1, "maxLength": MAX_MESSAGE_CHARACTERS},
            "tools": {"type": "array", "minItems": 1, "items": reference("ToolEnum")},
            "total": {"type": "integer", "minimum": 1, "description": "How many records there are."},
            "model": {"type": ["string", "null"], "description": "As in a ChatRequest."},
            "provider": {"anyOf": [reference("OwnProviderRequest"), {"type": "null"}]},
            "timezone": {
                "type": ["string", "null"],
                "description": "Decides what today is: an IANA name or an offset from UTC, which is the default.",
            },
            "request_id": _REQUEST_ID,
        },
        optional=("model", "provider", "timezone", "request_id"),
        example={
            "type": "map",
            "run_id": "0d7e6f0a-5d0b-4a5e-9c39-5b7a0c1de2f4",
            "instruction": "Move it to next week.",
            "tools": ["update_task"],
            "total": 2,
        },
    ),
    "ItemsFrame": frame(
        "Records for the running map run, at most as many as were asked for; within 30 s of a need frame while nothing "
        "else is worked on. An empty list says that there are no more. Items that were asked for and come after the "
        "run's last frame are ignored. With `request_id` they are for that run alone.",
        {
            "type": _kind("items"),
            "items": {
                "type": "array",
                "maxItems": MAX_NEED,
                "items": {
                    "type": "object",
                    "required": ["key", "record"],
                    "properties": {
                        "key": {"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARACTERS},
                        "record": {
                            "type": "object",
                            "additionalProperties": True,
                            "description": f"At most {MAX_RECORD_BYTES} bytes as compact JSON; a larger one fails by "
                            "itself.",
                        },
                    },
                },
            },
            "request_id": TEXT,
        },
        optional=("request_id",),
        example={"type": "items", "items": [{"key": "a", "record": {"title": "Buy milk"}}]},
    ),
    "PongFrame": frame("An optional answer to a ping.", {"type": _kind("pong")}, example={"type": "pong"}),
}

_OF_MAP: dict[str, Any] = {"request_id": _REQUEST_ID}
_COUNT: dict[str, Any] = {"type": "integer", "minimum": 0}
_ITEM_COUNTS = ("total", "done", "failed", "skipped")
_OF_TURN: dict[str, Any] = {"request_id": _REQUEST_ID, "turn_id": _TURN_ID, "seq": _SEQ}

SERVER_FRAMES: dict[str, Any] = {
    "ChunkFrame": frame(
        "Text as the model produces it.",
        {"type": _kind("chunk"), "text": TEXT, **_OF_TURN},
        optional=tuple(_OF_TURN),
        example={"type": "chunk", "text": "I created", **_A_TURN},
    ),
    "ActionFrame": frame(
        "A tool call for the client to carry out.",
        {"type": _kind("action"), "action": reference("Action"), **_OF_TURN},
        optional=tuple(_OF_TURN),
        example={"type": "action", "action": _AN_ACTION},
    ),
    "ToolCallFrame": frame(
        "A read for the client to answer with a tool_result; only with `client_tools`.",
        {
            "type": _kind("tool_call"),
            "id": TEXT,
            "name": reference("ReadTool"),
            "arguments": {"type": "object", "additionalProperties": True},
            **_OF_TURN,
        },
        optional=tuple(_OF_TURN),
        example={"type": "tool_call", "id": "call_1", "name": "list_tasks", "arguments": {"status": "todo"}},
    ),
    "PingFrame": frame(
        "Sent every 30 s, also while a turn is running. One with a `turn_id` is the first frame of a turn that asked "
        "with `resume`, sent at once, so that the turn can be resumed before the model has said anything.",
        {"type": _kind("ping"), **_OF_TURN},
        optional=tuple(_OF_TURN),
        example={"type": "ping"},
    ),
    "DoneFrame": frame(
        "The last frame of a turn. `response` is the concatenation of its chunks, after a cancel of those that were "
        "sent. In plan mode there are no chunks, and `plan` is set.",
        {
            "type": _kind("done"),
            "done": _TRUE,
            "response": TEXT,
            "actions": {"type": "array", "items": reference("Action")},
            "usage": reference("Usage"),
            "finish_reason": {"type": "string", "enum": list(get_args(FinishReason)), "description": _FINISH_REASON},
            "plan": reference("ExecutionPlan"),
            "cancelled": _TRUE,
            **_OF_TURN,
        },
        optional=("plan", "cancelled", *_OF_TURN),
        example={
            "type": "done",
            "done": True,
            "response": "I created the task.",
            "actions": [_AN_ACTION],
            "usage": {"input_tokens": 1386, "output_tokens": 24},
            "finish_reason": "stop",
        },
    ),
    "ErrorFrame": frame(
        "The last frame of a turn that failed, or the answer to an invalid frame; the socket stays open. `response` "
        "and `actions` are what had been sent of the turn.",
        {
            "type": _kind("error"),
            "done": _TRUE,
            "error": reference("Problem"),
            "response": TEXT,
            "actions": {"type": "array", "items": reference("Action")},
            **_OF_TURN,
        },
        optional=tuple(_OF_TURN),
        example={"type": "error", "done": True, "error": _A_PROBLEM, "response": "", "actions": []},
    ),
    "NeedFrame": frame(
        "Asks for so many more items of the map run.",
        {"type": _kind("need"), "count": {"type": "integer", "minimum": 1, "maximum": MAX_NEED}, **_OF_MAP},
        optional=tuple(_OF_MAP),
        example={"type": "need", "count": 2},
    ),
    "ItemFrame": frame(
        "What came of one item of the map run, in the order in which they end. One that failed has no actions, and "
        "ends nothing.",
        {
            "type": _kind("item"),
            "key": TEXT,
            "status": {"type": "string", "enum": ["done", "failed"]},
            "actions": {"type": "array", "items": reference("Action")},
            "error": reference("Problem"),
            "usage": reference("Usage"),
            **_OF_MAP,
        },
        optional=("error", *_OF_MAP),
        example={
            "type": "item",
            "key": "a",
            "status": "done",
            "actions": [_AN_ACTION],
            "usage": {"input_tokens": 420, "output_tokens": 31},
        },
    ),
    "ProgressFrame": frame(
        "How far the map run is, after each item: those that are done, and those that have failed.",
        {"type": _kind("progress"), **dict.fromkeys(("completed", "failed", "total"), _COUNT), **_OF_MAP},
        optional=tuple(_OF_MAP),
        example={"type": "progress", "completed": 1, "failed": 0, "total": 2},
    ),
    "MapDoneFrame": frame(
        "The last frame of a map run. `succeeded`: every item is done. `usage` is the sum of all items, of those that "
        "were cut off, too.",
        {
            "type": _kind("done"),
            "done": _TRUE,
            "outcome": {"type": "string", "enum": ["succeeded", "partial"]},
            "items": {
                "type": "object",
                "required": list(_ITEM_COUNTS),
                "properties": dict.fromkeys(_ITEM_COUNTS, _COUNT),
            },
            "usage": reference("Usage"),
            "error": {**reference("Problem"), "description": "What ended the run before its last item."},
            "cancelled": _TRUE,
            **_OF_MAP,
        },
        optional=("error", "cancelled", *_OF_MAP),
        example={
            "type": "done",
            "done": True,
            "outcome": "succeeded",
            "items": {"total": 2, "done": 2, "failed": 0, "skipped": 0},
            "usage": {"input_tokens": 840, "output_tokens": 62},
        },
    ),
}


UNIONS: dict[str, Any] = {
    "ReadTool": {
        "description": "The tools that a client may be asked to run; it answers those it supports.",
        "enum": list(READ_TOOLS),
        "type": "string",
    },
    "SocketFrame": {
        "description": "What goes over the WebSocket, in either direction.",
        "anyOf": [reference("ClientFrame"), reference("ServerFrame")],
    },
    "ClientFrame": {
        "description": "What a client may send over the WebSocket.",
        "oneOf": [reference(name) for name in CLIENT_FRAMES],
    },
    "ServerFrame": {
        "description": "What the server sends over the WebSocket.",
        # No discriminator: the done frames of a turn and of a map run have one type.
        "oneOf": [reference(name) for name in SERVER_FRAMES],
    },
}

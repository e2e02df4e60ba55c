"""The chat in OpenAPI 3.1: the response of ``POST /chat``, and the WebSocket's frames."""

from typing import Any, get_args

from rest_framework import serializers

from accounts.sockets.openapi import TEXT, frame, handshake, reference
from agents.actions import ActionType, Table
from agents.llm.port import FinishReason
from agents.tools.checkpoints import CHECKPOINT_TOOLS
from agents.tools.notes import NOTE_TOOLS
from agents.tools.projects import PROJECT_TOOLS
from agents.tools.tasks import COMMENT_TOOLS, TASK_TOOLS
from chat.ws.frames import MAX_TOOL_RESULT_BYTES

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


class UsageReportSerializer(serializers.Serializer[Any]):
    """Days and months are in UTC."""

    today = UsageTotalsSerializer()
    month = UsageTotalsSerializer()


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
        "that is no UTF-8 with 1007). Frames are answered in order, each ChatRequest by one done or error frame. The "
        "socket closes with 4401 when the access token expires or the session ends, with 4409 when a newer socket "
        "resumes the running turn, and with 1012 when the server restarts.",
        tag="chat",
        client=CLIENT_FRAMES,
        server=SERVER_FRAMES,
    )
    return result


_TRUE = {"const": True}
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


def _kind(name: str) -> dict[str, str]:
    return {"const": name}


CLIENT_FRAMES: dict[str, Any] = {
    "ChatFrame": {
        "description": "A ChatRequest; it has no `type`.",
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
    ),
    "CancelFrame": frame(
        "Ends the running turn (with `request_id`, only that turn); ignored when none is running.",
        {"type": _kind("cancel"), "request_id": TEXT},
        optional=("request_id",),
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
    ),
    "PongFrame": frame("An optional answer to a ping.", {"type": _kind("pong")}),
}

_OF_TURN: dict[str, Any] = {"request_id": _REQUEST_ID, "turn_id": _TURN_ID, "seq": _SEQ}

SERVER_FRAMES: dict[str, Any] = {
    "ChunkFrame": frame(
        "Text as the model produces it.",
        {"type": _kind("chunk"), "text": TEXT, **_OF_TURN},
        optional=tuple(_OF_TURN),
    ),
    "ActionFrame": frame(
        "A tool call for the client to carry out.",
        {"type": _kind("action"), "action": reference("Action"), **_OF_TURN},
        optional=tuple(_OF_TURN),
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
    ),
    "PingFrame": frame(
        "Sent every 30 s, also while a turn is running. One with a `turn_id` is the first frame of a turn that asked "
        "with `resume`, sent at once, so that the turn can be resumed before the model has said anything.",
        {"type": _kind("ping"), **_OF_TURN},
        optional=tuple(_OF_TURN),
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
    ),
}


UNIONS: dict[str, Any] = {
    "ReadTool": {
        "description": "The tools that a client may be asked to run; it answers those it supports.",
        "enum": list(READ_TOOLS),
        "type": "string",
    },
    "ClientFrame": {
        "description": "What a client may send over the WebSocket.",
        "oneOf": [reference(name) for name in CLIENT_FRAMES],
    },
    "ServerFrame": {
        "description": "What the server sends over the WebSocket.",
        "oneOf": [reference(name) for name in SERVER_FRAMES],
        "discriminator": {
            "propertyName": "type",
            "mapping": {
                shape["properties"]["type"]["const"]: reference(name)["$ref"] for name, shape in SERVER_FRAMES.items()
            },
        },
    },
}

"""The chat request (docs/api.md § 5), the same over REST and the WebSocket: its validation and the turn made of it."""

import json
from collections.abc import Mapping
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from accounts.models import User
from adiuva.api.errors import FeatureNotAvailable, PayloadTooLarge
from adiuva.api.fields import FlagField, ItemsField, ObjectField, TextField, drop_none
from agents.time_zones import zone_named
from billing import entitlements
from billing.tiers import lowest_tier_with
from chat.turns import ChatTurn

ROLES = ("user", "assistant")
MAX_MESSAGE_CHARACTERS = 32_000
MAX_CONTEXT_BYTES = 512 * 1024

_PROFILE = "`timezone` (an IANA name, or an offset such as `UTC+2` or `+05:30`) decides what today is."
_OBJECT = {"type": "object", "additionalProperties": True}


@extend_schema_field({"type": "array", "items": _OBJECT})
class RecordsField(ItemsField):
    """``[{…}]``: records as the client keeps them."""

    def problem_of(self, item: Any) -> list[str] | None:
        return None if isinstance(item, dict) else ["This must be an object."]


@extend_schema_field({"type": "array", "items": {"oneOf": [_OBJECT, {"type": "string"}]}})
class DocumentsField(ItemsField):
    """``[{…} | "…"]``: documents with what describes them, or their text alone."""

    def problem_of(self, item: Any) -> list[str] | None:
        return None if isinstance(item, dict | str) else ["This must be an object or a string."]


@extend_schema_field(
    {
        "type": "array",
        "items": {
            "type": "object",
            "required": ["role", "content"],
            "properties": {"role": {"type": "string", "enum": list(ROLES)}, "content": {"type": "string"}},
        },
    }
)
class HistoryField(ItemsField):
    """``[{role: "user" | "assistant", content}]``; content may be empty, as an answer made of actions is."""

    def problem_of(self, item: Any) -> list[str] | dict[str, list[str]] | None:
        if not isinstance(item, dict):
            return ["This must be an object."]
        if item.get("role") not in ROLES:
            return {"role": [f"This must be one of: {', '.join(ROLES)}."]}
        if not isinstance(item.get("content"), str):
            return {"content": ["This must be a string."]}
        return None


@extend_schema_serializer(component_name="ChatContext")
class ChatContextSerializer(serializers.Serializer[Any]):
    """The client's data for the model in this one turn; the server stores none of it. Unknown keys are ignored."""

    user_profile = ObjectField(required=False, help_text=_PROFILE)
    relevant_documents = DocumentsField(required=False)
    recent_tasks = RecordsField(required=False)
    projects = RecordsField(required=False)
    notes = RecordsField(required=False)
    checkpoints = RecordsField(required=False)
    conversation_history = HistoryField(required=False)

    def validate_user_profile(self, value: dict[str, Any]) -> dict[str, Any]:
        """A time zone that nobody knows would be taken for UTC, and today be another day."""
        name = value.get("timezone")
        if name is not None and (not isinstance(name, str) or zone_named(name) is None):
            raise serializers.ValidationError(
                {"timezone": ["This must be an IANA time zone (Europe/Berlin) or an offset from UTC (+02:00)."]}
            )
        return value

    def to_internal_value(self, data: Any) -> Any:
        """Null means absent. Raises ``PayloadTooLarge`` over ``MAX_CONTEXT_BYTES``; unknown keys count, too."""
        if isinstance(data, dict):
            _check_size(data)
            data = drop_none(data)
        return super().to_internal_value(data)


@extend_schema_serializer(component_name="Chat")  # drf-spectacular adds "Request"
class ChatRequestSerializer(serializers.Serializer[Any]):
    """A ChatRequest. Null means absent in every optional field; unknown fields are ignored."""

    message = TextField(min_length=1, max_length=MAX_MESSAGE_CHARACTERS, trim_whitespace=False)
    context = ChatContextSerializer(  # type: ignore[assignment]  # a field's name, which DRF takes out of the class
        required=False, allow_null=True, help_text=f"At most {MAX_CONTEXT_BYTES} bytes."
    )
    execution_mode = serializers.ChoiceField(
        choices=["direct", "plan"],
        required=False,
        allow_null=True,
        help_text="`direct` by default; `plan` answers with an ExecutionPlan.",
    )
    model = TextField(
        required=False, allow_null=True, help_text="One of the operator's models; the default model if absent."
    )

    def validate_message(self, value: str) -> str:
        if not value.strip():
            raise serializers.ValidationError("This may not be blank.", code="blank")
        return value

    def validate_model(self, value: str | None) -> str | None:
        if value is not None and value not in {settings.LLM_MODEL, *settings.LLM_MODELS}:
            raise serializers.ValidationError("The server offers no model of this name.")
        return value


class SocketChatRequestSerializer(ChatRequestSerializer):
    """A ChatRequest over the WebSocket (its ``request_id`` is read with the frame, see ``chat.ws.frames``)."""

    client_tools = FlagField(
        required=False, allow_null=True, help_text="The client answers read tools itself, with `tool_result` frames."
    )
    resume = FlagField(  # acted upon where turns begin: chat.ws.resume
        required=False, allow_null=True, help_text="The turn outlives its socket; its frames carry `turn_id` and `seq`."
    )


def build_turn(serializer: ChatRequestSerializer, *, user: User) -> ChatTurn:
    """The turn that ``serializer`` (made with ``data=``) describes, if the tier of ``user`` includes it.

    Raises DRF's ``ValidationError``, ``PayloadTooLarge`` and ``FeatureNotAvailable``.
    """
    serializer.is_valid(raise_exception=True)
    data: Mapping[str, Any] = serializer.validated_data
    model = data.get("model")
    # llm_providers is 1 on free: the default model alone (docs/api.md § 5).
    if model not in {None, settings.LLM_MODEL} and entitlements.limit(user, "llm_providers") == 1:
        raise FeatureNotAvailable(
            required_tier=lowest_tier_with("llm_providers"),
            detail="The current tier includes the default model only.",
        )
    return ChatTurn(
        message=data["message"],
        context=data.get("context") or {},
        execution_mode=data.get("execution_mode") or "direct",
        model=model,
        client_tools=bool(data.get("client_tools")),
    )


def _check_size(context: dict[str, Any]) -> None:
    """Compact JSON in UTF-8 counts, so that a client's spacing or escaping makes no difference."""
    size = len(json.dumps(context, ensure_ascii=False, separators=(",", ":")).encode())
    if size > MAX_CONTEXT_BYTES:
        raise PayloadTooLarge(
            f"context is larger than {MAX_CONTEXT_BYTES} bytes.", field="context", max_bytes=MAX_CONTEXT_BYTES
        )

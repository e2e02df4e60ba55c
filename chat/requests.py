"""The chat request (docs/api.md § 5), the same over REST and the WebSocket: its validation and the turn made of it."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import close_old_connections
from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from accounts.models import User
from adiuva.api.errors import FeatureNotAvailable, PayloadTooLarge, ValidationFailed
from adiuva.api.fields import FlagField, ItemsField, ObjectField, TextField, drop_none
from adiuva.egress import EgressRefused, HostUnreachable
from adiuva.egress.guard import MAX_CHARACTERS
from adiuva.observability.secrets import Secret
from agents.llm.own_keys import OWN_KEY_KINDS, OwnProvider, problem_of
from agents.time_zones import zone_named
from billing import entitlements
from billing.tiers import lowest_tier_with
from chat.turns import ChatTurn

ROLES = ("user", "assistant")
MAX_MESSAGE_CHARACTERS = 32_000
MAX_CONTEXT_BYTES = 512 * 1024
MAX_KEY_CHARACTERS = 4096
MAX_MODEL_CHARACTERS = 200

_NO_SUCH_MODEL = "The server offers no model of this name."
_MODEL_NAME = re.compile(r"[!-~]+( [!-~]+)*")  # servers of one's own name models by files, with spaces
# Of vendors to which LiteLLM leads. Before a slash it finds another provider's name, and asks that one what the model
# can do: by itself, on the event loop, at an address of the operator's. And for Gemini the name is a part of the path.
_PLAIN_MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_PLAIN_NAMES = frozenset({"anthropic", "gemini"})

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


@extend_schema_field({"type": "string", "minLength": 1, "maxLength": MAX_KEY_CHARACTERS, "writeOnly": True})
class ApiKeyField(serializers.Field[Secret, Any, None, Any]):
    """A key as it goes into a header, so visible ASCII; spaces around it are trimmed. No message quotes it."""

    default_error_messages = {
        "invalid": "This must be a string.",
        "blank": "This may not be blank.",
        "characters": "A key holds letters, digits and punctuation of ASCII only.",
        "max_length": f"A key has at most {MAX_KEY_CHARACTERS} characters.",
    }

    def to_internal_value(self, data: Any) -> Secret:
        if not isinstance(data, str):
            self.fail("invalid")
        text = data.strip(" ")
        if not text or text.isspace():
            self.fail("blank")
        if len(text) > MAX_KEY_CHARACTERS:
            self.fail("max_length")
        # Anything else could end the header, or change on its way.
        if not all("!" <= character <= "~" for character in text):
            self.fail("characters")
        return Secret(text)


@extend_schema_serializer(component_name="OwnProvider")
class OwnProviderSerializer(serializers.Serializer[Any]):
    """A user's own account at a language model's provider."""

    # DRF would quote what it was given, and a key may stand in the wrong field.
    kind = serializers.ChoiceField(
        choices=OWN_KEY_KINDS,
        error_messages={"invalid_choice": f"This must be one of: {', '.join(OWN_KEY_KINDS)}."},
        help_text="Each but `openai_compatible` goes to its vendor's own address.",
    )
    api_key = ApiKeyField(help_text="Used for this request alone; never stored, logged or sent anywhere else.")
    base_url = TextField(
        required=False,
        allow_null=True,
        max_length=MAX_CHARACTERS,
        help_text="Of a server that speaks OpenAI's protocol, up to what comes before `/chat/completions`. Needed with "
        "`openai_compatible`, and refused with the others. https and port 443, on the public internet.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        is_needed = attrs["kind"] == "openai_compatible"
        if is_needed and not attrs.get("base_url"):
            raise serializers.ValidationError({"base_url": ["This is needed with openai_compatible."]})
        if not is_needed and attrs.get("base_url"):
            raise serializers.ValidationError({"base_url": ["Only openai_compatible takes an address."]})
        return attrs


class ModelChoiceSerializer(serializers.Serializer[Any]):
    """Who answers: base of every body that may say so. See ``read_model_choice``."""

    model = TextField(
        required=False,
        allow_null=True,
        max_length=MAX_MODEL_CHARACTERS,
        help_text="One of the operator's models, the default one if absent; with `provider` a model of that provider.",
    )
    provider = OwnProviderSerializer(
        required=False, allow_null=True, help_text="The user's own key, used for this request and kept nowhere."
    )


@extend_schema_serializer(component_name="Chat")  # drf-spectacular adds "Request"
class ChatRequestSerializer(ModelChoiceSerializer):
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

    def validate_message(self, value: str) -> str:
        if not value.strip():
            raise serializers.ValidationError("This may not be blank.", code="blank")
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
    require_own_keys(serializer.initial_data, user=user)
    serializer.is_valid(raise_exception=True)
    data: Mapping[str, Any] = serializer.validated_data
    choice = read_model_choice(data, user=user)
    return ChatTurn(
        message=data["message"],
        context=data.get("context") or {},
        execution_mode=data.get("execution_mode") or "direct",
        model=choice.model,
        provider=choice.provider,
        client_tools=bool(data.get("client_tools")),
    )


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """Who answers: the operator's ``model`` (None for the default one), or the user's own ``provider``."""

    model: str | None = None
    provider: OwnProvider | None = None


def read_model_choice(data: Mapping[str, Any], *, user: User) -> ModelChoice:
    """What the validated ``data`` of a ``ModelChoiceSerializer`` asks for, if the tier of ``user`` includes it.

    Raises ``ValidationFailed`` and ``FeatureNotAvailable``. Sync, and it may look up a name: for a thread.
    """
    model, provider = data.get("model"), data.get("provider")
    # llm_providers is 1 on free: the default model alone (docs/api.md § 15).
    if (provider or model not in {None, settings.LLM_MODEL}) and not may_choose(user):
        if not provider and model not in settings.LLM_MODELS:
            raise ValidationFailed({"model": [_NO_SUCH_MODEL]})
        raise only_the_default()
    if provider:
        if not model:
            raise ValidationFailed({"model": ["Name a model of your provider."]})
        return ModelChoice(provider=connect_provider(provider, model=model))
    if model not in {None, settings.LLM_MODEL, *settings.LLM_MODELS}:
        raise ValidationFailed({"model": [_NO_SUCH_MODEL]})
    return ModelChoice(model)


def require_own_keys(body: Any, *, user: User) -> None:
    """403 comes before any mistake in the body (docs/api.md § 1): for one that names a provider, whatever it says.

    Raises ``FeatureNotAvailable``.
    """
    if isinstance(body, Mapping) and body.get("provider") is not None and not may_choose(user):
        raise only_the_default()


def may_choose(user: User) -> bool:
    """Whether the tier of ``user`` includes more than the default model."""
    return entitlements.limit(user, "llm_providers") != 1


def only_the_default() -> FeatureNotAvailable:
    return FeatureNotAvailable(
        required_tier=lowest_tier_with("llm_providers"), detail="The current tier includes the default model only."
    )


def connect_provider(data: Mapping[str, Any], *, model: str) -> OwnProvider:
    """The provider that the validated ``data`` of an ``OwnProviderSerializer`` names, its host's name looked up.

    Raises ``ValidationFailed`` for an address that is not connected to, and ``UpstreamError``. Blocks.
    """
    kind = data["kind"]
    # The lookup may take seconds, too long to hold a pooled database connection.
    close_old_connections()
    if not (_PLAIN_MODEL_NAME if kind in _PLAIN_NAMES else _MODEL_NAME).fullmatch(model):
        raise ValidationFailed({"model": ["This is not the name of a model."]})
    try:
        return OwnProvider.connect(kind=kind, model=model, api_key=data["api_key"], base_url=data.get("base_url"))
    except EgressRefused as refusal:
        if kind != "openai_compatible":
            # Nothing that the client wrote: the vendor's name leads nowhere from here.
            raise problem_of("unreachable") from None
        raise ValidationFailed({"provider.base_url": [refusal.reason]}) from None
    except HostUnreachable:
        raise problem_of("unreachable") from None


def _check_size(context: dict[str, Any]) -> None:
    """Compact JSON in UTF-8 counts, so that a client's spacing or escaping makes no difference."""
    size = len(json.dumps(context, ensure_ascii=False, separators=(",", ":")).encode())
    if size > MAX_CONTEXT_BYTES:
        raise PayloadTooLarge(
            f"context is larger than {MAX_CONTEXT_BYTES} bytes.", field="context", max_bytes=MAX_CONTEXT_BYTES
        )

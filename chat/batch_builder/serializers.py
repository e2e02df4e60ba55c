"""``POST /batches/build`` over HTTP (docs/api.md § 14)."""

from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from pydantic import ValidationError
from rest_framework import serializers

from accounts.models import User
from adiuva.api.errors import ValidationFailed
from adiuva.api.fields import ObjectField, TextField
from agents.batches.spec.batch_spec import BatchSpec, problems_of
from agents.batches.spec.schedules import zone_of
from chat.batch_builder.running import NEXT_RUNS, BuildRequest
from chat.openapi import UsageSerializer
from chat.requests import (
    MAX_CONTEXT_BYTES,
    MAX_MESSAGE_CHARACTERS,
    ChatContextSerializer,
    ModelChoiceSerializer,
    read_model_choice,
)

_SPEC = {
    "type": "object",
    "additionalProperties": True,
    "description": "A BatchSpec; its JSON Schema is at `GET /batches/schema`.",
}


@extend_schema_field(_SPEC)
class SpecField(ObjectField):
    pass


@extend_schema_serializer(component_name="BatchBuild")  # drf-spectacular adds "Request"
class BatchBuildSerializer(ModelChoiceSerializer):
    """What the batch shall do, in the user's words. Null means absent; unknown fields are ignored."""

    message = TextField(min_length=1, max_length=MAX_MESSAGE_CHARACTERS, trim_whitespace=False)
    timezone = TextField(max_length=64, help_text="The user's, an IANA name: an offset does not know summer time.")
    spec = SpecField(required=False, allow_null=True, help_text="The batch to change, as it was answered before.")
    context = ChatContextSerializer(  # type: ignore[assignment]  # a field's name, which DRF takes out of the class
        required=False, allow_null=True, help_text=f"As in a ChatRequest, at most {MAX_CONTEXT_BYTES} bytes."
    )

    def validate_message(self, value: str) -> str:
        if not value.strip():
            raise serializers.ValidationError("This may not be blank.", code="blank")
        return value

    def validate_timezone(self, value: str) -> str:
        try:
            return zone_of(value).key
        except ValueError as error:
            raise serializers.ValidationError(f"This {error}.") from None


class BatchBuildAnswerSerializer(serializers.Serializer[Any]):
    """`spec` is the best draft as long as there are `questions`, and null where nothing can be said without answers."""

    spec = SpecField(allow_null=True)
    explanation = serializers.CharField(allow_blank=True, help_text="What the batch does, in the user's language.")
    questions = serializers.ListField(
        child=serializers.CharField(), help_text="Answer them in the next `message`, with this `spec`."
    )
    warnings = serializers.ListField(child=serializers.CharField(), help_text="What the user should know before.")
    next_runs = serializers.ListField(
        child=serializers.DateTimeField(),
        max_length=NEXT_RUNS,
        help_text="The next times of a schedule, in UTC; none for other triggers, fewer where a rule ends.",
    )
    usage = UsageSerializer()


def read_build_request(serializer: BatchBuildSerializer, *, user: User) -> BuildRequest:
    """Of ``serializer`` (made with ``data=``).

    Raises DRF's ``ValidationError``, ``ValidationFailed``, ``PayloadTooLarge`` and ``FeatureNotAvailable``.
    """
    serializer.is_valid(raise_exception=True)
    data = serializer.validated_data
    spec = None
    if data.get("spec") is not None:
        try:
            spec = BatchSpec.model_validate(data["spec"])
        except ValidationError as error:
            raise ValidationFailed(
                {f"spec.{place}".rstrip("."): messages for place, messages in problems_of(error).items()}
            ) from None
    return BuildRequest(
        message=data["message"],
        timezone=data["timezone"],
        context=data.get("context") or {},
        choice=read_model_choice(data, user=user),
        spec=spec,
    )

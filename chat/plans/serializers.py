"""Plans and template runs over HTTP (docs/api.md § 6)."""

from typing import Any, get_args

from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema_field, extend_schema_serializer
from rest_framework import serializers

from accounts.models import User
from adiuva.api.errors import ValidationFailed
from adiuva.api.fields import ObjectField
from agents.actions import ActionType, Table
from billing.tiers import Tier
from chat.openapi import UsageSerializer
from chat.plans.templates import BadVariablesError, PromptTemplate, TemplateVariables, templates
from chat.requests import (
    MAX_CONTEXT_BYTES,
    ChatContextSerializer,
    ModelChoice,
    ModelChoiceSerializer,
    read_model_choice,
    require_own_keys,
)


class LlmStepSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    type = serializers.ChoiceField(choices=["llm"])
    template_id = serializers.ChoiceField(choices=[template.template_id for template in templates.list_templates()])
    variables = serializers.DictField(help_text="Send them to POST /plans/templates/{template_id}/run.")


class DataStepSerializer(serializers.Serializer[Any]):
    id = serializers.CharField()
    type = serializers.ChoiceField(choices=["data"])
    action = serializers.ChoiceField(choices=get_args(ActionType))
    table = serializers.ChoiceField(choices=get_args(Table))
    data_from_step = serializers.CharField(
        allow_null=True, help_text="The earlier step that returns the records; null for query_records."
    )


class ExecutionPlanSerializer(serializers.Serializer[Any]):
    """Steps for the client to carry out in order; prompts are named by their template only."""

    plan_id = serializers.CharField(help_text="A UUID, or the name of a built-in plan.")
    name = serializers.CharField()
    steps = PolymorphicProxySerializer(
        component_name="PlanStep",
        serializers={"llm": LlmStepSerializer, "data": DataStepSerializer},
        resource_type_field_name="type",
        many=True,
    )


class PlaybookSerializer(serializers.Serializer[Any]):
    items = ExecutionPlanSerializer(many=True)


class TemplateSerializer(serializers.Serializer[Any]):
    template_id = serializers.ChoiceField(choices=[template.template_id for template in templates.list_templates()])
    variables = serializers.DictField(help_text="A JSON Schema (2020-12) of the variables that it takes.")
    required_tier = serializers.ChoiceField(choices=list(Tier), help_text="The lowest tier that may run it.")


class TemplateListSerializer(serializers.Serializer[Any]):
    items = TemplateSerializer(many=True)


def _variables_schema() -> dict[str, Any]:
    kinds: dict[type[TemplateVariables], list[str]] = {}
    for template in templates.list_templates():
        kinds.setdefault(template.variables, []).append(template.template_id)
    return {
        "type": "object",
        "description": "The variables of each template; others are refused.",
        "oneOf": [{**kind.model_json_schema(), "title": ", ".join(names)} for kind, names in kinds.items()],
    }


def _result_schema() -> dict[str, Any]:
    records = {"type": "array", "items": {"type": "object", "additionalProperties": True}}
    answer = {
        "type": "object",
        "required": ["response", "actions"],
        "properties": {
            "response": {"type": "string"},
            "actions": {"type": "array", "items": {"$ref": "#/components/schemas/Action"}},
        },
    }
    return {
        "oneOf": [
            {**records, "description": "Of an extracting template: records as a create action takes them."},
            {**answer, "description": "Of an agent's template: its answer, and the actions to carry out."},
        ]
    }


@extend_schema_field(_variables_schema())
class VariablesField(ObjectField):
    pass


@extend_schema_field(_result_schema())
class ResultField(serializers.JSONField):
    pass


@extend_schema_serializer(component_name="TemplateRun")  # drf-spectacular adds "Request"
class TemplateRunSerializer(ModelChoiceSerializer):
    """A run of one template. Null means absent in every optional field."""

    variables = VariablesField()
    context = ChatContextSerializer(  # type: ignore[assignment]  # a field's name, which DRF takes out of the class
        required=False, allow_null=True, help_text=f"As in a ChatRequest, at most {MAX_CONTEXT_BYTES} bytes."
    )


class TemplateResultSerializer(serializers.Serializer[Any]):
    result = ResultField()
    usage = UsageSerializer()


def validate_template_run(
    serializer: TemplateRunSerializer, *, template: PromptTemplate, user: User
) -> tuple[TemplateVariables, dict[str, Any], ModelChoice]:
    """Variables, context and who answers, of a run of ``template`` from ``serializer`` (made with ``data=``).

    Raises DRF's ``ValidationError``, ``ValidationFailed``, ``PayloadTooLarge`` and what ``read_model_choice`` raises.
    """
    require_own_keys(serializer.initial_data, user=user)
    serializer.is_valid(raise_exception=True)
    data = serializer.validated_data
    try:
        variables = template.validate_variables(data["variables"])
    except BadVariablesError as error:
        raise ValidationFailed({f"variables.{name}": messages for name, messages in error.errors.items()}) from None
    return variables, data.get("context") or {}, read_model_choice(data, user=user)

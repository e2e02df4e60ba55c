"""The models there are, and the test of a user's own key (docs/api.md § 15)."""

import asyncio
from typing import Any

from asgiref.sync import async_to_sync
from django.conf import settings
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from adiuva.api.errors import UpstreamError, UpstreamTimeout
from adiuva.api.fields import TextField
from adiuva.api.openapi.responses import problem
from adiuva.api.views import ApiView
from agents.llm import messages as message
from agents.llm.factory import get_llm
from agents.llm.meter import Grant, Meter
from agents.llm.model_lists import has_model, list_models
from agents.llm.own_keys import OWN_KEY_KINDS, OwnProvider, problem_of
from agents.llm.port import Usage
from billing import entitlements
from chat.requests import (
    MAX_MODEL_CHARACTERS,
    OwnProviderSerializer,
    connect_provider,
    may_choose,
    only_the_default,
)
from chat.turns import capacity

_ASK_SECONDS = 10.0
# Stands for the model where none is named: a list needs none.
_NO_MODEL = "none"


class BuiltinModelSerializer(serializers.Serializer[Any]):
    model = serializers.CharField()
    default = serializers.BooleanField(help_text="Answers where a request names none.")


class ModelsSerializer(serializers.Serializer[Any]):
    """Empty lists are possible: nothing is set up, or the tier includes no key of one's own."""

    builtin = BuiltinModelSerializer(many=True, help_text="The server's own that the tier includes, the default first.")
    own_key_kinds = serializers.ListField(
        child=serializers.ChoiceField(choices=OWN_KEY_KINDS), help_text="What `provider.kind` may be."
    )
    limit = serializers.IntegerField(allow_null=True, help_text="`llm_providers` of the tier; null is unlimited.")


class ModelsView(ApiView):
    @extend_schema(
        operation_id="listModels",
        summary="List the models you can choose from",
        description="`model` of a request is one of `builtin`, or any model of a provider of your own.",
        responses={200: ModelsSerializer},
    )
    def get(self, request: Request) -> Response:
        user = identity_of(request).user
        chooses = may_choose(user)
        names = dict.fromkeys([settings.LLM_MODEL, *(settings.LLM_MODELS if chooses else ())])
        return Response(
            {
                "builtin": [{"model": name, "default": name == settings.LLM_MODEL} for name in names if name],
                "own_key_kinds": list(OWN_KEY_KINDS) if chooses else [],
                "limit": entitlements.limit(user, "llm_providers"),
            }
        )


@extend_schema_serializer(component_name="ProviderTest")  # drf-spectacular adds "Request"
class ProviderTestSerializer(serializers.Serializer[Any]):
    provider = OwnProviderSerializer()
    model = TextField(
        required=False,
        allow_null=True,
        max_length=MAX_MODEL_CHARACTERS,
        help_text="One that the provider must have. A server without a list of models is asked for one token of it.",
    )


class ProviderTestedSerializer(serializers.Serializer[Any]):
    ok = serializers.BooleanField(help_text="Always true: whatever is wrong is a problem.")
    models = serializers.ListField(
        child=serializers.CharField(), help_text="Those that the provider lists for this key; empty without a list."
    )


class ProviderTestView(ApiView):
    def check_permissions(self, request: Request) -> None:
        """403 comes before any mistake in the body (docs/api.md § 1)."""
        super().check_permissions(request)
        if not may_choose(identity_of(request).user):
            raise only_the_default()

    @extend_schema(
        operation_id="testProvider",
        summary="Test a key of your own",
        description="Asks the provider for its list of models, within ten seconds. Nothing is stored and no usage is "
        "counted.",
        request=ProviderTestSerializer,
        responses={
            200: ProviderTestedSerializer,
            400: problem("validation_error: a field is wrong, or the address is not one that is connected to"),
            403: problem("feature_not_available, with `required_tier`: keys of one's own"),
            502: problem("upstream_error, with `reason`: `auth`, `quota`, `model` or `unreachable`"),
            503: problem("upstream_unavailable: the server has no room"),
        },
    )
    def post(self, request: Request) -> Response:
        serializer = ProviderTestSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        model = serializer.validated_data.get("model")
        with capacity.turn(identity_of(request).user.id):
            provider = connect_provider(serializer.validated_data["provider"], model=model or _NO_MODEL)
            models = list_models(provider)
            if model:
                _require_model(provider, models)
            elif models is None:
                raise UpstreamError("Your provider lists no models: name one, and it is asked.", reason="model")
        return Response({"ok": True, "models": models or []})


def _require_model(provider: OwnProvider, models: list[str] | None) -> None:
    """Raises ``UpstreamError``."""
    if models is None:
        async_to_sync(_ask_one_token)(provider)
    elif not has_model(provider, models):
        raise problem_of("model")


async def _ask_one_token(provider: OwnProvider) -> None:
    deadline = asyncio.get_running_loop().time() + _ASK_SECONDS
    try:
        await get_llm(provider=provider).complete([message.user("Hi")], deadline=deadline, meter=Meter(_OneToken()))
    except UpstreamTimeout:
        raise problem_of("unreachable") from None


class _OneToken:
    """The user pays for it, so it is as little as can be asked for."""

    async def reserve(self, *, input_tokens: int, seconds: float) -> Grant:
        return Grant(input_tokens, 1)

    def settle(self, grant: Grant, spent: Usage) -> None:
        """Nothing is counted: the account is the user's."""

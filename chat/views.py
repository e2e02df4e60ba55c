"""``/chat``: a whole turn in one response, and the usage report."""

from asgiref.sync import async_to_sync
from django.db import close_old_connections
from drf_spectacular.utils import PolymorphicProxySerializer, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from adiuva.api.openapi.responses import problem
from adiuva.api.views import ApiView
from chat import usage
from chat.openapi import ChatResponseSerializer, UsageReportSerializer
from chat.orchestrator import orchestrate
from chat.plans.serializers import ExecutionPlanSerializer
from chat.requests import ChatRequestSerializer, build_turn

_ANSWER = PolymorphicProxySerializer(
    component_name="ChatAnswer",
    serializers=[ChatResponseSerializer, ExecutionPlanSerializer],
    resource_type_field_name=None,
)


class ChatView(ApiView):
    """Sync like every DRF view; the turn itself runs on the server's event loop.

    When the client disconnects, the request's task is cancelled; asgiref passes that on to the turn, which closes the
    provider's connection.
    """

    @extend_schema(
        operation_id="sendChat",
        summary="Send a chat message",
        request=ChatRequestSerializer,
        description="The answer, the actions for the client to carry out, and the usage; in plan mode the plan. "
        "The model sees `context` in this one turn; the server stores none of it.",
        responses={
            200: _ANSWER,
            400: problem("validation_error"),
            402: problem(
                "quota_exceeded, with `limit`, `used` and `resets_at`: too few of the month's tokens are left"
            ),
            403: problem("feature_not_available, with `required_tier`: the model or the agent"),
            413: problem("payload_too_large, with `max_bytes`: the context has more than 512 KiB"),
            502: problem("upstream_error: the language model failed"),
            503: problem("not_configured, upstream_unavailable: no language model, or no room on the server"),
            504: problem("upstream_timeout: the language model"),
        },
    )
    def post(self, request: Request) -> Response:
        user = identity_of(request).user
        turn = build_turn(ChatRequestSerializer(data=request.data), user=user)
        # The model may take a minute, too long to hold a pooled database connection.
        close_old_connections()
        with usage.count_turn(user, turn.provider) as meter:
            done = async_to_sync(orchestrate)(turn=turn, user=user, meter=meter)
        return Response(done.as_dict() if done.plan is None else done.plan.as_dict())


class UsageView(ApiView):
    @extend_schema(
        operation_id="getChatUsage",
        summary="Get the usage of your conversations",
        description="Counts every turn with a model call, failed and cancelled ones and template runs included. "
        "Days and months are in UTC. What running turns have reserved is not among what remains, until they end.",
        responses={200: UsageReportSerializer},
    )
    def get(self, request: Request) -> Response:
        return Response(usage.report(identity_of(request).user))

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
            400: problem("A field is wrong"),
            403: problem("The tier does not include the model or the agent; see required_tier"),
            413: problem("The context is larger than 512 KiB"),
            502: problem("The language model failed"),
            503: problem("No language model is configured or available, or the server has no room"),
            504: problem("The language model took too long"),
        },
    )
    def post(self, request: Request) -> Response:
        user = identity_of(request).user
        turn = build_turn(ChatRequestSerializer(data=request.data), user=user)
        # The model may take a minute, too long to hold a pooled database connection.
        close_old_connections()
        with usage.count_turn(user.id) as meter:
            done = async_to_sync(orchestrate)(turn=turn, user=user, meter=meter)
        return Response(done.as_dict() if done.plan is None else done.plan.as_dict())


class UsageView(ApiView):
    @extend_schema(
        operation_id="getChatUsage",
        summary="Get the usage of your conversations",
        description="Counts every turn with a model call, failed and cancelled ones and template runs included. "
        "Days and months are in UTC.",
        responses={200: UsageReportSerializer},
    )
    def get(self, request: Request) -> Response:
        return Response(usage.report(identity_of(request).user.id))

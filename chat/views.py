"""``/chat``: a whole turn in one answer, and what turns have cost."""

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

    A client that goes away cancels the request's task, and asgiref passes that on to the turn, which closes the
    provider's connection.
    """

    @extend_schema(
        operation_id="sendChat",
        summary="One conversation turn",
        request=ChatRequestSerializer,
        description="The answer, the actions for the client to carry out, and what it has cost; in plan mode the "
        "plan. The model sees what `context` holds for this one turn; the server keeps none of it.",
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
        # The model may take a minute; a pooled database connection is not held for that long.
        close_old_connections()
        with usage.count_turn(user.id) as meter:
            done = async_to_sync(orchestrate)(turn=turn, user=user, meter=meter)
        return Response(done.as_dict() if done.plan is None else done.plan.as_dict())


class UsageView(ApiView):
    @extend_schema(
        operation_id="getChatUsage",
        summary="What your conversations have cost",
        description="Every turn in which a model was asked, also those that failed or were cancelled, and the runs of "
        "templates. Days and months are those of UTC.",
        responses={200: UsageReportSerializer},
    )
    def get(self, request: Request) -> Response:
        return Response(usage.report(identity_of(request).user.id))

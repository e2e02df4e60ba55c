"""``POST /chat``: a whole turn in one answer."""

from asgiref.sync import async_to_sync
from django.db import close_old_connections
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.models import User
from adiuva.http.schema import problem
from adiuva.http.views import ApiView
from chat.orchestrator import run_turn
from chat.schema import ChatResponseSerializer
from chat.serializers import ChatRequestSerializer, turn_from


class ChatView(ApiView):
    """Sync like every DRF view; the turn itself runs on the server's event loop.

    A client that goes away cancels the request's task, and asgiref passes that on to the turn, which closes the
    provider's connection.
    """

    @extend_schema(
        operation_id="chat",
        summary="One conversation turn",
        request=ChatRequestSerializer,
        description="The answer, the actions for the client to carry out, and what it has cost. The model sees what "
        "`context` holds for this one turn; the server keeps none of it.",
        responses={
            200: ChatResponseSerializer,
            400: problem("A field is wrong"),
            403: problem("The tier does not include the model or the agent; see required_tier"),
            413: problem("The context is larger than 512 KiB"),
            502: problem("The language model failed"),
            503: problem("No language model is configured or available"),
            504: problem("The language model took too long"),
        },
    )
    def post(self, request: Request) -> Response:
        user = request.user
        assert isinstance(user, User)  # noqa: S101 - ApiView has refused everybody else
        turn = turn_from(ChatRequestSerializer(data=request.data), user=user)
        # The model may take a minute; a pooled database connection is not held for that long.
        close_old_connections()
        return Response(async_to_sync(run_turn)(turn=turn, user=user).as_dict())

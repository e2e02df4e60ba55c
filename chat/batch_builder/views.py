"""``POST /batches/build``."""

from asgiref.sync import async_to_sync
from django.db import close_old_connections
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from adiuva.api.openapi.responses import problem
from adiuva.api.views import ApiView
from billing import entitlements
from chat.batch_builder.running import run_builder
from chat.batch_builder.serializers import BatchBuildAnswerSerializer, BatchBuildSerializer, read_build_request
from chat.budgets import open_meter
from chat.usage import record_usage


class BatchBuildView(ApiView):
    """Sync like every DRF view; the turn itself is on the server's event loop, like that of ``POST /chat``."""

    def check_permissions(self, request: Request) -> None:
        """403 comes before any mistake in the body (docs/api.md § 1)."""
        super().check_permissions(request)
        entitlements.require_feature(identity_of(request).user, "batch_builder")

    @extend_schema(
        operation_id="buildBatch",
        summary="Build a batch from a sentence",
        description="The Batch Builder: a BatchSpec for the client to show, seal and save, or with `spec` that one "
        "changed as `message` says. Where it must not guess it asks: send the answer as the next `message`, with the "
        "`spec` of this answer. Nothing is stored.",
        request=BatchBuildSerializer,
        responses={
            200: BatchBuildAnswerSerializer,
            400: problem("validation_error"),
            402: problem(
                "quota_exceeded, with `limit`, `used` and `resets_at`: too few of the month's tokens are left"
            ),
            403: problem("feature_not_available, with `required_tier`: the Batch Builder, or the model"),
            413: problem("payload_too_large, with `max_bytes`: the context has more than 512 KiB"),
            422: problem("not_buildable: no batch can do this; `reason` says why, in the user's language"),
            502: problem("upstream_error: the language model failed, or returned no valid batch"),
            503: problem("not_configured, upstream_unavailable: no language model, or no room on the server"),
            504: problem("upstream_timeout: the language model"),
        },
    )
    def post(self, request: Request) -> Response:
        user = identity_of(request).user
        asked = read_build_request(BatchBuildSerializer(data=request.data), user=user)
        # The model may take a minute, too long to hold a pooled database connection.
        close_old_connections()
        meter = open_meter(user, provider=asked.choice.provider)
        try:
            answer = async_to_sync(run_builder)(asked=asked, user=user, meter=meter)
        finally:
            record_usage(user.id, meter)
        return Response(answer.as_dict())

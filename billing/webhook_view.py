from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from adiuva.api.openapi.responses import problem
from adiuva.api.views import ApiView
from billing import webhook


class ReceiptSerializer(serializers.Serializer[webhook.Receipt]):
    received = serializers.BooleanField(help_text="Always true.")
    duplicate = serializers.BooleanField(required=False, help_text="True when the event was here before.")


class WebhookView(ApiView):
    public = True
    rate_limited = False

    @extend_schema(
        operation_id="stripeWebhook",
        summary="Where Stripe delivers its events",
        request={"application/json": OpenApiTypes.OBJECT},
        parameters=[OpenApiParameter("Stripe-Signature", str, OpenApiParameter.HEADER, required=True)],
        responses={200: ReceiptSerializer, 400: problem("validation_error"), 503: problem("not_configured")},
    )
    def post(self, request: Request) -> Response:
        """Any order, any repetition and any parallelism of deliveries ends in the same state."""
        receipt = webhook.receive(
            body=request._request.body,  # as it was signed; no parser may touch it
            signature=request.headers.get("Stripe-Signature", ""),
            secret=settings.STRIPE_WEBHOOK_SECRET,
            connect_secret=settings.STRIPE_CONNECT_WEBHOOK_SECRET,
        )
        return Response({"received": True, "duplicate": True} if receipt.duplicate else {"received": True})

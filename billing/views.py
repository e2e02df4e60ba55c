"""Wire contract § 10, but for the webhook."""

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from adiuva.api import idempotency
from adiuva.api.openapi.responses import problem
from adiuva.api.views import ApiView
from billing.cancellation import cancel_subscription
from billing.checkouts import start_checkout
from billing.serializers import (
    CheckoutPageSerializer,
    CheckoutSerializer,
    SubscriptionSerializer,
    TierListSerializer,
)
from billing.stripe import webhook
from billing.tiers import Tier

UPSTREAM = {
    502: problem("upstream_error"),
    503: problem("not_configured, upstream_unavailable"),
    504: problem("upstream_timeout"),
}


class TiersView(ApiView):
    """What each tier includes and costs, from the lowest to the highest; `null` is unlimited."""

    public = True

    @extend_schema(operation_id="listTiers", summary="The tiers", responses=TierListSerializer)
    def get(self, request: Request) -> Response:
        return Response(TierListSerializer({"items": list(Tier)}).data)


class CheckoutView(ApiView):
    @extend_schema(
        operation_id="beginCheckout",
        summary="A page on which a tier is bought",
        parameters=[idempotency.PARAMETER],
        request=CheckoutSerializer,
        responses={
            200: CheckoutPageSerializer,
            400: problem("validation_error"),
            409: problem("conflict: the tier is active already, or its payment is on its way"),
            422: problem("idempotency_mismatch"),
            **UPSTREAM,
        },
    )
    def post(self, request: Request) -> Response:
        """The tier changes when it is paid for, not before. A page that was not paid on is closed by the next one.

        Whoever has a paid subscription and buys another tier has two for a moment: the older one is ended as soon as
        the new one has begun, and what is left of it is credited.
        """
        key = idempotency.idempotency_key(request)
        serializer = CheckoutSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        tier = Tier(serializer.validated_data["tier"])
        url = start_checkout(user=identity_of(request).user, tier=tier, idempotency_key=key)
        return Response(CheckoutPageSerializer({"checkout_url": url}).data)


class SubscriptionView(ApiView):
    @extend_schema(
        operation_id="getSubscription",
        summary="Your subscription",
        responses=SubscriptionSerializer,
    )
    def get(self, request: Request) -> Response:
        """Without one the tier is `free` and the status `none`."""
        return Response(SubscriptionSerializer(identity_of(request).user).data)

    @extend_schema(
        operation_id="cancelSubscription",
        summary="End your subscription now",
        request=None,
        responses={200: SubscriptionSerializer, **UPSTREAM},
    )
    def delete(self, request: Request) -> Response:
        """It ends at Stripe and here at once; again is no error. When Stripe is away, nothing has changed."""
        user = identity_of(request).user
        cancel_subscription(user=user)
        return Response(SubscriptionSerializer(user).data)


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

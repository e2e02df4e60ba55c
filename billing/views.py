"""docs/api.md § 10: tiers, checkout, subscription, and where Stripe delivers its events."""

from dataclasses import asdict
from typing import Any

from django.conf import settings
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from accounts.models import User
from adiuva.api import idempotency
from adiuva.api.openapi.responses import problem
from adiuva.api.views import ApiView
from billing.cancellation import cancel_subscription
from billing.checkouts import start_checkout
from billing.entitlements import tier_of
from billing.models import SubscriptionStatus
from billing.stripe import webhook
from billing.tiers import PAID_TIERS, TIERS, Tier

UPSTREAM = {
    502: problem("upstream_error"),
    503: problem("not_configured, upstream_unavailable"),
    504: problem("upstream_timeout"),
}


NO_SUBSCRIPTION = "none"


class TierSerializer(serializers.Serializer[Tier]):
    """A tier, with its limits and features. `null` is unlimited; for `price_id`: not sold."""

    tier = serializers.ChoiceField(choices=list(Tier))
    price_id = serializers.CharField(allow_null=True, help_text="The Stripe price, per month.")
    agents = serializers.IntegerField(allow_null=True)
    batch_active = serializers.IntegerField(allow_null=True)
    cloud_storage_bytes = serializers.IntegerField(allow_null=True)
    backup_storage_bytes = serializers.IntegerField(allow_null=True)
    llm_providers = serializers.IntegerField(allow_null=True)
    batch_builder = serializers.BooleanField()
    plugin_marketplace = serializers.BooleanField()
    sso = serializers.BooleanField()
    requests_per_minute = serializers.IntegerField()

    def to_representation(self, instance: Tier) -> dict[str, Any]:
        row = {"tier": instance, "price_id": settings.STRIPE_PRICES.get(instance)}
        return row | asdict(TIERS[instance])


class TierListSerializer(serializers.Serializer[Any]):
    items = TierSerializer(many=True)


class CheckoutSerializer(serializers.Serializer[Any]):
    tier = serializers.ChoiceField(choices=list(PAID_TIERS))


class CheckoutPageSerializer(serializers.Serializer[Any]):
    checkout_url = serializers.URLField(help_text="To be opened in a browser.")


class SubscriptionSerializer(serializers.Serializer[Any]):
    """A user's subscription; `tier` is the live one, whatever Stripe's status."""

    tier = serializers.ChoiceField(choices=list(Tier))
    status = serializers.ChoiceField(choices=[NO_SUBSCRIPTION, *SubscriptionStatus.values])
    current_period_end = serializers.DateTimeField(allow_null=True)
    cancel_at_period_end = serializers.BooleanField()
    stripe_subscription_id = serializers.CharField(allow_null=True)

    def to_representation(self, instance: User) -> Any:
        row = getattr(instance, "subscription", None)
        return super().to_representation(
            {
                "tier": tier_of(instance),
                "status": row.status if row else NO_SUBSCRIPTION,
                "current_period_end": row.current_period_end if row else None,
                "cancel_at_period_end": bool(row and row.cancel_at_period_end),
                "stripe_subscription_id": row.stripe_subscription_id if row else None,
            }
        )


class TiersView(ApiView):
    """What each tier includes and costs, from the lowest to the highest; `null` is unlimited."""

    public = True

    @extend_schema(operation_id="listTiers", summary="List tiers", responses=TierListSerializer)
    def get(self, request: Request) -> Response:
        return Response(TierListSerializer({"items": list(Tier)}).data)


class CheckoutView(ApiView):
    @extend_schema(
        operation_id="beginCheckout",
        summary="Start a checkout",
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
        summary="Get your subscription",
        responses=SubscriptionSerializer,
    )
    def get(self, request: Request) -> Response:
        """Without one the tier is `free` and the status `none`."""
        return Response(SubscriptionSerializer(identity_of(request).user).data)

    @extend_schema(
        operation_id="cancelSubscription",
        summary="Cancel your subscription",
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
    duplicate = serializers.BooleanField(required=False, help_text="True when the event was received before.")


class WebhookView(ApiView):
    public = True
    rate_limited = False

    @extend_schema(
        operation_id="stripeWebhook",
        summary="Receive an event from Stripe",
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

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
from accounts.keys.fields import NumberField
from accounts.models import User
from adiuva.api import idempotency
from adiuva.api.openapi.responses import problem
from adiuva.api.pagination import InMemoryRows, ListSerializer, page_parameters, requested_page
from adiuva.api.views import ApiView
from billing.cancellation import cancel_subscription, resume_subscription
from billing.checkouts import Purchase, start_checkout
from billing.entitlements import tier_of
from billing.models import Subscription, SubscriptionStatus
from billing.portal import INVOICE_STATUSES, list_invoices, open_portal
from billing.prices import INTERVALS, PriceBook
from billing.stripe import webhook
from billing.stripe.port import StripeInvoice
from billing.tiers import MOST_SEATS, PAID_TIERS, TIERS, Tier

UPSTREAM = {
    502: problem("upstream_error"),
    503: problem("not_configured, upstream_unavailable"),
    504: problem("upstream_timeout"),
}


NO_SUBSCRIPTION = "none"


class PriceSerializer(serializers.Serializer[Any]):
    price_id = serializers.CharField(help_text="The Stripe price.")
    interval = serializers.ChoiceField(choices=list(INTERVALS))


class TierSerializer(serializers.Serializer[Tier]):
    """A tier, with its limits and features. `null` is unlimited; for `price_id`: not sold."""

    tier = serializers.ChoiceField(choices=list(Tier))
    price_id = serializers.CharField(allow_null=True, help_text="The first of `prices`.")
    prices = PriceSerializer(many=True, help_text="What is sold, by the month and by the year.")
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
        book: PriceBook = self.context["book"]
        prices = [{"price_id": one.price_id, "interval": one.interval} for one in book.sold(instance) if one.price_id]
        row = {"tier": instance, "price_id": prices[0]["price_id"] if prices else None, "prices": prices}
        return row | asdict(TIERS[instance])


class TierListSerializer(serializers.Serializer[Any]):
    items = TierSerializer(many=True)


class CheckoutSerializer(serializers.Serializer[Any]):
    tier = serializers.ChoiceField(choices=list(PAID_TIERS))
    interval = serializers.ChoiceField(choices=list(INTERVALS), default="month", help_text="400 for one not sold.")
    seats = NumberField(
        min_value=1, max_value=MOST_SEATS, default=1, help_text="How many people it is for; more than one in `team`."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["seats"] > 1 and attrs["tier"] != Tier.TEAM:
            raise serializers.ValidationError({"seats": [f"The tier {attrs['tier']} is for one person."]})
        return attrs


class CheckoutPageSerializer(serializers.Serializer[Any]):
    checkout_url = serializers.URLField(help_text="To be opened in a browser.")


class SubscriptionSerializer(serializers.Serializer[Any]):
    """A user's subscription; `tier` is the live one, whatever Stripe's status."""

    tier = serializers.ChoiceField(choices=list(Tier))
    status = serializers.ChoiceField(choices=[NO_SUBSCRIPTION, *SubscriptionStatus.values])
    current_period_end = serializers.DateTimeField(allow_null=True)
    cancel_at_period_end = serializers.BooleanField(help_text="Whether an end is scheduled, for whatever time.")
    cancel_at = serializers.DateTimeField(allow_null=True, help_text="When that is.")
    past_due_since = serializers.DateTimeField(allow_null=True)
    pay_url = serializers.URLField(allow_null=True, help_text="Where the open invoice is paid, while one is due.")
    seats = serializers.IntegerField(allow_null=True, help_text="How many people are paid for.")
    stripe_subscription_id = serializers.CharField(allow_null=True)

    def to_representation(self, instance: User) -> Any:
        row = Subscription.objects.filter(user=instance).first()
        return super().to_representation(
            {
                "tier": tier_of(instance),
                "status": row.status if row else NO_SUBSCRIPTION,
                "current_period_end": row.current_period_end if row else None,
                "cancel_at_period_end": bool(row and row.cancel_at_period_end),
                "cancel_at": row.cancel_at if row else None,
                "past_due_since": row.past_due_since if row else None,
                "pay_url": (row.pay_url or None) if row else None,
                "seats": _seats_of(row) if row else None,
                "stripe_subscription_id": row.stripe_subscription_id if row else None,
            }
        )


def _seats_of(row: Subscription) -> int | None:
    """An operator grants one unless they say how many; of Stripe's the quantity may be unknown."""
    return row.seats or (None if row.stripe_subscription_id else 1)


class TiersView(ApiView):
    """What each tier includes and costs, from the lowest to the highest; `null` is unlimited."""

    public = True

    @extend_schema(operation_id="listTiers", summary="List tiers", responses=TierListSerializer)
    def get(self, request: Request) -> Response:
        return Response(TierListSerializer({"items": list(Tier)}, context={"book": PriceBook.load()}).data)


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
        the new one has begun, and what is left of it is credited if it was paid for. Who owes for that tier gets the
        page of the open invoice.
        """
        key = idempotency.idempotency_key(request)
        serializer = CheckoutSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        asked = serializer.validated_data
        wanted = Purchase(tier=Tier(asked["tier"]), interval=asked["interval"], seats=asked["seats"])
        url = start_checkout(user=identity_of(request).user, wanted=wanted, idempotency_key=key)
        return Response(CheckoutPageSerializer({"checkout_url": url}).data)


class CancellationSerializer(serializers.Serializer[Any]):
    at = serializers.ChoiceField(choices=["period_end"], required=False, help_text="At once without it.")


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
        parameters=[CancellationSerializer],
        request=None,
        responses={200: SubscriptionSerializer, 400: problem("validation_error"), **UPSTREAM},
    )
    def delete(self, request: Request) -> Response:
        """It ends at Stripe and here at once, or when what is paid for runs out; again is no error. When Stripe is
        away, nothing has changed. Only subscriptions to prices of ours are ended.
        """
        serializer = CancellationSerializer(data=request.query_params.dict())
        serializer.is_valid(raise_exception=True)
        user = identity_of(request).user
        cancel_subscription(user=user, at_period_end="at" in serializer.validated_data)
        return Response(SubscriptionSerializer(user).data)


class ResumeView(ApiView):
    @extend_schema(
        operation_id="resumeSubscription",
        summary="Take a scheduled end back",
        request=None,
        responses={200: SubscriptionSerializer, 409: problem("conflict: no end is scheduled"), **UPSTREAM},
    )
    def post(self, request: Request) -> Response:
        """The subscription goes on as before."""
        user = identity_of(request).user
        resume_subscription(user=user)
        return Response(SubscriptionSerializer(user).data)


class PortalPageSerializer(serializers.Serializer[Any]):
    portal_url = serializers.URLField(help_text="To be opened in a browser, within minutes.")


class PortalView(ApiView):
    @extend_schema(
        operation_id="openPortal",
        summary="Open the customer portal",
        request=None,
        responses={200: PortalPageSerializer, 409: problem("conflict: the account is being deleted"), **UPSTREAM},
    )
    def post(self, request: Request) -> Response:
        """Stripe's pages for cards, invoices and the subscription."""
        return Response(PortalPageSerializer({"portal_url": open_portal(user=identity_of(request).user)}).data)


class InvoiceSerializer(serializers.Serializer[Any]):
    """An invoice. `number` and the addresses are null until it is final."""

    number = serializers.CharField(allow_null=True)
    status = serializers.ChoiceField(choices=INVOICE_STATUSES)
    total_cents = serializers.IntegerField()
    currency = serializers.CharField()
    created_at = serializers.DateTimeField(allow_null=True)
    hosted_url = serializers.URLField(allow_null=True)
    pdf_url = serializers.URLField(allow_null=True)

    def to_representation(self, instance: StripeInvoice) -> Any:
        return super().to_representation(
            {
                "number": instance.number or None,
                "status": instance.status,
                "total_cents": instance.total_cents,
                "currency": instance.currency,
                "created_at": instance.created,
                "hosted_url": instance.hosted_url or None,
                "pdf_url": instance.pdf_url or None,
            }
        )


class InvoiceListSerializer(ListSerializer):
    items = InvoiceSerializer(many=True)


class InvoicesView(ApiView):
    @extend_schema(
        operation_id="listInvoices",
        summary="List your invoices",
        parameters=page_parameters(limit=20, most=100),
        responses={200: InvoiceListSerializer, 400: problem("validation_error"), **UPSTREAM},
    )
    def get(self, request: Request) -> Response:
        """Newest first, asked of Stripe."""
        page = requested_page(request, limit=20, most=100)
        invoices = InMemoryRows(list_invoices(user=identity_of(request).user))
        return Response(page.of(invoices, lambda rows: InvoiceSerializer(rows, many=True).data))


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

from dataclasses import asdict
from typing import Any

from django.conf import settings
from rest_framework import serializers

from accounts.models import User
from billing.entitlements import tier_of
from billing.models import SubscriptionStatus
from billing.tiers import PAID_TIERS, TIERS, Tier

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

from dataclasses import asdict
from typing import Any

from django.conf import settings
from rest_framework import serializers

from billing.tiers import TIERS, Tier


class TierSerializer(serializers.Serializer[Tier]):
    """A tier, with its column of the wire contract § 11. ``null`` is unlimited; for ``price_id``: not sold."""

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

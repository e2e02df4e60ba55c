"""Shapes of wire contract § 9: what is earned, and where one says how to be paid."""

from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from marketplace.earnings import Figures, PluginEarnings


class FiguresSerializer(serializers.Serializer[Any]):
    gross_cents = serializers.IntegerField(
        help_text="What buyers paid, less what went back to them by refunds and disputes in the period; negative when "
        "more went back than came in. Always developer_share_cents + platform_share_cents."
    )
    developer_share_cents = serializers.IntegerField(
        help_text="Your share: floor(70 %) of each sale. After a refund you have floor(70 %) of what is left of it; "
        "what you give back is booked in the month of the refund, so past months never change."
    )
    platform_share_cents = serializers.IntegerField(help_text="The rest of gross_cents.")
    paid_cents = serializers.IntegerField(
        help_text="What was sent to you in the period, less what was taken back from you for refunds."
    )
    pending_cents = serializers.IntegerField(
        help_text="Your share not yet sent, of everything up to the end of the period (without one: up to now); "
        "negative while something is still to be taken back. Over all time it is developer_share_cents - paid_cents."
    )
    sales = serializers.IntegerField(help_text="Paid sales in the period; a refund does not lower it.")


class PluginEarningsSerializer(FiguresSerializer):
    plugin_id = serializers.CharField()
    name = serializers.CharField()


class EarningsSerializer(FiguresSerializer):
    by_plugin = PluginEarningsSerializer(many=True, help_text="The same, by plugin; without those that are all zero.")

    @staticmethod
    def of(earned: list[PluginEarnings]) -> dict[str, Any]:
        return asdict(sum((one.figures for one in earned), Figures())) | {
            "by_plugin": [{"plugin_id": one.plugin_id, "name": one.name} | asdict(one.figures) for one in earned]
        }


class OnboardingSerializer(serializers.Serializer[Any]):
    onboarding_url = serializers.URLField(help_text="To be opened in a browser; works once, for minutes.")

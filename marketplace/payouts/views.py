"""What a developer has earned, and where they say how to be paid (docs/api.md § 9)."""

from dataclasses import asdict
from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from adiuva.api.openapi.responses import problem
from marketplace.catalog.admission import MarketplaceView
from marketplace.models import OnboardingState
from marketplace.payouts.earnings import ALL_TIME, Figures, Period, PluginEarnings, earnings_of
from marketplace.payouts.onboarding import Onboarding, begin_onboarding, onboarding_of


class FiguresSerializer(serializers.Serializer[Any]):
    gross_cents = serializers.IntegerField(
        help_text="What buyers paid in the period, less what went back to them in it (refunded_cents); negative when "
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
    sales = serializers.IntegerField(
        help_text="Sales of the period that stand: paid, and at its end not given back in full. One that was refunded "
        "in part stands, with what is left of it in gross_cents."
    )
    refunds = serializers.IntegerField(
        help_text="Sales that were given back in full in the period, by refunds or a dispute, whenever they were made. "
        "Over all time sales + refunds is every sale there was."
    )
    refunded_cents = serializers.IntegerField(
        help_text="What went back to buyers in the period, in full and in part, less what returned by a failed refund "
        "or a dispute that was won."
    )


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


class OnboardingStateSerializer(serializers.Serializer[Onboarding]):
    state = serializers.ChoiceField(
        choices=OnboardingState.values,
        help_text="none: there is no account to pay you at (or you took it away from us): begin. pending: Stripe waits "
        "for your answers, or checks them. restricted: Stripe has disabled transfers or payouts after you gave your "
        "details; what you are owed waits, begin again to answer what is due. ready: you are paid.",
    )
    requirements = serializers.ListField(
        child=serializers.CharField(), help_text="Stripe's names of what is due, such as individual.dob.day."
    )
    disabled_reason = serializers.CharField(
        allow_null=True, help_text="Stripe's word for why it has disabled something, such as requirements.past_due."
    )


class OnboardingSerializer(serializers.Serializer[Any]):
    onboarding_url = serializers.URLField(help_text="To be opened in a browser; works once, for minutes.")


class OnboardingView(MarketplaceView):
    open_methods = frozenset({"GET", "POST"})
    verified_methods = frozenset({"POST"})

    @extend_schema(
        operation_id="getOnboarding",
        summary="Show whether you can be paid",
        responses={200: OnboardingStateSerializer},
    )
    def get(self, request: Request) -> Response:
        """Why nothing is paid, on any tier, as Stripe told it last; it tells of every change by itself, in seconds."""
        return Response(OnboardingStateSerializer(onboarding_of(identity_of(request).user)).data)

    @extend_schema(
        operation_id="beginOnboarding",
        summary="Begin or continue the onboarding for payouts",
        request=None,
        responses={
            200: OnboardingSerializer,
            403: problem("email_not_verified"),
            409: problem("conflict: the account is being deleted"),
            502: problem("upstream_error"),
            503: problem("not_configured, upstream_unavailable"),
            504: problem("upstream_timeout"),
        },
    )
    def post(self, request: Request) -> Response:
        """Stripe's page asks what it has to know. Your share of earlier sales is kept and paid as soon as it can be."""
        url = begin_onboarding(user=identity_of(request).user)
        return Response(OnboardingSerializer({"onboarding_url": url}).data)


class EarningsView(MarketplaceView):
    open_methods = frozenset({"GET"})

    @extend_schema(
        operation_id="getEarnings",
        summary="Show what your plugins earned",
        parameters=[OpenApiParameter("period", str, description="A month by UTC, `YYYY-MM`; without it, all time.")],
        responses={200: EarningsSerializer, 400: problem("validation_error")},
    )
    def get(self, request: Request) -> Response:
        """Derived from the ledger: a month that is over does not change any more."""
        text = request.query_params.get("period")
        period = ALL_TIME if text is None else Period.of(text)
        return Response(
            EarningsSerializer(EarningsSerializer.of(earnings_of(identity_of(request).user, period=period))).data
        )

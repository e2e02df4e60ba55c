"""Wire contract § 9: what a developer earns."""

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from adiuva.api.openapi.responses import problem
from marketplace.access import MarketplaceView
from marketplace.earnings import ALL_TIME, Period, earnings_of
from marketplace.onboarding import begin_onboarding
from marketplace.serializers_money import EarningsSerializer, OnboardingSerializer

GATE = problem("feature_not_available")


class OnboardingView(MarketplaceView):
    @extend_schema(
        operation_id="beginOnboarding",
        summary="A page on which you say how to be paid",
        request=None,
        responses={
            200: OnboardingSerializer,
            403: GATE,
            409: problem("conflict: the account is being deleted"),
            502: problem("upstream_error"),
            503: problem("not_configured, upstream_unavailable"),
            504: problem("upstream_timeout"),
        },
    )
    def post(self, request: Request) -> Response:
        """Stripe asks there what it has to know. Your share of earlier sales is kept and paid as soon as it can be."""
        url = begin_onboarding(user=identity_of(request).user)
        return Response(OnboardingSerializer({"onboarding_url": url}).data)


class EarningsView(MarketplaceView):
    @extend_schema(
        operation_id="getEarnings",
        summary="What your plugins earned",
        parameters=[OpenApiParameter("period", str, description="A month by UTC, `YYYY-MM`; without it, all time.")],
        responses={200: EarningsSerializer, 400: problem("validation_error"), 403: GATE},
    )
    def get(self, request: Request) -> Response:
        """Derived from the ledger: a month that is over does not change any more."""
        text = request.query_params.get("period")
        period = ALL_TIME if text is None else Period.of(text)
        return Response(
            EarningsSerializer(EarningsSerializer.of(earnings_of(identity_of(request).user, period=period))).data
        )

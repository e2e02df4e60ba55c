from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from adiuva.http.views import ApiView
from billing.serializers import TierListSerializer
from billing.tiers import Tier


class TiersView(ApiView):
    public = True

    @extend_schema(
        operation_id="billing_tiers",
        summary="What each tier includes",
        tags=["billing"],
        auth=[],
        responses=TierListSerializer,
    )
    def get(self, request: Request) -> Response:
        return Response(TierListSerializer({"items": list(Tier)}).data)

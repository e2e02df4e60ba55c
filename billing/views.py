from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from adiuva.http.views import ApiView
from billing.serializers import TierListSerializer
from billing.tiers import Tier


class TiersView(ApiView):
    """What each tier includes and costs, from the lowest to the highest; `null` is unlimited."""

    public = True

    @extend_schema(operation_id="listTiers", responses=TierListSerializer)
    def get(self, request: Request) -> Response:
        return Response(TierListSerializer({"items": list(Tier)}).data)

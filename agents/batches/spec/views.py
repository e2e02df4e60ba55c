"""``GET /batches/schema``."""

from django.http import HttpResponse, HttpResponseNotModified
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request

from adiuva.api.preconditions import is_not_modified
from adiuva.api.views import ApiView
from agents.batches.spec.json_schema import published

# The same for everybody, but an answer to a token stays with its user.
_CACHING = "private, max-age=3600"


class SchemaView(ApiView):
    @extend_schema(
        operation_id="getBatchSchema",
        summary="Get the JSON Schema of a BatchSpec",
        description="Draft 2020-12. It changes only with the server's version: ask with `If-None-Match`.",
        parameters=[
            OpenApiParameter(
                "If-None-Match", OpenApiTypes.STR, OpenApiParameter.HEADER, description="ETags of what the client has."
            ),
            OpenApiParameter(
                "ETag",
                OpenApiTypes.STR,
                OpenApiParameter.HEADER,
                response=[200, 304],
                description="Of this version of the schema.",
            ),
        ],
        responses={
            200: OpenApiResponse({"type": "object", "additionalProperties": True}, description="A JSON Schema"),
            304: OpenApiResponse(description="The client has it"),
        },
    )
    def get(self, request: Request) -> HttpResponse:
        body, etag = published()
        if is_not_modified(request, etag=etag, last_modified=None):
            response: HttpResponse = HttpResponseNotModified()
        else:
            response = HttpResponse(body, content_type="application/json")
        response.headers["ETag"] = etag
        response.headers["Cache-Control"] = _CACHING
        return response

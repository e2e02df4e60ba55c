"""Liveness and readiness (docs/api.md § 2), and the metrics for holders of their token."""

import hmac
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import OpenApiResponse, extend_schema
from prometheus_client.exposition import choose_encoder
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from adiuva.api.error_handler import problem_response
from adiuva.api.errors import InvalidToken, MethodNotAllowed, NotAuthenticated
from adiuva.api.views import ApiView
from adiuva.observability import probes
from adiuva.observability.metrics import REGISTRY
from adiuva.server.drain import drain


class HealthSerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["ok"])
    version = serializers.CharField()


class ReadySerializer(serializers.Serializer[Any]):
    status = serializers.ChoiceField(choices=["ok", "unavailable"])
    checks = serializers.DictField(
        child=serializers.ChoiceField(choices=["ok", "failed", "timeout"]),
        help_text="By system: database, cache, blobs, vectors.",
    )


class HealthView(ApiView):
    """The process answers. No dependency is touched."""

    public = True
    rate_limited = False

    @extend_schema(operation_id="getHealth", summary="Check that the process is alive", responses=HealthSerializer)
    def get(self, request: Request) -> Response:
        return Response({"status": "ok", "version": settings.VERSION})


class ReadyView(ApiView):
    """Whether traffic should come here: every outside system answers and the process is not about to stop."""

    public = True
    rate_limited = False

    @extend_schema(
        operation_id="getReadiness",
        summary="Check that every required system answers",
        responses={200: ReadySerializer, 503: OpenApiResponse(ReadySerializer, description="Some check failed")},
    )
    def get(self, request: Request) -> Response:
        checks = probes.check_readiness()
        ready = all(answer == "ok" for answer in checks.values()) and not drain.draining
        return Response({"status": "ok" if ready else "unavailable", "checks": checks}, status=200 if ready else 503)


OPEN_METRICS = "application/openmetrics-text"


def metrics_page(request: HttpRequest) -> HttpResponse:
    """Not rate limited: only the operator has the token. Values that need the database are some seconds old."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "bearer":
        return problem_response(NotAuthenticated("The metrics need their own token: Authorization: Bearer <token>."))
    if not hmac.compare_digest(token.strip().encode(), settings.METRICS_TOKEN.encode()):
        return problem_response(InvalidToken("This is not the token of the metrics."))
    if request.method not in {"GET", "HEAD"}:
        return problem_response(MethodNotAllowed(headers={"Allow": "GET, HEAD"}))
    body, content_type = exposition(request.headers.get("Accept", ""))
    return HttpResponse(body, content_type=content_type, headers={"Cache-Control": "no-store"})


def exposition(accept: str) -> tuple[bytes, str]:
    """Everything measured, in OpenMetrics where ``accept`` names it, else in Prometheus' own text; its content type."""
    # The library puts parameters of the header into its answer: it is told no more than which of the two.
    encode, content_type = choose_encoder(f"{OPEN_METRICS}; version=1.0.0" if OPEN_METRICS in accept else "")
    return encode(REGISTRY), content_type

"""Liveness and readiness (wire contract § 2)."""

from typing import Any

from django.conf import settings
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from adiuva.http import readiness
from adiuva.http.drain import drain
from adiuva.http.views import ApiView


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

    @extend_schema(operation_id="getHealth", summary="The process answers", responses=HealthSerializer)
    def get(self, request: Request) -> Response:
        return Response({"status": "ok", "version": settings.VERSION})


class ReadyView(ApiView):
    """Whether traffic should come here: every outside system answers and the process is not about to stop."""

    public = True
    rate_limited = False

    @extend_schema(
        operation_id="getReadiness",
        summary="Every system it needs answers",
        responses={200: ReadySerializer, 503: OpenApiResponse(ReadySerializer, description="Some check failed")},
    )
    def get(self, request: Request) -> Response:
        checks = readiness.results()
        ready = all(answer == "ok" for answer in checks.values()) and not drain.draining
        return Response({"status": "ok" if ready else "unavailable", "checks": checks}, status=200 if ready else 503)

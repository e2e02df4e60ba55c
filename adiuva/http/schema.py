"""OpenAPI pieces that every app shares: the problem document, and the errors each route may give."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers


class ProblemSerializer(serializers.Serializer[Any]):
    """RFC 9457, with ``code`` to switch on and the fields of the case beside it."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()
    code = serializers.CharField()
    request_id = serializers.CharField()
    errors = serializers.DictField(  # type: ignore[assignment]  # the metaclass takes it away before Serializer.errors
        child=serializers.ListField(child=serializers.CharField()), required=False, help_text="validation_error only"
    )


def problem(description: str) -> OpenApiResponse:
    """One error answer, for the ``responses`` of ``extend_schema``."""
    return OpenApiResponse(ProblemSerializer, description=description)


def add_problems(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:  # noqa: ARG001, FBT001
    """Postprocessing hook: errors are ``application/problem+json``, and guarded routes can say 401 and 429."""
    for path in result["paths"].values():
        for operation in path.values():
            if not isinstance(operation, dict) or "responses" not in operation:
                continue
            if any(operation.get("security", [])):  # a public route has one that asks for nothing
                operation["responses"].setdefault("401", _reference("Not authenticated"))
                operation["responses"].setdefault("429", _reference("Rate limited; see Retry-After"))
            for status, response in operation["responses"].items():
                content = response.get("content", {})
                if status[0] in "45" and "application/json" in content:
                    content["application/problem+json"] = content.pop("application/json")
    return result


def _reference(description: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}

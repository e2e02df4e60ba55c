"""The routes of the catalog and of submissions, in OpenAPI."""

from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from adiuva.api.openapi.responses import problem
from adiuva.api.pagination import page_parameters
from marketplace.catalog import serializers
from marketplace.catalog.service import SORTS

BYTES = "application/octet-stream"
PLUGINS, MOST_PLUGINS = 20, 100
IN_HEADER: Final = OpenApiParameter.HEADER
_GATED = {403: problem("feature_not_available, with `required_tier`")}
_GONE = {404: problem("not_found"), 410: problem("taken_down, with the public `reason`: you have it installed")}


def _tells(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, IN_HEADER, description=description, response=[200, 206])


CATALOG: dict[str, Any] = {
    "operation_id": "listPlugins",
    "summary": "What plugins there are",
    "parameters": [
        OpenApiParameter("category", OpenApiTypes.STR, description="Of this category only."),
        OpenApiParameter("q", OpenApiTypes.STR, description="With these words, or beginnings of words."),
        OpenApiParameter(
            "sort",
            OpenApiTypes.STR,
            enum=list(SORTS),
            default="rating",
            description="`rating`: few ratings weigh little (a Bayesian mean).",
        ),
        *page_parameters(limit=PLUGINS, most=MOST_PLUGINS),
    ],
    "responses": {200: serializers.PluginListSerializer, 400: problem("validation_error"), **_GATED},
}

DETAIL: dict[str, Any] = {
    "operation_id": "getPlugin",
    "summary": "A plugin, its manifest and its versions",
    "description": "Whose author has left is there for those who have it installed, and 404 for others.",
    "responses": {200: serializers.PluginDetailSerializer, **_GATED, **_GONE},
}

SUBMIT: dict[str, Any] = {
    "operation_id": "submitPlugin",
    "summary": "Submit a plugin, or a new version of one",
    "description": "A machine checks it at once, a reviewer later. The version that is live stays so until then. "
    "Versions never change: what is submitted again has another version.",
    "request": {"multipart/form-data": serializers.SubmissionSerializer},
    "responses": {
        201: serializers.SubmittedSerializer,
        400: problem("validation_error: the form or the manifest cannot be read"),
        **_GATED,
        408: problem("The client stopped sending"),
        409: problem("The id is somebody else's, the version exists, or too many of yours wait"),
        413: problem("The package (MAX_PACKAGE_BYTES) or the manifest (64 KiB) is too large"),
        415: problem("Not multipart/form-data"),
        422: problem("checks_failed, with `checks`: the list as in 201"),
        502: problem("The blob store failed; nothing was kept"),
        503: problem("The blob store or the database is not available; nothing was kept"),
        504: problem("The blob store took too long; nothing was kept"),
    },
}

MINE: dict[str, Any] = {
    "operation_id": "listOwnPlugins",
    "summary": "Your submissions, the newest first",
    "parameters": page_parameters(limit=PLUGINS, most=MOST_PLUGINS),
    "responses": {200: serializers.OwnSubmissionListSerializer, 400: problem("validation_error"), **_GATED},
}

PACKAGE: dict[str, Any] = {
    "operation_id": "downloadPluginPackage",
    "summary": "A plugin's package",
    "description": "The live version's, unless that asks for permissions that were not agreed to at install: then the "
    "installed version's. Install again to agree.",
    "parameters": [
        OpenApiParameter("version", OpenApiTypes.STR, description="Another approved version."),
        OpenApiParameter("Range", OpenApiTypes.STR, IN_HEADER, description="One range of bytes."),
        OpenApiParameter("If-None-Match", OpenApiTypes.STR, IN_HEADER, description="ETags of what the client has."),
        _tells("X-Checksum", "SHA-256 of the whole package."),
        _tells("ETag", "The checksum, quoted."),
    ],
    "responses": {
        (200, BYTES): OpenApiTypes.BINARY,
        (206, BYTES): OpenApiTypes.BINARY,
        304: OpenApiResponse(description="The client has it"),
        403: problem("permission_denied: it is not installed; feature_not_available"),
        **_GONE,
        412: problem("precondition_failed, with the current `etag`"),
        416: problem("No byte of the range exists; Content-Range tells the size"),
        502: problem("The blob store failed, or has lost the bytes"),
        503: problem("The blob store is not available"),
        504: problem("The blob store took too long"),
    },
}

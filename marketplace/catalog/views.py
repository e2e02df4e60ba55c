"""``/plugins`` (docs/api.md § 9): the catalog, a plugin and its package, and a new submission."""

import logging
from typing import Any, Final

from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from adiuva.api.errors import UpstreamError
from adiuva.api.openapi.responses import problem
from adiuva.api.pagination import page_parameters, requested_page
from marketplace.catalog import serializers
from marketplace.catalog.admission import MarketplaceView
from marketplace.catalog.serializers import (
    PluginDetailSerializer,
    PluginSerializer,
    SubmittedSerializer,
)
from marketplace.catalog.service import SORTS, find_package, find_plugin, list_plugins
from marketplace.models import PluginVersion
from marketplace.submissions.forms import read_submission_form
from marketplace.submissions.packages import store_seed
from marketplace.submissions.service import submit
from storage.downloads import BLOB_FAILURES, blob_response

BYTES = "application/octet-stream"
PLUGINS, MOST_PLUGINS = 20, 100
IN_HEADER: Final = OpenApiParameter.HEADER
_GATED = {403: problem("feature_not_available, with `required_tier` `power`")}
_GONE = {
    404: problem("not_found"),
    410: problem("taken_down, with the public `reason`: you have it installed or bought"),
}


def _tells(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, IN_HEADER, description=description, response=[200, 206])


CATALOG: dict[str, Any] = {
    "operation_id": "listPlugins",
    "summary": "List plugins",
    "description": "Approved ones only.",
    "parameters": [
        OpenApiParameter("category", OpenApiTypes.STR, description="Only plugins of this category."),
        OpenApiParameter("q", OpenApiTypes.STR, description="Has all of these words, or words that begin with them."),
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
    "summary": "Show a plugin, its manifest and its versions",
    "description": "For the power and team tiers; on any tier for who has bought it, and for its author. A plugin that "
    "is withdrawn is shown to users who have it installed or bought; for others it is 404.",
    "responses": {200: serializers.PluginDetailSerializer, **_GATED, **_GONE},
}

SUBMIT: dict[str, Any] = {
    "operation_id": "submitPlugin",
    "summary": "Submit a plugin, or a new version of one",
    "description": "It is checked by machine at once and reviewed later; until then the live version stays live. "
    "Versions never change: submit a change under a new version.",
    "request": {"multipart/form-data": serializers.SubmissionSerializer},
    "responses": {
        201: serializers.SubmittedSerializer,
        400: problem("validation_error: the form or the manifest cannot be read"),
        403: problem("email_not_verified"),
        408: problem("The client stopped sending"),
        409: problem("The id is somebody else's, the version exists or is not the highest, or too many of yours wait"),
        413: problem("The package (MAX_PACKAGE_BYTES) or the manifest (64 KiB) is too large"),
        415: problem("Not multipart/form-data"),
        422: problem("checks_failed, with `checks`: the list as in 201"),
        502: problem("The blob store failed; nothing was kept"),
        503: problem("The blob store or the database is not available; nothing was kept"),
        504: problem("The blob store took too long; nothing was kept"),
    },
}

PACKAGE: dict[str, Any] = {
    "operation_id": "downloadPluginPackage",
    "summary": "Download a plugin's package",
    "description": "For who has it installed: on the power and team tiers, and on any tier what they have bought or "
    "written. The live version's, unless it asks for permissions that you did not agree to when you installed it: then "
    "the installed version's. Install it again to agree. A version that was taken down is never sent: the live one is, "
    "with the permissions that you have agreed to.",
    "parameters": [
        OpenApiParameter(
            "version",
            OpenApiTypes.STR,
            description="Another approved version; a withdrawn one for who has installed it or bought the plugin.",
        ),
        OpenApiParameter("Range", OpenApiTypes.STR, IN_HEADER, description="One range of bytes."),
        OpenApiParameter("If-None-Match", OpenApiTypes.STR, IN_HEADER, description="ETags of what the client has."),
        _tells("X-Checksum", "SHA-256 of the whole package."),
        _tells("ETag", "The checksum, quoted."),
    ],
    "responses": {
        (200, BYTES): OpenApiTypes.BINARY,
        (206, BYTES): OpenApiTypes.BINARY,
        304: OpenApiResponse(description="The client has it"),
        403: problem("permission_denied: it is not installed; feature_not_available, with `required_tier` `power`"),
        **_GONE,
        412: problem("precondition_failed, with the current `etag`"),
        416: problem("No byte of the range exists; Content-Range tells the size"),
        **BLOB_FAILURES,
    },
}


logger = logging.getLogger(__name__)


class CatalogView(MarketplaceView):
    open_methods = frozenset({"POST"})
    verified_methods = frozenset({"POST"})

    @extend_schema(**CATALOG)
    def get(self, request: Request) -> Response:
        asked = request.query_params
        plugins = list_plugins(
            user=identity_of(request).user,
            category=asked.get("category"),
            text=asked.get("q"),
            sort=asked.get("sort", "rating"),
        )
        page = requested_page(request, limit=PLUGINS, most=MOST_PLUGINS)
        return Response(page.of(plugins, PluginSerializer.of))

    @extend_schema(**SUBMIT)
    def post(self, request: Request) -> Response:
        with read_submission_form(request) as (manifest, package):
            version = submit(author=identity_of(request).user, manifest=manifest, package=package)
        return Response(SubmittedSerializer(version).data, status=201)


class PluginView(MarketplaceView):
    kept_methods = frozenset({"GET"})

    @extend_schema(**DETAIL)
    def get(self, request: Request, slug: str) -> Response:
        published = find_plugin(user=identity_of(request).user, slug=slug)
        return Response(PluginDetailSerializer.of_published(published))


class PackageView(MarketplaceView):
    byte_answers = frozenset({"get", "head"})
    kept_methods = frozenset({"GET"})

    @extend_schema(**PACKAGE)
    def get(self, request: Request, slug: str) -> HttpResponseBase:
        version = find_package(user=identity_of(request).user, slug=slug, version=request.query_params.get("version"))
        try:
            return _download(request, version)
        except FileNotFoundError:
            # Blobs of approved versions are never removed; our own are made when they are first asked for.
            if store_seed(version.s3_key):
                return _download(request, version)
            logger.exception("the blob of a package is gone", extra={"key": version.s3_key})
            raise UpstreamError("The package's bytes are missing.") from None


def _download(request: Request, version: PluginVersion) -> HttpResponseBase:
    """Without a date: when a version is withdrawn the path shows an older one again, whose dates are earlier."""
    return blob_response(
        request,
        key=version.s3_key,
        size_bytes=version.size_bytes,
        etag=f'"{version.checksum}"',
        last_modified=None,
        headers={"X-Checksum": version.checksum},
    )

"""The gate of ``/plugins``: which tiers may pass."""

import logging
from typing import ClassVar

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from adiuva.api.errors import UpstreamError
from adiuva.api.pagination import requested_page
from adiuva.api.views import ApiView
from billing.entitlements import require_feature
from marketplace.catalog import openapi
from marketplace.catalog.serializers import (
    OwnSubmissionSerializer,
    PluginDetailSerializer,
    PluginSerializer,
    SubmittedSerializer,
)
from marketplace.catalog.service import catalog, find_package, find_plugin
from marketplace.models import PluginVersion
from marketplace.submissions.forms import submitted_form
from marketplace.submissions.packages import lay_down
from marketplace.submissions.service import submissions_of, submit
from storage.downloads import blob_response


class MarketplaceView(ApiView):
    # Methods that any tier may use: what somebody has, they may give back.
    open_methods: ClassVar[frozenset[str]] = frozenset()

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        if request.method not in self.open_methods:
            require_feature(identity_of(request).user, "plugin_marketplace")


logger = logging.getLogger(__name__)


class CatalogView(MarketplaceView):
    @extend_schema(**openapi.CATALOG)
    def get(self, request: Request) -> Response:
        asked = request.query_params
        plugins = catalog(
            user=identity_of(request).user,
            category=asked.get("category"),
            text=asked.get("q"),
            sort=asked.get("sort", "rating"),
        )
        page = requested_page(request, limit=openapi.PLUGINS, most=openapi.MOST_PLUGINS)
        return Response(page.of(plugins, PluginSerializer.of))

    @extend_schema(**openapi.SUBMIT)
    def post(self, request: Request) -> Response:
        with submitted_form(request) as (manifest, package):
            version = submit(author=identity_of(request).user, manifest=manifest, package=package)
        return Response(SubmittedSerializer(version).data, status=201)


class OwnSubmissionsView(MarketplaceView):
    @extend_schema(**openapi.MINE)
    def get(self, request: Request) -> Response:
        page = requested_page(request, limit=openapi.PLUGINS, most=openapi.MOST_PLUGINS)
        submissions = submissions_of(identity_of(request).user)
        return Response(page.of(submissions, OwnSubmissionSerializer.of))


class PluginView(MarketplaceView):
    @extend_schema(**openapi.DETAIL)
    def get(self, request: Request, slug: str) -> Response:
        published = find_plugin(user=identity_of(request).user, slug=slug)
        return Response(PluginDetailSerializer.of_published(published))


class PackageView(MarketplaceView):
    byte_answers = frozenset({"get", "head"})

    @extend_schema(**openapi.PACKAGE)
    def get(self, request: Request, slug: str) -> HttpResponseBase:
        version = find_package(user=identity_of(request).user, slug=slug, version=request.query_params.get("version"))
        try:
            return _download(request, version)
        except FileNotFoundError:
            # Blobs of approved versions are never removed; our own are made when they are first asked for.
            if lay_down(version.s3_key):
                return _download(request, version)
            logger.exception("the blob of a package is gone", extra={"key": version.s3_key})
            raise UpstreamError("The package's bytes are missing.") from None


def _download(request: Request, version: PluginVersion) -> HttpResponseBase:
    return blob_response(
        request,
        key=version.s3_key,
        size_bytes=version.size_bytes,
        etag=f'"{version.checksum}"',
        last_modified=version.decided_at or version.submitted_at,
        headers={"X-Checksum": version.checksum},
    )

"""Wire contract § 9: what there is, what is submitted, and the packages."""

import logging

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from adiuva.api.errors import UpstreamError
from adiuva.api.pagination import requested_page
from marketplace import schema
from marketplace.access import MarketplaceView
from marketplace.catalog import catalog, find_package, find_plugin
from marketplace.forms import submitted_form
from marketplace.models import PluginVersion
from marketplace.packages import lay_down
from marketplace.serializers import (
    OwnSubmissionSerializer,
    PluginDetailSerializer,
    PluginSerializer,
    SubmittedSerializer,
)
from marketplace.submission import submissions_of, submit
from storage.downloads import blob_response

logger = logging.getLogger(__name__)


class CatalogView(MarketplaceView):
    @extend_schema(**schema.CATALOG)
    def get(self, request: Request) -> Response:
        asked = request.query_params
        plugins = catalog(
            user=identity_of(request).user,
            category=asked.get("category"),
            text=asked.get("q"),
            sort=asked.get("sort", "rating"),
        )
        page = requested_page(request, limit=schema.PLUGINS, most=schema.MOST_PLUGINS)
        return Response(page.of(plugins, PluginSerializer.of))

    @extend_schema(**schema.SUBMIT)
    def post(self, request: Request) -> Response:
        with submitted_form(request) as (manifest, package):
            version = submit(author=identity_of(request).user, manifest=manifest, package=package)
        return Response(SubmittedSerializer(version).data, status=201)


class OwnSubmissionsView(MarketplaceView):
    @extend_schema(**schema.MINE)
    def get(self, request: Request) -> Response:
        page = requested_page(request, limit=schema.PLUGINS, most=schema.MOST_PLUGINS)
        submissions = submissions_of(identity_of(request).user)
        return Response(page.of(submissions, OwnSubmissionSerializer.of))


class PluginView(MarketplaceView):
    @extend_schema(**schema.DETAIL)
    def get(self, request: Request, slug: str) -> Response:
        published = find_plugin(user=identity_of(request).user, slug=slug)
        return Response(PluginDetailSerializer.of_published(published))


class PackageView(MarketplaceView):
    byte_answers = frozenset({"get", "head"})

    @extend_schema(**schema.PACKAGE)
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

"""The routes of earlier states of records, of the trash and of how much of it is kept (docs/api.md § 7)."""

import logging
from uuid import UUID

from django.http.response import HttpResponseBase
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from adiuva.api.errors import NotFound, UpstreamError
from adiuva.api.openapi.responses import problem
from adiuva.api.pagination import InMemoryRows, page_parameters, requested_page
from adiuva.api.preconditions import require_match
from adiuva.api.views import ApiView, ApiViewSet, uuid_or_404
from storage.downloads import BLOB_FAILURES, blob_response
from storage.models import StorageRecord, record_etag
from storage.records import openapi
from storage.records.serializers import RecordMetaSerializer
from storage.versions.pruning import change_settings, settings_of
from storage.versions.serializers import (
    SettingsSerializer,
    TrashListSerializer,
    TrashSerializer,
    VersionListSerializer,
    VersionSerializer,
)
from storage.versions.service import find_version, list_trash, list_versions, restore_version

logger = logging.getLogger(__name__)

ITEMS, MOST_ITEMS = 50, 200


def _record_id(pk: str) -> UUID:
    return uuid_or_404(pk, "There is no such record.")


def _revision(text: str) -> int:
    """Not the URL pattern's to refuse: without a token anything there is 401."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(2**31))):
        raise NotFound("There is no such version.")
    return int(text)


class VersionsViewSet(ApiViewSet):
    byte_answers = frozenset({"retrieve"})

    @extend_schema(
        operation_id="listVersions",
        summary="List a record's earlier states, newest first",
        description="The present state is not among them. Those of a deleted record are there too.",
        parameters=page_parameters(limit=ITEMS, most=MOST_ITEMS),
        responses={200: VersionListSerializer, 400: problem("validation_error"), 404: problem("not_found")},
    )
    def list(self, request: Request, pk: str) -> Response:
        versions = list_versions(user_id=identity_of(request).user.id, record_id=_record_id(pk))
        page = requested_page(request, limit=ITEMS, most=MOST_ITEMS)
        return Response(page.of(InMemoryRows(versions), lambda rows: VersionSerializer(rows, many=True).data))

    @extend_schema(**openapi.RETRIEVE_VERSION)
    def retrieve(self, request: Request, pk: str, revision: str) -> HttpResponseBase:
        user_id, record_id, number = identity_of(request).user.id, _record_id(pk), _revision(revision)
        version = find_version(user_id=user_id, record_id=record_id, revision=number)
        try:
            return blob_response(
                request,
                key=version.s3_key,
                size_bytes=version.size_bytes,
                etag=record_etag(revision=version.revision, checksum=version.checksum),
                last_modified=None,
                headers={"X-Checksum": version.checksum},
            )
        except FileNotFoundError:
            # Given up since its row was read; else the blob should be there.
            find_version(user_id=user_id, record_id=record_id, revision=number)
            logger.exception("the blob of a version is gone", extra={"key": version.s3_key})
            raise UpstreamError("The version's bytes are missing.") from None

    @extend_schema(
        operation_id="restoreVersion",
        summary="Bring an earlier state of a record back",
        description="It becomes the present state under a new revision, and is no version any more; what was there "
        "becomes one. A deleted record comes back. Sent again while that state is the present one, it changes nothing. "
        "`If-Match` names the ETag of the record, or the one that the feed has of its deletion.",
        parameters=[openapi.IF_MATCH, openapi.REVISION],
        request=None,
        responses={
            200: RecordMetaSerializer,
            402: problem("quota_exceeded, with `limit_bytes`, `used_bytes` and `requested_bytes`"),
            404: problem("not_found"),
            409: problem("The record was deleted and made anew in another table since"),
            412: problem("precondition_failed, with the current `etag`"),
            **BLOB_FAILURES,
        },
    )
    def restore(self, request: Request, pk: str, revision: str) -> Response:
        record = restore_version(
            user_id=identity_of(request).user.id,
            record_id=_record_id(pk),
            revision=_revision(revision),
            expect=self._expect,
        )
        return Response(RecordMetaSerializer(record).data, headers={"ETag": record.etag})

    def _expect(self, record: StorageRecord | None) -> None:
        if record is None:
            require_match(self.request, None)
        else:
            require_match(self.request, record.etag, last_modified=record.date)


class TrashView(ApiView):
    @extend_schema(
        operation_id="listTrash",
        summary="List deleted records that can be restored, the last deleted first",
        description="A record that is made anew under its id is no longer among them.",
        parameters=page_parameters(limit=ITEMS, most=MOST_ITEMS),
        responses={200: TrashListSerializer, 400: problem("validation_error")},
    )
    def get(self, request: Request) -> Response:
        page = requested_page(request, limit=ITEMS, most=MOST_ITEMS)
        trash = list_trash(identity_of(request).user.id)
        return Response(page.of(trash, lambda rows: TrashSerializer(rows, many=True).data))


class SettingsView(ApiView):
    @extend_schema(
        operation_id="getStorageSettings",
        summary="Get how many earlier states are kept",
        description="At most so many of each record, for so many days.",
        responses={200: SettingsSerializer},
    )
    def get(self, request: Request) -> Response:
        return Response(SettingsSerializer(settings_of(identity_of(request).user.id)).data)

    @extend_schema(
        operation_id="changeStorageSettings",
        summary="Change how many earlier states are kept",
        description="What is left out stays as it is. A lower number acts within the hour, 0 at once.",
        request=SettingsSerializer,
        responses={200: SettingsSerializer, 400: problem("validation_error")},
    )
    def put(self, request: Request) -> Response:
        serializer = SettingsSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        wanted = serializer.validated_data
        changed = change_settings(
            identity_of(request).user.id, versions=wanted.get("versions"), days=wanted.get("days")
        )
        return Response(SettingsSerializer(changed).data)

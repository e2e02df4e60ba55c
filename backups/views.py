"""The routes of backups (docs/api.md § 8)."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http.response import HttpResponseBase
from django.urls import reverse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from adiuva.api.errors import QuotaExceeded, UpstreamError
from adiuva.api.openapi.responses import problem
from adiuva.api.pagination import ListSerializer, page_parameters, requested_page
from adiuva.api.preconditions import require_match
from adiuva.api.views import ApiView, uuid_or_404
from backups.headers import (
    DOWNLOAD_HEADERS,
    UPLOAD_HEADERS,
    TimestampField,
    peek_label,
    read_label,
    request_header,
    response_header,
    serialize_label,
)
from backups.history import (
    Stored,
    allowance_for,
    delete_backup,
    etag_of,
    find_backup,
    find_latest,
    get_latest,
    is_repeated,
    store_backup,
)
from backups.models import Backup
from storage.downloads import BLOB_FAILURES, blob_response
from storage.staging import (
    Allowance,
    SealedBody,
    body_parts,
    declared_size,
    is_lost,
    require_whole,
    verify_body,
)

logger = logging.getLogger(__name__)

BYTES = "application/octet-stream"
SNAPSHOTS, MOST_SNAPSHOTS = 50, 200


class BackupMetaSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    version = serializers.CharField()
    timestamp = TimestampField()
    checksum = serializers.CharField()
    size_bytes = serializers.IntegerField()
    chunk_count = serializers.IntegerField(allow_null=True)
    created_at = serializers.DateTimeField()


class BackupListSerializer(ListSerializer):
    items = BackupMetaSerializer(many=True)


_IF_MATCH = request_header("If-Match", description="ETags, one of which the snapshot must have.")


def _download_schema(*, operation_id: str, summary: str, description: str = "") -> dict[str, Any]:
    return {
        "operation_id": operation_id,
        "summary": summary,
        "description": description,
        "parameters": [
            request_header("Range", description="One range of bytes; several are answered with the whole."),
            request_header("If-Range", description="The ETag or Last-Modified of what `Range` goes on from."),
            request_header("If-None-Match", description="ETags of what the client has."),
            request_header("If-Modified-Since", description="Looked at where there is no If-None-Match."),
            _IF_MATCH,
            *DOWNLOAD_HEADERS,
            response_header("ETag", description="The checksum, quoted.", statuses=(200, 206, 304)),
            response_header(
                "Last-Modified", description="When this became what the path shows.", statuses=(200, 206, 304)
            ),
            response_header("Accept-Ranges", description="`bytes`"),
            response_header("Content-Range", description="Which bytes these are.", statuses=(206,)),
        ],
        "responses": {
            (200, BYTES): OpenApiTypes.BINARY,
            (206, BYTES): OpenApiTypes.BINARY,
            304: OpenApiResponse(description="The client has it"),
            404: problem("not_found"),
            412: problem("precondition_failed, with the current `etag`"),
            416: problem("range_not_satisfiable; Content-Range tells the size"),
            **BLOB_FAILURES,
        },
    }


class _SnapshotView(ApiView):
    byte_answers = frozenset({"get", "head"})

    def download(
        self, request: Request, find: Callable[[], Backup], *, last_modified: Callable[[Backup], datetime]
    ) -> HttpResponseBase:
        backup = find()
        while True:
            try:
                return blob_response(
                    request,
                    key=backup.s3_key,
                    size_bytes=backup.size_bytes,
                    etag=etag_of(backup),
                    last_modified=last_modified(backup),
                    headers=serialize_label(backup),
                )
            except FileNotFoundError:
                # Deleted since its row was read, and its blob with it; else the blob should be there.
                gone, backup = backup, find()
                if gone.id == backup.id:
                    logger.exception("the blob of a backup is gone", extra={"key": gone.s3_key})
                    raise UpstreamError("The backup's bytes are missing.") from None


class LatestBackupView(_SnapshotView):
    @extend_schema(
        **_download_schema(
            operation_id="downloadLatestBackup",
            summary="Download the latest backup",
            description="Last-Modified is when it became the latest, possibly because a newer one was deleted.",
        )
    )
    def get(self, request: Request) -> HttpResponseBase:
        user_id = identity_of(request).user.id
        return self.download(
            request, lambda: find_latest(user_id=user_id), last_modified=lambda backup: backup.date_as_latest
        )

    @extend_schema(
        operation_id="uploadBackup",
        summary="Upload a backup",
        description="Each upload is a snapshot of its own and the latest from then on, even if the bytes are the same. "
        "Only the latest one's checksum and timestamp again are no new snapshot: the answer to the first upload was "
        "lost. Then nothing is stored but bytes that the service has lost, whatever the conditions say and the quota "
        "has room for. "
        "A new snapshot drops those that the policy (`/backup/policy`) keeps no longer, and they give way to it in the "
        "quota. The body is taken as it is, whatever its `Content-Type`.",
        parameters=[
            *UPLOAD_HEADERS,
            request_header("If-Match", description="ETags, one of which the latest snapshot must have."),
            request_header("If-None-Match", description="`*`: there must be no snapshot yet."),
            response_header("ETag", description="Of the snapshot.", statuses=(200, 201)),
            response_header("Location", description="The snapshot's path.", statuses=(200, 201)),
        ],
        request={BYTES: OpenApiTypes.BINARY},
        responses={
            200: OpenApiResponse(BackupMetaSerializer, description="The latest one is this snapshot already"),
            201: BackupMetaSerializer,
            400: problem(
                "validation_error: on a header, such as `version` or `timestamp`; checksum_mismatch: nothing was stored"
            ),
            402: problem("quota_exceeded, with `limit_bytes`, `used_bytes` and `requested_bytes`"),
            408: problem("The client stopped sending"),
            412: problem("precondition_failed, with the `etag` of the latest snapshot, or null"),
            413: problem("Larger than MAX_BACKUP_BYTES"),
            502: problem("The blob store failed; nothing was stored"),
            503: problem("The blob store or the database is not available; nothing was stored"),
            504: problem("The blob store took too long; nothing was stored"),
        },
    )
    def put(self, request: Request) -> Response:
        user = identity_of(request).user
        declared = declared_size(request)
        latest = get_latest(user_id=user.id)
        stored = self._repeated(latest, declared)
        if stored is None:
            try:
                # 402 goes before what is wrong with the headers.
                allowance = allowance_for(user=user, declared=declared)
            except QuotaExceeded:
                # Of one upload sent twice at once the other may have taken the room since.
                stored = self._repeated(get_latest(user_id=user.id), declared)
                if stored is None:
                    raise
            else:
                self._expect(latest)
                label, checksum = read_label(request)
                body = SealedBody(parts=body_parts(request), checksum=checksum, declared_size=declared)
                stored = store_backup(user=user, label=label, body=body, allowance=allowance, expect=self._expect)
        backup = stored.backup
        headers = {"Location": reverse("backup", args=[backup.id]), "ETag": etag_of(backup)}
        return Response(BackupMetaSerializer(backup).data, status=201 if stored.is_new else 200, headers=headers)

    def _repeated(self, latest: Backup | None, declared: int | None) -> Stored | None:
        """The latest, when this upload says it again and its bytes are those.

        It asks for no room and for no precondition: what it named then is past, by this very upload. Where the bytes
        of the latest are gone, these take their place.
        """
        said = peek_label(self.request)
        if latest is None or said is None:
            return None
        label, checksum = said
        if not is_repeated(latest, label=label, checksum=checksum):
            return None
        require_whole(self.request)
        body = SealedBody(parts=body_parts(self.request), checksum=checksum, declared_size=declared)
        if is_lost(latest.s3_key):
            allowance = Allowance(max_bytes=settings.MAX_BACKUP_BYTES, limit=None, used=0, replaced=0)
            user = identity_of(self.request).user
            return store_backup(user=user, label=label, body=body, allowance=allowance, expect=self._expect)
        verify_body(body, max_bytes=settings.MAX_BACKUP_BYTES)
        return Stored(latest, is_new=False)

    def _expect(self, latest: Backup | None) -> None:
        """An upload destroys nothing; with ``If-Match`` a device that is behind does not become the latest either."""
        if latest is None:
            require_match(self.request, None)
        else:
            require_match(self.request, etag_of(latest), last_modified=latest.date_as_latest)


class BackupView(_SnapshotView):
    @extend_schema(
        **_download_schema(
            operation_id="downloadBackup",
            summary="Download a backup",
            description="The sealed bytes as they were sent.",
        )
    )
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        return self.download(
            request, lambda: _find_by_path(request, pk), last_modified=lambda backup: backup.created_at
        )

    @extend_schema(
        operation_id="deleteBackup",
        summary="Delete a backup",
        description="An immutable one cannot be deleted before its time. `If-Match` is honoured.",
        parameters=[_IF_MATCH],
        request=None,
        responses={
            204: OpenApiResponse(description="It is deleted"),
            404: problem("not_found"),
            409: problem("conflict: the backup is immutable, and the detail says until when"),
            412: problem("precondition_failed, with the current `etag`"),
        },
    )
    def delete(self, request: Request, pk: str) -> Response:
        backup = _find_by_path(request, pk)
        require_match(request, etag_of(backup), last_modified=backup.created_at)  # it never changes: asked once
        delete_backup(user_id=backup.user_id, backup_id=backup.id)
        return Response(status=204)


class HistoryView(ApiView):
    @extend_schema(
        operation_id="listBackups",
        summary="List backups, newest first",
        description="What is known of each snapshot, without its bytes.",
        parameters=page_parameters(limit=SNAPSHOTS, most=MOST_SNAPSHOTS),
        responses={200: BackupListSerializer, 400: problem("validation_error")},
    )
    def get(self, request: Request) -> Response:
        backups = Backup.objects.for_user(identity_of(request).user.id).newest_first()
        page = requested_page(request, limit=SNAPSHOTS, most=MOST_SNAPSHOTS)
        return Response(page.of(backups, lambda rows: BackupMetaSerializer(rows, many=True).data))


def _find_by_path(request: Request, pk: str) -> Backup:
    backup_id = uuid_or_404(pk, "There is no such backup.")
    return find_backup(user_id=identity_of(request).user.id, backup_id=backup_id)

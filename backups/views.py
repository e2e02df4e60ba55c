"""Wire contract § 8."""

import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.http.response import HttpResponseBase
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from adiuva.api.errors import UpstreamError
from adiuva.api.fields import drop_none, rfc_3339
from adiuva.api.pagination import requested_page
from adiuva.api.preconditions import require_match
from adiuva.api.views import ApiView, uuid_or_404
from backups import openapi
from backups.models import Backup
from backups.serializers import BackupMetaSerializer, LabelSerializer
from backups.service import (
    Label,
    delete_backup,
    etag_of,
    find_backup,
    find_latest,
    latest_of,
    latest_since,
    store_backup,
)
from storage.downloads import blob_response
from storage.quota import Kind, require_room
from storage.staging import Allowance, SealedBody, allowance_of
from storage.upload_forms import body_parts, declared_size, require_whole

logger = logging.getLogger(__name__)

_HEADERS = {
    "version": "X-Backup-Version",
    "timestamp": "X-Backup-Timestamp",
    "checksum": "X-Backup-Checksum",
    "chunk_count": "X-Backup-Chunk-Count",
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
                    headers=_described(backup),
                )
            except FileNotFoundError:
                # Deleted since its row was read, and its blob with it; else the blob should be there.
                gone, backup = backup, find()
                if gone.id == backup.id:
                    logger.exception("the blob of a backup is gone", extra={"key": gone.s3_key})
                    raise UpstreamError("The backup's bytes are missing.") from None


class LatestBackupView(_SnapshotView):
    @extend_schema(
        **openapi.download(
            operation_id="downloadLatestBackup",
            summary="The latest snapshot",
            description="Last-Modified is when it became the latest, which a deletion of a newer one may have done.",
        )
    )
    def get(self, request: Request) -> HttpResponseBase:
        user_id = identity_of(request).user.id
        return self.download(request, lambda: find_latest(user_id=user_id), last_modified=latest_since)

    @extend_schema(**openapi.UPLOAD)
    def put(self, request: Request) -> Response:
        user = identity_of(request).user
        declared = declared_size(request)
        allowance = allowance_of(user, Kind.BACKUP, max_bytes=settings.MAX_BACKUP_BYTES, declared=declared)
        _require_room(allowance, declared)
        self._expect(latest_of(user_id=user.id))
        said = _said(request)
        body = SealedBody(parts=body_parts(request), checksum=said.pop("checksum"), declared_size=declared)
        label = Label(version=said["version"], timestamp=said["timestamp"], chunk_count=said.get("chunk_count"))
        backup = store_backup(user=user, label=label, body=body, allowance=allowance, expect=self._expect)
        headers = {"Location": reverse("backup", args=[backup.id]), "ETag": etag_of(backup)}
        return Response(BackupMetaSerializer(backup).data, status=201, headers=headers)

    def _expect(self, latest: Backup | None) -> None:
        """An upload destroys nothing; with ``If-Match`` a device that is behind does not become the latest either."""
        if latest is None:
            require_match(self.request, None)
        else:
            require_match(self.request, etag_of(latest), last_modified=latest_since(latest))


class BackupView(_SnapshotView):
    @extend_schema(**openapi.download(operation_id="downloadBackup", summary="One snapshot"))
    def get(self, request: Request, pk: str) -> HttpResponseBase:
        return self.download(request, lambda: _found(request, pk), last_modified=lambda backup: backup.created_at)

    @extend_schema(**openapi.DELETE)
    def delete(self, request: Request, pk: str) -> Response:
        backup = _found(request, pk)
        require_match(request, etag_of(backup), last_modified=backup.created_at)  # it never changes: asked once
        delete_backup(user_id=backup.user_id, backup_id=backup.id)
        return Response(status=204)


class HistoryView(ApiView):
    @extend_schema(**openapi.HISTORY)
    def get(self, request: Request) -> Response:
        backups = Backup.objects.for_user(identity_of(request).user.id).newest_first()
        page = requested_page(request, limit=openapi.SNAPSHOTS, most=openapi.MOST_SNAPSHOTS)
        return Response(page.of(backups, lambda rows: BackupMetaSerializer(rows, many=True).data))


def _found(request: Request, pk: str) -> Backup:
    backup_id = uuid_or_404(pk, "There is no such backup.")
    return find_backup(user_id=identity_of(request).user.id, backup_id=backup_id)


def _described(backup: Backup) -> dict[str, str]:
    headers = {
        "X-Backup-Version": backup.version,
        "X-Backup-Timestamp": rfc_3339(backup.timestamp),
        "X-Backup-Checksum": backup.checksum,
        "X-Checksum": backup.checksum,
    }
    if backup.chunk_count is not None:
        headers["X-Backup-Chunk-Count"] = str(backup.chunk_count)
    return headers


def _require_room(allowance: Allowance, declared: int | None) -> None:
    """402 goes before what is wrong with the headers, and before 413."""
    if declared is not None:
        require_room(limit=allowance.limit, used=allowance.used, requested=declared)


def _said(request: Request) -> dict[str, Any]:
    """Raises ``ValidationFailed`` by field."""
    require_whole(request)
    sent = {field: request.headers.get(name) for field, name in _HEADERS.items()}
    serializer = LabelSerializer(data=drop_none(sent))
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)

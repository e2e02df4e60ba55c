"""The routes of snapshots, in OpenAPI."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from adiuva.api.openapi.responses import problem
from adiuva.api.pagination import page_parameters
from backups.headers import MAX_CHUNKS, MAX_VERSION, BackupListSerializer, BackupMetaSerializer

BYTES = "application/octet-stream"
SNAPSHOTS, MOST_SNAPSHOTS = 50, 200
_SENT, _VALIDATED = (200, 206), (200, 206, 304)

_VERSION = {"type": "string", "minLength": 1, "maxLength": MAX_VERSION}
_CHUNK_COUNT = {"type": "integer", "minimum": 1, "maximum": MAX_CHUNKS}
_CHECKSUM = {"type": "string", "pattern": "^[0-9a-f]{64}$"}


def _asks(name: str, type_: Any = OpenApiTypes.STR, *, description: str, required: bool = False) -> OpenApiParameter:
    return OpenApiParameter(name, type_, OpenApiParameter.HEADER, description=description, required=required)


def _tells(
    name: str, type_: Any = OpenApiTypes.STR, *, description: str, answers: tuple[int, ...] = _SENT
) -> OpenApiParameter:
    return OpenApiParameter(name, type_, OpenApiParameter.HEADER, description=description, response=list(answers))


_IF_MATCH = _asks("If-Match", description="ETags, one of which the snapshot must have.")

UPLOAD: dict[str, Any] = {
    "operation_id": "uploadBackup",
    "summary": "Store a sealed snapshot",
    "description": "Each is a snapshot of its own, the latest from then on; the same bytes again are another one. The "
    "body is taken as it is, whatever its `Content-Type`.",
    "parameters": [
        _asks("X-Backup-Version", _VERSION, description="The client's format: printable ASCII.", required=True),
        _asks("X-Backup-Timestamp", OpenApiTypes.DATETIME, description="RFC 3339, with a zone.", required=True),
        _asks("X-Backup-Checksum", _CHECKSUM, description="SHA-256 of the body.", required=True),
        _asks("X-Backup-Chunk-Count", _CHUNK_COUNT, description="The client's own, kept as it is."),
        _asks("If-Match", description="ETags, one of which the latest snapshot must have."),
        _asks("If-None-Match", description="`*`: there must be no snapshot yet."),
        _tells("ETag", description="Of the snapshot.", answers=(201,)),
        _tells("Location", description="The snapshot's path.", answers=(201,)),
    ],
    "request": {BYTES: OpenApiTypes.BINARY},
    "responses": {
        201: BackupMetaSerializer,
        400: problem("validation_error by header (`version`, `timestamp`, …), checksum_mismatch: nothing was stored"),
        402: problem("quota_exceeded, with `limit_bytes`, `used_bytes` and `requested_bytes`"),
        408: problem("The client stopped sending"),
        412: problem("precondition_failed, with the `etag` of the latest snapshot, or null"),
        413: problem("Larger than MAX_BACKUP_BYTES"),
        502: problem("The blob store failed; nothing was stored"),
        503: problem("The blob store or the database is not available; nothing was stored"),
        504: problem("The blob store took too long; nothing was stored"),
    },
}


def download(*, operation_id: str, summary: str, description: str = "") -> dict[str, Any]:
    return {
        "operation_id": operation_id,
        "summary": summary,
        "description": description,
        "parameters": [
            _asks("Range", description="One range of bytes; several are answered with the whole."),
            _asks("If-Range", description="The ETag or Last-Modified of what `Range` goes on from."),
            _asks("If-None-Match", description="ETags of what the client has."),
            _asks("If-Modified-Since", description="Looked at where there is no If-None-Match."),
            _IF_MATCH,
            _tells("X-Backup-Version", _VERSION, description="As uploaded."),
            _tells("X-Backup-Timestamp", OpenApiTypes.DATETIME, description="As uploaded, in UTC."),
            _tells("X-Backup-Checksum", _CHECKSUM, description="SHA-256 of the whole snapshot."),
            _tells("X-Backup-Chunk-Count", _CHUNK_COUNT, description="As uploaded; not there where it was not."),
            _tells("X-Checksum", _CHECKSUM, description="The same as X-Backup-Checksum."),
            _tells("ETag", description="The checksum, quoted.", answers=_VALIDATED),
            _tells("Last-Modified", description="When this became what the path shows.", answers=_VALIDATED),
            _tells("Accept-Ranges", description="`bytes`"),
            _tells("Content-Range", description="Which bytes these are.", answers=(206,)),
        ],
        "responses": {
            (200, BYTES): OpenApiTypes.BINARY,
            (206, BYTES): OpenApiTypes.BINARY,
            304: OpenApiResponse(description="The client has it"),
            404: problem("not_found"),
            412: problem("precondition_failed, with the current `etag`"),
            416: problem("range_not_satisfiable; Content-Range tells the size"),
            502: problem("The blob store failed, or has lost the bytes"),
            503: problem("The blob store is not available"),
            504: problem("The blob store took too long"),
        },
    }


HISTORY: dict[str, Any] = {
    "operation_id": "listBackups",
    "summary": "What snapshots there are, newest first",
    "parameters": page_parameters(limit=SNAPSHOTS, most=MOST_SNAPSHOTS),
    "responses": {200: BackupListSerializer, 400: problem("validation_error")},
}

DELETE: dict[str, Any] = {
    "operation_id": "deleteBackup",
    "summary": "Delete a snapshot",
    "parameters": [_IF_MATCH],
    "request": None,
    "responses": {
        204: OpenApiResponse(description="It is deleted"),
        404: problem("not_found"),
        412: problem("precondition_failed, with the current `etag`"),
    },
}

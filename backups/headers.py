"""The backup headers: how an upload describes its snapshot, and a download repeats it (docs/api.md § 8)."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema_field
from rest_framework import serializers
from rest_framework.request import Request

from adiuva.api.fields import StringField, drop_none, rfc_3339
from backups.history import Label
from backups.models import Backup
from storage.models import CHECKSUM
from storage.records.serializers import ChecksumField
from storage.staging import require_whole

_NAMES = {
    "version": "X-Backup-Version",
    "timestamp": "X-Backup-Timestamp",
    "checksum": "X-Backup-Checksum",
    "chunk_count": "X-Backup-Chunk-Count",
}

MAX_VERSION = 64
MAX_CHUNKS = 2**31 - 1  # what the column holds
_PRINTABLE = re.compile(r"[\x20-\x7e]+")  # RFC 9110 § 5.5: what else a header's bytes mean is nobody's to say
_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
)


class VersionField(StringField):
    default_error_messages = {"printable": "Must be printable ASCII characters."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_VERSION, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        version = super().to_internal_value(data)
        if not _PRINTABLE.fullmatch(version):
            self.fail("printable")
        return version


@extend_schema_field(OpenApiTypes.DATETIME)
class TimestampField(serializers.Field[datetime, str, str, Any]):
    """A time with its zone; digits beyond microseconds are cut off."""

    default_error_messages = {"invalid": "Must be an RFC 3339 time with a zone, such as 2026-11-22T18:20:05Z."}

    def to_internal_value(self, data: str) -> datetime:
        if not _RFC_3339.fullmatch(data):
            self.fail("invalid")
        try:
            return datetime.fromisoformat(data.upper()).astimezone(UTC)
        except (ValueError, OverflowError):  # no such day; a zone that leads out of the years 1 to 9999
            self.fail("invalid")

    def to_representation(self, value: datetime) -> str:
        return rfc_3339(value)


class ChunkCountField(serializers.IntegerField):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(min_value=1, max_value=MAX_CHUNKS, **kwargs)

    def to_internal_value(self, data: Any) -> int:
        if not (data.isascii() and data.isdigit()):  # ``int`` takes signs, spaces and underscores as well
            self.fail("invalid")
        return super().to_internal_value(data)


class LabelSerializer(serializers.Serializer[Any]):
    """The headers of an upload."""

    version = VersionField()
    timestamp = TimestampField()
    checksum = ChecksumField()
    chunk_count = ChunkCountField(required=False)


def read_label(request: Request) -> tuple[Label, str]:
    """What the client says of the snapshot it uploads, and the checksum of its bytes.

    Raises:
        ValidationFailed: by field.
    """
    require_whole(request)
    return parse_label(_sent_headers(request))


def parse_label(fields: Mapping[str, str]) -> tuple[Label, str]:
    """The same by the names of the fields. Raises ``ValidationFailed``."""
    serializer = LabelSerializer(data=dict(fields))
    serializer.is_valid(raise_exception=True)
    return _as_label(serializer.validated_data)


def peek_label(request: Request) -> tuple[Label, str] | None:
    """As ``read_label``; None where something is wrong with it, which other refusals may go before."""
    serializer = LabelSerializer(data=_sent_headers(request))
    return _as_label(serializer.validated_data) if serializer.is_valid() else None


def _sent_headers(request: Request) -> dict[str, str]:
    sent = {field: request.headers.get(name) for field, name in _NAMES.items()}
    return drop_none(sent)


def _as_label(data: Mapping[str, Any]) -> tuple[Label, str]:
    label = Label(version=data["version"], timestamp=data["timestamp"], chunk_count=data.get("chunk_count"))
    return label, data["checksum"]


def serialize_label(backup: Backup) -> dict[str, str]:
    """The headers of a download."""
    headers = {
        "X-Backup-Version": backup.version,
        "X-Backup-Timestamp": rfc_3339(backup.timestamp),
        "X-Backup-Checksum": backup.checksum,
        "X-Checksum": backup.checksum,
    }
    if backup.chunk_count is not None:
        headers["X-Backup-Chunk-Count"] = str(backup.chunk_count)
    return headers


# --- in OpenAPI ---

_VERSION = {"type": "string", "minLength": 1, "maxLength": MAX_VERSION}
_CHUNK_COUNT = {"type": "integer", "minimum": 1, "maximum": MAX_CHUNKS}
_CHECKSUM = {"type": "string", "pattern": CHECKSUM}


def request_header(
    name: str, type_: Any = OpenApiTypes.STR, *, description: str, required: bool = False
) -> OpenApiParameter:
    return OpenApiParameter(name, type_, OpenApiParameter.HEADER, description=description, required=required)


def response_header(
    name: str, type_: Any = OpenApiTypes.STR, *, description: str, statuses: Iterable[int] = (200, 206)
) -> OpenApiParameter:
    return OpenApiParameter(name, type_, OpenApiParameter.HEADER, description=description, response=list(statuses))


UPLOAD_HEADERS = [
    request_header("X-Backup-Version", _VERSION, description="The client's format: printable ASCII.", required=True),
    # Without a format: generators of Python clients take no date-time in a header, and would leave the route out.
    request_header("X-Backup-Timestamp", description="RFC 3339, with a zone: `2026-11-22T18:20:05Z`.", required=True),
    request_header("X-Backup-Checksum", _CHECKSUM, description="SHA-256 of the body.", required=True),
    request_header("X-Backup-Chunk-Count", _CHUNK_COUNT, description="The client's own, kept as it is."),
]
DOWNLOAD_HEADERS = [
    response_header("X-Backup-Version", _VERSION, description="As uploaded."),
    response_header("X-Backup-Timestamp", OpenApiTypes.DATETIME, description="As uploaded, in UTC."),
    response_header("X-Backup-Checksum", _CHECKSUM, description="SHA-256 of the whole snapshot."),
    response_header("X-Backup-Chunk-Count", _CHUNK_COUNT, description="As uploaded; not there where it was not."),
    response_header("X-Checksum", _CHECKSUM, description="The same as X-Backup-Checksum."),
]

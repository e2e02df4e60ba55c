"""Shapes of wire contract § 8."""

import re
from datetime import UTC, datetime
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from adiuva.api.fields import StringField, rfc_3339
from adiuva.api.pagination import ListSerializer
from storage.records.serializers import ChecksumField

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

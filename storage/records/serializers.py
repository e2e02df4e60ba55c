"""Shapes of wire contract § 7, records."""

import base64
import binascii
import re
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from adiuva.api.fields import StringField, rfc_3339
from adiuva.api.pagination import ListSerializer
from storage.models import CHECKSUM, TABLE_NAME, RecordQuerySet, StorageRecord
from storage.records.feed import Feed


class PatternField(StringField):
    """A text that ``pattern`` matches whole, and as it is: nothing is trimmed."""

    pattern: str
    default_error_messages = {"pattern": "Must match {pattern}."}

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(trim_whitespace=False, **kwargs)

    def to_internal_value(self, data: Any) -> str:
        text = super().to_internal_value(data)
        if not re.fullmatch(self.pattern, text):
            self.fail("pattern", pattern=self.pattern)
        return text


@extend_schema_field({"type": "string", "pattern": TABLE_NAME})
class TableNameField(PatternField):
    pattern = TABLE_NAME


@extend_schema_field({"type": "string", "pattern": CHECKSUM, "description": "SHA-256 of the sealed bytes."})
class ChecksumField(PatternField):
    pattern = CHECKSUM


class IdField(serializers.UUIDField):
    """DRF would take a number for a UUID."""

    def to_internal_value(self, data: Any) -> UUID:
        if not isinstance(data, str):
            self.fail("invalid", value=data)
        value: UUID = super().to_internal_value(data)
        return value


@extend_schema_field(OpenApiTypes.BYTE)
class Base64Field(serializers.Field[bytes, str, bytes, Any]):
    """RFC 4648 § 4, padded, without line ends."""

    default_error_messages = {"invalid": "Must be base64."}

    def to_internal_value(self, data: str) -> bytes:
        try:
            return base64.b64decode(data, validate=True)
        except (TypeError, ValueError, binascii.Error):
            self.fail("invalid")


@extend_schema_field(OpenApiTypes.BINARY)
class SpooledField(serializers.Field[Any, Any, Any, Any]):
    """A part of a form: the parser has made it what it is."""

    def to_internal_value(self, data: Any) -> Any:
        return data


class UploadSerializer(serializers.Serializer[Any]):
    """What every form of an upload says of its blob."""

    table_name = TableNameField()
    checksum = ChecksumField()
    id = IdField(required=False, help_text="The client's choice; without one the server makes it.")


class JsonUploadSerializer(UploadSerializer):
    blob = Base64Field()


class FormUploadSerializer(UploadSerializer):
    blob = SpooledField()


class ReplacementSerializer(UploadSerializer):
    table_name = TableNameField(required=False, help_text="The record's; it cannot be moved.")
    id = IdField(required=False, help_text="The record's.")


class JsonReplacementSerializer(ReplacementSerializer):
    blob = Base64Field()


class FormReplacementSerializer(ReplacementSerializer):
    blob = SpooledField()


class RecordMetaSerializer(serializers.Serializer[StorageRecord]):
    # Fields by name: a ``ModelSerializer`` finds them out anew for each answer.

    id = serializers.UUIDField()
    table_name = serializers.CharField()
    checksum = serializers.CharField()
    size_bytes = serializers.IntegerField()
    revision = serializers.IntegerField()
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    @staticmethod
    def listed(records: RecordQuerySet) -> "QuerySet[StorageRecord, Any]":
        """``records`` as rows for ``of_rows``, without a model for each."""
        return records.values("id", "table_name", "checksum", "size_bytes", "revision", "created_at", "updated_at")

    @staticmethod
    def of_rows(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """What the serializer gives for each, in a twentieth of its time: a page may have 200."""
        return [
            row | {"id": str(row["id"])} | {name: rfc_3339(row[name]) for name in ("created_at", "updated_at")}
            for row in rows
        ]


class TableQuerySerializer(serializers.Serializer[Any]):
    table = TableNameField()


class RecordListSerializer(ListSerializer):
    items = RecordMetaSerializer(many=True)


class ChangeSerializer(serializers.Serializer[StorageRecord]):
    seq = serializers.IntegerField()
    id = serializers.UUIDField()
    table_name = serializers.CharField()
    op = serializers.SerializerMethodField()
    checksum = serializers.CharField()
    size_bytes = serializers.IntegerField()
    revision = serializers.IntegerField()

    @extend_schema_field(serializers.ChoiceField(choices=["put", "delete"]))
    def get_op(self, record: StorageRecord) -> str:
        return "put" if record.deleted_at is None else "delete"

    @staticmethod
    def of(record: StorageRecord) -> dict[str, Any]:
        """What the serializer gives, in a twentieth of its time: a page may have 1000."""
        return {
            "seq": record.seq,
            "id": str(record.id),
            "table_name": record.table_name,
            "op": "put" if record.deleted_at is None else "delete",
            "checksum": record.checksum,
            "size_bytes": record.size_bytes,
            "revision": record.revision,
        }


class FeedSerializer(serializers.Serializer[Any]):
    changes = ChangeSerializer(many=True)
    next = serializers.IntegerField(help_text="Opaque: pass it on as `since`. May be negative.")
    has_more = serializers.BooleanField()

    @staticmethod
    def of(feed: Feed) -> dict[str, Any]:
        changes = [ChangeSerializer.of(record) for record in feed.changes]
        return {"changes": changes, "next": feed.next, "has_more": feed.has_more}


class AmountSerializer(serializers.Serializer[Any]):
    used_bytes = serializers.IntegerField()
    limit_bytes = serializers.IntegerField(allow_null=True, help_text="null is unlimited")


class QuotaSerializer(serializers.Serializer[Any]):
    storage = AmountSerializer()
    backup = AmountSerializer()

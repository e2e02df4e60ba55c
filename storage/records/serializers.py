"""What the routes of records, changes and quota take and answer (docs/api.md § 7)."""

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from adiuva.api.fields import Base64Field, IdField, PatternField, rfc_3339
from adiuva.api.pagination import ListSerializer
from storage.models import CHECKSUM, TABLE_NAME, RecordQuerySet, StorageRecord, record_etag
from storage.records.change_feed import Change, FeedPage


@extend_schema_field({"type": "string", "pattern": TABLE_NAME})
class TableNameField(PatternField):
    pattern = TABLE_NAME


@extend_schema_field({"type": "string", "pattern": CHECKSUM, "description": "SHA-256 of the sealed bytes."})
class ChecksumField(PatternField):
    pattern = CHECKSUM


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
    etag = serializers.CharField(help_text="As in the header, quotes included.")
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()

    @staticmethod
    def select_rows(records: RecordQuerySet) -> "QuerySet[StorageRecord, Any]":
        """``records`` as rows for ``serialize_rows``, without a model for each."""
        return records.values("id", "table_name", "checksum", "size_bytes", "revision", "created_at", "updated_at")

    @staticmethod
    def serialize_rows(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
        """What the serializer gives for each, in a twentieth of its time: a page may have 200."""
        return [
            row
            | {"id": str(row["id"]), "etag": record_etag(revision=row["revision"], checksum=row["checksum"])}
            | {name: rfc_3339(row[name]) for name in ("created_at", "updated_at")}
            for row in rows
        ]


class TableQuerySerializer(serializers.Serializer[Any]):
    table = TableNameField()


class RecordListSerializer(ListSerializer):
    items = RecordMetaSerializer(many=True)


@extend_schema_field({"type": ["string", "null"], "format": "byte"})
class IncludedBlobField(Base64Field):
    """For the schema: what is serialized here has none."""


class ChangeSerializer(serializers.Serializer[Change]):
    seq = serializers.IntegerField()
    id = serializers.UUIDField()
    table_name = serializers.CharField()
    op = serializers.SerializerMethodField()
    checksum = serializers.CharField()
    size_bytes = serializers.IntegerField()
    revision = serializers.IntegerField()
    etag = serializers.CharField(help_text="As in the header, quotes included.")
    blob = IncludedBlobField(
        required=False, help_text="With `include=blob`: the sealed bytes; null where they do not come along."
    )

    @extend_schema_field(serializers.ChoiceField(choices=["put", "delete"]))
    def get_op(self, change: Change) -> str:
        return "delete" if change.s3_key is None else "put"

    @staticmethod
    def serialize(change: Change) -> dict[str, Any]:
        """What the serializer gives, in a twentieth of its time: a page may have 1000."""
        return {
            "seq": change.seq,
            "id": str(change.id),
            "table_name": change.table_name,
            "op": "delete" if change.s3_key is None else "put",
            "checksum": change.checksum,
            "size_bytes": change.size_bytes,
            "revision": change.revision,
            "etag": change.etag,
        }


class FeedSerializer(serializers.Serializer[Any]):
    changes = ChangeSerializer(many=True)
    next = serializers.CharField(help_text="Opaque: send it as `since` next time.")
    has_more = serializers.BooleanField()

    @staticmethod
    def serialize(page: FeedPage) -> dict[str, Any]:
        changes = [ChangeSerializer.serialize(change) for change in page.changes]
        return {"changes": changes, "next": page.next, "has_more": page.has_more}


class AmountSerializer(serializers.Serializer[Any]):
    used_bytes = serializers.IntegerField()
    limit_bytes = serializers.IntegerField(allow_null=True, help_text="null is unlimited")


class StorageAmountSerializer(AmountSerializer):
    versions_bytes = serializers.IntegerField(help_text="Of earlier states of records, beside `used_bytes`.")


class QuotaSerializer(serializers.Serializer[Any]):
    storage = StorageAmountSerializer()
    backup = AmountSerializer()

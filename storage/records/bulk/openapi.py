"""The bulk routes in OpenAPI, and what their JSON looks like."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

from adiuva.api.cbor import SEQUENCE
from adiuva.api.fields import Base64Field, IdField
from adiuva.api.openapi.responses import problem
from adiuva.api.pagination import limit_parameter, whole_numbers
from storage.records.bulk.reading import BLOB_BYTES, MOST_BLOB_BYTES
from storage.records.change_feed import START
from storage.records.serializers import ChecksumField, FeedSerializer, RecordMetaSerializer, TableNameField

DEFAULT_CHANGES, MOST_CHANGES = 200, 1000
JSON = "application/json"
_BINARY = {"type": "string", "format": "binary"}
_STORE_FAILED = {
    502: problem("The blob store failed"),
    503: problem("The blob store or the database is not available"),
    504: problem("The blob store took too long"),
}


class FetchSerializer(serializers.Serializer[Any]):
    ids = serializers.ListField(child=IdField(), max_length=500)


class FetchedRecordSerializer(RecordMetaSerializer):
    blob = Base64Field(help_text="The sealed bytes; null where they are lost: GET says why.", allow_null=True)


class FetchedSerializer(serializers.Serializer[Any]):
    records = FetchedRecordSerializer(many=True)
    missing = serializers.ListField(child=IdField(), help_text="There are no such records.")
    more = serializers.ListField(child=IdField(), help_text="Ask for these again.")
    too_large = serializers.ListField(child=IdField(), help_text="Each over 16 MiB: download it.")


class OperationSerializer(serializers.Serializer[Any]):
    op = serializers.ChoiceField(choices=["put", "delete"])
    id = IdField()
    table_name = TableNameField(required=False, help_text="Of a put.")
    checksum = ChecksumField(required=False, help_text="Of a put: SHA-256 of the sealed bytes.")
    blob = Base64Field(required=False, help_text="Of a put: the sealed bytes.")
    if_match = serializers.CharField(required=False, help_text="As the header.")
    if_none_match = serializers.ChoiceField(
        choices=["*"], required=False, help_text="Of a put: there is no record yet."
    )


class BatchSerializer(serializers.Serializer[Any]):
    atomic = serializers.BooleanField(required=False, default=False, help_text="One refusal refuses all.")
    operations = OperationSerializer(many=True)


class OperationResultSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    status = serializers.IntegerField(help_text="What the operation by itself would be answered with.")
    revision = serializers.IntegerField(required=False, help_text="Of the record as it is now.")
    etag = serializers.CharField(required=False, help_text="Of the record as it is now, quotes included.")
    seq = serializers.IntegerField(required=False, help_text="In the change feed; not of a refusal.")
    code = serializers.CharField(required=False, help_text="Of a refusal: the code of the problem it would be.")


class ResultsOfBatchSerializer(serializers.Serializer[Any]):
    results = OperationResultSerializer(many=True)


CHANGES: dict[str, Any] = {
    "operation_id": "listChanges",
    "summary": "List changes since a cursor",
    "description": "The last change of each record, in the order of the commits. Start with `since=0` and pass on "
    "what `next` says, as it is: then nothing is missed. After a 410 start again with 0. When its `reason` is "
    "`pruned`, deletions since then are no longer known: drop the records that do not come. When it is "
    "`restored`, the service went back to a backup: drop nothing, and send again the records that do not come, or "
    f"come in an older revision. As `{SEQUENCE}` (RFC 8742) it is one map a change, and at its end one of `next` and "
    "`has_more`.",
    "parameters": [
        OpenApiParameter("since", OpenApiTypes.STR, default=START, description="`next` of the page before, or 0."),
        limit_parameter(limit=DEFAULT_CHANGES, most=MOST_CHANGES),
        OpenApiParameter(
            "include",
            OpenApiTypes.STR,
            enum=["blob"],
            description="`blob`: puts come with their sealed bytes, up to 8 MiB a page, which then ends early.",
        ),
        OpenApiParameter(
            "max_blob_bytes",
            whole_numbers(least=0, most=MOST_BLOB_BYTES),
            default=BLOB_BYTES,
            description="A larger blob stays away (`null`).",
        ),
    ],
    "responses": {
        (200, JSON): FeedSerializer,
        (200, SEQUENCE): _BINARY,
        400: problem("validation_error: among others, a `since` that was never this account's"),
        410: problem("resync_required, with the `reason`: `pruned` or `restored`"),
        **_STORE_FAILED,
    },
}

FETCH: dict[str, Any] = {
    "operation_id": "fetchRecords",
    "summary": "Download many records",
    "description": f"In the order of their ids, up to 16 MiB of sealed bytes. As `{SEQUENCE}` (RFC 8742) the request "
    "is one map, and the answer is one map a record and at its end one of `missing`, `more` and `too_large`.",
    "request": {JSON: FetchSerializer, SEQUENCE: _BINARY},
    "responses": {
        (200, JSON): FetchedSerializer,
        (200, SEQUENCE): _BINARY,
        400: problem("validation_error"),
        413: problem("The body is too large"),
        415: problem("Neither form"),
        **_STORE_FAILED,
    },
}

BATCH: dict[str, Any] = {
    "operation_id": "changeRecords",
    "summary": "Store and delete many records",
    "description": "At most 500 operations with 16 MiB of sealed bytes, each answered by itself and in their order. "
    "Sent again it changes nothing: a put whose record has that content already is 200, a deletion of what is gone is "
    f"204. As `{SEQUENCE}` (RFC 8742) the request is one map an operation, with one of `atomic` before them if at all, "
    "and the answer is one map a result.",
    "request": {JSON: BatchSerializer, SEQUENCE: _BINARY},
    "responses": {
        (200, JSON): ResultsOfBatchSerializer,
        (200, SEQUENCE): _BINARY,
        400: problem("validation_error: an operation is malformed, or an id there twice; nothing was done"),
        402: problem("quota_exceeded: there is a put, and no quota at all; nothing was done"),
        408: problem("The client stopped sending"),
        409: problem("conflict: it is atomic, and one was refused: see `results`; nothing was done"),
        413: problem("There are more than 16 MiB"),
        415: problem("Neither form"),
        **_STORE_FAILED,
    },
}

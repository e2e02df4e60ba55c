"""The routes of records that carry bytes, in OpenAPI."""

from typing import Any, Final

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from adiuva.api import idempotency
from adiuva.api.openapi.responses import problem
from adiuva.api.pagination import whole_numbers
from storage.downloads import BLOB_FAILURES
from storage.records import serializers

BYTES = "application/octet-stream"
IN_HEADER: Final = OpenApiParameter.HEADER


def _header(name: str, description: str, *, answers: tuple[int, ...]) -> OpenApiParameter:
    return OpenApiParameter(name, OpenApiTypes.STR, IN_HEADER, description=description, response=list(answers))


IF_MATCH = OpenApiParameter(
    "If-Match", OpenApiTypes.STR, IN_HEADER, description="The ETag that is expected, or `*` for any state."
)
_CHECKSUM = OpenApiParameter(
    "X-Checksum", OpenApiTypes.STR, IN_HEADER, description=f"SHA-256 of the bytes; required with {BYTES}."
)
_TOO_LARGE = (
    "payload_too_large: the record (MAX_RECORD_BYTES), the JSON (8 MiB), or what a form holds beside its blob (1 MiB)"
)
_UPLOAD_PROBLEMS = {
    400: problem("validation_error, checksum_mismatch: nothing was stored"),
    402: problem("quota_exceeded, with `limit_bytes`, `used_bytes` and `requested_bytes`"),
    408: problem("The client stopped sending"),
    413: problem(_TOO_LARGE),
    415: problem("None of the three forms"),
    502: problem("The blob store failed; nothing was stored"),
    503: problem("The blob store or the database is not available; nothing was stored"),
    504: problem("The blob store took too long; nothing was stored"),
}
_FORMS = (
    f"Three forms: `{BYTES}` (any size, streamed; table, id and checksum in query and header), `multipart/form-data` "
    "(fields in any order) and `application/json` (at most 8 MiB)."
)

CREATE: dict[str, Any] = {
    "operation_id": "createRecord",
    "summary": "Upload a record",
    "description": f"{_FORMS} An id that a deletion has freed may be used again; its revision goes on. Sent again with "
    "the same id, table and bytes it is answered with 200, and changes nothing unless the service has lost the bytes.",
    "parameters": [
        OpenApiParameter("table_name", OpenApiTypes.STR, description=f"Required with {BYTES}."),
        OpenApiParameter("id", OpenApiTypes.UUID, description=f"With {BYTES}; without one the server makes it."),
        _CHECKSUM,
        idempotency.PARAMETER,
        _header("ETag", "Of this state of the record.", answers=(200, 201)),
        _header("Location", "The record's path.", answers=(200, 201)),
    ],
    "request": {
        BYTES: OpenApiTypes.BINARY,
        "multipart/form-data": serializers.FormUploadSerializer,
        "application/json": serializers.JsonUploadSerializer,
    },
    "responses": {
        200: serializers.RecordMetaSerializer,
        201: serializers.RecordMetaSerializer,
        409: problem("The id is taken by other content"),
        422: problem("idempotency_mismatch: the key came with another table or other bytes"),
        **_UPLOAD_PROBLEMS,
    },
}

UPDATE: dict[str, Any] = {
    "operation_id": "replaceRecord",
    "summary": "Replace a record",
    "description": f"{_FORMS} Of several at once with one `If-Match`, one wins. A malformed `If-Match` names no state: "
    "412.",
    "parameters": [
        OpenApiParameter("table_name", OpenApiTypes.STR, description="The record's, if given; it cannot be moved."),
        _CHECKSUM,
        IF_MATCH,
        _header("ETag", "Of the new state of the record.", answers=(200,)),
    ],
    "request": {
        BYTES: OpenApiTypes.BINARY,
        "multipart/form-data": serializers.FormReplacementSerializer,
        "application/json": serializers.JsonReplacementSerializer,
    },
    "responses": {
        200: serializers.RecordMetaSerializer,
        404: problem("not_found"),
        409: problem("It was deleted and made anew in another table while this arrived"),
        412: problem("precondition_failed, with the current `etag`"),
        **_UPLOAD_PROBLEMS,
    },
}

_DESCRIBES = (200, 206, 304)
RETRIEVE: dict[str, Any] = {
    "operation_id": "downloadRecord",
    "summary": "Download a record",
    "description": "The sealed bytes as they were sent. `Range`, `If-Range`, `If-None-Match` and `If-Match` are "
    "honoured.",
    "parameters": [
        OpenApiParameter("Range", OpenApiTypes.STR, IN_HEADER, description="One range of bytes."),
        OpenApiParameter(
            "If-Range",
            OpenApiTypes.STR,
            IN_HEADER,
            description="The ETag or Last-Modified of what `Range` goes on from.",
        ),
        OpenApiParameter("If-None-Match", OpenApiTypes.STR, IN_HEADER, description="ETags of what the client has."),
        IF_MATCH,
        _header("X-Checksum", "SHA-256 of the whole record.", answers=(200, 206)),
        _header("ETag", "Of this state of the record.", answers=_DESCRIBES),
        _header("Last-Modified", "When it was written.", answers=_DESCRIBES),
        _header("Accept-Ranges", "`bytes`", answers=(200, 206)),
        _header("Content-Range", "Which bytes these are.", answers=(206,)),
    ],
    "responses": {
        (200, BYTES): OpenApiTypes.BINARY,
        (206, BYTES): OpenApiTypes.BINARY,
        304: OpenApiResponse(description="The client has it"),
        404: problem("not_found"),
        412: problem("precondition_failed, with the current `etag`"),
        416: problem("No byte of the range exists; Content-Range tells the size"),
        **BLOB_FAILURES,
    },
}

REVISION = OpenApiParameter(
    "revision", whole_numbers(least=1, most=2**31 - 1), OpenApiParameter.PATH, description="Counts from 1."
)
_OF_RECORDS_ONLY = {"Last-Modified"}
RETRIEVE_VERSION: dict[str, Any] = {
    "operation_id": "downloadVersion",
    "summary": "Download an earlier state of a record",
    "description": "The sealed bytes as they were then. `Range`, `If-Range`, `If-None-Match` and `If-Match` are "
    "honoured.",
    "parameters": [REVISION, *(one for one in RETRIEVE["parameters"] if one.name not in _OF_RECORDS_ONLY)],
    "responses": RETRIEVE["responses"],
}

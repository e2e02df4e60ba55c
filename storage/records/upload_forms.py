"""The three forms of an upload, read while they arrive (docs/api.md § 7)."""

import io
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, NamedTuple
from uuid import UUID

from rest_framework.request import Request

from adiuva.api.errors import PayloadTooLarge, UnsupportedMediaType
from adiuva.api.fields import drop_none
from adiuva.api.json import StrictJSONParser
from adiuva.api.multipart import READ_BYTES, spooled_form
from storage.records import serializers
from storage.staging import FORM_EXTRA_BYTES, Allowance, SealedBody, body_parts, declared_size, release_connection

MAX_JSON_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """``table_name`` is there for every new record."""

    table_name: str | None
    record_id: UUID | None
    body: SealedBody


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blob:
    parts: Iterable[bytes]
    size_bytes: int | None

    @classmethod
    def of(cls, data: bytes) -> "_Blob":
        return cls(parts=[data], size_bytes=len(data))


class Forms(NamedTuple):
    """What is asked for beside the bytes, by the form they come in."""

    stream: type[serializers.UploadSerializer]
    json: type[serializers.UploadSerializer]
    multipart: type[serializers.UploadSerializer]


NEW = Forms(serializers.UploadSerializer, serializers.JsonUploadSerializer, serializers.FormUploadSerializer)
REPLACEMENT = Forms(
    serializers.ReplacementSerializer,
    serializers.JsonReplacementSerializer,
    serializers.FormReplacementSerializer,
)


@contextmanager
def sealed_upload(request: Request, forms: Forms, *, allowance: Allowance) -> Iterator[Upload]:
    """The upload that the request is; inside the block its parts can be read, once.

    Raises:
        ValidationFailed: by field, or ``non_field_errors`` for a body that is malformed.
        UnsupportedMediaType: none of the three forms.
        PayloadTooLarge, QuotaExceeded: from the forms that must be read before they can be stored.
    """
    match _form_of(request):
        case "application/octet-stream":
            arriving = _Blob(parts=body_parts(request), size_bytes=declared_size(request))
            yield _validate(forms.stream, _read_query_and_header(request), blob=arriving)
        case "application/json":
            release_connection()
            yield _validate(forms.json, _parse_json(request))
        case "multipart/form-data":
            release_connection()
            with _parse_form(request, allowance) as fields:
                yield _validate(forms.multipart, fields)
        case _:
            raise UnsupportedMediaType


def is_known_form(request: Request) -> bool:
    return _form_of(request) in {"application/octet-stream", "application/json", "multipart/form-data"}


def _form_of(request: Request) -> str:
    return (request.content_type or "").partition(";")[0].strip().lower()


def _validate(
    serializer_class: type[serializers.UploadSerializer], fields: Any, *, blob: _Blob | None = None
) -> Upload:
    serializer = serializer_class(data=fields)
    serializer.is_valid(raise_exception=True)
    data = serializer.validated_data
    sealed = blob or data["blob"]
    if isinstance(sealed, bytes):
        sealed = _Blob.of(sealed)
    return Upload(
        table_name=data.get("table_name"),
        record_id=data.get("id"),
        body=SealedBody(parts=sealed.parts, checksum=data["checksum"], declared_size=sealed.size_bytes),
    )


# --- application/octet-stream ---


def _read_query_and_header(request: Request) -> dict[str, str]:
    """What stands beside the bytes: the query and a header."""
    query = request.query_params
    checksum = request.headers.get("X-Checksum")
    sent = {"table_name": query.get("table_name"), "id": query.get("id"), "checksum": checksum}
    return drop_none(sent)


# --- application/json ---


class BoundedJSONParser(StrictJSONParser):
    """Reads no more than ``MAX_JSON_BYTES`` and a part. No body at all is an object without fields."""

    def parse(
        self, stream: IO[bytes], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> dict[str, Any]:
        body = bytearray()
        while part := stream.read(READ_BYTES):
            body += part
            if len(body) > MAX_JSON_BYTES:
                raise _json_too_large()
        return super().parse(io.BytesIO(body)) if body else {}


def _parse_json(request: Request) -> dict[str, Any]:
    if (declared_size(request) or 0) > MAX_JSON_BYTES:
        raise _json_too_large()
    return BoundedJSONParser().parse(request._request)  # type: ignore[arg-type]  # it has the read that is asked for


def _json_too_large() -> PayloadTooLarge:
    return PayloadTooLarge(
        f"A JSON upload holds at most {MAX_JSON_BYTES} bytes; send application/octet-stream.", max_bytes=MAX_JSON_BYTES
    )


# --- multipart/form-data ---


@contextmanager
def _parse_form(request: Request, allowance: Allowance) -> Iterator[dict[str, Any]]:
    """The fields of a form, ``blob`` among them."""
    declared = declared_size(request)
    if declared is not None:
        allowance.check_unknown(max(0, declared - FORM_EXTRA_BYTES))
    with spooled_form(request, {"blob": allowance.check_unknown}) as form:
        fields: dict[str, Any] = dict(form.fields)
        if isinstance(text := fields.get("blob"), str):
            fields["blob"] = _Blob.of(text.encode("latin-1"))  # a part without a file name
        if blob := form.files.get("blob"):
            fields["blob"] = _Blob(parts=blob.parts(), size_bytes=blob.size_bytes)
        yield fields

"""What the vector routes take and answer. JSON of many vectors is looked over before it is parsed.

64 MiB of ``[],[],[]`` would become a gigabyte of lists. What the largest request needs is known: ids, blobs and
checksums hold neither commas nor brackets, so counting them in the bytes bounds the values there can be.
"""

import base64
import io
import math
import struct
from collections.abc import Mapping
from itertools import islice
from typing import IO, Any
from uuid import UUID

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.parsers import BaseParser

from adiuva.api.cbor import read_sequence
from adiuva.api.errors import PayloadTooLarge, ValidationFailed
from adiuva.api.fields import Base64Field, IdField
from adiuva.api.json import StrictJSONParser
from storage.records.serializers import ChecksumField
from storage.vectors.port import DERIVED_DIMENSION, MAX_DIMENSION, derive_vector
from storage.vectors.search import Hit, NewVector

MOST_VECTORS = 500
_SPARE = 10  # fields of a vector, those included that nobody knows
MOST_COMMAS = MOST_VECTORS * (MAX_DIMENSION + _SPARE)
MOST_BRACKETS = MOST_VECTORS * _SPARE
MOST_VALUES = MOST_VECTORS * (MAX_DIMENSION + 4 * _SPARE)
FLOAT_BYTES = 4  # of a float32


class VectorsParser(StrictJSONParser):
    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        body = stream.read()
        if body.count(b",") > MOST_COMMAS or body.count(b"[") + body.count(b"{") > MOST_BRACKETS:
            raise ValidationFailed(
                {"vectors": [f"At most {MOST_VECTORS} vectors of {MAX_DIMENSION} dimensions go in one request."]}
            )
        return super().parse(io.BytesIO(body), media_type, parser_context)


class VectorSequenceParser(BaseParser):
    """A sequence of CBOR maps, one a vector (RFC 8742)."""

    media_type = "application/cbor-seq"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        items = islice(read_sequence(stream.read(), most_values=MOST_VALUES), MOST_VECTORS + 1)
        return {"vectors": list(items)}


MOST_RESULTS = 100
MAX_BLOB_BYTES = 256 * 1024  # a search answers with up to a hundred of them, out of memory

_FLOATS = {"type": "array", "items": {"type": "number"}, "minItems": 1, "maxItems": MAX_DIMENSION}


@extend_schema_field({"type": "string", "format": "byte", "maxLength": MAX_BLOB_BYTES // 3 * 4 + 4})
class BlobField(Base64Field):
    default_error_messages = {"empty": "This may not be empty."}

    def to_internal_value(self, data: Any) -> bytes:
        blob = data if isinstance(data, bytes) else super().to_internal_value(data)  # CBOR has bytes, JSON has none
        if not blob:
            self.fail("empty")
        if len(blob) > MAX_BLOB_BYTES:
            raise PayloadTooLarge(f"A vector's blob has at most {MAX_BLOB_BYTES} bytes.", max_bytes=MAX_BLOB_BYTES)
        return blob

    def to_representation(self, value: bytes) -> str:  # type: ignore[override]  # its base is only read into
        return base64.b64encode(value).decode()


@extend_schema_field(_FLOATS)
class FloatsField(serializers.Field[list[float], Any, list[float], Any]):
    """A vector that has a direction: finite numbers, not all of them zero."""

    default_error_messages = {
        "not_a_list": "This must be a list of numbers.",
        "length": f"A vector has 1 to {MAX_DIMENSION} dimensions.",
        "not_floats": "A byte string must be of float32, four bytes each.",
        "not_finite": "Every number must be finite.",
        "zero": "A vector of zeros has no direction, and nothing is near it.",
    }

    def to_internal_value(self, data: Any) -> list[float]:
        if isinstance(data, bytes):
            data = self._unpack(data)
        if not isinstance(data, list) or not {type(value) for value in data} <= {int, float}:
            self.fail("not_a_list")
        if not 1 <= len(data) <= MAX_DIMENSION:
            self.fail("length")
        try:
            vector = [float(value) for value in data]
        except OverflowError:  # an integer beyond the largest double
            self.fail("not_finite")
        if not all(map(math.isfinite, vector)):
            self.fail("not_finite")
        if not any(vector):
            self.fail("zero")
        return vector

    def _unpack(self, data: bytes) -> list[float]:
        """Little-endian float32, as CBOR may send them."""
        if len(data) > MAX_DIMENSION * FLOAT_BYTES:
            self.fail("length")
        if len(data) % FLOAT_BYTES:
            self.fail("not_floats")
        return list(struct.unpack(f"<{len(data) // FLOAT_BYTES}f", data))

    def to_representation(self, value: list[float]) -> list[float]:
        return value


class NewVectorSerializer(serializers.Serializer[Any]):
    id = IdField()
    blob = BlobField(help_text=f"The sealed bytes, at most {MAX_BLOB_BYTES}.")
    checksum = ChecksumField(help_text="SHA-256 of the sealed bytes.")
    vector = FloatsField(
        required=False,
        allow_null=True,
        help_text=f"All of your vectors have one dimension. Without one, {DERIVED_DIMENSION} floats are derived from "
        "the blob: the bytes of its SHA-256, each less 127.5, divided by the length of them all.",
    )


class UpsertSerializer(serializers.Serializer[Any]):
    vectors = NewVectorSerializer(  # type: ignore[call-arg]  # many= makes it a list, which has one
        many=True, max_length=MOST_VECTORS
    )

    def validate_vectors(self, items: list[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
        seen: set[UUID] = set()
        for index, item in enumerate(items):
            if item["id"] in seen:
                raise serializers.ValidationError({str(index): {"id": ["This id is in the request twice."]}})
            seen.add(item["id"])
        return items

    def new_vectors(self) -> list[NewVector]:
        """Of validated data."""
        return [
            NewVector(
                id=item["id"],
                blob=item["blob"],
                checksum=item["checksum"],
                vector=item.get("vector"),
                field=f"vectors.{index}",
            )
            for index, item in enumerate(self.validated_data["vectors"])
        ]


class UpsertedSerializer(serializers.Serializer[Any]):
    upserted = serializers.IntegerField()


class SearchSerializer(serializers.Serializer[Any]):
    """Exactly one of `blob` and `vector`."""

    needs_a_body = True
    blob = BlobField(required=False, allow_null=True, help_text="What an upsert without `vector` was given.")
    vector = FloatsField(required=False, allow_null=True)
    top_k = serializers.IntegerField(required=False, default=10, min_value=1, max_value=MOST_RESULTS)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if (attrs.get("blob") is None) == (attrs.get("vector") is None):
            raise serializers.ValidationError("Give either blob or vector.")
        return attrs

    def validate_top_k(self, value: int) -> int:
        if type(self.initial_data.get("top_k", value)) is not int:
            raise serializers.ValidationError("A valid integer is required.")
        return value

    def query(self) -> tuple[str, list[float]]:
        """Of validated data: the field that was used, and its vector."""
        vector = self.validated_data.get("vector")
        return ("vector", vector) if vector is not None else ("blob", derive_vector(self.validated_data["blob"]))


class HitSerializer(serializers.Serializer[Hit]):
    id = IdField()
    score = serializers.FloatField(help_text="The cosine, from -1 to 1.")
    blob = BlobField()
    checksum = ChecksumField()


class ResultsSerializer(serializers.Serializer[Any]):
    results = HitSerializer(many=True)


class IdsSerializer(serializers.Serializer[Any]):
    ids = serializers.ListField(child=IdField(), max_length=MOST_VECTORS)


class DeletedSerializer(serializers.Serializer[Any]):
    deleted = serializers.IntegerField(help_text="How many of them there were.")

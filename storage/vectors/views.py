"""The routes of ``/storage/vectors``: bodies are read into memory as they arrive, never to disk, and after a
look at the quota.
"""

from django.db import close_old_connections
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from adiuva.api.openapi.responses import problem
from adiuva.api.views import ApiView
from storage.quota import Kind
from storage.staging import allowance_of, declared_size
from storage.vectors.admission import admit
from storage.vectors.search import delete_vectors, search_vectors, upsert_vectors
from storage.vectors.serializers import (
    MAX_BLOB_BYTES,
    DeletedSerializer,
    IdsSerializer,
    ResultsSerializer,
    SearchSerializer,
    UpsertedSerializer,
    UpsertSerializer,
    VectorSequenceParser,
    VectorsParser,
)

MAX_BODY_BYTES = 64 * 1024 * 1024

_UPSTREAM = {
    502: problem("The vector store failed; nothing has changed"),
    503: problem("The vector store is not available; nothing has changed"),
    504: problem("The vector store took too long; nothing has changed"),
}


class VectorUpsertView(ApiView):
    parser_classes = [VectorsParser, VectorSequenceParser]

    @extend_schema(
        operation_id="upsertVectors",
        summary="Store vectors with their sealed blobs",
        description="All of them or none. A vector that is there already under its id is replaced. Blobs count towards "
        "storage; vectors are no part of the change feed. As `application/cbor-seq` (RFC 8742) the body is one map a "
        "vector, without a list around them: `blob` is a byte string, and `vector` an array of numbers or a byte "
        "string of little-endian float32.",
        request={
            "application/json": UpsertSerializer,
            "application/cbor-seq": {"type": "string", "format": "binary"},
        },
        responses={
            200: UpsertedSerializer,
            400: problem("validation_error: a field is wrong, or a dimension differs; checksum_mismatch, with `ids`"),
            402: problem("quota_exceeded, with `limit_bytes`, `used_bytes` and `requested_bytes`"),
            413: problem(f"The body has more than {MAX_BODY_BYTES} bytes, or a blob more than {MAX_BLOB_BYTES}"),
            **_UPSTREAM,
        },
    )
    def post(self, request: Request) -> Response:
        user = identity_of(request).user
        declared = declared_size(request)
        allowance_of(user, Kind.STORAGE, max_bytes=MAX_BODY_BYTES, declared=declared)
        close_old_connections()  # the body may take its time
        with admit(user.id, declared=declared):
            body = UpsertSerializer(data=request.data)
            body.is_valid(raise_exception=True)
            return Response({"upserted": upsert_vectors(user_id=user.id, vectors=body.new_vectors())})


class VectorSearchView(ApiView):
    parser_classes = [VectorsParser]

    @extend_schema(
        operation_id="searchVectors",
        summary="Search for the nearest vectors",
        description="Best first; equal scores by id. Without any vectors the list is empty.",
        request=SearchSerializer,
        responses={
            200: ResultsSerializer,
            400: problem("validation_error: a field is wrong, or the dimension is not yours"),
            **_UPSTREAM,
        },
    )
    def post(self, request: Request) -> Response:
        user = identity_of(request).user
        close_old_connections()
        body = SearchSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        field, vector = body.query()
        hits = search_vectors(user_id=user.id, vector=vector, top_k=body.validated_data["top_k"], field=field)
        return Response(ResultsSerializer({"results": hits}).data)


class VectorsView(ApiView):
    @extend_schema(
        operation_id="deleteVectors",
        summary="Delete vectors and their sealed blobs",
        description="Unknown ids are ignored. Once the last vector is deleted, a new dimension may be chosen.",
        request=IdsSerializer,
        responses={200: DeletedSerializer, 400: problem("validation_error"), **_UPSTREAM},
    )
    def delete(self, request: Request) -> Response:
        body = IdsSerializer(data=request.data)
        body.is_valid(raise_exception=True)
        return Response(
            {"deleted": delete_vectors(user_id=identity_of(request).user.id, ids=body.validated_data["ids"])}
        )

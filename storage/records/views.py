"""The routes of records and of the quota (docs/api.md § 7)."""

import logging
from uuid import UUID

from django.conf import settings
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from adiuva.api import idempotency
from adiuva.api.errors import UpstreamError, ValidationFailed
from adiuva.api.openapi.responses import problem
from adiuva.api.pagination import KeysFirst, page_parameters, requested_page
from adiuva.api.preconditions import require_match
from adiuva.api.views import ApiView, ApiViewSet, uuid_or_404
from storage.downloads import blob_response
from storage.models import StorageRecord
from storage.quota import Kind, limit_bytes, usage_of, used_bytes
from storage.records import openapi
from storage.records.serializers import (
    QuotaSerializer,
    RecordListSerializer,
    RecordMetaSerializer,
    TableQuerySerializer,
)
from storage.records.service import create_record, delete_record, find_record, replace_record
from storage.records.upload_forms import NEW, REPLACEMENT, Upload, is_known_form, sealed_upload
from storage.staging import Allowance, allowance_of, declared_size, require_whole

logger = logging.getLogger(__name__)

RECORDS, MOST_RECORDS = 50, 200


def _record_id(pk: str) -> UUID:
    return uuid_or_404(pk, "There is no such record.")


def _find_by_path(request: Request, pk: str) -> StorageRecord:
    return find_record(user_id=identity_of(request).user.id, record_id=_record_id(pk))


def _respond_with(record: StorageRecord, *, status: int, headers: dict[str, str] | None = None) -> Response:
    headers = {"ETag": record.etag, **(headers or {})}
    return Response(RecordMetaSerializer(record).data, status=status, headers=headers)


class RecordsViewSet(ApiViewSet):
    record: StorageRecord
    allowance: Allowance

    byte_answers = frozenset({"retrieve"})

    def check_permissions(self, request: Request) -> None:
        """404, 402 and 412 go before anything that is wrong with the body, and before it is read."""
        super().check_permissions(request)
        if self.action in {"create", "update"}:
            replaced = 0
            if self.action == "update":
                self.record = _find_by_path(request, self.kwargs["pk"])
                replaced = self.record.size_bytes
            self.allowance = allowance_of(
                identity_of(request).user,
                Kind.STORAGE,
                max_bytes=settings.MAX_RECORD_BYTES,
                declared=declared_size(request),
                replaced=replaced,
                may_be_known=self.action == "create" and is_known_form(request),
            )
            if self.action == "update":
                self._expect(self.record)

    @extend_schema(
        operation_id="listRecords",
        summary="List records, oldest first",
        description="What is known of each record, without its bytes; deleted ones are not among them. To follow "
        "changes use `GET /storage/changes`.",
        parameters=[
            OpenApiParameter("table", OpenApiTypes.STR, description="Of this table only."),
            *page_parameters(limit=RECORDS, most=MOST_RECORDS),
        ],
        responses={200: RecordListSerializer, 400: problem("validation_error")},
    )
    def list(self, request: Request) -> Response:
        records = StorageRecord.objects.for_user(identity_of(request).user.id).live().order_by("created_at", "id")
        table = request.query_params.get("table")
        if table is not None:
            query = TableQuerySerializer(data={"table": table})
            query.is_valid(raise_exception=True)
            records = records.filter(table_name=query.validated_data["table"])
        page = requested_page(request, limit=RECORDS, most=MOST_RECORDS)
        return Response(
            page.of(KeysFirst(RecordMetaSerializer.select_rows(records)), RecordMetaSerializer.serialize_rows)
        )

    @extend_schema(**openapi.CREATE)
    def create(self, request: Request) -> Response:
        key = idempotency.idempotency_key(request)
        with sealed_upload(request, NEW, allowance=self.allowance) as upload:
            assert upload.table_name is not None  # noqa: S101 - required by NEW
            created = create_record(
                user=identity_of(request).user,
                table_name=upload.table_name,
                record_id=upload.record_id,
                body=upload.body,
                allowance=self.allowance,
                idempotency_key=key,
            )
        location = {"Location": f"{request.path}/{created.record.id}"}
        return _respond_with(created.record, status=200 if created.is_known else 201, headers=location)

    @extend_schema(**openapi.RETRIEVE)
    def retrieve(self, request: Request, pk: str) -> HttpResponseBase:
        record = _find_by_path(request, pk)
        while True:
            try:
                return blob_response(
                    request,
                    key=record.s3_key or "",
                    size_bytes=record.size_bytes,
                    etag=record.etag,
                    last_modified=record.date,
                    headers={"X-Checksum": record.checksum},
                )
            except FileNotFoundError:
                # Replaced since its row was read, and its blob with it, or deleted; else the blob should be there.
                read_again = _find_by_path(request, pk)
                if read_again.s3_key == record.s3_key:
                    logger.exception("the blob of a record is gone", extra={"key": record.s3_key})
                    raise UpstreamError("The record's bytes are missing.") from None
                record = read_again

    @extend_schema(**openapi.UPDATE)
    def update(self, request: Request, pk: str) -> Response:
        require_whole(request)
        with sealed_upload(request, REPLACEMENT, allowance=self.allowance) as upload:
            _require_same(upload, self.record)
            record = replace_record(
                user=identity_of(request).user,
                record=self.record,
                body=upload.body,
                allowance=self.allowance,
                expect=self._expect,
            )
        return _respond_with(record, status=200)

    @extend_schema(
        operation_id="deleteRecord",
        summary="Delete a record",
        description="Its tombstone stays in the change feed.",
        parameters=[openapi.IF_MATCH],
        request=None,
        responses={
            204: OpenApiResponse(description="It is deleted"),
            404: problem("not_found"),
            412: problem("precondition_failed, with the current `etag`"),
        },
    )
    def destroy(self, request: Request, pk: str) -> Response:
        delete_record(user_id=identity_of(request).user.id, record_id=_record_id(pk), expect=self._expect)
        return Response(status=204)

    def _expect(self, record: StorageRecord) -> None:
        require_match(self.request, record.etag, last_modified=record.date)


def _require_same(upload: Upload, record: StorageRecord) -> None:
    """A replacement may say which record it means, but not move it. Raises ``ValidationFailed``."""
    errors = {}
    if upload.table_name not in {None, record.table_name}:
        errors["table_name"] = ["The record is in another table."]
    if upload.record_id not in {None, record.id}:
        errors["id"] = ["The path names another record."]
    if errors:
        raise ValidationFailed(errors)


class QuotaView(ApiView):
    @extend_schema(
        operation_id="getQuota",
        summary="Get quota and usage",
        description="In bytes; `null` is no limit. Earlier versions of records count as storage.",
        responses={200: QuotaSerializer},
    )
    def get(self, request: Request) -> Response:
        user = identity_of(request).user
        usage = usage_of(user.id)
        amounts = {
            str(kind): {"used_bytes": used_bytes(usage, kind), "limit_bytes": limit_bytes(user, kind, usage)}
            for kind in Kind
        }
        amounts["storage"]["versions_bytes"] = 0 if usage is None else usage.versions_bytes
        return Response(QuotaSerializer(amounts).data)

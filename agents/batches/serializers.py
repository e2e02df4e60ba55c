"""Shapes of docs/api.md § 14."""

import base64
import hashlib
import re
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from accounts.keys.fields import ChecksumField, NumberField
from adiuva.api.errors import ChecksumMismatch, PayloadTooLarge
from adiuva.api.fields import Base64Field, IdField, PatternField, rfc_3339
from adiuva.api.pagination import ListSerializer
from agents.batches.leases import Slot
from agents.batches.models import ERROR_CODE, MAX_SPEC_BYTES, BatchRun, BatchState, Outcome, PauseReason, Trigger
from agents.batches.reading import BatchView

# RFC 3339 § 5.6, with its zone.
_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
MOST_ITEMS = 2**31 - 1  # what the column holds
MOST_REVISION = 2**31 - 1


def read_time(text: Any) -> datetime | None:
    """None for what is no RFC 3339 time with a zone; digits beyond microseconds are cut off."""
    if not isinstance(text, str) or not _TIME.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text.upper()).astimezone(UTC)
    except (ValueError, OverflowError):  # no such day; a zone that leads out of the years 1 to 9999
        return None


@extend_schema_field(OpenApiTypes.DATETIME)
class TimeField(serializers.Field[datetime, str, str, Any]):
    default_error_messages = {"invalid": "Must be an RFC 3339 time with a zone, such as 2026-11-22T18:20:05Z."}

    def to_internal_value(self, data: Any) -> datetime:
        moment = read_time(data)
        if moment is None:
            self.fail("invalid")
        return moment

    def to_representation(self, value: datetime) -> str:
        return rfc_3339(value)


@extend_schema_field(
    {
        "type": "string",
        "anyOf": [{"format": "date-time"}, {"format": "uuid"}],
        "description": "The due time, or a UUID of the client's for a manual run.",
    }
)
class SlotField(serializers.Field[Slot, str, str, Any]):
    default_error_messages = {"invalid": "Must be a due time (RFC 3339, with a zone) or a UUID."}

    def to_internal_value(self, data: Any) -> Slot:
        if isinstance(data, str) and _UUID.fullmatch(data):
            return Slot.manual(UUID(data))
        moment = read_time(data)
        if moment is None:
            self.fail("invalid")
        return Slot.due(moment)

    def to_representation(self, value: Slot) -> str:
        return value.key


@extend_schema_field({"type": "string", "pattern": ERROR_CODE})
class ErrorCodeField(PatternField):
    pattern = ERROR_CODE


class SpecField(Base64Field):
    """At most 64 KiB once decoded. Raises ``PayloadTooLarge``."""

    def to_internal_value(self, data: Any) -> bytes:
        spec = super().to_internal_value(data)
        if not spec:
            self.fail("invalid")
        if len(spec) > MAX_SPEC_BYTES:
            raise PayloadTooLarge("A sealed spec is at most 64 KiB.", max_bytes=MAX_SPEC_BYTES)
        return spec


SETTABLE = (BatchState.ACTIVE.value, BatchState.PAUSED.value)


class NewBatchSerializer(serializers.Serializer[Any]):
    """Raises ``ChecksumMismatch`` and ``PayloadTooLarge`` as well. Validated data are what ``create_batch`` takes."""

    id = IdField(required=False, allow_null=True, default=None, help_text="The client's choice.")
    spec = SpecField(help_text="Sealed, base64 of at most 64 KiB.")
    checksum = ChecksumField(help_text="SHA-256 of the sealed bytes.")
    trigger = serializers.ChoiceField(choices=Trigger.choices)
    next_due_at = TimeField(required=False, allow_null=True, default=None)
    state = serializers.ChoiceField(choices=SETTABLE)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        _require_sum(attrs)
        return attrs


class BatchChangesSerializer(serializers.Serializer[Any]):
    """What is left out stays as it is. Validated data are what ``update_batch`` takes."""

    needs_a_body = True

    spec = SpecField(required=False, help_text="Sealed, base64 of at most 64 KiB; a new revision.")
    checksum = ChecksumField(required=False, help_text="SHA-256 of the sealed bytes.")
    trigger = serializers.ChoiceField(choices=Trigger.choices, required=False)
    next_due_at = TimeField(required=False, allow_null=True)
    state = serializers.ChoiceField(choices=SETTABLE, required=False)

    default_error_messages = {"half": "A spec comes with its checksum."}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("spec" in attrs) != ("checksum" in attrs):
            self.fail("half")
        if "spec" in attrs:
            _require_sum(attrs)
        return attrs


def _require_sum(attrs: dict[str, Any]) -> None:
    if hashlib.sha256(attrs["spec"]).hexdigest() != attrs["checksum"]:
        raise ChecksumMismatch("The SHA-256 of the sealed spec is not the checksum given.")


class RunItemsSerializer(serializers.Serializer[Any]):
    """What became of the selected records; a run that was cut short has more than the three add up to."""

    total = NumberField(min_value=0, max_value=MOST_ITEMS)
    done = NumberField(min_value=0, max_value=MOST_ITEMS)
    failed = NumberField(min_value=0, max_value=MOST_ITEMS)
    skipped = NumberField(min_value=0, max_value=MOST_ITEMS)

    default_error_messages = {"sum": "done, failed and skipped are more than total."}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if attrs["done"] + attrs["failed"] + attrs["skipped"] > attrs["total"]:
            self.fail("sum")
        return attrs


class RunClaimSerializer(serializers.Serializer[Any]):
    slot = SlotField()
    spec_revision = NumberField(min_value=1, max_value=MOST_REVISION)


class LeaseRenewalSerializer(serializers.Serializer[Any]):
    attempt = NumberField(min_value=1, max_value=MOST_REVISION)


class RunResultSerializer(serializers.Serializer[Any]):
    attempt = NumberField(min_value=1, max_value=MOST_REVISION)
    outcome = serializers.ChoiceField(choices=Outcome.choices)
    items = RunItemsSerializer()
    error_code = ErrorCodeField(required=False, allow_null=True, default=None)
    next_due_at = TimeField(required=False, allow_null=True, default=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        attrs["error_code"] = attrs["error_code"] or ""
        return attrs


class BatchRunSerializer(serializers.Serializer[BatchRun]):
    """A run under way has a lease, one that ended an outcome and its items."""

    run_id = serializers.UUIDField(source="id")
    slot = serializers.CharField()
    attempt = serializers.IntegerField()
    spec_revision = serializers.IntegerField()
    lease_expires_at = serializers.DateTimeField(allow_null=True)
    started_at = serializers.DateTimeField()
    finished_at = serializers.DateTimeField(allow_null=True)
    outcome = serializers.SerializerMethodField()
    items = serializers.SerializerMethodField()
    error_code = serializers.SerializerMethodField()

    @extend_schema_field(serializers.ChoiceField(choices=Outcome.choices, allow_null=True))
    def get_outcome(self, run: BatchRun) -> str | None:
        return run.outcome or None

    @extend_schema_field(RunItemsSerializer(allow_null=True))
    def get_items(self, run: BatchRun) -> dict[str, int | None] | None:
        if run.finished_at is None:
            return None
        return {"total": run.total, "done": run.done, "failed": run.failed, "skipped": run.skipped}

    @extend_schema_field(ErrorCodeField(allow_null=True))
    def get_error_code(self, run: BatchRun) -> str | None:
        return run.error_code or None


class BatchLeaseSerializer(serializers.Serializer[BatchRun]):
    run_id = serializers.UUIDField(source="id")
    attempt = serializers.IntegerField()
    expires_at = serializers.DateTimeField(source="lease_expires_at")


class BatchSerializer(serializers.Serializer[BatchView]):
    id = serializers.UUIDField(source="batch.public_id")
    state = serializers.ChoiceField(choices=BatchState.choices, source="batch.state")
    reason = serializers.SerializerMethodField()
    trigger = serializers.ChoiceField(choices=Trigger.choices, source="batch.trigger")
    next_due_at = TimeField(source="batch.next_due_at", allow_null=True)
    spec = serializers.SerializerMethodField()
    checksum = serializers.CharField(source="batch.checksum", help_text="SHA-256 of the sealed bytes.")
    revision = serializers.IntegerField(source="batch.revision")
    last_run = BatchRunSerializer(allow_null=True)
    consecutive_failures = serializers.IntegerField(source="batch.consecutive_failures")
    lease = BatchLeaseSerializer(allow_null=True)
    etag = serializers.CharField(source="batch.etag", help_text="As in the header, quotes included.")
    created_at = serializers.DateTimeField(source="batch.created_at")
    updated_at = serializers.DateTimeField(source="batch.updated_at")

    @extend_schema_field(serializers.ChoiceField(choices=PauseReason.choices, allow_null=True))
    def get_reason(self, view: BatchView) -> str | None:
        return view.batch.reason or None

    @extend_schema_field(OpenApiTypes.BYTE)
    def get_spec(self, view: BatchView) -> str:
        return base64.b64encode(view.batch.spec).decode()


class BatchPageSerializer(ListSerializer):
    items = BatchSerializer(many=True)
    active = serializers.IntegerField(help_text="How many of all are active.")
    active_limit = serializers.IntegerField(allow_null=True, help_text="Of the tier; null is unlimited.")


class BatchRunPageSerializer(ListSerializer):
    items = BatchRunSerializer(many=True)

"""The routes of docs/api.md § 14 that keep batches and their runs."""

from typing import Any, Literal
from uuid import UUID

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from accounts.requests import validate
from adiuva.api import idempotency
from adiuva.api.openapi.responses import problem
from adiuva.api.pagination import InMemoryRows, page_parameters, requested_page, serialized_by
from adiuva.api.preconditions import require_match
from adiuva.api.views import ApiViewSet, uuid_or_404
from agents.batches import activation, leases, service
from agents.batches.models import Batch
from agents.batches.reading import SHOWN_RUNS, newest_runs, view_of, views_of
from agents.batches.serializers import (
    BatchChangesSerializer,
    BatchPageSerializer,
    BatchRunPageSerializer,
    BatchRunSerializer,
    BatchSerializer,
    LeaseRenewalSerializer,
    NewBatchSerializer,
    RunClaimSerializer,
    RunResultSerializer,
)

BATCHES, MOST_BATCHES = 50, 100
_HEADER: Literal["header"] = "header"
_IF_MATCH = OpenApiParameter(
    "If-Match", OpenApiTypes.STR, _HEADER, description="The ETag that is expected, or `*` for any state."
)
_ETAG = OpenApiParameter(
    "ETag", OpenApiTypes.STR, _HEADER, response=[200], description="Of what can be edited; not of leases and runs."
)
_ETAG_OF_NEW = OpenApiParameter("ETag", OpenApiTypes.STR, _HEADER, response=[200, 201])
_LOCATION = OpenApiParameter("Location", OpenApiTypes.STR, _HEADER, response=[200, 201], description="The batch's.")
_NO_BATCH = problem("not_found")
_NO_ROOM = problem("quota_exceeded, with `resource`, `limit`, `used`, `required_tier`")
_STALE = problem("precondition_failed, with the current `etag`")
_OVERTAKEN = problem("lease_lost: another attempt has this run")


class BatchesViewSet(ApiViewSet):
    @extend_schema(
        operation_id="listBatches",
        summary="List batches, oldest first",
        description="With their sealed specs, and beside the page how many are active and may be.",
        parameters=page_parameters(limit=BATCHES, most=MOST_BATCHES),
        responses={200: BatchPageSerializer, 400: problem("validation_error")},
    )
    def list(self, request: Request) -> Response:
        user = identity_of(request).user
        activation.reconcile(user)
        page = requested_page(request, limit=BATCHES, most=MOST_BATCHES)
        listed = page.of(service.list_batches(user.id), lambda some: serialized_by(BatchSerializer)(views_of(some)))
        listed |= {"active": activation.count_active(user.id), "active_limit": activation.limit_of(user)}
        return Response(listed)

    @extend_schema(
        operation_id="createBatch",
        summary="Create a batch",
        description="Sent again with its id, or without one with its `Idempotency-Key`, the same batch is 200.",
        parameters=[idempotency.PARAMETER, _ETAG_OF_NEW, _LOCATION],
        request=NewBatchSerializer,
        responses={
            201: BatchSerializer,
            200: BatchSerializer,
            400: problem("validation_error, checksum_mismatch"),
            402: _NO_ROOM,
            409: problem(f"conflict: the id has another content, or the account has {service.MOST_BATCHES} batches"),
            413: problem("payload_too_large"),
            422: problem("idempotency_mismatch: the key came with another content"),
        },
    )
    def create(self, request: Request) -> Response:
        created = service.create_batch(
            user=identity_of(request).user,
            content=validate(NewBatchSerializer, request),
            idempotency_key=idempotency.idempotency_key(request),
        )
        headers = {"Location": f"{request.path}/{created.batch.public_id}"}
        return _respond_with(created.batch, status=200 if created.is_known else 201, headers=headers)

    @extend_schema(
        operation_id="getBatch",
        summary="Get a batch",
        description="With its sealed spec, its last run and its `ETag`.",
        parameters=[_ETAG],
        responses={200: BatchSerializer, 404: _NO_BATCH},
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        user = identity_of(request).user
        activation.reconcile(user)
        return _respond_with(service.find_batch(user_id=user.id, public_id=uuid_or_404(pk)))

    @extend_schema(
        operation_id="replaceBatch",
        summary="Change a batch",
        description="What is left out stays as it is, but for a due time when the trigger becomes another. A spec is "
        "a new revision. `state` activates or pauses as the routes of these names do. A `next_due_at` that has run "
        "already, or was passed over, changes nothing.",
        parameters=[_IF_MATCH, _ETAG],
        request=BatchChangesSerializer,
        responses={
            200: BatchSerializer,
            400: problem("validation_error, checksum_mismatch"),
            402: _NO_ROOM,
            404: _NO_BATCH,
            412: _STALE,
            413: problem("payload_too_large"),
        },
    )
    def update(self, request: Request, pk: str) -> Response:
        user, public_id = identity_of(request).user, uuid_or_404(pk)
        service.find_batch(user_id=user.id, public_id=public_id)  # 404 goes before what is wrong with the body
        changes = validate(BatchChangesSerializer, request)
        return _respond_with(service.update_batch(user=user, public_id=public_id, changes=changes, expect=self._expect))

    @extend_schema(
        operation_id="deleteBatch",
        summary="Delete a batch and its runs",
        description="`If-Match` is honoured. A run that is under way learns of it with its next call.",
        parameters=[_IF_MATCH],
        request=None,
        responses={204: OpenApiResponse(description="It is gone"), 404: _NO_BATCH, 412: _STALE},
    )
    def destroy(self, request: Request, pk: str) -> Response:
        service.delete_batch(user=identity_of(request).user, public_id=uuid_or_404(pk), expect=self._expect)
        return Response(status=204)

    @extend_schema(
        operation_id="activateBatch",
        summary="Activate a batch",
        description="The count of failures begins again. An active one stays as it is.",
        parameters=[_IF_MATCH, _ETAG],
        request=None,
        responses={200: BatchSerializer, 402: _NO_ROOM, 404: _NO_BATCH, 412: _STALE},
    )
    def activate(self, request: Request, pk: str) -> Response:
        user = identity_of(request).user
        return _respond_with(service.activate_batch(user=user, public_id=uuid_or_404(pk), expect=self._expect))

    @extend_schema(
        operation_id="pauseBatch",
        summary="Pause a batch",
        description="Runs that are under way go on to their end.",
        parameters=[_IF_MATCH, _ETAG],
        request=None,
        responses={200: BatchSerializer, 404: _NO_BATCH, 412: _STALE},
    )
    def pause(self, request: Request, pk: str) -> Response:
        user = identity_of(request).user
        return _respond_with(service.pause_batch(user=user, public_id=uuid_or_404(pk), expect=self._expect))

    def _expect(self, batch: Batch) -> None:
        require_match(self.request, batch.etag)


class BatchRunsViewSet(ApiViewSet):
    """``pk`` is the batch's id on the first two routes, and the run's on the others."""

    @extend_schema(
        operation_id="listBatchRuns",
        summary=f"List a batch's last {SHOWN_RUNS} runs, newest first",
        parameters=page_parameters(limit=SHOWN_RUNS, most=SHOWN_RUNS),
        responses={200: BatchRunPageSerializer, 400: problem("validation_error"), 404: _NO_BATCH},
    )
    def list(self, request: Request, pk: str) -> Response:
        batch = service.find_batch(user_id=identity_of(request).user.id, public_id=uuid_or_404(pk))
        page = requested_page(request, limit=SHOWN_RUNS, most=SHOWN_RUNS)
        return Response(page.of(InMemoryRows(newest_runs(batch)), serialized_by(BatchRunSerializer)))

    @extend_schema(
        operation_id="startBatchRun",
        summary="Lease a slot",
        description="One run a slot, held by one session at a time: for 120 s, or as long as it is renewed. 201 is a "
        "new lease: of a new run, or of one whose lease has ended, with a higher `attempt`. 200 is the run as it is: "
        "finished, or leased by this session already.",
        request=RunClaimSerializer,
        responses={
            201: BatchRunSerializer,
            200: BatchRunSerializer,
            400: problem("validation_error"),
            402: problem("quota_exceeded, with `resource`, `limit`, `used`, `required_tier`: the batch is suspended"),
            404: _NO_BATCH,
            409: problem(
                "lease_held, with `lease_expires_at`; conflict: a due time of a paused batch, or one that is older "
                "than the runs that are remembered"
            ),
            412: problem("precondition_failed: the batch has another revision"),
        },
    )
    def create(self, request: Request, pk: str) -> Response:
        identity, public_id = identity_of(request), uuid_or_404(pk)
        service.find_batch(user_id=identity.user.id, public_id=public_id)  # 404 goes before what is wrong with the body
        claimed = leases.claim(
            user=identity.user,
            session_id=identity.session_id,
            public_id=public_id,
            **validate(RunClaimSerializer, request),
        )
        return Response(BatchRunSerializer(claimed.run).data, status=201 if claimed.is_new else 200)

    @extend_schema(
        operation_id="renewBatchRun",
        summary="Renew a lease",
        request=LeaseRenewalSerializer,
        responses={
            200: BatchRunSerializer,
            400: problem("validation_error"),
            404: problem("not_found"),
            409: problem("conflict: the run is finished"),
            410: _OVERTAKEN,
        },
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        user_id, run_id = self._find(request, pk)
        run = leases.renew(user_id=user_id, run_id=run_id, **validate(LeaseRenewalSerializer, request))
        return Response(BatchRunSerializer(run).data)

    @extend_schema(
        operation_id="finishBatchRun",
        summary="Finish a run",
        description="Repeated by the same attempt, it is the stored result. `next_due_at` is taken forward only, and "
        "from a run of the batch's present revision. Five times `failed` in a row pause the batch; `succeeded` and "
        "`partial` begin the count again, `skipped` leaves it.",
        request=RunResultSerializer,
        responses={
            200: BatchRunSerializer,
            400: problem("validation_error"),
            404: problem("not_found"),
            410: _OVERTAKEN,
        },
    )
    def finish(self, request: Request, pk: str) -> Response:
        user_id, run_id = self._find(request, pk)
        result: dict[str, Any] = validate(RunResultSerializer, request)
        run = leases.finish(user_id=user_id, run_id=run_id, attempt=result.pop("attempt"), result=result)
        return Response(BatchRunSerializer(run).data)

    def _find(self, request: Request, pk: str) -> tuple[UUID, UUID]:
        """Who asks, and for what. 404 goes before what is wrong with the body."""
        user_id, run_id = identity_of(request).user.id, uuid_or_404(pk)
        leases.find_run(user_id=user_id, run_id=run_id)
        return user_id, run_id


def _respond_with(batch: Batch, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(BatchSerializer(view_of(batch)).data, status=status, headers={"ETag": batch.etag} | (headers or {}))

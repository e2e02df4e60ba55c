"""docs/api.md § 13."""

import re
from typing import Any, Literal

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from accounts.keys import envelopes, prelogin, requests
from accounts.keys.fields import REF
from accounts.keys.request_serializers import (
    KeyAnswerSerializer,
    KeyQuestionAskedSerializer,
    KeyQuestionSerializer,
    KeyRequestPageSerializer,
    KeyRequestSerializer,
    PreloginAnswerSerializer,
    PreloginSerializer,
)
from accounts.keys.serializers import (
    MOST_ENVELOPES,
    EnvelopeContentSerializer,
    EnvelopePageSerializer,
    EnvelopeSerializer,
)
from accounts.login_limits import AttemptLimits
from accounts.models import EnvelopeKind, KeyEnvelope, KeyRequest
from accounts.requests import validate, validate_within
from accounts.security_events.recording import origin_of
from adiuva.api.errors import ValidationFailed
from adiuva.api.openapi.responses import problem
from adiuva.api.pagination import page_parameters, requested_page, serialized_by
from adiuva.api.preconditions import require_match
from adiuva.api.views import ApiView, ApiViewSet, uuid_or_404
from adiuva.spelling import address_key

PRELOGIN = AttemptLimits(name="prelogin")
_HEADER: Literal["header"] = "header"
_KIND = OpenApiParameter("kind", OpenApiTypes.STR, OpenApiParameter.PATH, enum=EnvelopeKind.values)
_IF_MATCH = OpenApiParameter(
    "If-Match", OpenApiTypes.STR, _HEADER, description="The ETag that is expected, or `*` for any state."
)
_IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match", OpenApiTypes.STR, _HEADER, description="`*`: only where there is none yet."
)
_ETAG = OpenApiParameter("ETag", OpenApiTypes.STR, _HEADER, response=[200], description="Of the envelope's new state.")
_STALE = problem("precondition_failed, with the current `etag`")


class PreloginView(ApiView):
    public = True
    rate_limited = False

    @extend_schema(
        operation_id="prelogin",
        summary="Get what the client derives its secrets with",
        description="An address without an account, and an account without a `kdf`, get a made-up one that never "
        "changes.",
        request=PreloginSerializer,
        responses={
            200: PreloginAnswerSerializer,
            400: problem("validation_error"),
            429: problem("rate_limited"),
        },
    )
    def post(self, request: Request) -> Response:
        data = validate_within(
            PRELOGIN, PreloginSerializer, request, account_of=lambda data: address_key(data["email"])
        )
        return Response(PreloginAnswerSerializer({"kdf": prelogin.kdf_for(**data)}).data)


class EnvelopesViewSet(ApiViewSet):
    @extend_schema(
        operation_id="listKeyEnvelopes",
        summary="List key envelopes",
        description="The master key, sealed once for each way to open it. The server can open none of them.",
        parameters=page_parameters(limit=MOST_ENVELOPES, most=MOST_ENVELOPES),
        responses={200: EnvelopePageSerializer, 400: problem("validation_error")},
    )
    def list(self, request: Request) -> Response:
        rows = KeyEnvelope.objects.for_user(identity_of(request).user.id).order_by("kind", "ref")
        page = requested_page(request, limit=MOST_ENVELOPES, most=MOST_ENVELOPES)
        return Response(page.of(rows, serialized_by(EnvelopeSerializer)))

    @extend_schema(
        operation_id="putKeyEnvelope",
        summary="Put a key envelope",
        description="Makes the envelope or replaces it whole. `If-Match` and `If-None-Match: *` are honoured.",
        parameters=[_KIND, _IF_MATCH, _IF_NONE_MATCH, _ETAG],
        request=EnvelopeContentSerializer,
        responses={
            200: EnvelopeSerializer,
            400: problem("validation_error, checksum_mismatch"),
            409: problem(f"conflict: the account has {MOST_ENVELOPES} already"),
            412: _STALE,
        },
    )
    def update(self, request: Request, kind: str, ref: str) -> Response:
        _require_name(kind, ref)
        identity = identity_of(request)
        envelope = envelopes.put_envelope(
            user_id=identity.user.id,
            kind=kind,
            ref=ref,
            content=validate(EnvelopeContentSerializer, request),
            expect=self._expect,
            origin=origin_of(request._request),
            session_id=identity.session_id,
        )
        return Response(EnvelopeSerializer(envelope).data, headers={"ETag": envelope.etag})

    @extend_schema(
        operation_id="deleteKeyEnvelope",
        summary="Delete a key envelope",
        description="`If-Match` is honoured. The last envelope stays: without it nothing would open the account's "
        "data.",
        parameters=[_KIND, _IF_MATCH],
        request=None,
        responses={
            204: OpenApiResponse(description="It is gone"),
            404: problem("not_found"),
            409: problem("last_envelope: without it nothing would open the account's data"),
            412: _STALE,
        },
    )
    def destroy(self, request: Request, kind: str, ref: str) -> Response:
        identity = identity_of(request)
        envelopes.delete_envelope(
            user_id=identity.user.id,
            kind=kind,
            ref=ref,
            expect=self._expect,
            origin=origin_of(request._request),
            session_id=identity.session_id,
        )
        return Response(status=204)

    def _expect(self, envelope: KeyEnvelope | None) -> None:
        require_match(self.request, envelope.etag if envelope else None)


class KeyRequestsViewSet(ApiViewSet):
    @extend_schema(
        operation_id="listKeyRequests",
        summary="List requests that wait for an answer",
        description="Newest first. Compare `fingerprint` on both devices before you answer one.",
        parameters=page_parameters(limit=requests.MOST_PENDING, most=requests.MOST_PENDING),
        responses={200: KeyRequestPageSerializer, 400: problem("validation_error")},
    )
    def list(self, request: Request) -> Response:
        identity = identity_of(request)
        rows = requests.pending_requests(user_id=identity.user.id)
        page = requested_page(request, limit=requests.MOST_PENDING, most=requests.MOST_PENDING)
        return Response(page.of(rows, lambda some: [_shown(one, request) for one in some]))

    @extend_schema(
        operation_id="askForKey",
        summary="Ask the account's other devices for the master key",
        description="Another device that has the key seals it for `public_key`. The request waits for ten minutes; "
        "the other devices learn of it on their sockets.",
        parameters=[OpenApiParameter("Location", OpenApiTypes.STR, _HEADER, response=[201], description="To poll.")],
        request=KeyQuestionSerializer,
        responses={
            201: KeyQuestionAskedSerializer,
            400: problem("validation_error"),
            409: problem(f"conflict: {requests.MOST_PENDING} wait for an answer already"),
        },
    )
    def create(self, request: Request) -> Response:
        identity = identity_of(request)
        asked = requests.ask(
            user_id=identity.user.id, session_id=identity.session_id, **validate(KeyQuestionSerializer, request)
        )
        location = f"{request.path}/{asked.id}"
        return Response(KeyQuestionAskedSerializer(asked).data, status=201, headers={"Location": location})

    @extend_schema(
        operation_id="getKeyRequest",
        summary="Get a request, and for the session that asked its answer",
        description="Ask again until `state` is no longer `pending`. Only the session that asked is shown `blob`.",
        responses={200: KeyRequestSerializer, 404: problem("not_found")},
    )
    def retrieve(self, request: Request, pk: str) -> Response:
        found = requests.find_request(user_id=identity_of(request).user.id, request_id=uuid_or_404(pk))
        return Response(_shown(found, request))

    @extend_schema(
        operation_id="answerKeyRequest",
        summary="Answer a request, or deny it",
        description="Once, from another session than the one that asked. Only after a person has compared the "
        "fingerprints on both devices.",
        request=KeyAnswerSerializer,
        responses={
            200: KeyRequestSerializer,
            400: problem("validation_error"),
            403: problem("permission_denied: the session that asks cannot answer"),
            404: problem("not_found"),
            409: problem("conflict: it is answered, denied or expired"),
        },
    )
    def update(self, request: Request, pk: str) -> Response:
        identity = identity_of(request)
        found = requests.find_request(user_id=identity.user.id, request_id=uuid_or_404(pk))
        requests.require_another_device(found, session_id=identity.session_id)
        answered = requests.answer(
            found,
            **validate(KeyAnswerSerializer, request),
            origin=origin_of(request._request),
            session_id=identity.session_id,
        )
        return Response(_shown(answered, request))


def _shown(found: KeyRequest, request: Request) -> dict[str, Any]:
    return KeyRequestSerializer(found, context={"session_id": identity_of(request).session_id}).data


def _require_name(kind: str, ref: str) -> None:
    """Raises ``ValidationFailed`` on ``kind`` and ``ref``, which are the path's."""
    errors = {}
    if kind not in EnvelopeKind.values:
        errors["kind"] = [f"Must be one of {', '.join(EnvelopeKind.values)}."]
    if not re.fullmatch(REF, ref):
        errors["ref"] = [f"Must match {REF}."]
    if errors:
        raise ValidationFailed(errors)

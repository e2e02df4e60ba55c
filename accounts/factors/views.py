"""Second factors of an account, and what asks for one: docs/api.md § 3."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from accounts.factors import recovery_codes, service, totp
from accounts.factors.challenges import answer_challenge, find_open_challenge
from accounts.factors.reauthentication import reauthenticate_by_factor, reauthenticate_by_password
from accounts.factors.serializers import (
    CodeSerializer,
    FactorListSerializer,
    FactorSerializer,
    PendingTotpSerializer,
    ReauthenticationSerializer,
    RecoveryCodesSerializer,
    SecondFactorSerializer,
    SecondFactorTokensSerializer,
    TotpNameSerializer,
)
from accounts.login_limits import REAUTHENTICATE, SECOND_FACTOR
from accounts.models import Factor
from accounts.requests import respond_with_tokens, validate, validate_within
from accounts.security_events.recording import origin_of
from accounts.sessions import require_fresh_session
from adiuva.api.errors import InvalidCredentials
from adiuva.api.openapi.responses import problem
from adiuva.api.views import ApiView, uuid_or_404
from adiuva.observability.metrics import LOGIN_FAILURES


class FactorsView(ApiView):
    @extend_schema(
        operation_id="listFactors",
        summary="List second factors",
        description="Passkeys and authenticator apps, with those that wait for their confirmation, and how many "
        "recovery codes are left.",
        responses=FactorListSerializer,
    )
    def get(self, request: Request) -> Response:
        user_id = identity_of(request).user.id
        factors = Factor.objects.for_user(user_id)
        return Response(
            {
                "items": FactorSerializer(factors, many=True).data,
                "recovery_codes_left": recovery_codes.count_unused(user_id),
            }
        )


class TotpView(ApiView):
    @extend_schema(
        operation_id="startTotp",
        summary="Set up an authenticator app",
        request=TotpNameSerializer,
        responses={
            201: PendingTotpSerializer,
            400: problem("validation_error"),
            403: problem("reauthentication_required"),
            409: problem("conflict"),
        },
    )
    def post(self, request: Request) -> Response:
        """The factor counts once it is confirmed. One that still waits for that is replaced."""
        identity = identity_of(request)
        require_fresh_session(session_id=identity.session_id)
        data = validate(TotpNameSerializer, request)
        pending = totp.start_totp(user_id=identity.user.id, name=data.get("name", ""))
        return Response(PendingTotpSerializer(pending).data, status=201)


class ConfirmFactorView(ApiView):
    @extend_schema(
        operation_id="confirmFactor",
        summary="Confirm an authenticator app by a code of it",
        request=CodeSerializer,
        responses={
            200: RecoveryCodesSerializer,
            400: problem("validation_error"),
            404: problem("not_found"),
            409: problem("conflict"),
            503: problem("not_configured, upstream_unavailable"),
        },
    )
    def post(self, request: Request, pk: str) -> Response:
        """Ten new recovery codes; the old ones are void. The session need not be fresh: the secret was shown to one."""
        identity, factor_id = identity_of(request), uuid_or_404(pk)
        service.require_own_factor(user_id=identity.user.id, factor_id=factor_id)
        codes = totp.confirm_totp(
            user_id=identity.user.id,
            factor_id=factor_id,
            **validate(CodeSerializer, request),
            origin=origin_of(request._request),
            session_id=identity.session_id,
        )
        return Response({"recovery_codes": codes})


class FactorView(ApiView):
    @extend_schema(
        operation_id="removeFactor",
        summary="Remove a second factor",
        description="Asks for a fresh session. Other sessions stay, a mail is sent, and the recovery codes go with "
        "the last factor.",
        request=None,
        responses={
            204: OpenApiResponse(description="It is gone, with the recovery codes if it was the last one"),
            403: problem("reauthentication_required"),
            404: problem("not_found"),
        },
    )
    def delete(self, request: Request, pk: str) -> Response:
        identity = identity_of(request)
        require_fresh_session(session_id=identity.session_id)
        service.remove_factor(
            user_id=identity.user.id,
            factor_id=uuid_or_404(pk),
            origin=origin_of(request._request),
            session_id=identity.session_id,
        )
        return Response(status=204)


class RecoveryCodesView(ApiView):
    @extend_schema(
        operation_id="makeRecoveryCodes",
        summary="Make ten new recovery codes",
        request=None,
        responses={
            200: RecoveryCodesSerializer,
            403: problem("reauthentication_required"),
            409: problem("conflict"),
        },
    )
    def post(self, request: Request) -> Response:
        """The old ones are void. 409 without a second factor."""
        identity = identity_of(request)
        require_fresh_session(session_id=identity.session_id)
        codes = recovery_codes.make_codes(
            user_id=identity.user.id, origin=origin_of(request._request), session_id=identity.session_id
        )
        return Response({"recovery_codes": codes})


class SecondFactorView(ApiView):
    public = True
    rate_limited = False

    @extend_schema(
        operation_id="answerSecondFactor",
        summary="Go on with a login by its second factor",
        request=SecondFactorSerializer,
        responses={
            200: SecondFactorTokensSerializer,
            400: problem("validation_error"),
            401: problem("invalid_credentials"),
            403: problem("sso_required, with `organization`"),
            429: problem("rate_limited"),
            503: problem("not_configured, upstream_unavailable"),
        },
    )
    def post(self, request: Request) -> Response:
        """A challenge ends by success, after five failures, and when the password changes."""
        data = validate_within(SECOND_FACTOR, SecondFactorSerializer, request, account_of=_account_of_challenge)
        try:
            answered = answer_challenge(**data, origin=origin_of(request._request))
        except InvalidCredentials:
            LOGIN_FAILURES.inc()
            raise
        response = respond_with_tokens(answered.tokens)
        if answered.locked is not None:
            response.data["locked"] = answered.locked
        return response


class ReauthenticateView(ApiView):
    @extend_schema(
        operation_id="reauthenticate",
        summary="Make this session fresh for ten minutes",
        request=ReauthenticationSerializer,
        responses={
            204: OpenApiResponse(description="The session is fresh"),
            400: problem("validation_error"),
            503: problem("not_configured, upstream_unavailable"),
        },
    )
    def post(self, request: Request) -> Response:
        """By the password, or by a second factor. What is wrong is 400 on its field."""
        identity = identity_of(request)
        data = validate_within(
            REAUTHENTICATE, ReauthenticationSerializer, request, account_of=lambda _: str(identity.user.id)
        )
        origin = origin_of(request._request)
        if "password" in data:
            reauthenticate_by_password(
                user=identity.user, session_id=identity.session_id, password=data["password"], origin=origin
            )
        else:
            reauthenticate_by_factor(user=identity.user, session_id=identity.session_id, **data, origin=origin)
        return Response(status=204)


def _account_of_challenge(data: dict[str, Any]) -> str | None:
    challenge = find_open_challenge(data["challenge_id"])
    return str(challenge.user_id) if challenge is not None else None

"""Registration, login, tokens, sessions and the account itself: docs/api.md § 3."""

from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import erasure, login_limits, passwords, refresh_tokens, registration, sessions, ws_tickets
from accounts.authentication import identity_of
from accounts.jobs import resume_erasures
from accounts.login_limits import AttemptLimits
from accounts.models import Session
from accounts.serializers import (
    AccountDeletionSerializer,
    AuthTokensSerializer,
    CredentialsSerializer,
    PasswordChangeSerializer,
    RefreshSerializer,
    RegistrationSerializer,
    SessionListSerializer,
    SessionSerializer,
    TicketSerializer,
    UserProfileSerializer,
)
from adiuva.api.errors import InvalidCredentials, NotFound
from adiuva.api.openapi.responses import problem
from adiuva.api.views import ApiView, ApiViewSet, uuid_or_404
from adiuva.jobs import enqueue


def _validate(serializer_class: Any, request: Request) -> dict[str, Any]:
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _validate_within(limits: AttemptLimits, serializer_class: Any, request: Request) -> dict[str, Any]:
    """As ``_validate``. 429 goes before what is wrong with the body (docs/api.md § 1), and such bodies count too."""
    try:
        data = _validate(serializer_class, request)
    except Exception:
        limits.check(request._request, email=None)
        raise
    limits.check(request._request, email=data["email"])
    return data


def _user_agent(request: Request) -> str:
    return request.headers.get("User-Agent", "")


def _respond_with(tokens: sessions.AuthTokens, status: int = 200) -> Response:
    response = Response(AuthTokensSerializer(tokens).data | {"token_type": "bearer"}, status=status)
    response.headers["Cache-Control"] = "no-store"  # RFC 6749 § 5.1
    return response


class RegisterView(ApiView):
    public = True
    rate_limited = False

    @extend_schema(
        operation_id="register",
        summary="Register an account",
        request=RegistrationSerializer,
        responses={
            201: AuthTokensSerializer,
            400: problem("validation_error"),
            409: problem("email_taken"),
            429: problem("rate_limited"),
        },
    )
    def post(self, request: Request) -> Response:
        data = _validate_within(login_limits.REGISTER, RegistrationSerializer, request)
        return _respond_with(registration.register(**data, user_agent=_user_agent(request)), status=201)


class LoginView(ApiView):
    public = True
    rate_limited = False

    @extend_schema(
        operation_id="login",
        summary="Log in with email and password",
        request=CredentialsSerializer,
        responses={
            200: AuthTokensSerializer,
            400: problem("validation_error"),
            401: problem("invalid_credentials"),
            429: problem("rate_limited"),
        },
    )
    def post(self, request: Request) -> Response:
        data = _validate_within(login_limits.LOGIN, CredentialsSerializer, request)
        try:
            return _respond_with(registration.log_in(**data, user_agent=_user_agent(request)))
        except InvalidCredentials:
            login_limits.LOGIN.count_failure(request._request, email=data["email"])
            raise


class RefreshView(ApiView):
    public = True
    rate_limited = False

    @extend_schema(
        operation_id="refreshTokens",
        summary="Rotate the refresh token",
        request=RefreshSerializer,
        responses={
            200: AuthTokensSerializer,
            400: problem("validation_error"),
            401: problem("invalid_token, token_reused"),
        },
    )
    def post(self, request: Request) -> Response:
        return _respond_with(refresh_tokens.rotate_refresh_token(**_validate(RefreshSerializer, request)))


class LogoutView(ApiView):
    @extend_schema(
        operation_id="logout",
        summary="Revoke the session of a refresh token",
        request=RefreshSerializer,
        responses={204: OpenApiResponse(description="The session is revoked")},
    )
    def post(self, request: Request) -> Response:
        """A token that is not one of the caller's is no error (RFC 7009 § 2.2): there is nothing to revoke."""
        user_id = identity_of(request).user.id
        session_id = sessions.session_of_refresh_token(user_id=user_id, **_validate(RefreshSerializer, request))
        if session_id is not None:
            sessions.revoke_session(user_id=user_id, session_id=session_id)
        return Response(status=204)


class MeView(ApiView):
    @extend_schema(
        operation_id="getProfile", summary="Get the profile, with the live tier", responses=UserProfileSerializer
    )
    def get(self, request: Request) -> Response:
        return Response(UserProfileSerializer(identity_of(request).user).data)

    @extend_schema(
        operation_id="deleteAccount",
        summary="Delete the account and everything it holds",
        request=AccountDeletionSerializer,
        responses={
            202: OpenApiResponse(description="The account is closed and is being erased"),
            400: problem("validation_error"),
        },
    )
    def delete(self, request: Request) -> Response:
        user = identity_of(request).user
        data = _validate(AccountDeletionSerializer, request)
        passwords.confirm_password(user=user, password=data["password"], field="password")
        erasure.close_account(user=user)
        if not erasure.erase(user_id=user.id, seconds=erasure.REQUEST_SECONDS):
            enqueue(resume_erasures)
        return Response(status=202)


class SessionsViewSet(ApiViewSet):
    @extend_schema(operation_id="listSessions", summary="List sessions", responses=SessionListSerializer)
    def list(self, request: Request) -> Response:
        identity = identity_of(request)
        live = Session.objects.for_user(identity.user.id).live(datetime.now(UTC))
        context = {"session_id": identity.session_id}
        return Response({"items": SessionSerializer(live, many=True, context=context).data})

    @extend_schema(
        operation_id="revokeSession",
        summary="Revoke a session",
        request=None,
        responses={
            204: OpenApiResponse(description="Its tokens are refused and its sockets close"),
            404: problem("not_found"),
        },
    )
    def destroy(self, request: Request, pk: str) -> Response:
        if not sessions.revoke_session(user_id=identity_of(request).user.id, session_id=uuid_or_404(pk)):
            raise NotFound
        return Response(status=204)


class PasswordView(ApiView):
    @extend_schema(
        operation_id="changePassword",
        summary="Change the password and end every other session",
        request=PasswordChangeSerializer,
        responses={200: AuthTokensSerializer, 400: problem("validation_error")},
    )
    def post(self, request: Request) -> Response:
        user = identity_of(request).user
        data = _validate(PasswordChangeSerializer, request)
        return _respond_with(passwords.change_password(user=user, **data, user_agent=_user_agent(request)))


class WsTicketView(ApiView):
    @extend_schema(
        operation_id="issueWebSocketTicket",
        summary="Issue a single-use ticket for the WebSocket",
        request=None,
        responses={201: TicketSerializer},
    )
    def post(self, request: Request) -> Response:
        return Response(TicketSerializer(ws_tickets.issue(identity_of(request))).data, status=201)

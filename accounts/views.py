"""Registration, login, tokens, sessions and the account itself: docs/api.md § 3."""

from datetime import UTC, datetime
from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import erasure, login_limits, passwords, refresh_tokens, registration, sessions, ws_tickets
from accounts.authentication import Identity, identity_of
from accounts.jobs import resume_erasures
from accounts.models import SecurityEventType, Session
from accounts.requests import respond_with_tokens, validate, validate_within
from accounts.security_events.recording import origin_of, record
from accounts.serializers import (
    AccountDeletionSerializer,
    AuthTokensSerializer,
    CredentialsSerializer,
    PasswordChangeSerializer,
    ProfileChangesSerializer,
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
from adiuva.locales import preferred_locale
from adiuva.observability.metrics import LOGIN_FAILURES
from adiuva.spelling import address_key


def _account_of_email(data: dict[str, Any]) -> str:
    return address_key(data["email"])


def _account_of_token(data: dict[str, Any]) -> str | None:
    """None for a token of nobody's, and for one that comes again."""
    user_id = refresh_tokens.owner_of(data["refresh_token"])
    return str(user_id) if user_id is not None and login_limits.is_first_use(data["refresh_token"]) else None


class RegisterView(ApiView):
    public = True
    rate_limited = False

    @extend_schema(
        operation_id="register",
        summary="Register an account",
        description="Answers with the tokens of a first session, and a mail to verify the address leaves. `kdf` says "
        "how the client derives its keys from the password, `envelopes` are the master key, sealed.",
        request=RegistrationSerializer,
        responses={
            201: AuthTokensSerializer,
            400: problem("validation_error, checksum_mismatch"),
            409: problem("email_taken"),
            429: problem("rate_limited"),
        },
    )
    def post(self, request: Request) -> Response:
        data = validate_within(login_limits.REGISTER, RegistrationSerializer, request, account_of=_account_of_email)
        return respond_with_tokens(
            registration.register(
                **data,
                origin=origin_of(request._request),
                locale=preferred_locale(request.headers.get("Accept-Language", "")),
            ),
            status=201,
        )


class LoginView(ApiView):
    public = True
    rate_limited = False

    @extend_schema(
        operation_id="login",
        summary="Log in with email and password",
        description="Of an account with a second factor it is 403 `second_factor_required`: send `challenge_id` on to"
        " `POST /auth/login/second-factor`. An unknown address is answered like a wrong password.",
        request=CredentialsSerializer,
        responses={
            200: AuthTokensSerializer,
            400: problem("validation_error"),
            401: problem("invalid_credentials"),
            403: problem("second_factor_required; sso_required, with `organization`"),
            429: problem("rate_limited"),
        },
    )
    def post(self, request: Request) -> Response:
        data = validate_within(login_limits.LOGIN, CredentialsSerializer, request, account_of=_account_of_email)
        try:
            return respond_with_tokens(registration.log_in(**data, origin=origin_of(request._request)))
        except InvalidCredentials:
            LOGIN_FAILURES.inc()
            raise


class RefreshView(ApiView):
    public = True
    rate_limited = False

    @extend_schema(
        operation_id="refreshTokens",
        summary="Rotate the refresh token",
        description="Answers with a new pair, and the old refresh token is used up: one that comes again revokes its "
        "session.",
        request=RefreshSerializer,
        responses={
            200: AuthTokensSerializer,
            400: problem("validation_error"),
            401: problem("invalid_token, token_reused, sso_required"),
            429: problem("rate_limited"),
        },
    )
    def post(self, request: Request) -> Response:
        data = validate_within(login_limits.REFRESH, RefreshSerializer, request, account_of=_account_of_token)
        return respond_with_tokens(refresh_tokens.rotate_refresh_token(**data, origin=origin_of(request._request)))


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
        session_id = sessions.session_of_refresh_token(user_id=user_id, **validate(RefreshSerializer, request))
        if session_id is not None and sessions.revoke_session(user_id=user_id, session_id=session_id):
            record(SecurityEventType.LOGOUT, user_id=user_id, origin=origin_of(request._request), session_id=session_id)
        return Response(status=204)


class MeView(ApiView):
    shows_second_factor = True

    @extend_schema(
        operation_id="getProfile",
        summary="Get the profile, with the live tier",
        description="Who the token belongs to. The tier is the one that holds at this moment, also where the token is"
        " older.",
        responses=UserProfileSerializer,
    )
    def get(self, request: Request) -> Response:
        return _respond_with_profile(identity_of(request))

    @extend_schema(
        operation_id="changeProfile",
        summary="Change the language of mails",
        description="What is left out stays as it is.",
        request=ProfileChangesSerializer,
        responses={200: UserProfileSerializer, 400: problem("validation_error")},
    )
    def patch(self, request: Request) -> Response:
        identity = identity_of(request)
        data = validate(ProfileChangesSerializer, request)
        if data:
            identity.user.locale = data["locale"]
            identity.user.save(update_fields=["locale", "updated_at"])
        return _respond_with_profile(identity)

    @extend_schema(
        operation_id="deleteAccount",
        summary="Delete the account and everything it holds",
        request=AccountDeletionSerializer,
        responses={
            202: OpenApiResponse(description="The account is closed and is being erased"),
            400: problem("validation_error"),
            403: problem("reauthentication_required"),
            409: problem("conflict: an organisation with other members would have no owner"),
        },
    )
    def delete(self, request: Request) -> Response:
        """By the password, or without a body in a fresh session. A wrong password is refused in a fresh one too."""
        identity = identity_of(request)
        user = identity.user
        data = validate_within(
            login_limits.REAUTHENTICATE,
            AccountDeletionSerializer,
            request,
            account_of=lambda given: str(user.id) if "password" in given else None,
        )
        if "password" in data:
            passwords.confirm_password(user=user, password=data["password"], field="password")
        else:
            sessions.require_fresh_session(session_id=identity.session_id)
        erasure.close_account(user=user)
        if not erasure.erase(user_id=user.id, seconds=erasure.REQUEST_SECONDS):
            enqueue(resume_erasures)
        return Response(status=202)


def _respond_with_profile(identity: Identity) -> Response:
    return Response(UserProfileSerializer(identity.user, context={"identity": identity}).data)


class SessionsViewSet(ApiViewSet):
    @extend_schema(
        operation_id="listSessions",
        summary="List sessions",
        description="Every session of the account that has not ended; `current` is the one of this request.",
        responses=SessionListSerializer,
    )
    def list(self, request: Request) -> Response:
        identity = identity_of(request)
        live = Session.objects.for_user(identity.user.id).live(datetime.now(UTC))
        context = {"session_id": identity.session_id}
        return Response({"items": SessionSerializer(live, many=True, context=context).data})

    @extend_schema(
        operation_id="revokeSession",
        summary="Revoke a session",
        description="Its refresh and access tokens are refused at once, and its sockets close with 4401.",
        request=None,
        responses={
            204: OpenApiResponse(description="Its tokens are refused and its sockets close"),
            404: problem("not_found"),
        },
    )
    def destroy(self, request: Request, pk: str) -> Response:
        user_id, session_id = identity_of(request).user.id, uuid_or_404(pk)
        if not sessions.revoke_session(user_id=user_id, session_id=session_id):
            raise NotFound
        record(
            SecurityEventType.SESSION_REVOKED,
            user_id=user_id,
            origin=origin_of(request._request),
            session_id=session_id,
        )
        return Response(status=204)


class PasswordView(ApiView):
    @extend_schema(
        operation_id="changePassword",
        summary="Change the password and end every other session",
        description="Answers with the tokens of a new session. A wrong current password is 400 on `current_password`.",
        request=PasswordChangeSerializer,
        responses={200: AuthTokensSerializer, 400: problem("validation_error, checksum_mismatch")},
    )
    def post(self, request: Request) -> Response:
        identity = identity_of(request)
        user, session_id = identity.user, identity.session_id
        data = validate_within(
            login_limits.REAUTHENTICATE, PasswordChangeSerializer, request, account_of=lambda _: str(user.id)
        )
        return respond_with_tokens(
            passwords.change_password(user=user, session_id=session_id, **data, origin=origin_of(request._request))
        )


class WsTicketView(ApiView):
    @extend_schema(
        operation_id="issueWebSocketTicket",
        summary="Issue a single-use ticket for the WebSocket",
        description="For browsers, which can set no header: open the socket with `?ticket=`. It is valid once, for "
        "`expires_in` seconds.",
        request=None,
        responses={201: TicketSerializer},
    )
    def post(self, request: Request) -> Response:
        return Response(TicketSerializer(ws_tickets.issue(identity_of(request))).data, status=201)

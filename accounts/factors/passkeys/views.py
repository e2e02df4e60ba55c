"""Passkeys: docs/api.md § 3. What else a passkey answers to is in ``accounts.factors.views``."""

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import AccessTokenAuthentication, Identity, identity_of
from accounts.factors.challenges import find_open_challenge
from accounts.factors.passkeys import assertions, codes, registration, tickets
from accounts.factors.passkeys.relying_party import REFUSED
from accounts.factors.passkeys.serializers import (
    PasskeyAssertionSerializer,
    PasskeyCreationOptionsSerializer,
    PasskeyHandoffSerializer,
    PasskeyLoginOptionsSerializer,
    PasskeyPageSerializer,
    PasskeyRedirectSerializer,
    PasskeyRegistrationSerializer,
    PasskeyRequestOptionsSerializer,
    PasskeyTicketRegistrationSerializer,
    PasskeyTicketSerializer,
)
from accounts.factors.serializers import FactorSerializer
from accounts.factors.verification import Context
from accounts.handoff.serializers import HandoffSerializer
from accounts.login_limits import AttemptLimits
from accounts.requests import respond_with_tokens, validate, validate_within
from accounts.security_events.recording import origin_of
from accounts.serializers import AuthTokensSerializer
from accounts.sessions import require_fresh_session
from adiuva.api.errors import InvalidCredentials, Unauthorized
from adiuva.api.openapi.responses import problem
from adiuva.api.views import ApiView
from adiuva.observability.metrics import LOGIN_FAILURES

OPTIONS_LIMITS = AttemptLimits(name="passkey_options")
LOGIN_LIMITS = AttemptLimits(name="passkey_login")
TICKET_LIMITS = AttemptLimits(name="passkey_ticket")

NOT_CONFIGURED = {503: problem("not_configured, upstream_unavailable")}


def _fresh(request: Request) -> Identity:
    identity = identity_of(request)
    require_fresh_session(session_id=identity.session_id)
    return identity


class CreationOptionsView(ApiView):
    @extend_schema(
        operation_id="createPasskeyOptions",
        summary="Get the options to make a passkey with",
        description="`PublicKeyCredentialCreationOptionsJSON`, for `parseCreationOptionsFromJSON()`. A fresh session.",
        request=None,
        responses={
            200: PasskeyCreationOptionsSerializer,
            403: problem("reauthentication_required"),
            409: problem("conflict: the account has as many factors as it may have"),
            **NOT_CONFIGURED,
        },
    )
    def post(self, request: Request) -> Response:
        identity = _fresh(request)
        return Response(registration.creation_options(user=identity.user, session_id=identity.session_id))


class PasskeysView(ApiView):
    @extend_schema(
        operation_id="createPasskey",
        summary="Add a passkey",
        description=(
            "What `PublicKeyCredential.toJSON()` gives (`RegistrationResponseJSON`), as the body itself or as its "
            "`credential`, and `name` beside it. A fresh session, the one that asked for the options."
        ),
        request=PasskeyRegistrationSerializer,
        responses={
            201: FactorSerializer,
            400: problem("validation_error"),
            403: problem("reauthentication_required"),
            409: problem("conflict: it is registered already, or the account has as many factors as it may have"),
            **NOT_CONFIGURED,
        },
    )
    def post(self, request: Request) -> Response:
        identity = _fresh(request)
        data = validate(PasskeyRegistrationSerializer, request)
        factor = registration.register_passkey(
            user=identity.user, session_id=identity.session_id, **data, origin=origin_of(request._request)
        )
        return Response(FactorSerializer(factor).data, status=201)


def _caller(request: Request) -> Identity | None:
    """A bad token is none: who attaches an old one to every request must not be kept from logging in anew."""
    try:
        authenticated = AccessTokenAuthentication().authenticate(request)
    except Unauthorized:
        return None
    return authenticated[1] if authenticated is not None else None


def _account_of_challenge(data: dict[str, Any]) -> str | None:
    """Whose login waits for the passkey; None where the body names none."""
    challenge = find_open_challenge(data["challenge_id"]) if data.get("challenge_id") else None
    return str(challenge.user_id) if challenge is not None else None


class LoginOptionsView(ApiView):
    public = True
    rate_limited = False

    @extend_schema(
        operation_id="createPasskeyLoginOptions",
        summary="Get the options to use a passkey with",
        description=(
            "`PublicKeyCredentialRequestOptionsJSON`. With `challenge_id`: for the second factor of that login. With "
            "an access token: for `POST /auth/reauthenticate`. With neither: for a login without an address."
        ),
        request=PasskeyLoginOptionsSerializer,
        auth=[{}, {"accessToken": []}],  # type: ignore[list-item]  # drf-spectacular takes requirement objects as well
        responses={
            200: PasskeyRequestOptionsSerializer,
            400: problem("validation_error"),
            401: problem("invalid_credentials: the login of `challenge_id` is over"),
            429: problem("rate_limited"),
            **NOT_CONFIGURED,
        },
    )
    def post(self, request: Request) -> Response:
        data = validate_within(OPTIONS_LIMITS, PasskeyLoginOptionsSerializer, request, account_of=_account_of_challenge)
        origin = origin_of(request._request)
        if data.get("challenge_id"):
            challenge = find_open_challenge(data["challenge_id"])
            if challenge is None:
                raise InvalidCredentials(REFUSED)
            context = Context(origin=origin, challenge_id=challenge.id)
            return Response(assertions.verification_options(user_id=challenge.user_id, context=context))
        identity = _caller(request)
        if identity is not None:
            context = Context(origin=origin, session_id=identity.session_id)
            return Response(assertions.verification_options(user_id=identity.user.id, context=context))
        return Response(assertions.login_options())


def _credential_id(data: dict[str, Any]) -> str:
    return f"passkey {data['credential']['id']}"


class LoginView(ApiView):
    public = True
    rate_limited = False

    @extend_schema(
        operation_id="logInWithPasskey",
        summary="Log in with a passkey alone",
        description=(
            "What `PublicKeyCredential.toJSON()` gives (`AuthenticationResponseJSON`), as the body itself or as its "
            "`credential`. The authenticator must have verified its user: a passkey is both factors then."
        ),
        request=PasskeyAssertionSerializer,
        responses={
            200: AuthTokensSerializer,
            400: problem("validation_error"),
            401: problem("invalid_credentials"),
            403: problem("sso_required, with `organization`"),
            429: problem("rate_limited"),
            **NOT_CONFIGURED,
        },
    )
    def post(self, request: Request) -> Response:
        data = validate_within(LOGIN_LIMITS, PasskeyAssertionSerializer, request, account_of=_credential_id)
        origin = origin_of(request._request)
        try:
            return respond_with_tokens(assertions.log_in(**data, origin=origin))
        except InvalidCredentials:
            LOGIN_FAILURES.inc()
            assertions.record_failed_login(**data, origin=origin)
            raise


class LoginCodeView(ApiView):
    public = True
    rate_limited = False

    @extend_schema(
        operation_id="logInWithPasskeyForApp",
        summary="Log in with a passkey for the app that opened the page",
        description=(
            "As `POST /auth/passkeys/login`, for `/account/passkey`: no tokens, but the address that the browser goes "
            "on to, with a one-time code for `POST /auth/sso/token`."
        ),
        request=PasskeyHandoffSerializer,
        responses={
            200: PasskeyRedirectSerializer,
            400: problem("validation_error"),
            401: problem("invalid_credentials"),
            429: problem("rate_limited"),
            **NOT_CONFIGURED,
        },
    )
    def post(self, request: Request) -> Response:
        data = validate_within(
            LOGIN_LIMITS, PasskeyHandoffSerializer, request, account_of=lambda data: _credential_id(data["credential"])
        )
        credential, origin = data["credential"]["credential"], origin_of(request._request)
        try:
            with transaction.atomic():
                user = assertions.log_in_without_session(credential=credential)
        except InvalidCredentials:
            LOGIN_FAILURES.inc()
            assertions.record_failed_login(credential=credential, origin=origin)
            raise
        redirect_to = codes.issue_code(user=user, request=HandoffSerializer.request_of(data))
        return Response({"redirect_to": redirect_to})


class TicketView(ApiView):
    @extend_schema(
        operation_id="createPasskeyTicket",
        summary="Get the page that adds a passkey in the system's browser",
        description="For an app in which passkeys do not work. A fresh session; once, five minutes.",
        request=None,
        responses={201: PasskeyPageSerializer, 403: problem("reauthentication_required"), **NOT_CONFIGURED},
    )
    def post(self, request: Request) -> Response:
        return Response(PasskeyPageSerializer(tickets.issue(_fresh(request))).data, status=201)


class TicketOptionsView(ApiView):
    public = True
    rate_limited = False

    @extend_schema(
        operation_id="createPasskeyOptionsForTicket",
        summary="Get the options to make a passkey with, for the page",
        description="For a page in the system's browser that has the ticket of an app, and no token. The ticket stays"
        " good.",
        request=PasskeyTicketSerializer,
        responses={
            200: PasskeyCreationOptionsSerializer,
            400: problem("validation_error"),
            401: problem("invalid_grant"),
            409: problem("conflict"),
            429: problem("rate_limited"),
            **NOT_CONFIGURED,
        },
    )
    def post(self, request: Request) -> Response:
        data = validate_within(TICKET_LIMITS, PasskeyTicketSerializer, request, account_of=lambda data: data["ticket"])
        session = tickets.look_at(data["ticket"])
        return Response(registration.creation_options(user=session.user, session_id=session.id))


class TicketPasskeyView(ApiView):
    public = True
    rate_limited = False

    @extend_schema(
        operation_id="createPasskeyForTicket",
        summary="Add a passkey, for the page",
        description="As `POST /auth/passkeys`, with `ticket` beside the credential.",
        request=PasskeyTicketRegistrationSerializer,
        responses={
            201: FactorSerializer,
            400: problem("validation_error"),
            401: problem("invalid_grant"),
            409: problem("conflict"),
            429: problem("rate_limited"),
            **NOT_CONFIGURED,
        },
    )
    def post(self, request: Request) -> Response:
        data = validate_within(
            TICKET_LIMITS, PasskeyTicketRegistrationSerializer, request, account_of=lambda data: data["ticket"]
        )
        session = tickets.redeem(data.pop("ticket"))
        factor = registration.register_passkey(
            user=session.user, session_id=session.id, **data, origin=origin_of(request._request)
        )
        return Response(FactorSerializer(factor).data, status=201)

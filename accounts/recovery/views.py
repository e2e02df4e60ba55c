"""The ways back into an account, and to another address: docs/api.md § 3."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from accounts.login_limits import REAUTHENTICATE, AttemptLimits
from accounts.recovery import email_change, reset, verification
from accounts.recovery.mail_tokens import owner_of_token
from accounts.recovery.serializers import (
    EmailChangeSerializer,
    MailTokenSerializer,
    ResetAnswerSerializer,
    ResetRequestSerializer,
    ResetSerializer,
)
from accounts.requests import respond_with_tokens, validate_within
from accounts.security_events.recording import origin_of
from adiuva.api.openapi.responses import problem
from adiuva.api.views import ApiView
from adiuva.locales import preferred_locale
from adiuva.spelling import address_key

VERIFY = AttemptLimits(name="verify")
RESET = AttemptLimits(name="reset")
RESET_CONFIRM = AttemptLimits(name="reset-confirm")


def account_of_token(data: dict[str, Any]) -> str | None:
    user_id = owner_of_token(data["token"])
    return str(user_id) if user_id is not None else None


class VerificationView(ApiView):
    @extend_schema(
        operation_id="sendVerification",
        summary="Send the verification mail again",
        request=None,
        responses={
            202: OpenApiResponse(description="A mail leaves, unless the address is verified"),
            503: problem("not_configured, upstream_unavailable"),
        },
    )
    def post(self, request: Request) -> Response:
        """At most three in an hour, not counting the one that registration sends."""
        verification.send_verification_again(user_id=identity_of(request).user.id)
        return Response(status=202)


class VerifyView(ApiView):
    public = True
    rate_limited = False

    @extend_schema(
        operation_id="verifyEmail",
        summary="Use the link of a mail about an address",
        request=MailTokenSerializer,
        responses={
            204: OpenApiResponse(description="The address is verified, changed, or changed back"),
            400: problem("validation_error"),
            429: problem("rate_limited"),
        },
    )
    def post(self, request: Request) -> Response:
        """Takes the tokens of three mails: the verification, the change of address, and the notice of a change, whose
        link takes it back.
        """
        data = validate_within(VERIFY, MailTokenSerializer, request, account_of=account_of_token)
        email_change.use_address_token(**data, origin=origin_of(request._request))
        return Response(status=204)


class EmailView(ApiView):
    @extend_schema(
        operation_id="changeEmail",
        summary="Ask for another address",
        request=EmailChangeSerializer,
        responses={
            202: OpenApiResponse(description="It takes effect when the link that is mailed to it is used"),
            400: problem("validation_error"),
            503: problem("not_configured, upstream_unavailable"),
        },
    )
    def post(self, request: Request) -> Response:
        """The old address gets a notice with a link that takes the change back, for seven days. Whether another account
        has the address makes no difference to the answer.
        """
        user = identity_of(request).user
        data = validate_within(REAUTHENTICATE, EmailChangeSerializer, request, account_of=lambda _: str(user.id))
        email_change.request_change(user=user, **data)
        return Response(status=202)


class ResetView(ApiView):
    public = True
    rate_limited = False

    @extend_schema(
        operation_id="requestPasswordReset",
        summary="Ask for a mail to set a new password",
        description="The answer is the same whether or not an account has the address.",
        request=ResetRequestSerializer,
        responses={
            202: OpenApiResponse(description="A mail leaves, if an account has this address"),
            400: problem("validation_error"),
            429: problem("rate_limited"),
            503: problem("not_configured, upstream_unavailable"),
        },
    )
    def post(self, request: Request) -> Response:
        data = validate_within(
            RESET, ResetRequestSerializer, request, account_of=lambda data: address_key(data["email"])
        )
        reset.request_reset(**data, locale=preferred_locale(request.headers.get("Accept-Language", "")))
        return Response(status=202)


class ResetConfirmView(ApiView):
    public = True
    rate_limited = False

    @extend_schema(
        operation_id="resetPassword",
        summary="Set a new password with the token of a mail",
        request=ResetSerializer,
        responses={
            200: ResetAnswerSerializer,
            400: problem("validation_error, checksum_mismatch"),
            403: problem("second_factor_required; sso_required, with `organization`"),
            429: problem("rate_limited"),
        },
    )
    def post(self, request: Request) -> Response:
        """Ends every session. 403 `second_factor_required`: the password **is** changed and the token is used; the
        tokens, and `locked`, come with the second step. 403 `sso_required`: so they are, and a session begins at the
        provider of the organisation. A password that is refused leaves the token as it was.
        """
        data = validate_within(RESET_CONFIRM, ResetSerializer, request, account_of=account_of_token)
        done = reset.reset_password(**data, origin=origin_of(request._request))
        response = respond_with_tokens(done.tokens)
        response.data["locked"] = done.locked
        return response

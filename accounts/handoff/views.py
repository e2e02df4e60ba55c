"""Where an app redeems the code that a browser brought it: docs/api.md § 3 (`POST /auth/sso/token`)."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.handoff.codes import redeem_code
from accounts.handoff.serializers import HandoffCodeSerializer
from accounts.login_limits import AttemptLimits
from accounts.requests import respond_with_tokens, validate_within
from accounts.security_events.recording import origin_of
from accounts.serializers import AuthTokensSerializer
from adiuva.api.openapi.responses import problem
from adiuva.api.views import ApiView

LIMITS = AttemptLimits(name="sso_token")


class SsoTokenView(ApiView):
    public = True
    rate_limited = False

    @extend_schema(
        operation_id="redeemCode",
        summary="Redeem the one-time code of a login in the browser",
        description=(
            "A code comes from `/account/passkey`, or from an organisation's provider by `/auth/sso/start`. It lives "
            "60 s and counts once: a wrong `code_verifier` uses it up."
        ),
        request=HandoffCodeSerializer,
        responses={
            200: AuthTokensSerializer,
            400: problem("validation_error"),
            401: problem("invalid_grant"),
            403: problem("sso_required, with `organization`; email_not_verified, not_provisioned, link_required"),
            429: problem("rate_limited"),
        },
    )
    def post(self, request: Request) -> Response:
        data = validate_within(LIMITS, HandoffCodeSerializer, request, account_of=lambda data: str(data["code"]))
        return respond_with_tokens(redeem_code(**data, origin=origin_of(request._request)))

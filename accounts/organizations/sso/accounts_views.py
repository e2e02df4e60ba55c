"""What sign-on does to accounts and their sessions: docs/api.md § 16."""

from typing import Any

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.parsers import FormParser
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from accounts.handoff.serializers import HandoffCodeSerializer
from accounts.login_limits import AttemptLimits
from accounts.organizations.access import OWNERS, require_role
from accounts.organizations.sso.backchannel_logout import MOST_TOKEN_CHARACTERS, end_sessions_of
from accounts.organizations.sso.break_glass import make_codes
from accounts.organizations.sso.linking import link_identity
from accounts.requests import validate, validate_within
from accounts.sessions import require_fresh_session
from adiuva.api.fields import StringField
from adiuva.api.openapi.responses import problem
from adiuva.api.views import ApiView

# A provider speaks for all of an organisation at once, from one address.
LOGOUT_LIMITS = AttemptLimits(name="sso_logout", per_address=600)


class BreakGlassCodesSerializer(serializers.Serializer[Any]):
    codes = serializers.ListField(child=serializers.CharField(), help_text="shown once")


class LogoutTokenSerializer(serializers.Serializer[Any]):
    logout_token = StringField(max_length=MOST_TOKEN_CHARACTERS)


class BreakGlassView(ApiView):
    @extend_schema(
        operation_id="createBreakGlassCodes",
        summary="Make eight new break-glass codes",
        description=(
            "Each passes `enforced` once, with a member's password. The old ones are void. Owners only, in a fresh "
            "session."
        ),
        request=None,
        responses={
            200: BreakGlassCodesSerializer,
            403: problem("permission_denied, reauthentication_required"),
            404: problem("not_found"),
        },
    )
    def post(self, request: Request, pk: str) -> Response:
        identity = identity_of(request)
        membership = require_role(identity.user, pk, OWNERS)
        require_fresh_session(session_id=identity.session_id)
        codes = make_codes(
            organization_id=membership.organization_id, user=identity.user, session_id=identity.session_id
        )
        return Response({"codes": codes})


class LinkView(ApiView):
    @extend_schema(
        operation_id="linkIdentity",
        summary="Link this account to its owner's identity at their organisation's provider",
        description=(
            "With the code that a sign-on (`/auth/sso/start`) gave, in a fresh session. Takes the place of another "
            "identity of the account's at that provider, whose other sessions end."
        ),
        request=HandoffCodeSerializer,
        responses={
            204: OpenApiResponse(description="It is linked"),
            400: problem("validation_error"),
            401: problem("invalid_grant"),
            403: problem("not_provisioned, reauthentication_required"),
            409: problem("conflict"),
            503: problem("upstream_unavailable"),
        },
    )
    def post(self, request: Request) -> Response:
        identity = identity_of(request)
        require_fresh_session(session_id=identity.session_id)
        data = validate(HandoffCodeSerializer, request)
        link_identity(user_id=identity.user.id, session_id=identity.session_id, **data)
        return Response(status=204)


class BackchannelLogoutView(ApiView):
    public = True
    rate_limited = False
    parser_classes = [FormParser]

    @extend_schema(
        operation_id="endSessionsAtProvider",
        summary="Take a provider's word that sessions are over",
        description=(
            "OpenID Connect Back-Channel Logout 1.0 § 2.5. Called by providers. A token that names nobody is 200 too."
        ),
        request=LogoutTokenSerializer,
        responses={
            200: OpenApiResponse(description="What the token names is over"),
            400: problem("validation_error"),
            429: problem("rate_limited"),
        },
    )
    def post(self, request: Request) -> Response:
        data = validate_within(LOGOUT_LIMITS, LogoutTokenSerializer, request, account_of=lambda _: None)
        end_sessions_of(data["logout_token"])
        return Response(status=200)

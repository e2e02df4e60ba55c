"""The routes of docs/api.md § 16 about invitations."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from accounts.login_limits import AttemptLimits
from accounts.organizations.access import MANAGERS, require_role
from accounts.organizations.invitations import service
from accounts.organizations.invitations.serializers import (
    InvitationPageSerializer,
    InvitationSerializer,
    InvitationTokenSerializer,
    NewInvitationSerializer,
)
from accounts.organizations.seats import payment
from accounts.organizations.serializers import OrganizationSerializer
from accounts.recovery.verification import require_verified_email
from accounts.requests import validate, validate_within
from adiuva.api.openapi.responses import problem
from adiuva.api.pagination import page_parameters, requested_page, serialized_by
from adiuva.api.views import ApiView, ApiViewSet, uuid_or_404

ACCEPT = AttemptLimits(name="invitation")
INVITATIONS, MOST_INVITATIONS = 50, 200
_NOT_THE_ROLE = problem("permission_denied: the caller is a member with another role")
_NO_SUCH = problem("not_found")


class InvitationsViewSet(ApiViewSet):
    @extend_schema(
        operation_id="listInvitations",
        summary="List the invitations that wait, newest first",
        description="Those that were accepted, taken back or have expired are not among them.",
        parameters=page_parameters(limit=INVITATIONS, most=MOST_INVITATIONS),
        responses={
            200: InvitationPageSerializer,
            400: problem("validation_error"),
            403: _NOT_THE_ROLE,
            404: _NO_SUCH,
        },
    )
    def list(self, request: Request, pk: str) -> Response:
        organization_id = require_role(identity_of(request).user, pk, MANAGERS).organization_id
        page = requested_page(request, limit=INVITATIONS, most=MOST_INVITATIONS)
        waiting = service.list_invitations(organization_id)
        return Response(page.of(waiting, serialized_by(InvitationSerializer)))

    @extend_schema(
        operation_id="createInvitation",
        summary="Invite an address",
        description="A mail with a link leaves, which works for seven days. An invitation to the same address that "
        "waits is replaced.",
        request=NewInvitationSerializer,
        responses={
            201: InvitationSerializer,
            400: problem("validation_error"),
            402: problem("quota_exceeded: no seat is free, with `resource`, `limit`, `used`"),
            403: problem(
                "permission_denied: another role, only owners invite owners; email_not_verified: the caller's own; "
                "feature_not_available, with `required_tier` `team`: nothing is paid"
            ),
            404: _NO_SUCH,
            409: problem("conflict: the address is a member's"),
            503: problem("not_configured, upstream_unavailable"),
        },
    )
    def create(self, request: Request, pk: str) -> Response:
        user = identity_of(request).user
        organization_id = require_role(user, pk, MANAGERS).organization_id
        # Both go before what is wrong with the body. The mail names who invites: by an address that is theirs.
        require_verified_email(user)
        payment().require_team(organization_id)
        wanted = validate(NewInvitationSerializer, request)
        made = service.create_invitation(user=user, organization_id=organization_id, **wanted)
        return Response(InvitationSerializer(made).data, status=201)

    @extend_schema(
        operation_id="revokeInvitation",
        summary="Take an invitation back",
        description="Its link is dead at once.",
        request=None,
        responses={
            204: OpenApiResponse(description="Its link is dead"),
            403: _NOT_THE_ROLE,
            404: _NO_SUCH,
        },
    )
    def destroy(self, request: Request, pk: str, invitation_id: str) -> Response:
        user = identity_of(request).user
        organization_id = require_role(user, pk, MANAGERS).organization_id
        service.revoke_invitation(user=user, organization_id=organization_id, invitation_id=uuid_or_404(invitation_id))
        return Response(status=204)


class AcceptInvitationView(ApiView):
    @extend_schema(
        operation_id="acceptInvitation",
        tags=["organizations"],
        summary="Accept an invitation",
        description="With the account whose address it was sent to, which is verified by that.",
        request=InvitationTokenSerializer,
        responses={
            200: OrganizationSerializer,
            400: problem("validation_error: on `token`, which was used, has expired, or is not one of ours"),
            402: problem("quota_exceeded: no seat is free, with `resource`, `limit`, `used`; the token stays good"),
            403: problem(
                "permission_denied: it was sent to another address; email_not_verified: to an account whose address "
                "is not verified, and whom no usable token was sent to"
            ),
            409: problem("conflict: the caller is in an organisation already"),
        },
    )
    def post(self, request: Request) -> Response:
        user = identity_of(request).user
        data = validate_within(ACCEPT, InvitationTokenSerializer, request, account_of=lambda _: str(user.id))
        joined = service.accept_invitation(user=user, **data)
        return Response(OrganizationSerializer(joined).data)

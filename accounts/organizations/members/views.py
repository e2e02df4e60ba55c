"""The routes of docs/api.md § 16 about who is in an organisation."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from accounts.organizations.access import MANAGERS, MEMBERS, require_role
from accounts.organizations.members import service
from accounts.organizations.members.serializers import MemberPageSerializer, MemberSerializer, RoleSerializer
from accounts.organizations.models import Membership
from accounts.requests import validate
from adiuva.api.openapi.responses import problem
from adiuva.api.pagination import page_parameters, requested_page, serialized_by
from adiuva.api.views import ApiViewSet, uuid_or_404

MEMBERS_SHOWN, MOST_MEMBERS = 50, 200
_NOT_THE_ROLE = problem("permission_denied: the caller's role does not allow it; only owners change owners")
_NO_SUCH = problem("not_found")
_LAST_OWNER = problem("conflict: nobody would own the organisation")


class MembersViewSet(ApiViewSet):
    @extend_schema(
        operation_id="listMembers",
        summary="List the members of an organisation, oldest first",
        description="Any member may see them, with their roles.",
        parameters=page_parameters(limit=MEMBERS_SHOWN, most=MOST_MEMBERS),
        responses={200: MemberPageSerializer, 400: problem("validation_error"), 404: _NO_SUCH},
    )
    def list(self, request: Request, pk: str) -> Response:
        organization_id = require_role(identity_of(request).user, pk, MEMBERS).organization_id
        page = requested_page(request, limit=MEMBERS_SHOWN, most=MOST_MEMBERS)
        members = Membership.objects.of_organization(organization_id).active().select_related("user")
        return Response(page.of(members, serialized_by(MemberSerializer)))

    @extend_schema(
        operation_id="updateMember",
        summary="Change the role of a member",
        description="Owners and admins may; only owners make or change owners. The last owner stays one.",
        request=RoleSerializer,
        responses={
            200: MemberSerializer,
            400: problem("validation_error"),
            403: _NOT_THE_ROLE,
            404: _NO_SUCH,
            409: _LAST_OWNER,
        },
    )
    def partial_update(self, request: Request, pk: str, user_id: str) -> Response:
        user = identity_of(request).user
        by = require_role(user, pk, MANAGERS)
        member_id = uuid_or_404(user_id)
        service.find_member(by=by, user_id=member_id)  # 403 and 404 go before what is wrong with the body
        role = validate(RoleSerializer, request)["role"]
        changed = service.assign_role(user=user, organization_id=by.organization_id, member_id=member_id, role=role)
        return Response(MemberSerializer(changed).data)

    @extend_schema(
        operation_id="removeMember",
        summary="Remove a member, or leave",
        description="Members may remove themselves. The account stays, and loses what the organisation paid for.",
        request=None,
        responses={
            204: OpenApiResponse(description="They are a member no more"),
            403: _NOT_THE_ROLE,
            404: _NO_SUCH,
            409: _LAST_OWNER,
        },
    )
    def destroy(self, request: Request, pk: str, user_id: str) -> Response:
        user = identity_of(request).user
        organization_id = require_role(user, pk, MEMBERS).organization_id
        service.end_membership(user=user, organization_id=organization_id, member_id=uuid_or_404(user_id))
        return Response(status=204)

"""The routes of docs/api.md § 16 about an organisation as a whole."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from accounts.organizations import service
from accounts.organizations.access import OWNERS, membership_of, require_role
from accounts.organizations.serializers import OrganizationNameSerializer, OrganizationSerializer
from accounts.requests import validate
from adiuva.api.errors import NotFound
from adiuva.api.openapi.responses import problem
from adiuva.api.views import ApiViewSet

_NOT_THE_ROLE = problem("permission_denied: the caller is a member with another role")
_NO_SUCH = problem("not_found: there is none, or the caller is not in it")


class OrganizationsViewSet(ApiViewSet):
    @extend_schema(
        operation_id="createOrganization",
        summary="Found an organisation",
        description="The caller owns it, and their subscription pays for it.",
        request=OrganizationNameSerializer,
        responses={
            201: OrganizationSerializer,
            400: problem("validation_error"),
            403: problem(
                "feature_not_available, with `required_tier` `team`: the caller pays for none; email_not_verified"
            ),
            409: problem("conflict: the caller is in an organisation already"),
        },
    )
    def create(self, request: Request) -> Response:
        user = identity_of(request).user
        service.require_founder(user)  # goes before what is wrong with the body
        founded = service.found_organization(user=user, **validate(OrganizationNameSerializer, request))
        return Response(OrganizationSerializer(founded).data, status=201)

    @extend_schema(
        operation_id="getCurrentOrganization",
        summary="Get the organisation that the caller is in",
        description="With the caller's own role in it.",
        responses={200: OrganizationSerializer, 404: problem("not_found: the caller is in none")},
    )
    def current(self, request: Request) -> Response:
        membership = membership_of(identity_of(request).user)
        if membership is None:
            raise NotFound("You are in no organisation.")
        return Response(OrganizationSerializer(membership).data)

    @extend_schema(
        operation_id="renameOrganization",
        summary="Rename an organisation",
        description="Owners only.",
        request=OrganizationNameSerializer,
        responses={
            200: OrganizationSerializer,
            400: problem("validation_error"),
            403: _NOT_THE_ROLE,
            404: _NO_SUCH,
        },
    )
    def partial_update(self, request: Request, pk: str) -> Response:
        user = identity_of(request).user
        organization_id = require_role(user, pk, OWNERS).organization_id
        name = validate(OrganizationNameSerializer, request)["name"]
        renamed = service.rename_organization(user=user, organization_id=organization_id, name=name)
        return Response(OrganizationSerializer(renamed).data)

    @extend_schema(
        operation_id="deleteOrganization",
        summary="Delete an organisation",
        description="Its members keep their accounts, and lose its tier. Sessions that began at its provider end.",
        request=None,
        responses={204: OpenApiResponse(description="It is gone"), 403: _NOT_THE_ROLE, 404: _NO_SUCH},
    )
    def destroy(self, request: Request, pk: str) -> Response:
        user = identity_of(request).user
        organization_id = require_role(user, pk, OWNERS).organization_id
        service.delete_organization(user=user, organization_id=organization_id)
        return Response(status=204)

"""The routes of docs/api.md § 16 that keep an organisation's SCIM tokens."""

from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from accounts.organizations.access import MANAGERS, require_role
from accounts.organizations.scim.tokens import service
from accounts.organizations.scim.tokens.serializers import (
    NewScimTokenSerializer,
    ScimTokenPageSerializer,
    ScimTokenSerializer,
)
from adiuva.api.openapi.responses import problem
from adiuva.api.pagination import page_parameters, requested_page, serialized_by
from adiuva.api.views import ApiViewSet, uuid_or_404

TOKENS, MOST_TOKENS_A_PAGE = 50, 100
_NOT_YOURS = problem("permission_denied: owners and admins only")
_NO_ORGANIZATION = problem("not_found")


class ScimTokensViewSet(ApiViewSet):
    @extend_schema(
        operation_id="listScimTokens",
        summary="List SCIM tokens, oldest first",
        description="Without the tokens themselves, which are shown only when they are made.",
        parameters=page_parameters(limit=TOKENS, most=MOST_TOKENS_A_PAGE),
        responses={
            200: ScimTokenPageSerializer,
            400: problem("validation_error"),
            403: _NOT_YOURS,
            404: _NO_ORGANIZATION,
        },
    )
    def list(self, request: Request, pk: str) -> Response:
        membership = require_role(identity_of(request).user, pk, MANAGERS)
        page = requested_page(request, limit=TOKENS, most=MOST_TOKENS_A_PAGE)
        tokens = service.list_tokens(membership.organization_id)
        return Response(page.of(tokens, serialized_by(ScimTokenSerializer)))

    @extend_schema(
        operation_id="createScimToken",
        summary="Make a SCIM token, shown once",
        description="For the organisation's directory, to call `/scim/v2/` with.",
        request=None,
        responses={
            201: NewScimTokenSerializer,
            403: problem(
                "permission_denied: owners and admins only; feature_not_available, with `required_tier` `team`: "
                "nothing is paid"
            ),
            404: _NO_ORGANIZATION,
            409: problem(f"conflict: there are {service.MOST_TOKENS} already"),
        },
    )
    def create(self, request: Request, pk: str) -> Response:
        user = identity_of(request).user
        membership = require_role(user, pk, MANAGERS)
        token, raw_token = service.create_token(organization_id=membership.organization_id, actor=user)
        return Response(NewScimTokenSerializer({"id": token.id, "token": raw_token}).data, status=201)

    @extend_schema(
        operation_id="deleteScimToken",
        summary="Revoke a SCIM token",
        description="The directory that uses it is refused from now on.",
        request=None,
        responses={
            204: OpenApiResponse(description="The directory's next request is 401"),
            403: _NOT_YOURS,
            404: _NO_ORGANIZATION,
        },
    )
    def destroy(self, request: Request, pk: str, token_id: str) -> Response:
        user = identity_of(request).user
        membership = require_role(user, pk, MANAGERS)
        service.revoke_token(organization_id=membership.organization_id, token_id=uuid_or_404(token_id), actor=user)
        return Response(status=204)

"""The routes of SCIM 2.0 (docs/api.md § 16). Their document is RFC 7644, and openapi.json has none of them."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.organizations.models import Membership
from accounts.organizations.scim import resources, service
from accounts.organizations.scim.authentication import ScimThrottle, ScimTokenAuthentication, directory_of
from accounts.organizations.scim.parsing import Changes, read_count, read_filter, read_patch, read_start, read_user
from adiuva.api.error_handler import SCIM_CONTENT_TYPE
from adiuva.api.errors import NotFound, PermissionDenied
from adiuva.api.json import StrictJSONParser
from adiuva.api.views import ApiView, uuid_or_404


class _ScimRenderer(JSONRenderer):
    media_type = SCIM_CONTENT_TYPE


class _ScimParser(StrictJSONParser):
    media_type = SCIM_CONTENT_TYPE


class _ScimView(ApiView):
    schema = None
    authentication_classes = (ScimTokenAuthentication,)
    throttle_classes = (ScimThrottle,)
    parser_classes = (_ScimParser, StrictJSONParser)
    renderer_classes = (_ScimRenderer, JSONRenderer)

    def respond_with_user(self, request: Request, membership: Membership, *, status: int = 200) -> Response:
        resource = resources.represent_user(membership)
        headers = {"Location": resource["meta"]["location"]} if status == 201 else {}  # noqa: PLR2004
        selection = resources.read_selection(request.query_params)
        return Response(selection.of(resource), status=status, headers=headers)


class UsersView(_ScimView):
    def get(self, request: Request, organization_id: str) -> Response:
        return Response(_search(request, request.query_params))

    def post(self, request: Request, organization_id: str) -> Response:
        resources.read_selection(request.query_params)
        membership = service.create_user(
            organization_id=directory_of(request).organization_id, changes=read_user(_body_of(request))
        )
        return self.respond_with_user(request, membership, status=201)


class SearchView(_ScimView):
    """RFC 7644 § 3.4.3. There is one type of resources, so that a search of all is one of users."""

    def post(self, request: Request, organization_id: str) -> Response:
        return Response(_search(request, _body_of(request)))


class UserView(_ScimView):
    def get(self, request: Request, organization_id: str, user_id: str) -> Response:
        membership = service.find_user(
            organization_id=directory_of(request).organization_id, user_id=uuid_or_404(user_id)
        )
        return self.respond_with_user(request, membership)

    def put(self, request: Request, organization_id: str, user_id: str) -> Response:
        return self._change(request, user_id, read_user)

    def patch(self, request: Request, organization_id: str, user_id: str) -> Response:
        return self._change(request, user_id, read_patch)

    def delete(self, request: Request, organization_id: str, user_id: str) -> Response:
        service.remove_user(organization_id=directory_of(request).organization_id, user_id=uuid_or_404(user_id))
        return Response(status=204)

    def _change(self, request: Request, user_id: str, read: Callable[[Mapping[str, Any]], Changes]) -> Response:
        known = service.find_user(organization_id=directory_of(request).organization_id, user_id=uuid_or_404(user_id))
        resources.read_selection(request.query_params)
        membership = service.change_user(
            organization_id=known.organization_id, user_id=known.user_id, changes=read(_body_of(request))
        )
        return self.respond_with_user(request, membership)


class ServiceProviderConfigView(_ScimView):
    def get(self, request: Request, organization_id: str) -> Response:
        _refuse_filter(request)
        return Response(resources.describe_provider(directory_of(request).organization_id))


class _DescriptionsView(_ScimView):
    @staticmethod
    def describe(organization_id: Any) -> list[resources.Resource]:
        raise NotImplementedError

    def get(self, request: Request, organization_id: str, pk: str | None = None) -> Response:
        _refuse_filter(request)
        described = self.describe(directory_of(request).organization_id)
        if pk is None:
            return Response(resources.represent_list(described))
        found = resources.find_by_id(described, pk)
        if found is None:
            raise NotFound
        return Response(found)


class ResourceTypesView(_DescriptionsView):
    describe = staticmethod(resources.describe_resource_types)


class SchemasView(_DescriptionsView):
    describe = staticmethod(resources.describe_schemas)


def _search(request: Request, parameters: Mapping[str, Any]) -> resources.Resource:
    """``parameters`` are those of a query, or of a SearchRequest (RFC 7644 § 3.4.2 and 3.4.3)."""
    selection = resources.read_selection(parameters)
    text, start = parameters.get("filter"), read_start(parameters.get("startIndex"))
    total, found = service.list_users(
        organization_id=directory_of(request).organization_id,
        wanted=None if text is None else read_filter(text),
        start=start,
        count=read_count(parameters.get("count")),
    )
    shown = [selection.of(resources.represent_user(membership)) for membership in found]
    return resources.represent_list(shown, total=total, start=start)


def _body_of(request: Request) -> Mapping[str, Any]:
    """``StrictJSONParser`` takes objects alone; where there is no body, it is an empty one."""
    return cast("Mapping[str, Any]", request.data)


def _refuse_filter(request: Request) -> None:
    """RFC 7644 § 4."""
    if "filter" in request.query_params:
        raise PermissionDenied("What the service is made of has no filter.")

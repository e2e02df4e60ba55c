"""The routes of docs/api.md § 16 about domains, and the one that tells by a domain how to sign in."""

from django.conf import settings
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from accounts.login_limits import AttemptLimits
from accounts.organizations.access import MANAGERS, require_role
from accounts.organizations.domains import service
from accounts.organizations.domains.dns import SECONDS
from accounts.organizations.domains.lookup import organization_of_address
from accounts.organizations.domains.serializers import (
    DiscoveryAnswerSerializer,
    DiscoverySerializer,
    DomainPageSerializer,
    DomainSerializer,
    NewDomainSerializer,
)
from accounts.organizations.models import Connection
from accounts.organizations.seats import payment
from accounts.requests import validate, validate_within
from adiuva.api.openapi.responses import problem
from adiuva.api.pagination import page_parameters, requested_page, serialized_by
from adiuva.api.views import ApiView, ApiViewSet
from adiuva.spelling import address_key

DOMAINS, MOST_DOMAINS = 50, 100
VERIFY = AttemptLimits(name="verify-domain")  # each try makes us ask name servers that the caller has chosen
DISCOVER = AttemptLimits(name="sso-discover")
_ROLE = problem("permission_denied: the role does not allow it")
_ROLE_OR_TIER = problem(
    "permission_denied: the role does not allow it; feature_not_available, with `required_tier` `team`: nothing is paid"
)
_NOT_FOUND = problem("not_found")


class DomainsViewSet(ApiViewSet):
    @extend_schema(
        operation_id="listDomains",
        summary="List an organisation's domains",
        description="Each with its state and the TXT record that proves it.",
        parameters=page_parameters(limit=DOMAINS, most=MOST_DOMAINS),
        responses={200: DomainPageSerializer, 400: problem("validation_error"), 403: _ROLE, 404: _NOT_FOUND},
    )
    def list(self, request: Request, pk: str) -> Response:
        membership = require_role(identity_of(request).user, pk, MANAGERS)
        page = requested_page(request, limit=DOMAINS, most=MOST_DOMAINS)
        domains = service.list_domains(membership.organization_id)
        return Response(page.of(domains, serialized_by(DomainSerializer)))

    @extend_schema(
        operation_id="createDomain",
        summary="Claim a domain",
        description="Claimed again, it is the same one with the same `txt_value`.",
        request=NewDomainSerializer,
        responses={
            201: DomainSerializer,
            400: problem("validation_error"),
            403: _ROLE_OR_TIER,
            404: _NOT_FOUND,
            409: problem(
                f"conflict: another organisation has proven it, or this one has {service.MOST_DOMAINS} already"
            ),
        },
    )
    def create(self, request: Request, pk: str) -> Response:
        user = identity_of(request).user
        organization_id = require_role(user, pk, MANAGERS).organization_id
        payment().require_team(organization_id)
        data = validate(NewDomainSerializer, request)
        domain = service.claim_domain(organization_id=organization_id, name=data["domain"], actor=user)
        return Response(DomainSerializer(domain).data, status=201)

    @extend_schema(
        operation_id="verifyDomain",
        summary="Look for the TXT record of a domain",
        description=f"Takes up to {SECONDS:.0f} seconds.",
        request=None,
        responses={
            200: DomainSerializer,
            403: _ROLE_OR_TIER,
            404: _NOT_FOUND,
            409: problem("domain_not_verified; conflict: another organisation has proven it"),
            429: problem("rate_limited"),
        },
    )
    def verify(self, request: Request, pk: str, domain: str) -> Response:
        user = identity_of(request).user
        VERIFY.check(request._request, account=str(user.id))
        organization_id = require_role(user, pk, MANAGERS).organization_id
        payment().require_team(organization_id)
        found = service.find_domain(organization_id=organization_id, typed=domain)
        return Response(DomainSerializer(service.verify_domain(domain=found, actor=user)).data)

    @extend_schema(
        operation_id="deleteDomain",
        summary="Let a domain go",
        description="Members, and who is linked to the provider, stay who they are.",
        request=None,
        responses={204: OpenApiResponse(description="It is gone"), 403: _ROLE, 404: _NOT_FOUND},
    )
    def destroy(self, request: Request, pk: str, domain: str) -> Response:
        user = identity_of(request).user
        organization_id = require_role(user, pk, MANAGERS).organization_id
        service.remove_domain(domain=service.find_domain(organization_id=organization_id, typed=domain), actor=user)
        return Response(status=204)


class DiscoveryView(ApiView):
    public = True
    rate_limited = False

    @extend_schema(
        operation_id="discoverSso",
        summary="Find out how to sign in with an address",
        description="By its domain alone: whether an account has the address makes no difference.",
        request=DiscoverySerializer,
        responses={
            200: DiscoveryAnswerSerializer,
            400: problem("validation_error"),
            429: problem("rate_limited"),
        },
    )
    def post(self, request: Request) -> Response:
        data = validate_within(
            DISCOVER, DiscoverySerializer, request, account_of=lambda given: address_key(given["email"])
        )
        organization = organization_of_address(data["email"])
        connection: Connection | None = getattr(organization, "connection", None)
        start_url = (
            connection and f"{settings.PUBLIC_URL}/api/v1/auth/sso/start?organization={connection.organization_id}"
        )
        answer = {
            "sso": connection is not None,
            "enforced": connection is not None and connection.enforced,
            "start_url": start_url,
        }
        return Response(DiscoveryAnswerSerializer(answer).data)

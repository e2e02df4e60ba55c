"""The routes of docs/api.md § 16 that set sign-on up, and those that a browser opens for it."""

from http import HTTPStatus
from typing import Any, Final

from django.http import QueryDict
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.authentication import identity_of
from accounts.login_limits import AttemptLimits
from accounts.organizations.access import MANAGERS, require_role
from accounts.organizations.seats import payment
from accounts.organizations.sso.connections import (
    NewConnection,
    delete_connection,
    find_connection,
    put_connection,
)
from accounts.organizations.sso.flows import take_flow
from accounts.organizations.sso.pages import show_refusal
from accounts.organizations.sso.serializers import (
    NewSsoConnectionSerializer,
    SsoConnectionSerializer,
    StartSignOnSerializer,
)
from accounts.organizations.sso.signing_on import ProviderAnswer, finish_sign_on, start_sign_on
from accounts.requests import validate
from adiuva.api.errors import ValidationFailed
from adiuva.api.openapi.responses import problem
from adiuva.api.views import ApiView

# An office in the morning is one address; nothing is to be guessed here.
_START = AttemptLimits(name="sso_start", per_address=600)
_CALLBACK = AttemptLimits(name="sso_callback", per_address=600)
# Each makes us ask what the caller names, and wait for it where others wait for their providers.
_PUT = AttemptLimits(name="sso_put")
_MOST_STATE_CHARACTERS, _MOST_CODE_CHARACTERS = 512, 4096
_NO_ROLE = problem("permission_denied: the caller is no owner or admin")
# What a browser gets instead of a problem: the same in words.
_PAGES: Any = {(status, "text/html"): OpenApiTypes.STR for status in (400, 404, 429, 503)}
_LOCATION = OpenApiParameter("Location", OpenApiTypes.STR, "header", response=[302])


class SsoConnectionView(ApiView):
    @extend_schema(
        operation_id="getSsoConnection",
        summary="Get an organisation's sign-on",
        description="Without the client's secret, which is never shown again.",
        responses={200: SsoConnectionSerializer, 403: _NO_ROLE, 404: problem("not_found")},
    )
    def get(self, request: Request, pk: str) -> Response:
        membership = require_role(identity_of(request).user, pk, MANAGERS)
        return Response(SsoConnectionSerializer(find_connection(membership.organization_id)).data)

    @extend_schema(
        operation_id="replaceSsoConnection",
        summary="Set an organisation's sign-on up",
        description="Runs the provider's discovery first, which may take half a minute.",
        request=NewSsoConnectionSerializer,
        responses={
            200: SsoConnectionSerializer,
            400: problem("validation_error: on `issuer` for a provider that cannot be used"),
            403: problem("permission_denied; feature_not_available, with `required_tier` `team`"),
            404: problem("not_found"),
            409: problem("conflict: `enforced` while no owner's own account is linked"),
        },
    )
    def put(self, request: Request, pk: str) -> Response:
        user = identity_of(request).user
        membership = require_role(user, pk, MANAGERS)
        _PUT.check(request._request, account=str(membership.organization_id))
        payment().require_team(membership.organization_id)
        data = validate(NewSsoConnectionSerializer, request)
        wanted = NewConnection(**{"client_secret": None, **data})
        connection = put_connection(organization_id=membership.organization_id, actor=user, wanted=wanted)
        return Response(SsoConnectionSerializer(connection).data)

    @extend_schema(
        operation_id="deleteSsoConnection",
        summary="Take an organisation's sign-on away",
        description="Identities go with it, and sessions that began at the provider end.",
        request=None,
        responses={204: OpenApiResponse(description="It is gone"), 403: _NO_ROLE, 404: problem("not_found")},
    )
    def delete(self, request: Request, pk: str) -> Response:
        user = identity_of(request).user
        membership = require_role(user, pk, MANAGERS)
        delete_connection(organization_id=membership.organization_id, actor=user)
        return Response(status=204)


class _BrowserView(ApiView):
    public = True
    rate_limited = False
    byte_answers = frozenset({"get", "head"})  # a redirect has no body, of whatever form

    def handle_exception(self, exc: Exception) -> HttpResponseBase:  # type: ignore[override]  # a page has no renderer
        """In words, for a person. The headers are the problem's."""
        refusal = super().handle_exception(exc)
        shown = show_refusal(self.request._request, status=refusal.status_code)
        if shown is None:
            return refusal
        for name in ("Allow", "Retry-After"):
            if name in refusal.headers:
                shown.headers[name] = refusal.headers[name]
        return shown

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Its own address, and the one it leads to, hold codes: nobody keeps them or tells them on."""
        response = super().finalize_response(request, response, *args, **kwargs)
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response


class StartSignOnView(_BrowserView):
    @extend_schema(
        operation_id="startSso",
        summary="Begin a sign-on, in the system's browser",
        description="To be opened in the system's browser: it is sent on to the organisation's provider.",
        parameters=[StartSignOnSerializer, _LOCATION],
        responses={
            302: OpenApiResponse(description="To the provider"),
            400: problem("validation_error"),
            404: problem("not_found: an organisation without sign-on"),
            429: problem("rate_limited"),
            503: problem("upstream_unavailable"),
            **_PAGES,
        },
    )
    def get(self, request: Request) -> Response:
        _START.check(request._request, account=None)
        asked = StartSignOnSerializer(data=request.query_params.dict())
        asked.is_valid(raise_exception=True)
        data = asked.validated_data
        flow, location = start_sign_on(organization_id=data["organization"], request=asked.request_of(data))
        response = Response(status=302, headers={"Location": location})
        flow.bind(response)
        return response


_FINISH: Final[dict[str, Any]] = {
    "parameters": [
        OpenApiParameter("state", OpenApiTypes.STR, required=True),
        OpenApiParameter("code", OpenApiTypes.STR),
        OpenApiParameter("error", OpenApiTypes.STR),
        OpenApiParameter("iss", OpenApiTypes.STR, description="RFC 9207"),
        _LOCATION,
    ],
    "responses": {
        302: OpenApiResponse(description="To the app, with `code` or `error`"),
        400: problem("validation_error: nothing is known of this flow"),
        429: problem("rate_limited"),
        503: problem("upstream_unavailable"),
        **{(status, kind): page for (status, kind), page in _PAGES.items() if status != HTTPStatus.NOT_FOUND},
    },
}


class FinishSignOnView(_BrowserView):
    @extend_schema(
        operation_id="finishSso",
        summary="Where a provider sends the browser back to",
        description="For the browser alone: it is sent on to the app's `redirect_uri` with a one-time code, or with "
        "`error`.",
        **_FINISH,
    )
    def get(self, request: Request) -> Response:
        return _finish(request, owner=None)


class FinishOwnSignOnView(_BrowserView):
    @extend_schema(
        operation_id="finishOwnSso",
        summary="Where a provider that does not name itself sends it back to",
        description="As `GET /auth/sso/callback`, at an address of the organisation's own.",
        **_FINISH,
    )
    def get(self, request: Request, pk: str) -> Response:
        return _finish(request, owner=pk)


def _finish(request: Request, *, owner: str | None) -> Response:
    _CALLBACK.check(request._request, account=None)
    told = request.query_params
    state = _single(told, "state", _MOST_STATE_CHARACTERS)
    flow = take_flow(state) if state else None
    if flow is None:
        raise ValidationFailed({"state": ["The sign-on is unknown, over or expired: begin it again in the app."]})
    answer = ProviderAnswer(
        code=_single(told, "code", _MOST_CODE_CHARACTERS),
        error=told.get("error"),
        issuers=tuple(told.getlist("iss")),
        owner=owner,
    )
    location = finish_sign_on(flow, answer, is_same_browser=flow.is_bound_to(request._request))
    response = Response(status=302, headers={"Location": location})
    flow.unbind(response)
    return response


def _single(told: QueryDict, name: str, most_characters: int) -> str | None:
    """RFC 6749 § 3.1: a parameter is there once."""
    values = told.getlist(name)
    return values[0] if len(values) == 1 and len(values[0]) <= most_characters else None

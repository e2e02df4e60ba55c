"""What every REST view of ours is made of: the order of refusal, and the headers each answer carries."""

import os
from collections.abc import Sequence
from typing import IO, Any, ClassVar
from uuid import UUID

from django.core.handlers.asgi import ASGIRequest
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import BaseContentNegotiation, DefaultContentNegotiation
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView
from rest_framework.viewsets import ViewSet

from adiuva.api.errors import NotAuthenticated, NotFound, Problem
from adiuva.api.rate_decision import RateDecision
from adiuva.server.streaming_body import StreamingBody

BODY_PROBLEM = "adiuva.body_problem"  # the ASGI scope's key under which body_limits leaves its refusal
UNKNOWN_SIZE = 1  # DRF and Django ask no more of a Content-Length than whether there is a body


class _NegotiateLater(DefaultContentNegotiation):
    """DRF negotiates before it authenticates; a 406 must come after 401 and 429, so it waits in ``initial``."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        try:
            return super().select_renderer(request, _best_liked(request, renderers), format_suffix)
        except NotAcceptable as refusal:
            request._request.negotiation_refusal = refusal  # type: ignore[attr-defined]
            return renderers[0], renderers[0].media_type

    def get_accept_list(self, request: Request) -> list[str]:
        """An empty Accept says as little as none (RFC 9110 § 12.5.1)."""
        return [part for part in super().get_accept_list(request) if part] or ["*/*"]

    def select_parser(self, request: Request, parsers: Any) -> Any:
        """A Content-Type is one type; DRF would match ``*/*`` with any parser."""
        return None if "*" in (request.content_type or "") else super().select_parser(request, parsers)


def _best_liked(request: Request, renderers: Any) -> Any:
    """Those whose form the client gives the highest ``q`` (RFC 9110 § 12.5.1), which DRF takes for a parameter."""
    if len(renderers) == 1:
        return renderers
    accepted = [request._request.accepted_type(renderer.media_type) for renderer in renderers]
    likings = [0.0 if media_type is None else media_type.quality for media_type in accepted]
    best = max(likings)
    # An empty Accept, or a ``q`` that is no number, prefers none.
    return [renderer for renderer, liking in zip(renderers, likings, strict=True) if liking == best] or renderers


# docs/api.md § 1, as a mix-in for DRF's views. No docstring: it would be the public description of each route.
class _Conventions:
    # No access token needed, none looked at.
    public: ClassVar[bool] = False
    # Counts towards the user's window (docs/api.md § 4).
    rate_limited: ClassVar[bool] = True
    # Actions of a view set, or methods of a view, that answer with bytes: they have one form, whatever is accepted, and
    # the problems of these are JSON.
    byte_answers: ClassVar[frozenset[str]] = frozenset()
    content_negotiation_class: type[BaseContentNegotiation] = _NegotiateLater
    # No OPTIONS: DRF would describe the view to anybody; CORS preflights are answered by the middleware.
    http_method_names: Sequence[str] = ("get", "post", "put", "patch", "delete", "head")

    def get_authenticators(self) -> list[Any]:
        return [] if self.public else super().get_authenticators()  # type: ignore[misc]

    def get_permissions(self) -> list[BasePermission]:
        return [AllowAny()] if self.public else super().get_permissions()  # type: ignore[misc]

    def initialize_request(self, request: Any, *args: Any, **kwargs: Any) -> Request:
        # DRF takes a request without Content-Length for one without a body, and a chunked one has none.
        if isinstance(request, ASGIRequest) and "CONTENT_LENGTH" not in request.META:
            body: IO[bytes] | StreamingBody = request._stream  # noqa: SLF001 - Django offers no size
            if isinstance(body, StreamingBody):
                size = UNKNOWN_SIZE
            else:
                size = body.seek(0, os.SEEK_END)
                body.seek(0)
            if size:
                request.META["CONTENT_LENGTH"] = str(size)
        return super().initialize_request(request, *args, **kwargs)  # type: ignore[misc, no-any-return]

    def perform_content_negotiation(self, request: Request, force: bool = False) -> tuple[Any, str]:  # noqa: FBT001, FBT002
        asked: str = getattr(self, "action", None) or (request.method or "").lower()
        if asked in self.byte_answers:
            renderer = self.get_renderers()[0]  # type: ignore[attr-defined]
            return renderer, renderer.media_type
        return super().perform_content_negotiation(request, force)  # type: ignore[misc, no-any-return]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """401, then 429, then 403 and 404, then what is wrong with the request itself."""
        self.format_kwarg = None
        request.accepted_renderer, request.accepted_media_type = self.perform_content_negotiation(request)
        self.perform_authentication(request)  # type: ignore[attr-defined]
        if not self.public and request.user is None:
            raise NotAuthenticated
        self.check_throttles(request)  # type: ignore[attr-defined]
        self.check_permissions(request)  # type: ignore[attr-defined]
        if not self.handler_exists(request):
            return  # 405, which neither another Accept nor another body would help
        refusal: Exception | None = getattr(request._request, "negotiation_refusal", None)
        if refusal is not None:
            raise refusal
        body_problem: Problem | None = getattr(request._request, "scope", {}).get(BODY_PROBLEM)
        if body_problem is not None:
            raise body_problem

    def handler_exists(self, request: Request) -> bool:
        return hasattr(self, (request.method or "").lower())

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        response = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[misc]
        # What failed is in the log already (adiuva.api.error_handler); django.request would write a line for each 5xx.
        response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001 - Django offers no other way
        decision: RateDecision | None = getattr(request._request, "rate_decision", None)
        if decision is not None:
            for name, value in decision.headers().items():
                response.headers[name] = value
        if not self.public or request.method != "GET":
            response.headers.setdefault("Cache-Control", "no-store")
        return response


def uuid_or_404(pk: str, detail: str | None = None) -> UUID:
    """The id in a path. Not the URL pattern's to refuse: without a token anything there is 401.

    Raises:
        NotFound: with ``detail``, for what is no UUID.
    """
    try:
        return UUID(pk)
    except ValueError:
        raise NotFound(detail) from None


class ApiView(_Conventions, APIView):
    pass


class ApiViewSet(_Conventions, ViewSet):
    pass

"""Our middleware: plain functions, synchronous as the chain they stand in (``adiuva.http.warm_handler``)."""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import LazyObject

from adiuva.http import content_policy, request_id
from adiuva.http.handler import API_PREFIX, problem_response
from adiuva.http.logs import DETAILS
from adiuva.http.measured import note_route, route_of
from adiuva.http.problems import ValidationFailed
from adiuva.http.views import BODY_PROBLEM

access_log = logging.getLogger("adiuva.access")

GetResponse = Callable[[HttpRequest], Any]


def _host_is_ours(request: HttpRequest, scope: Mapping[str, Any]) -> bool:
    """RFC 9112 § 3.2. Django itself looks at Host only where somebody asks for it, which an API view does not."""
    if scope.get("http_version") == "1.1" and "HTTP_HOST" not in request.META:
        return False
    try:
        request.get_host()
    except DisallowedHost:
        return False
    return True


def _user_id(request: HttpRequest) -> str | None:
    """Of whom a view has looked at already; the admin's lazy user is not woken up for a log line."""
    known = vars(request)
    user = known.get("_cached_user") or known.get("user")
    return None if user is None or isinstance(user, LazyObject) or user.pk is None else str(user.pk)


def request_context(get_response: GetResponse) -> GetResponse:
    """Binds the request id, answers with it, and writes the access line (path only: a query may hold a token)."""

    def begin(request: HttpRequest) -> tuple[str, float]:
        return request_id.bind(request.headers.get(request_id.HEADER)), time.perf_counter()

    def end(request: HttpRequest, response: HttpResponseBase, bound: str, started: float) -> HttpResponseBase:
        response.headers[request_id.HEADER] = bound
        note_route(request)
        # RFC 9110 § 8.6: never on 204, and on 304 it would be the length of the 200 it stands for
        if not response.streaming and response.status_code not in {204, 304}:
            response.headers.setdefault("Content-Length", str(len(response.content)))  # type: ignore[attr-defined]
        access_log.info(
            "%s %s %d",
            request.method,
            request.path,
            response.status_code,
            extra={
                "ms": round((time.perf_counter() - started) * 1000, 1),
                DETAILS: {
                    "method": request.method,
                    "path": request.path,
                    "route": route_of(request),
                    "status": response.status_code,
                    "user": _user_id(request),
                },
            },
        )
        return response

    def refusal(request: HttpRequest) -> HttpResponseBase | None:
        """A wrong Host; a body that was too large, where no API view will say so (they refuse in their own order)."""
        scope: Mapping[str, Any] = getattr(request, "scope", {})
        if not _host_is_ours(request, scope):
            return problem_response(ValidationFailed({"non_field_errors": ["The Host header is missing or not ours."]}))
        problem = scope.get(BODY_PROBLEM)
        if problem is None or request.path.startswith(API_PREFIX):
            return None
        return problem_response(problem)

    def middleware(request: HttpRequest) -> HttpResponseBase:
        bound, started = begin(request)
        response = refusal(request) or get_response(request)
        return end(request, response, bound, started)

    return middleware


def _secure(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    headers = response.headers
    if headers.get("Content-Type", "").startswith("text/html"):
        headers.setdefault(content_policy.HEADER, content_policy.policy_for(request.path))
        headers.setdefault(content_policy.PERMISSIONS_HEADER, content_policy.PERMISSIONS)
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("X-Frame-Options", "DENY")
    headers.setdefault("Referrer-Policy", settings.SECURE_REFERRER_POLICY)
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    if settings.SECURE_HSTS_SECONDS and request.is_secure():
        headers.setdefault("Strict-Transport-Security", f"max-age={settings.SECURE_HSTS_SECONDS}")
    return response


def security_headers(get_response: GetResponse) -> GetResponse:
    """What ``SecurityMiddleware`` and ``XFrameOptionsMiddleware`` set, and a content policy on every page."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        return _secure(request, get_response(request))

    return middleware

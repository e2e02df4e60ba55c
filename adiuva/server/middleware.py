"""Our middleware, from the outside in, as ``settings.MIDDLEWARE`` lists it.

- ``request_context``: the request id, the Host, and the line of the access log.
- ``security_headers``: on every answer, with a content policy on every page.
- Django's session, login and message middleware for the admin, which step aside everywhere else: the API has no
  cookies, and nothing there reads a session. They stay subclasses of Django's, which the admin's checks look for.
"""

import logging
import time
from collections.abc import Callable, Mapping
from typing import Any, Final

from django.conf import settings
from django.contrib.auth.middleware import AuthenticationMiddleware as DjangoAuthentication
from django.contrib.messages.middleware import MessageMiddleware as DjangoMessages
from django.contrib.sessions.middleware import SessionMiddleware as DjangoSession
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import LazyObject

from adiuva.api.error_handler import OURS, problem_response
from adiuva.api.errors import ValidationFailed
from adiuva.api.views import BODY_PROBLEM
from adiuva.observability import request_id
from adiuva.observability.logging import DETAILS
from adiuva.server.request_metrics import note_route, route_of

access_log = logging.getLogger("adiuva.access")

ADMIN_PREFIX = "/admin/"

GetResponse = Callable[[HttpRequest], Any]

# --- the request and its line in the log -----------------------------------------------------------------------


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
            unknown = ValidationFailed({"non_field_errors": ["The Host header is missing or not ours."]})
            return problem_response(unknown, path=request.path)
        problem = scope.get(BODY_PROBLEM)
        if problem is None or request.path.startswith(OURS):
            return None
        return problem_response(problem)

    def middleware(request: HttpRequest) -> HttpResponseBase:
        bound, started = begin(request)
        response = refusal(request) or get_response(request)
        return end(request, response, bound, started)

    return middleware


# --- security headers ------------------------------------------------------------------------------------------

HEADER: Final = "Content-Security-Policy"
# Pages of our own, and errors: text alone. One that needs more says so itself.
BARE: Final = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
# The admin's theme is made with Alpine, which evaluates attributes ('unsafe-eval') and sets style attributes. Neither
# makes an inline script run, nor a <style> count: no 'unsafe-inline' for those.
ADMIN: Final = (
    "default-src 'none'; script-src 'self' 'unsafe-eval'; style-src 'self'; style-src-attr 'unsafe-inline'; "
    "font-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
SWAGGER: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'none'; base-uri 'none'; frame-ancestors 'none'"
)
# Django's own error pages while DEBUG is on, which it never is in production.
_DEBUG: Final = BARE + "; style-src 'unsafe-inline'; script-src 'unsafe-inline'"
# What no page of ours asks a browser for.
PERMISSIONS_HEADER: Final = "Permissions-Policy"
PERMISSIONS: Final = ", ".join(
    f"{feature}=()"
    for feature in (
        *("accelerometer", "camera", "display-capture", "geolocation", "gyroscope", "magnetometer", "microphone"),
        *("midi", "payment", "publickey-credentials-get", "screen-wake-lock", "serial", "usb"),
    )
)


def policy_for(path: str) -> str:
    """For a page that has named none itself."""
    if path.startswith(ADMIN_PREFIX):
        return ADMIN
    if path.startswith("/docs"):
        return SWAGGER
    return _DEBUG if settings.DEBUG else BARE


def _secure(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    headers = response.headers
    if headers.get("Content-Type", "").startswith("text/html"):
        headers.setdefault(HEADER, policy_for(request.path))
        headers.setdefault(PERMISSIONS_HEADER, PERMISSIONS)
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


# --- the admin's sessions --------------------------------------------------------------------------------------


class _AdminOnly:
    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        """In async mode both branches give a coroutine, which Django awaits."""
        if request.path.startswith(ADMIN_PREFIX):
            return super().__call__(request)  # type: ignore[misc]
        return self.get_response(request)


class SessionMiddleware(_AdminOnly, DjangoSession):
    pass


class AuthenticationMiddleware(_AdminOnly, DjangoAuthentication):
    pass


class MessageMiddleware(_AdminOnly, DjangoMessages):
    pass

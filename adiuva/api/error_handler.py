"""Every error under ``/api/`` becomes a problem document here, whoever raised it; under ``/scim/``, one of SCIM's."""

import logging
import re
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import BadRequest, RequestDataTooBig, SuspiciousOperation
from django.core.exceptions import PermissionDenied as DjangoPermissionDenied
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from django.views.debug import SafeExceptionReporterFilter
from rest_framework import exceptions as drf
from rest_framework.response import Response

from adiuva.api import errors
from adiuva.observability.request_id import current_request_id

logger = logging.getLogger(__name__)

SCIM_PREFIX = "/scim/"
OURS = ("/api/", SCIM_PREFIX)  # what Django's own pages for errors are not for
SCIM_CONTENT_TYPE = "application/scim+json"
SCIM_ERROR = "urn:ietf:params:scim:api:messages:2.0:Error"
WHOLE_BODY = "non_field_errors"


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response:
    """DRF's ``EXCEPTION_HANDLER``. What nobody foresaw is logged with its traceback and answered with 500."""
    problem = as_problem(exc)
    if problem.status >= 500:  # noqa: PLR2004
        log_failure(exc, problem)
    headers = problem.headers
    if isinstance(exc, drf.MethodNotAllowed):
        headers = {"Allow": ", ".join(context["view"].allowed_methods)}
    document, content_type = document_of(problem, path=context["request"].path)
    return Response(document, status=problem.status, headers=headers, content_type=content_type)


def as_problem(exc: BaseException) -> errors.Problem:  # noqa: C901, PLR0911, PLR0912 - a table reads best as one
    """The problem that ``exc`` means to a client; ``InternalError`` for what has no meaning to one."""
    match exc:
        case errors.Problem():
            return exc
        case drf.ValidationError():
            return errors.ValidationFailed(flatten_errors(exc.detail))
        case drf.ParseError() | BadRequest():
            return errors.ValidationFailed({WHOLE_BODY: ["The body could not be parsed."]})
        case drf.NotAuthenticated():
            return errors.NotAuthenticated()
        case drf.AuthenticationFailed():
            return errors.InvalidToken()
        case drf.PermissionDenied() | DjangoPermissionDenied():
            return errors.PermissionDenied()
        case drf.NotFound() | Http404():
            return errors.NotFound()
        case drf.Throttled():
            return errors.RateLimited(retry_after=getattr(exc, "wait", None) or 1)
        case drf.MethodNotAllowed():
            return errors.MethodNotAllowed()
        case drf.NotAcceptable():
            return errors.NotAcceptable()
        case drf.UnsupportedMediaType():
            return errors.UnsupportedMediaType()
        case RequestDataTooBig():
            return errors.PayloadTooLarge()
        case SuspiciousOperation():
            return errors.ValidationFailed({WHOLE_BODY: ["The request is not acceptable."]})
        case OperationalError() | InterfaceError():
            return errors.UpstreamUnavailable("The database is not available right now.", retry_after=5)
        case _:
            return errors.InternalError()


def log_failure(exc: BaseException, problem: errors.Problem) -> None:
    """ERROR with traceback for our own failures; a line without text for the upstream's (it may quote a prompt)."""
    if isinstance(exc, errors.InternalError):
        logger.warning("request failed", extra={"code": problem.code})  # whoever raised it has said why
    elif isinstance(exc, errors.Problem):
        logger.warning("request failed upstream", extra={"code": problem.code})
    else:
        logger.error("request failed", exc_info=exc, extra={"code": problem.code})


def flatten_errors(detail: Any, prefix: str = "") -> dict[str, list[str]]:
    """DRF's nested error detail as ``{"context.projects.0": ["…"]}``."""
    if isinstance(detail, Mapping):
        flat: dict[str, list[str]] = {}
        for key, value in detail.items():
            name = prefix if key == WHOLE_BODY and prefix else f"{prefix}.{key}" if prefix else str(key)
            flat.update(flatten_errors(value, name))
        return flat
    if isinstance(detail, list):
        if any(isinstance(item, (Mapping, list)) for item in detail):
            nested: dict[str, list[str]] = {}
            for index, item in enumerate(detail):
                nested.update(flatten_errors(item, f"{prefix}.{index}" if prefix else str(index)) if item else {})
            return nested
        return {prefix or WHOLE_BODY: [str(item) for item in detail]} if detail else {}
    return {prefix or WHOLE_BODY: [str(detail)]}


def document_of(problem: errors.Problem, *, path: str) -> tuple[dict[str, Any], str]:
    """With its Content-Type."""
    if path.startswith(SCIM_PREFIX):
        return _as_scim(problem), SCIM_CONTENT_TYPE
    return problem.as_dict(current_request_id()), errors.PROBLEM_CONTENT_TYPE


def _as_scim(problem: errors.Problem) -> dict[str, Any]:
    """RFC 7644 § 3.12: ``{"schemas","status","detail","scimType"}``, ``status`` as a string. It has no member for
    messages by field: these are its detail.
    """
    messages = [message for of_field in problem.extra.get("errors", {}).values() for message in of_field]
    document = {
        "schemas": [SCIM_ERROR],
        "status": str(problem.status),
        "detail": " ".join(messages) or problem.detail,
    }
    # Who parses SCIM says it more exactly (accounts.organizations.scim.problems).
    unsaid = "invalidSyntax" if isinstance(problem, errors.ValidationFailed) else None
    scim_type = getattr(problem, "scim_type", unsaid)
    return document if scim_type is None else {**document, "scimType": scim_type}


def problem_response(problem: errors.Problem, *, path: str = "") -> HttpResponse:
    """A problem outside DRF: from a middleware or one of Django's own error handlers."""
    document, content_type = document_of(problem, path=path)
    return JsonResponse(document, status=problem.status, headers=problem.headers, content_type=content_type)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(OURS):
        return problem_response(as_problem(exception), path=request.path)
    return defaults.bad_request(request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(OURS):
        return problem_response(errors.PermissionDenied(), path=request.path)
    return defaults.permission_denied(request, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    if request.path.startswith(OURS):
        return problem_response(errors.NotFound(), path=request.path)
    return defaults.page_not_found(request, exception)


def no_such_route(request: HttpRequest, *_: Any) -> HttpResponse:
    return problem_response(errors.NotFound(), path=request.path)


def server_error(request: HttpRequest) -> HttpResponse:
    if request.path.startswith(OURS):
        return problem_response(errors.InternalError(), path=request.path)
    return defaults.server_error(request)


class SettingsFilter(SafeExceptionReporterFilter):
    """Also blanks what Django does not take for a secret by its name: addresses that hold a password."""

    hidden_settings = re.compile(
        SafeExceptionReporterFilter.hidden_settings.pattern + r"|_URL$|^LOCATION$|^HOSTS$|_DSN$|_OTLP_HEADERS$",
        re.IGNORECASE,
    )

"""What a view may raise, and what its client is told: a problem, with nothing of the server's insides."""

import json
import logging
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from django.core import exceptions as django
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.multipartparser import MultiPartParserError
from django.urls import path
from rest_framework import exceptions as drf
from rest_framework.request import Request
from rest_framework.response import Response

from adiuva import urls
from adiuva.api import errors
from adiuva.api.error_handler import flatten_errors
from adiuva.api.errors import Problem
from adiuva.api.views import ApiView
from tests.support.client import ApiClient

SECRET = "canary-sk-live-0123456789"
raised: list[Exception] = []


class RaisingView(ApiView):
    public = True

    def get(self, request: Request) -> Response:
        raise raised[-1]


def raising_view(request: HttpRequest) -> HttpResponse:
    """Not DRF's: its exceptions go to Django's own handlers."""
    raise raised[-1]


routes = ModuleType("routes")
routes.__dict__.update(
    urlpatterns=[
        path("api/v1/drf", RaisingView.as_view()),
        path("api/v1/django", raising_view),
        path("page", raising_view),
    ],
    **{name: getattr(urls, name) for name in ("handler400", "handler403", "handler404", "handler500")},
)


@pytest.fixture(autouse=True)
def _routes(settings: Any) -> Iterator[None]:
    settings.ROOT_URLCONF = routes
    yield
    raised.clear()


EXPECTED: list[tuple[Exception, int, str]] = [
    (RuntimeError(SECRET), 500, "internal_error"),
    (KeyError(SECRET), 500, "internal_error"),
    (RecursionError(SECRET), 500, "internal_error"),
    (errors.InternalError(), 500, "internal_error"),
    (OperationalError(SECRET), 503, "upstream_unavailable"),
    (InterfaceError(SECRET), 503, "upstream_unavailable"),
    (errors.UpstreamError(), 502, "upstream_error"),
    (errors.UpstreamTimeout(), 504, "upstream_timeout"),
    (errors.NotConfigured(), 503, "not_configured"),
    (errors.UpstreamUnavailable(retry_after=3), 503, "upstream_unavailable"),
    (django.SuspiciousOperation(SECRET), 400, "validation_error"),
    (django.BadRequest(SECRET), 400, "validation_error"),
    (django.RequestDataTooBig(SECRET), 413, "payload_too_large"),
    (django.TooManyFieldsSent(SECRET), 400, "validation_error"),
    (django.PermissionDenied(SECRET), 403, "permission_denied"),
    (Http404(SECRET), 404, "not_found"),
    (errors.NotFound(), 404, "not_found"),
    (errors.RateLimited(retry_after=7), 429, "rate_limited"),
    (errors.FeatureNotAvailable(required_tier="pro"), 403, "feature_not_available"),
    (errors.ChecksumMismatch(), 400, "checksum_mismatch"),
    (errors.InvalidGrant(), 401, "invalid_grant"),
    (errors.SecondFactorRequired(challenge_id="1", methods=["totp"], expires_in=300), 403, "second_factor_required"),
    (errors.ReauthenticationRequired(), 403, "reauthentication_required"),
    (errors.EmailNotVerified(), 403, "email_not_verified"),
    (errors.LastEnvelope(), 409, "last_envelope"),
    (errors.LeaseHeld(), 409, "lease_held"),
    (errors.LeaseLost(), 410, "lease_lost"),
    (errors.NotBuildable(), 422, "not_buildable"),
]
DRF_ONLY: list[tuple[Exception, int, str]] = [
    (drf.ValidationError({"a": ["b"]}), 400, "validation_error"),
    (drf.ParseError(SECRET), 400, "validation_error"),
    (drf.NotAuthenticated(), 401, "not_authenticated"),
    (drf.AuthenticationFailed(SECRET), 401, "invalid_token"),
    (drf.PermissionDenied(SECRET), 403, "permission_denied"),
    (drf.NotFound(SECRET), 404, "not_found"),
    (drf.NotAcceptable(SECRET), 406, "not_acceptable"),
    (drf.UnsupportedMediaType(SECRET), 415, "unsupported_media_type"),
    (drf.Throttled(wait=2.5, detail=SECRET), 429, "rate_limited"),
    (drf.APIException(SECRET), 500, "internal_error"),
]


def name_of(value: Any) -> str | None:
    return type(value).__name__ if isinstance(value, Exception) else None


@pytest.mark.parametrize(("error", "status", "code"), EXPECTED + DRF_ONLY, ids=name_of)
def test_whatever_a_view_raises_is_a_problem_without_its_text(
    api: ApiClient, error: Exception, status: int, code: str
) -> None:
    raised.append(error)
    answer = api.get("drf")
    assert (answer.status, answer.code) == (status, code)
    assert SECRET not in answer.content.decode()
    assert "Traceback" not in answer.content.decode()


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [case for case in EXPECTED if isinstance(case[0], Problem) or case[1] != 503],
    ids=name_of,
)
def test_so_is_what_a_view_of_djangos_own_kind_raises(api: ApiClient, error: Exception, status: int, code: str) -> None:
    raised.append(error)
    answer = api.get("django")
    assert answer.status == answer.json["status"]
    assert answer.code in {code, "internal_error"}
    assert isinstance(error, Problem) or (answer.status, answer.code) == (status, code)
    assert SECRET not in answer.content.decode()


def test_a_page_outside_the_api_gets_djangos_own_page_without_a_traceback(api: ApiClient) -> None:
    for error in (RuntimeError(SECRET), django.PermissionDenied(SECRET), Http404(), MultiPartParserError(SECRET)):
        raised.append(error)
        answer = api.get("/page")
        assert answer.headers["Content-Type"].startswith("text/html")
        assert SECRET not in answer.content.decode()
        assert answer.headers["X-Request-ID"]


def test_our_own_failure_is_logged_once_with_its_traceback(api: ApiClient, caplog: pytest.LogCaptureFixture) -> None:
    for route in ("drf", "django"):
        raised.append(RuntimeError("a bug"))
        caplog.clear()
        api.get(route)
        (line,) = [entry for entry in caplog.records if entry.levelno >= logging.ERROR]
        assert line.exc_info
        assert line.exc_info[1] is raised[-1]


def test_an_upstreams_failure_is_one_line_without_a_traceback(api: ApiClient, caplog: pytest.LogCaptureFixture) -> None:
    raised.append(errors.UpstreamError("the model failed"))
    api.get("drf")
    (line,) = [entry for entry in caplog.records if entry.levelno >= logging.WARNING]
    assert line.exc_info is None


def test_the_fields_and_headers_of_a_case_are_on_the_answer(api: ApiClient) -> None:
    raised.append(errors.FeatureNotAvailable(required_tier="pro"))
    assert api.get("drf").json["required_tier"] == "pro"
    raised.append(errors.RateLimited(retry_after=7))
    assert api.get("drf").headers["Retry-After"] == "7"
    raised.append(errors.UpstreamUnavailable(retry_after=3))
    assert api.get("drf").headers["Retry-After"] == "3"


def test_every_problem_of_the_tree_has_a_code_of_the_contract() -> None:
    contract = {
        400: {"validation_error", "checksum_mismatch"},
        401: {
            *("not_authenticated", "invalid_token", "token_reused", "invalid_credentials", "invalid_grant"),
            "sso_required",
        },
        402: {"payment_required", "quota_exceeded"},
        403: {
            *("feature_not_available", "permission_denied", "email_not_verified"),
            *("second_factor_required", "reauthentication_required"),
            *("sso_required", "not_provisioned", "link_required"),
        },
        404: {"not_found"},
        405: {"method_not_allowed"},
        406: {"not_acceptable"},
        408: {"request_timeout"},  # beside the contract's: a body that stops arriving
        409: {"conflict", "email_taken", "last_envelope", "lease_held", "domain_not_verified"},
        410: {
            "resync_required",
            "resume_lost",
            "lease_lost",
            "taken_down",
        },  # the last beside the contract's: of a plugin
        412: {"precondition_failed"},
        413: {"payload_too_large"},
        415: {"unsupported_media_type"},
        416: {"range_not_satisfiable"},
        422: {"checks_failed", "idempotency_mismatch", "not_buildable"},
        429: {"rate_limited"},
        460: {"checksum_mismatch"},  # of a part (tus 1.0)
        500: {"internal_error"},
        502: {"upstream_error"},
        503: {"not_configured", "upstream_unavailable"},
        504: {"upstream_timeout"},
    }

    def tree(base: type[Problem]) -> Iterator[type[Problem]]:
        for kind in base.__subclasses__():
            yield kind
            yield from tree(kind)

    for kind in tree(Problem):
        if kind is not errors.Unauthorized:  # a base
            assert kind.code in contract[kind.status]
    assert {kind.code for kind in tree(Problem)} == set.union(*contract.values())


def test_nested_errors_are_flat_and_dotted() -> None:
    detail = {
        "message": ["missing"],
        "context": {"projects": [{}, {"id": ["not a UUID"]}], "non_field_errors": ["too large"]},
        "tags": {0: ["blank"]},
        "history": ["expected a list"],
    }
    assert flatten_errors(detail) == {
        "message": ["missing"],
        "context.projects.1.id": ["not a UUID"],
        "context": ["too large"],
        "tags.0": ["blank"],
        "history": ["expected a list"],
    }
    assert flatten_errors(["a"]) == flatten_errors("a") == {"non_field_errors": ["a"]}


def test_a_problem_says_the_same_on_every_way_out() -> None:
    problem = errors.ValidationFailed({"a": ["b"]}).as_dict("id-1")
    assert json.loads(json.dumps(problem)) == {
        "type": "urn:adiuva:problem:validation_error",
        "title": "Validation error",
        "status": 400,
        "detail": "The request is not valid; see errors.",
        "code": "validation_error",
        "request_id": "id-1",
        "errors": {"a": ["b"]},
    }

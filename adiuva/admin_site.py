"""The admin as this project has it: unfold's, with a login that says when it refuses."""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from unfold.forms import AuthenticationForm
from unfold.sites import UnfoldAdminSite

from adiuva.api.errors import RateLimited
from adiuva.api.rate_decision import RateDecision


def context(request: HttpRequest) -> dict[str, Any]:  # noqa: ARG001 - unfold's signature
    """No colours in the page itself: the content policy refuses a style there. They are in ``adiuva/theme.css``."""
    return {"colors": None}


class LoginForm(AuthenticationForm):
    def get_invalid_login_error(self) -> ValidationError:
        refused = _refusal_of(self.request)
        if refused is None:
            return super().get_invalid_login_error()
        seconds = refused.retry_after
        unit = "second" if seconds == 1 else "seconds"
        return ValidationError(f"Too many attempts. Try again in {seconds} {unit}.", code="rate_limited")


def set_status(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The login page, with 429 where the attempt was refused."""
    refused = _refusal_of(request)
    if refused is not None:
        response.status_code = RateLimited.status
        response.headers["Retry-After"] = str(refused.retry_after)
    return response


def _refusal_of(request: Any) -> RateDecision | None:
    """The decision of ``accounts.login_limits`` about this attempt, if it was refused."""
    decision = getattr(request, "rate_decision", None)
    return decision if isinstance(decision, RateDecision) and not decision.allowed else None


class Site(UnfoldAdminSite):
    login_form = LoginForm

"""The admin's login form where the guard refuses: the person reads why, and their browser gets a 429.

That is said of any address and any account alike, whether there is such an account or not.
"""

from typing import Any

from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from unfold.forms import AuthenticationForm

from adiuva.http.problems import RateLimited
from adiuva.http.rate_headers import RateDecision


class LoginForm(AuthenticationForm):
    def get_invalid_login_error(self) -> ValidationError:
        refused = _refused(self.request)
        if refused is None:
            return super().get_invalid_login_error()
        seconds = refused.retry_after
        unit = "second" if seconds == 1 else "seconds"
        return ValidationError(f"Too many attempts. Try again in {seconds} {unit}.", code="rate_limited")


def with_status(request: HttpRequest, response: HttpResponse) -> HttpResponse:
    """The login page, as an answer to the attempt that ``request`` is."""
    refused = _refused(request)
    if refused is not None:
        response.status_code = RateLimited.status
        response.headers["Retry-After"] = str(refused.retry_after)
    return response


def _refused(request: Any) -> RateDecision | None:
    """What the guard has said to ``accounts.backends``, if it was no."""
    decision = getattr(request, "rate_decision", None)
    return decision if isinstance(decision, RateDecision) and not decision.allowed else None

"""Limits on the routes where passwords are guessed, per address and per account (django-ratelimit, fixed windows).

When the cache is away they let requests through: a login that works without Redis is worth more than a limit, and
bcrypt bounds the rate of guesses by itself. Each such miss is logged.
"""

import hashlib
import logging
from dataclasses import dataclass

from django.http import HttpRequest
from django_ratelimit.core import get_usage

from accounts.models import normalize_email
from adiuva.http.cache_errors import CACHE_ERRORS
from adiuva.http.problems import RateLimited
from adiuva.http.rate_headers import RateDecision

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Guard:
    """``per_address`` and ``per_account`` count every attempt, ``failures`` the failed ones of an account; all a minute."""

    name: str
    per_address: int
    per_account: int
    failures: int = 0

    def check(self, request: HttpRequest, *, email: str) -> None:
        """Counts an attempt. Raises ``RateLimited`` when there were too many."""
        decision = self._count(request, "address", request.META.get("REMOTE_ADDR") or "local", self.per_address)
        request.rate_decision = decision  # type: ignore[attr-defined]
        account = _account_key(email)
        _raise_if_refused(decision)
        _raise_if_refused(self._count(request, "account", account, self.per_account))
        if self.failures:
            # Looks without counting, and asks for room for one more failure.
            _raise_if_refused(self._count(request, "failures", account, self.failures, increment=False))

    def count_failure(self, request: HttpRequest, *, email: str) -> None:
        self._count(request, "failures", _account_key(email), self.failures)

    def _count(
        self, request: HttpRequest, kind: str, value: str, limit: int, *, increment: bool = True
    ) -> RateDecision | None:
        try:
            usage = get_usage(
                request,
                group=f"{self.name}.{kind}",
                key=lambda _group, _request: value,
                rate=f"{limit}/m",
                increment=increment,
            )
        except CACHE_ERRORS:
            logger.warning("the login guard has no cache: letting the request through", extra={"guard": self.name})
            return None
        if usage is None:
            return None
        refused = usage["should_limit"] or (not increment and usage["count"] >= limit)
        time_left = max(1, usage["time_left"])
        return RateDecision(
            limit=limit,
            remaining=max(0, limit - usage["count"]),
            reset_after=time_left,
            retry_after=time_left if refused else None,
        )


def _account_key(email: str) -> str:
    """Addresses do not become cache keys: those show up in a cache server's monitoring."""
    return hashlib.sha256(normalize_email(email).encode()).hexdigest()


def _raise_if_refused(decision: RateDecision | None) -> None:
    if decision is not None and decision.retry_after is not None:
        raise RateLimited(retry_after=decision.retry_after)


REGISTER = Guard(name="register", per_address=60, per_account=20)
LOGIN = Guard(name="login", per_address=120, per_account=60, failures=10)
